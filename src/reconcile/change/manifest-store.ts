import { deflateSync, inflateSync } from 'fflate'
import { concatBytes, EngineError, fromBase64, sha256Hex, toBase64, utf8Text } from '../../base/index.ts'
import { openRecord, sealRecord } from '../../plan/index.ts'
import type { StateStore } from '../../ports/index.ts'
import type { ApplicationManifests, ManifestFile, ManifestSide } from './manifests.ts'
import { planTtlSeconds } from './plan-part.ts'

/** What a cluster has stored of a plan's manifests: everything but their text. */
export interface ManifestIndex {
  readonly plan: string
  readonly cluster: string
  /** The run that made them. */
  readonly run: string
  /** Milliseconds since 1970. */
  readonly madeAt: number
  readonly applications: readonly StoredApplication[]
  /** `Kind/namespace/name` of applications for which there was no room, the first of them. */
  readonly omitted: readonly string[]
  readonly omittedCount: number
}

/** One application, with where its texts are. */
export interface StoredApplication {
  readonly kind: 'Kustomization' | 'HelmRelease'
  readonly namespace: string
  readonly name: string
  readonly base?: StoredSide | 'failed'
  readonly head?: StoredSide | 'failed'
}

/** One side of an application. */
export interface StoredSide {
  readonly objects: number
  /** Of the whole YAML. */
  readonly bytes: number
  /** `sha256:…` of it. */
  readonly digest: string
  readonly omitted: readonly string[]
  readonly omittedCount: number
  /** Bytes of what is packed, and its place in the pieces. */
  readonly at: number
  readonly length: number
  readonly unpacked: number
}

/** Bytes of what is packed that one value of the store holds: base64 makes a third more of it, and values have at most a megabyte. */
const pieceBytes = 480 * 1024
/** Bytes of what is packed of a cluster. */
const maxPackedBytes = 4 << 20
const maxIndexLength = 800 * 1024
const maxOmitted = 50

/** Where manifests are stored, in the store that all clusters share. */
export function manifestIndexKey(plan: string, cluster: string): string {
  return `plans/manifests/${plan}/${cluster}`
}

function pieceKey(plan: string, cluster: string, piece: number): string {
  return `plans/manifest-pieces/${plan}/${cluster}/${piece}`
}

/**
 * Stores the manifests of a cluster for as long as its part of the plan: first the text, in sealed pieces, then the index. Cut off in between, the index is the earlier one, whose run is not the plan's.
 *
 * @throws EngineError of the store.
 */
export async function saveManifests(
  state: StateStore,
  key: Uint8Array,
  made: {
    readonly plan: string
    readonly cluster: string
    readonly run: string
    readonly madeAt: number
    readonly applications: readonly ApplicationManifests[]
  },
): Promise<void> {
  const { plan, cluster, run, madeAt } = made
  const { applications, omitted, packed } = pack(made.applications)
  for (let piece = 0; piece * pieceBytes < packed.length; piece++) {
    const name = pieceKey(plan, cluster, piece)
    const data = toBase64(packed.subarray(piece * pieceBytes, (piece + 1) * pieceBytes))
    await state.put(name, sealRecord(key, name, { run, data }), { ttlSeconds: planTtlSeconds })
  }
  const index: ManifestIndex = {
    plan,
    cluster,
    run,
    madeAt,
    applications,
    omitted: omitted.slice(0, maxOmitted),
    omittedCount: omitted.length,
  }
  const name = manifestIndexKey(plan, cluster)
  await state.put(name, sealRecord(key, name, index), { ttlSeconds: planTtlSeconds })
}

interface Packed {
  readonly applications: readonly StoredApplication[]
  readonly omitted: readonly string[]
  readonly packed: Uint8Array
}

