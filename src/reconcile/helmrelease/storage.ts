import { EngineError, toEngineError } from '../../base/index.ts'
import { decodeRelease, releaseSecretName, type Release, type ReleasePrinter } from '../../helm/index.ts'
import { isConflict, isNotFound, type KubeClient, type ObjectKey } from '../../kube/index.ts'
import type { Bounded } from './bounded.ts'
import { annotationOfMark, markOf, type OperationMark } from './operation-mark.ts'
import type { ReleaseHead, ReleaseIndex } from './release-index.ts'

/** A release as it is stored, with what is needed to write it again. */
export interface StoredRelease {
  readonly release: Release
  readonly resourceVersion: string
  /** Labels of its Secret that are not Helm's own. */
  readonly labels: { readonly [key: string]: string }
  /** The mark of an operation of the same HelmRelease, where there is one. */
  readonly mark?: OperationMark
}

/** Bytes that a Secret holds at most (1 MiB for all of its data). */
const maxSecretBytes = 1_048_576
/** Room for what an operation adds to a release while it runs: status, description, times of each hook. */
const reservedBytes = 2048
const reservedBytesPerHook = 96

const helmLabels: ReadonlySet<string> = new Set(['name', 'owner', 'status', 'version', 'createdAt', 'modifiedAt'])

/** What a write of a Secret answers with: of the rest, we know what it is. */
interface SecretHead {
  readonly metadata: ReleaseSecret['metadata']
}

interface ReleaseSecret extends SecretHead {
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

/** What a release's Secret held at one version. */
export interface ReleaseBody {
  readonly metadata: ReleaseSecret['metadata']
  /** As Helm stores it, without the base64 of the API. */
  readonly encoded: string
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
  /** Content that is known, by the Secret's uid. */
  readonly bodies: Bounded<ReleaseBody>
  /** Whose marks count; see OperationMark. */
  readonly owner: string
  readonly signal: AbortSignal
}

/** The storage of one release name. It remembers what it has read and written itself. */
export function createReleaseStorage(deps: StorageDeps, namespace: string, name: string): ReleaseStorage {
  return new SecretStorage(deps, namespace, name)
}

class SecretStorage implements ReleaseStorage {
  readonly name: string
  readonly namespace: string
  readonly #deps: StorageDeps
  readonly #bodies = new Map<number, StoredRelease>()
  #heads: readonly ReleaseHead[] | undefined

  constructor(deps: StorageDeps, namespace: string, name: string) {
    this.#deps = deps
    this.namespace = namespace
    this.name = name
  }

