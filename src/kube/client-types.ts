import type { Clock, KubeIdentity, Logger, Random } from '../ports/index.ts'
import type { KubeObject } from '../resources/index.ts'
import type { ApiResource, DiscoverySnapshot } from './discovery.ts'
import type { KindRef, ObjectKey } from './object-key.ts'

/** Cancellation that every call takes. Deadlines are the client's own. */
export interface CallOptions {
  readonly signal?: AbortSignal | undefined
}

export interface GetOptions extends CallOptions {
  /** Only `metadata`, as PartialObjectMetadata. */
  readonly metadataOnly?: boolean
  /** `'0'` accepts an answer from the server's watch cache, which may be a little old. */
  readonly resourceVersion?: string
  readonly subresource?: string
}

export interface ListOptions extends CallOptions {
  /** Left out or '': all namespaces. */
  readonly namespace?: string | undefined
  readonly labelSelector?: string
  readonly fieldSelector?: string
  readonly metadataOnly?: boolean
  readonly resourceVersion?: string
  /** Objects per request. Default 500. */
  readonly pageSize?: number
  /** Most objects that are read before the list is refused as too large. Default 50,000. */
  readonly maxItems?: number
}

/** All pages of a list. */
export interface KubeList<T extends object = KubeObject> {
  readonly items: readonly T[]
  /** Where a watch goes on from. */
  readonly resourceVersion: string
}

export interface WriteOptions extends CallOptions {
  readonly fieldManager?: string
  readonly dryRun?: boolean
  readonly subresource?: string
  /** The answer is `metadata` alone, as PartialObjectMetadata: where the object is large and known. */
  readonly metadataOnly?: boolean
  /** `Strict` refuses unknown and duplicate fields. The server's default is `Warn`. */
  readonly fieldValidation?: 'Strict' | 'Warn' | 'Ignore'
}

/** A patch body and how the server reads it. */
export type Patch =
  | { readonly type: 'apply'; readonly body: object; readonly force?: boolean }
  | { readonly type: 'merge'; readonly body: object }
  | { readonly type: 'strategic'; readonly body: object }
  | { readonly type: 'json'; readonly body: readonly JsonPatchOperation[] }

export interface JsonPatchOperation {
  readonly op: 'add' | 'remove' | 'replace' | 'test' | 'move' | 'copy'
  readonly path: string
  readonly from?: string
  readonly value?: unknown
}

export interface DeleteOptions extends CallOptions {
  /** Default Background. */
  readonly propagation?: 'Background' | 'Foreground' | 'Orphan'
  /** Deletes only the object with this uid: with it a delete can be repeated safely. */
  readonly uid?: string
  readonly resourceVersion?: string
  readonly dryRun?: boolean
}

/** `absent`: nothing was there. `deleting`: accepted, the object is still there (finalizers, grace period). `deleted`: gone. */
export type DeleteOutcome = 'absent' | 'deleting' | 'deleted'

export interface WatchOptions extends CallOptions {
  readonly namespace?: string | undefined
  readonly labelSelector?: string
  readonly fieldSelector?: string
  readonly metadataOnly?: boolean
  /** Where to go on from: a list's or the last event's. Left out: the server first sends what is there. */
  readonly resourceVersion?: string
  /** The watch ends after this time, whatever happens. */
  readonly timeoutMs: number
}

export interface WatchEvent<T extends object = KubeObject> {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK'
  readonly object: T
}

/** Requests of a client and of those made from it by `as`. */
export interface RequestCounter {
  /** Requests that were sent, repeated ones included. */
  total: number
  /** Of these: repeats. */
  retried: number
  /** Of these: the ones that may change something (no dry-runs). */
  writes: number
}

/**
 * Talks to one cluster. Every call has a deadline, counts its requests, and repeats what may be repeated: refused with 429 or
 * Retry-After, dropped connections and 5xx of requests that have the same effect when they arrive twice.
 *
 * Errors are EngineErrors: `cluster-unreachable` (`remote-cluster-unreachable` for a cluster that an object names), `kube-timeout`, `kube-not-found`, `kube-kind-unknown`, `kube-conflict`,
 * `kube-already-exists`, `kube-invalid`, `kube-forbidden`, `kube-unauthorized`, `kube-too-many-requests`, … with the server's `reason` and
 * `causes` in `data`; an abort of the caller's signal is `aborted`.
 */
export interface KubeClient {
  /** Name of the cluster in the configuration. */
  readonly cluster: string
  /** The user that requests are made as, where it is not the transport's own identity. */
  readonly user: string | undefined
  readonly requests: RequestCounter
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger

  /**
   * A client that acts as somebody else; a user name stands for an identity without groups. Shares caches, counters and connections. Discovery stays the own identity's. One user name always
   * comes with the same groups: what is kept by identity is kept by name.
   */
  as(identity: string | KubeIdentity): KubeClient

  /** The object, or undefined where there is none. An unknown kind is an error. */
  get<T extends object = KubeObject>(key: ObjectKey, options?: GetOptions): Promise<T | undefined>
  list<T extends object = KubeObject>(kind: KindRef, options?: ListOptions): Promise<KubeList<T>>
  create<T extends object = KubeObject>(object: T, options?: WriteOptions): Promise<T>
  /** POST of a subresource (`token`, `eviction`); what comes back is what the subresource answers. Never repeated. */
  createSubresource<T extends object = KubeObject>(
    key: ObjectKey,
    subresource: string,
    body: object,
    options?: CallOptions,
  ): Promise<T>
  /** PUT. With `metadata.resourceVersion` it fails with `kube-conflict` when somebody else wrote meanwhile. */
  update<T extends object = KubeObject>(object: T, options?: WriteOptions): Promise<T>
  patch<T extends object = KubeObject>(key: ObjectKey, patch: Patch, options?: WriteOptions): Promise<T>
  delete(key: ObjectKey, options?: DeleteOptions): Promise<DeleteOutcome>
  /**
   * Changes until `timeoutMs` is over. Dropped connections are resumed behind the last event. Ends early, with `kube-gone`, when the
   * resource version is too old: list again.
   */
  watch<T extends object = KubeObject>(kind: KindRef, options: WatchOptions): AsyncGenerator<WatchEvent<T>>

  /** How the cluster serves a kind. Throws `kube-kind-unknown`. */
  resource(kind: KindRef, options?: CallOptions): Promise<ApiResource>
  /** What the cluster serves; fetched where it is not known yet. */
  discovery(options?: CallOptions): Promise<DiscoverySnapshot>
  /** To be called when definitions were applied: the next unknown kind is looked up again at once. */
  invalidateDiscovery(): void
  /** Version of the server, `v1.37.2`. */
  serverVersion(options?: CallOptions): Promise<string>
}