function pack(given: readonly ApplicationManifests[]): Packed {
  const parts: Uint8Array[] = []
  const known = new Map<string, Pick<StoredSide, 'at' | 'length' | 'unpacked'>>()
  let at = 0
  const packSide = (side: ManifestSide): StoredSide | undefined => {
    const { files, omitted, omittedCount } = side
    const text = manifestText(files)
    const bytes = new TextEncoder().encode(JSON.stringify(files.map((file) => [file.name, file.text])))
    const id = sha256Hex(bytes)
    let place = known.get(id)
    if (place === undefined) {
      const part = deflateSync(bytes, { level: 6 })
      if (at + part.length > maxPackedBytes) return undefined
      place = { at, length: part.length, unpacked: bytes.length }
      known.set(id, place)
      parts.push(part)
      at += part.length
    }
    const whole = new TextEncoder().encode(text)
    return {
      objects: countDocuments(files),
      bytes: whole.length,
      digest: `sha256:${sha256Hex(whole)}`,
      omitted,
      omittedCount,
      ...place,
    }
  }
  const applications: StoredApplication[] = []
  const omitted: string[] = []
  let length = 0
  for (const { kind, namespace, name, base, head } of given) {
    const [before, after] = [base, head].map((side) => (typeof side === 'object' ? packSide(side) : side))
    const isPacked = (base === undefined || before !== undefined) && (head === undefined || after !== undefined)
    const stored: StoredApplication = {
      kind,
      namespace,
      name,
      ...(before === undefined ? {} : { base: before }),
      ...(after === undefined ? {} : { head: after }),
    }
    const size = JSON.stringify(stored).length
    if (!isPacked || length + size > maxIndexLength) {
      omitted.push(`${kind}/${namespace}/${name}`)
      continue
    }
    length += size
    applications.push(stored)
  }
  return { applications, omitted, packed: concatBytes(parts) }
}

/** All objects of a side as one text. */
export function manifestText(files: readonly ManifestFile[]): string {
  return files.map(({ text }) => text).join('---\n')
}

function countDocuments(files: readonly ManifestFile[]): number {
  return files.reduce((count, { text }) => count + 1 + (text.match(/^---$/gm)?.length ?? 0), 0)
}

/** Manifests of a cluster as they are stored. `forged`: what is there is not what this deployment has put there. */
export type StoredManifests =
  { readonly kind: 'none' | 'forged' } | { readonly kind: 'manifests'; readonly manifests: OpenManifests }

/** The index, and a way to its texts, which keeps the last piece that it has read. */
export interface OpenManifests {
  readonly index: ManifestIndex
  /** @throws EngineError `manifests-unreadable` for what is lost or not ours; of the store. */
  readonly read: (side: StoredSide) => Promise<readonly ManifestFile[]>
}

/** Opens the manifests that a run has stored. @throws EngineError of the store. */
export async function openManifests(
  state: Pick<StateStore, 'get'>,
  key: Uint8Array,
  of: { readonly plan: string; readonly cluster: string; readonly run: string },
): Promise<StoredManifests> {
  const { plan, cluster, run } = of
  const name = manifestIndexKey(plan, cluster)
  const stored = await state.get(name)
  if (stored === undefined) return { kind: 'none' }
  const opened = openRecord(key, name, stored)
  if (opened === undefined) return { kind: 'forged' }
  const index = opened as unknown as ManifestIndex
  if (index.run !== run) return { kind: 'none' }
  let last: { readonly number: number; readonly bytes: Uint8Array } | undefined
  const pieceOf = async (number: number): Promise<Uint8Array> => {
    if (last?.number === number) return last.bytes
    const own = pieceKey(plan, cluster, number)
    const piece = openRecord(key, own, await state.get(own)) as
      { readonly run?: string; readonly data?: string } | undefined
    const bytes = piece?.run === run ? fromBase64(piece.data ?? '') : undefined
    if (bytes === undefined) throw unreadable()
    last = { number, bytes }
    return bytes
  }
  return {
    kind: 'manifests',
    manifests: {
      index,
      read: async ({ at, length, unpacked, digest }) => {
        const parts: Uint8Array[] = []
        for (let from = at; from < at + length;) {
          const number = Math.floor(from / pieceBytes)
          const start = from - number * pieceBytes
          const part = (await pieceOf(number)).slice(start, start + at + length - from)
          if (part.length === 0) throw unreadable()
          parts.push(part)
          from += part.length
        }
        const files = unpack(concatBytes(parts), unpacked)
        if (`sha256:${sha256Hex(new TextEncoder().encode(manifestText(files)))}` !== digest) throw unreadable()
        return files
      },
    },
  }
}

function unpack(packed: Uint8Array, length: number): readonly ManifestFile[] {
  const text = utf8Text(inflateSync(packed, { out: new Uint8Array(length) }))
  if (text === undefined) throw unreadable()
  const files = JSON.parse(text) as readonly (readonly [string, string])[]
  return files.map(([name, content]) => ({ name, text: content }))
}

function unreadable(): EngineError {
  return new EngineError('the manifests of the plan are lost, or are not those that were stored; plan it again', {
    code: 'manifests-unreadable',
  })
}