  async heads(): Promise<readonly ReleaseHead[]> {
    if (this.#heads !== undefined) return this.#heads
    const { client, index, signal } = this.#deps
    const found = await index.find(client, this.namespace, this.name, signal)
    for (const secret of found.secrets) {
      const stored = this.#read(secret as ReleaseSecret)
      this.#bodies.set(stored.release.version, stored)
    }
    this.#heads = sortHeads(found.heads)
    return this.#heads
  }

  async read(version: number): Promise<StoredRelease | undefined> {
    const heads = await this.heads()
    if (!heads.some((head) => head.version === version)) return undefined
    const known = this.#bodies.get(version)
    if (known !== undefined) return known
    const { client, signal, bodies } = this.#deps
    const head = heads.find((one) => one.version === version)
    const body = head === undefined || head.uid === '' ? undefined : bodies.get(head.uid)
    if (body !== undefined && body.metadata.resourceVersion === head?.resourceVersion)
      return this.#note(this.#decode(body.metadata, body.encoded), head?.uid)
    const secret = await client.get<ReleaseSecret>(this.#keyOf(version), { signal })
    if (secret !== undefined) return this.#note(this.#read(secret), secret.metadata.uid)
    this.#heads = (this.#heads ?? []).filter((head) => head.version !== version)
    return undefined
  }

  async latest(): Promise<StoredRelease | undefined> {
    for (;;) {
      const [head] = await this.heads()
      if (head === undefined) return undefined
      const stored = await this.read(head.version)
      if (stored !== undefined) return stored
    }
  }

  async prepare(release: Release): Promise<PreparedRelease> {
    const encoded = this.#deps.printer.pack(release)
    const room = reservedBytes + reservedBytesPerHook * release.hooks.length
    if (encoded.length + room <= maxSecretBytes) return { release, encoded }
    throw new EngineError(
      `release ${this.name}.v${release.version} takes ${encoded.length} bytes, more than the ${maxSecretBytes} (less ${room} for its status) that a Secret can hold; make the chart smaller (large files, CRDs in templates)`,
      { code: 'release-too-large', data: { bytes: encoded.length } },
    )
  }

  async create(prepared: PreparedRelease, mark: OperationMark): Promise<StoredRelease> {
    const { client, signal } = this.#deps
    await this.heads()
    const body = this.#secretOf(prepared, { createdAt: this.#seconds() }, mark)
    const { metadata } = await client.create<SecretHead>(body, { signal, metadataOnly: true })
    this.#keep(metadata, prepared.encoded)
    return this.#note(this.#stored(metadata, prepared.release), metadata.uid)
  }

  async update(previous: StoredRelease, release: Release, mark?: OperationMark): Promise<StoredRelease> {
    const { client, signal } = this.#deps
    const encoded = this.#deps.printer.pack(release)
    const labels = { ...previous.labels, modifiedAt: this.#seconds() }
    const body = this.#secretOf({ release, encoded }, labels, mark, previous.resourceVersion)
    try {
      const { metadata } = await client.update<SecretHead>(body, { signal, metadataOnly: true })
      this.#keep(metadata, encoded)
      return this.#note(this.#stored(metadata, release), metadata.uid)
    } catch (error) {
      if (!isConflict(error)) throw error
      // The answer to a write that was done may have been lost, and the client sent it again.
      const now = await client.get<ReleaseSecret>(this.#keyOf(release.version), { signal })
      if (now === undefined || !isSameContent(now, body)) throw error
      return this.#note(this.#stored(now.metadata, release), now.metadata.uid)
    }
  }

  async remove(head: ReleaseHead): Promise<void> {
    const { client, signal } = this.#deps
    const options = head.resourceVersion === '' ? { signal } : { resourceVersion: head.resourceVersion, signal }
    await client.delete(this.#keyOf(head.version), options).catch((error: unknown) => {
      if (!isNotFound(error)) throw error
    })
    this.#bodies.delete(head.version)
    this.#deps.bodies.delete(head.uid)
    this.#heads = (this.#heads ?? []).filter((other) => other.version !== head.version)
  }

  #keyOf(version: number): ObjectKey {
    const name = releaseSecretName(this.name, version)
    return { apiVersion: 'v1', kind: 'Secret', namespace: this.namespace, name }
  }

  #seconds(): string {
    return String(Math.floor(this.#deps.client.clock.now() / 1000))
  }

  #read({ metadata, data }: ReleaseSecret): StoredRelease {
    const encoded = fromBase64(data.release)
    this.#keep(metadata, encoded)
    return this.#decode(metadata, encoded)
  }

  #decode(metadata: ReleaseSecret['metadata'], encoded: string): StoredRelease {
    try {
      return this.#stored(metadata, decodeRelease(encoded))
    } catch (error) {
      throw new EngineError(
        `release Secret '${this.namespace}/${metadata.name}' cannot be read: ${toEngineError(error).message}; restore or delete it`,
        { code: 'release-unreadable', reason: 'StateError' },
      )
    }
  }

  /** Remembers the content of a Secret for the next run, without what nobody reads of its metadata. */
  #keep(
    { name, namespace, labels, annotations, resourceVersion, uid }: ReleaseSecret['metadata'],
    encoded: string,
  ): void {
    if (uid === undefined) return
    const metadata = { name, namespace, labels, uid, ...(annotations === undefined ? {} : { annotations }) }
    const body = { metadata: { ...metadata, resourceVersion: resourceVersion ?? '' }, encoded }
    this.#deps.bodies.set(uid, body, encoded.length + 500)
  }

  #stored(metadata: ReleaseSecret['metadata'], release: Release): StoredRelease {
    const mark = markOf(metadata.annotations)
    return {
      release,
      resourceVersion: metadata.resourceVersion ?? '',
      labels: Object.fromEntries(Object.entries(metadata.labels).filter(([key]) => !helmLabels.has(key))),
      ...(mark?.owner === this.#deps.owner ? { mark } : {}),
    }
  }

  #note(stored: StoredRelease, uid: string | undefined): StoredRelease {
    const { version, info } = stored.release
    this.#bodies.set(version, stored)
    const head = { version, status: info.status, resourceVersion: stored.resourceVersion, uid: uid ?? '' }
    this.#heads = sortHeads([head, ...(this.#heads ?? []).filter((other) => other.version !== version)])
    return stored
  }

  #secretOf(
    { release, encoded }: PreparedRelease,
    labels: { readonly [key: string]: string },
    mark: OperationMark | undefined,
    resourceVersion?: string,
  ): ReleaseSecret {
    const own = { name: this.name, owner: 'helm', status: release.info.status, version: String(release.version) }
    return {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: {
        name: releaseSecretName(this.name, release.version),
        namespace: this.namespace,
        labels: { ...labels, ...own },
        ...(mark === undefined ? {} : { annotations: annotationOfMark(mark) }),
        ...(resourceVersion === undefined ? {} : { resourceVersion }),
      },
      type: 'helm.sh/release.v1',
      data: { release: btoa(encoded) },
    }
  }
}

/** One that is damaged is found out when it is decoded. */
function fromBase64(text: string): string {
  try {
    return atob(text)
  } catch {
    return ''
  }
}

function sortHeads(heads: readonly ReleaseHead[]): readonly ReleaseHead[] {
  return heads.toSorted((a, b) => b.version - a.version)
}

function isSameContent(a: ReleaseSecret, b: ReleaseSecret): boolean {
  return (
    a.data.release === b.data.release &&
    JSON.stringify(a.metadata.annotations ?? {}) === JSON.stringify(b.metadata.annotations ?? {})
  )
}
