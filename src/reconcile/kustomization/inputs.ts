import { sha256Hex, type Json } from '../../base/index.ts'
import type { Kustomization } from '../../api/index.ts'
import { boundReads, fingerprintReads, retryPending, type ReadRecord } from '../../files/index.ts'
import type { FileTree, StateStore } from '../../ports/index.ts'
import type { ConfigKey } from '../config-versions.ts'
import type { RunContext } from '../context.ts'
import type { Settings } from '../settings.ts'
import { idOf } from '../world.ts'

/** What the last successful run of a Kustomization was made from, kept in the state store. Losing it means one render too many. */
export interface RecordedInputs {
  /** Of everything below, see {@link inputsDigest}. */
  readonly digest: string
  /** The revision that was applied. Where the status names another one, somebody else has applied since. */
  readonly revision: string
  /** What was read of the source. */
  readonly reads: ReadRecord
}

/**
 * Goes into every digest, so that a version that renders something else from the same files does not trust what an older one has noted. To be raised with such a change;
 * forgotten, the interval of the object finds the difference.
 */
const rendererVersion = 1

/** Paths that are noted of one render. */
const maxPaths = 100

/** How long what nobody asks for is kept. */
const ttlSeconds = 60 * 24 * 3600

/** The part of the deployment's settings that a render depends on. */
export type RenderSettings = Pick<Settings, 'strictSubstitution' | 'noRemoteBases' | 'verifySopsMac' | 'sopsAgeSecret'>

/** What a render depends on besides the files. */
export interface RenderInputs {
  readonly object: Kustomization
  /** Versions of the ConfigMaps and Secrets it reads (see configVersion). */
  readonly versions: readonly string[]
  readonly settings: RenderSettings
}

/**
 * `sha256:<hex>` over everything that a render of a Kustomization depends on: the files that it read, the spec, the versions of the ConfigMaps and Secrets it takes variables and keys
 * from, settings, and the renderer. Equal digests mean equal objects.
 */
export async function inputsDigest(
  inputs: RenderInputs,
  files: FileTree,
  reads: ReadRecord,
  signal: AbortSignal,
): Promise<string> {
  return digestOfInputs(inputs, await retryPending(() => fingerprintReads(files, reads), signal))
}

/** The same where the fingerprint of what was read of the files is known (see fingerprintReads). */
export function digestOfInputs({ object, versions, settings }: RenderInputs, fingerprint: string): string {
  const { uid, generation } = object.metadata
  const { strictSubstitution, noRemoteBases, verifySopsMac, sopsAgeSecret } = settings
  const rest = [
    rendererVersion,
    uid ?? '',
    generation ?? 0,
    [...versions].sort(),
    [strictSubstitution, noRemoteBases, verifySopsMac, sopsAgeSecret],
  ]
  return `sha256:${sha256Hex(JSON.stringify([fingerprint, ...rest]))}`
}

/** The reads of a render as they are noted; undefined where they are too many to be compared. */
export function notedReads(reads: ReadRecord): ReadRecord | undefined {
  return boundReads(reads, maxPaths)
}

/** The ConfigMaps and Secrets that a render of `object` reads. */
export function renderReferences(object: Kustomization, settings: RenderSettings): readonly ConfigKey[] {
  const namespace = object.metadata.namespace ?? ''
  const { postBuild, decryption } = object.spec
  const configs = (postBuild?.substituteFrom ?? []).map(({ kind, name }) => ({ kind, namespace, name }))
  if (decryption === undefined) return configs
  if (decryption.secretRef !== undefined)
    return [...configs, { kind: 'Secret', namespace, name: decryption.secretRef.name }]
  const [keysNamespace = '', keysName = ''] = settings.sopsAgeSecret.split('/')
  return keysName === '' ? configs : [...configs, { kind: 'Secret', namespace: keysNamespace, name: keysName }]
}

/** Notes, after a success, what was applied. Where nothing can be noted, what was noted before goes. Effects: at most one write to the state store. */
export async function noteInputs(
  { deps }: Pick<RunContext, 'deps'>,
  { object, inputs }: { readonly object: Kustomization; readonly inputs?: RecordedInputs },
): Promise<void> {
  const key = keyOf(deps.cluster.name, idOf(object))
  const known = await deps.state.get(key)
  if (inputs === undefined) return known === undefined ? undefined : deps.state.delete(key)
  const value = JSON.parse(JSON.stringify(inputs)) as Json
  if (JSON.stringify(known) !== JSON.stringify(value)) await deps.state.put(key, value, { ttlSeconds })
}

/**
 * To be called before the first object is written: a run that is cut off in between leaves the cluster with a part of what it applies, and a later revision that goes back
 * to what was applied before must not be taken for the same.
 */
export async function forgetInputs({ deps }: Pick<RunContext, 'deps'>, object: Kustomization): Promise<void> {
  await deps.state.delete(keyOf(deps.cluster.name, idOf(object)))
}

/** What was kept of each of `ids`, in as few reads as it takes. */
export async function loadInputs(
  state: StateStore,
  cluster: string,
  ids: readonly string[],
): Promise<ReadonlyMap<string, RecordedInputs>> {
  const found = new Map<string, RecordedInputs>()
  const note = (id: string, value: Json | undefined): void => {
    const inputs = parseInputs(value)
    if (inputs !== undefined) found.set(id, inputs)
  }
  if (ids.length <= fewIds) {
    await Promise.all(ids.map(async (id) => note(id, await state.get(keyOf(cluster, id)))))
    return found
  }
  const wanted = new Set(ids)
  const prefix = keyOf(cluster, '')
  for (let after: string | undefined; ;) {
    const page = await state.list(prefix, { limit: pageSize, ...(after === undefined ? {} : { after }) })
    for (const { key, value } of page) {
      const id = key.slice(prefix.length)
      if (wanted.has(id)) note(id, value)
    }
    if (page.length < pageSize) return found
    after = page.at(-1)?.key
  }
}

/** Ids that are read one by one, and entries that are read at once where there are more. */
const fewIds = 8
const pageSize = 500

function keyOf(cluster: string, id: string): string {
  return `inputs/${cluster}/${id}`
}

function parseInputs(value: Json | undefined): RecordedInputs | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined
  const { digest, revision, reads } = value as Partial<Record<keyof RecordedInputs, unknown>>
  if (typeof digest !== 'string' || typeof revision !== 'string') return undefined
  return isReadRecord(reads) ? { digest, revision, reads } : undefined
}

function isReadRecord(value: unknown): value is ReadRecord {
  if (typeof value !== 'object' || value === null) return false
  const { files, directories, lookups } = value as Partial<Record<keyof ReadRecord, unknown>>
  return [files, directories, lookups].every(
    (paths) => Array.isArray(paths) && paths.every((path) => typeof path === 'string'),
  )
}
