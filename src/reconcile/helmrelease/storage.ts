import { EngineError, toEngineError } from '../../base/index.ts'
import { decodeRelease, releaseSecretName, type Release, type ReleasePrinter } from '../../helm/index.ts'
import { isConflict, isNotFound, type KubeClient } from '../../kube/index.ts'
import { packText } from './gzip.ts'
import { annotationOfMark, markOf, type OperationMark } from './operation-mark.ts'
import type { ReleaseHead, ReleaseIndex } from './release-index.ts'

/** A release as it is stored, with what is needed to write it again. */
export interface StoredRelease {
  readonly release: Release
  readonly resourceVersion: string
  /** Labels of its Secret that are not Helm's own. */
  readonly labels: { readonly [key: string]: string }
  /** Set while an operation of ours on it is not finished. */
  readonly mark?: OperationMark
}

/** Bytes that a Secret holds at most (1 MiB for all of its data). */
const maxSecretBytes = 1_048_576
/** Room for what an operation adds to a release while it runs: status, description, times of each hook. */
const reservedBytes = 2048
const reservedBytesPerHook = 96

const helmLabels: ReadonlySet<string> = new Set(['name', 'owner', 'status', 'version', 'createdAt', 'modifiedAt'])

interface ReleaseSecret {
  readonly apiVersion: 'v1'
  readonly kind: 'Secret'
  readonly metadata: {
    readonly name: string
    readonly namespace: string
    readonly labels: { readonly [key: string]: string }
    readonly annotations?: { readonly [key: string]: string }
    readonly resourceVersion?: string
    readonly uid?: string
  }
  readonly type: 'helm.sh/release.v1'
  readonly data: { readonly release: string }
}

/** A release whose Secret is known to fit: nothing of it is written yet. */
export interface PreparedRelease {
  readonly release: Release
  readonly encoded: string
}

/**
 * Helm's storage of the releases of one name, as Secrets `sh.helm.release.v1.<name>.v<N>` (Helm v4 pkg/storage/driver, secrets). Every write of a
 * stored release names the version it was read at: whoever lost the race gets `kube-conflict` and changes nothing.
 */
export interface ReleaseStorage {
  readonly name: string
  readonly namespace: string
  /** What is there, newest first, without the content. */
  heads(): Promise<readonly ReleaseHead[]>
  /** One revision; undefined where it is gone. One that cannot be decoded is an error: going on without it could install over it. */
  read(version: number): Promise<StoredRelease | undefined>
  latest(): Promise<StoredRelease | undefined>
  /** @throws EngineError `release-too-large`, before anything was written. */
  prepare(release: Release): Promise<PreparedRelease>
  create(prepared: PreparedRelease, mark: OperationMark): Promise<StoredRelease>
  /** Writes a revision anew. Without `mark` it is no longer ours to go on with. */
  update(stored: StoredRelease, release: Release, mark?: OperationMark): Promise<StoredRelease>
  remove(head: ReleaseHead): Promise<void>
}

export interface StorageDeps {
  readonly client: KubeClient
  readonly index: ReleaseIndex
  readonly printer: ReleasePrinter
  readonly signal: AbortSignal
}

/** The storage of one release name. It remembers what it has read and written itself. */
export function createReleaseStorage(deps: StorageDeps, namespace: string, name: string): ReleaseStorage {
  const { client, signal } = deps
  const bodies = new Map<number, StoredRelease>()
  let known: ReleaseHead[] | undefined
  const keyOf = (version: number): { apiVersion: string; kind: string; namespace: string; name: string } => ({
    apiVersion: 'v1',
    kind: 'Secret',
    namespace,
    name: releaseSecretName(name, version),
  })
  const heads = async (): Promise<ReleaseHead[]> => {
    if (known !== undefined) return known
    const found = await deps.index.find(client, namespace, name, signal)
    for (const secret of found.secrets) {
      const stored = decode(secret as ReleaseSecret)
      bodies.set(stored.release.version, stored)
    }
    known = found.heads.toSorted((a, b) => b.version - a.version)
    return known
  }
  const decode = (secret: ReleaseSecret): StoredRelease => {
    try {
      const release = decodeRelease(atob(secret.data.release))
      return toStored(secret, release)
    } catch (error) {
      throw new EngineError(
        `release Secret '${namespace}/${secret.metadata.name}' cannot be read: ${toEngineError(error).message}; restore or delete it`,
        { code: 'release-unreadable', reason: 'StateError' },
      )
    }
  }
  const note = (stored: StoredRelease, uid: string | undefined): StoredRelease => {
    const { version, info } = stored.release
    bodies.set(version, stored)
    const head = { version, status: info.status, resourceVersion: stored.resourceVersion, uid: uid ?? '' }
    known = [head, ...(known ?? []).filter((other) => other.version !== version)].toSorted(
      (a, b) => b.version - a.version,
    )
    return stored
  }
  const seconds = (): string => String(Math.floor(client.clock.now() / 1000))
  const secretOf = (
    prepared: PreparedRelease,
    labels: { readonly [key: string]: string },
    mark: OperationMark | undefined,
    resourceVersion?: string,
  ): ReleaseSecret => {
    const { release, encoded } = prepared
    return {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: {
        name: releaseSecretName(name, release.version),
        namespace,
        labels: { ...labels, name, owner: 'helm', status: release.info.status, version: String(release.version) },
        ...(mark === undefined ? {} : { annotations: annotationOfMark(mark) }),
        ...(resourceVersion === undefined ? {} : { resourceVersion }),
      },
      type: 'helm.sh/release.v1',
      data: { release: btoa(encoded) },
    }
  }
  const storage: ReleaseStorage = {
    name,
    namespace,
    heads,
    read: async (version) => {
      if (!(await heads()).some((head) => head.version === version)) return undefined
      const cached = bodies.get(version)
      if (cached !== undefined) return cached
      const secret = await client.get<ReleaseSecret>(keyOf(version), { signal })
      if (secret === undefined) {
        known = (known ?? []).filter((head) => head.version !== version)
        return undefined
      }
      return note(decode(secret), secret.metadata.uid)
    },
    latest: async () => {
      for (;;) {
        const head = (await heads())[0]
        if (head === undefined) return undefined
        const stored = await storage.read(head.version)
        if (stored !== undefined) return stored
      }
    },
    prepare: async (release) => {
      const encoded = await packText(deps.printer.print(release))
      const room = reservedBytes + reservedBytesPerHook * release.hooks.length
      if (encoded.length + room <= maxSecretBytes) return { release, encoded }
      throw new EngineError(
        `release ${name}.v${release.version} takes ${encoded.length} bytes, more than the ${maxSecretBytes} (less ${room} for its status) that a Secret can hold; make the chart smaller (large files, CRDs in templates)`,
        { code: 'release-too-large', data: { bytes: encoded.length } },
      )
    },
    create: async (prepared, mark) => {
      await heads()
      const body = secretOf(prepared, { createdAt: seconds() }, mark)
      const object = await client.create<ReleaseSecret>(body, { signal })
      return note(toStored(object, prepared.release), object.metadata.uid)
    },
    update: async (previous, release, mark) => {
      const body = secretOf(
        { release, encoded: await packText(deps.printer.print(release)) },
        { ...previous.labels, modifiedAt: seconds() },
        mark,
        previous.resourceVersion,
      )
      try {
        const object = await client.update<ReleaseSecret>(body, { signal })
        return note(toStored(object, release), object.metadata.uid)
      } catch (error) {
        if (!isConflict(error)) throw error
        // The answer to a write that was done may have been lost, and the client sent it again.
        const now = await client.get<ReleaseSecret>(keyOf(release.version), { signal })
        if (
          now?.data.release !== body.data.release ||
          JSON.stringify(now.metadata.annotations) !== JSON.stringify(body.metadata.annotations)
        )
          throw error
        return note(toStored(now, release), now.metadata.uid)
      }
    },
    remove: async (head) => {
      const options = head.resourceVersion === '' ? { signal } : { resourceVersion: head.resourceVersion, signal }
      await client.delete(keyOf(head.version), options).catch((error: unknown) => {
        if (!isNotFound(error)) throw error
      })
      bodies.delete(head.version)
      known = (known ?? []).filter((other) => other.version !== head.version)
    },
  }
  return storage
}

function toStored(secret: ReleaseSecret, release: Release): StoredRelease {
  const mark = markOf(secret.metadata.annotations)
  return {
    release,
    resourceVersion: secret.metadata.resourceVersion ?? '',
    labels: Object.fromEntries(Object.entries(secret.metadata.labels).filter(([key]) => !helmLabels.has(key))),
    ...(mark === undefined ? {} : { mark }),
  }
}
