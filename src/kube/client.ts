import { EngineError } from '../base/index.ts'
import type { Clock, KubeIdentity, KubeRequest, KubeTransport, Logger, Random } from '../ports/index.ts'
import type { KubeObject } from '../resources/index.ts'
import type {
  CallOptions,
  DeleteOptions,
  DeleteOutcome,
  GetOptions,
  KubeClient,
  KubeList,
  ListOptions,
  Patch,
  RequestCounter,
  WatchEvent,
  WatchOptions,
  WriteOptions,
} from './client-types.ts'
import {
  refreshDiscovery,
  resolveKind,
  type ApiResource,
  type ClusterCache,
  type DiscoveryDeps,
  type DiscoverySnapshot,
} from './discovery.ts'
import { decodeJson, encodeJson } from './json.ts'
import { isSecretKind, keyOf, type KindRef, type ObjectKey } from './object-key.ts'
import { collectionPath, objectPath, requireAddress, type Query } from './request-path.ts'
import { sendCall, type Answer, type Call, type SendDeps } from './send.ts'
import { watchKind } from './watch.ts'

/** What a client needs. */
export interface KubeClientDeps {
  readonly transport: KubeTransport
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  readonly cache: ClusterCache
  /** Milliseconds for one request. */
  readonly requestTimeoutMs: number
  /** Milliseconds for a call with all its repeats. Default: twice the request's. */
  readonly callTimeoutMs?: number
  /** Counts this client's requests; default: a counter of its own. */
  readonly counter?: RequestCounter
  /** The cluster is one that an object names, not the one of the run. */
  readonly isRemote?: boolean
  /** Signal of the run: aborts every call. */
  readonly signal?: AbortSignal
}

const metadataAccept = 'application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1'
const metadataListAccept = 'application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1'

const patchTypes = {
  apply: 'application/apply-patch+yaml',
  merge: 'application/merge-patch+json',
  strategic: 'application/strategic-merge-patch+json',
  json: 'application/json-patch+json',
} as const

/** A client of one cluster for one run: its counter starts at zero. Cheap to make; what is worth keeping is in `cache`. */
export function createKubeClient(deps: KubeClientDeps): KubeClient {
  const send: SendDeps = {
    transport: deps.transport,
    clock: deps.clock,
    random: deps.random,
    counter: deps.counter ?? { total: 0, retried: 0, writes: 0 },
    requestTimeoutMs: deps.requestTimeoutMs,
    callTimeoutMs: deps.callTimeoutMs ?? deps.requestTimeoutMs * 2,
    isRemote: deps.isRemote === true,
  }
  return new Client(deps, send, undefined)
}

class Client implements KubeClient {
  readonly cluster: string
  readonly user: string | undefined
  readonly requests: RequestCounter
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  readonly #identity: KubeIdentity | undefined
  readonly #deps: KubeClientDeps
  readonly #send: SendDeps

  constructor(deps: KubeClientDeps, send: SendDeps, identity: KubeIdentity | undefined) {
    this.cluster = deps.transport.cluster
    this.user = identity?.user
    this.#identity = identity
    this.requests = send.counter
    this.clock = deps.clock
    this.random = deps.random
    this.logger = deps.logger
    this.#deps = deps
    this.#send = send
  }

  as(who: string | KubeIdentity): KubeClient {
    const identity = typeof who === 'string' ? { user: who } : who
    // An empty name would silently mean the own, stronger identity.
    if (identity.user === '') {
      throw new EngineError('the user to impersonate has no name', {
        code: 'impersonation-without-user',
        disposition: 'bug',
      })
    }
    return new Client(this.#deps, this.#send, identity)
  }

  async get<T extends object = KubeObject>(key: ObjectKey, options: GetOptions = {}): Promise<T | undefined> {
    const resource = await this.resource(key, options)
    const path = objectPath(resource, key, { resourceVersion: options.resourceVersion }, options.subresource)
    const headers = options.metadataOnly === true ? { accept: metadataAccept } : {}
    const answer = await this.#call(
      { method: 'GET', path, headers },
      { verb: 'get', key, isRepeatable: true, accept: [404] },
      options,
    )
    if (answer.status !== 404) return decodeJson(answer.text) as T
    return undefined
  }

  async list<T extends object = KubeObject>(kind: KindRef, options: ListOptions = {}): Promise<KubeList<T>> {
    const resource = await this.resource(kind, options)
    const headers = options.metadataOnly === true ? { accept: metadataListAccept } : {}
    const maxItems = options.maxItems ?? 50_000
    const items: T[] = []
    let next: string | undefined
    for (;;) {
      const path = collectionPath(resource, options.namespace, {
        labelSelector: options.labelSelector,
        fieldSelector: options.fieldSelector,
        limit: String(options.pageSize ?? 500),
        continue: next,
        resourceVersion: next === undefined ? options.resourceVersion : undefined,
      })
      const answer = await this.#call(
        { method: 'GET', path, headers },
        { verb: 'list', key: listKey(kind), isRepeatable: true },
        options,
      )
      const page = decodeJson(answer.text) as {
        items?: T[]
        metadata?: { continue?: string; resourceVersion?: string }
      }
      // Items of a list come without apiVersion and kind.
      for (const item of page.items ?? []) items.push({ apiVersion: kind.apiVersion, kind: kind.kind, ...item })
      if (items.length > maxItems) throw listTooLong(kind, maxItems)
      next = page.metadata?.continue
      if (next === undefined || next === '') return { items, resourceVersion: page.metadata?.resourceVersion ?? '' }
    }
  }

  async create<T extends object = KubeObject>(object: T, options: WriteOptions = {}): Promise<T> {
    const key = keyOf(object as KubeObject)
    const resource = await this.resource(key, options)
    // A create with generateName has no name yet.
    if (key.name !== '') requireAddress(resource, key)
    const path = collectionPath(resource, key.namespace, writeQuery(options))
    const isDryRun = options.dryRun === true
    return this.#write(
      { method: 'POST', path, body: encodeJson(object) },
      { verb: 'create', key, isRepeatable: isDryRun },
      options,
    )
  }

  async createSubresource<T extends object = KubeObject>(
    key: ObjectKey,
    subresource: string,
    body: object,
    options: CallOptions = {},
  ): Promise<T> {
    const path = objectPath(await this.resource(key, options), key, {}, subresource)
    return this.#write(
      { method: 'POST', path, body: encodeJson(body) },
      { verb: 'create', key, isRepeatable: false },
      options,
    )
  }

  async update<T extends object = KubeObject>(object: T, options: WriteOptions = {}): Promise<T> {
    const key = keyOf(object as KubeObject)
    const resource = await this.resource(key, options)
    const path = objectPath(resource, key, writeQuery(options), options.subresource)
    return this.#write(
      { method: 'PUT', path, body: encodeJson(object) },
      { verb: 'update', key, isRepeatable: false },
      options,
    )
  }

  async patch<T extends object = KubeObject>(key: ObjectKey, patch: Patch, options: WriteOptions = {}): Promise<T> {
    const resource = await this.resource(key, options)
    const force = patch.type === 'apply' && patch.force === true ? 'true' : undefined
    const path = objectPath(resource, key, { ...writeQuery(options), force }, options.subresource)
    const request = {
      method: 'PATCH' as const,
      path,
      headers: { 'content-type': patchTypes[patch.type] },
      body: encodeJson(patch.body),
    }
    return this.#write(
      request,
      { verb: 'patch', key, isRepeatable: options.dryRun === true || isRepeatablePatch(patch) },
      options,
    )
  }

  async delete(key: ObjectKey, options: DeleteOptions = {}): Promise<DeleteOutcome> {
    const resource = await this.resource(key, options)
    const preconditions =
      options.uid === undefined && options.resourceVersion === undefined
        ? undefined
        : { uid: options.uid, resourceVersion: options.resourceVersion }
    const body = encodeJson({
      kind: 'DeleteOptions',
      apiVersion: 'v1',
      propagationPolicy: options.propagation ?? 'Background',
      preconditions,
      dryRun: options.dryRun === true ? ['All'] : undefined,
    })
    const answer = await this.#call(
      { method: 'DELETE', path: objectPath(resource, key), headers: { 'content-type': 'application/json' }, body },
      { verb: 'delete', key, isRepeatable: options.uid !== undefined || options.dryRun === true, accept: [404] },
      { ...options, isWrite: options.dryRun !== true },
    )
    if (answer.status === 404) return 'absent'
    // A Status means gone; an object means that finalizers or a grace period hold it.
    const result = decodeJson(answer.text) as { kind?: string }
    return result.kind === 'Status' ? 'deleted' : 'deleting'
  }

  watch<T extends object = KubeObject>(kind: KindRef, options: WatchOptions): AsyncGenerator<WatchEvent<T>> {
    const headers = { accept: options.metadataOnly === true ? metadataAccept : 'application/json' }
    return watchKind<T>(kind, options, { ...this.#send, headers, resource: () => this.resource(kind, options) })
  }

  async resource(kind: KindRef, options: CallOptions = {}): Promise<ApiResource> {
    return resolveKind(this.#deps.cache, kind, this.#discoveryDeps(options))
  }

  async discovery(options: CallOptions = {}): Promise<DiscoverySnapshot> {
    return this.#deps.cache.snapshot ?? refreshDiscovery(this.#deps.cache, this.#discoveryDeps(options))
  }

  invalidateDiscovery(): void {
    this.#deps.cache.stale = true
  }

  async serverVersion(options: CallOptions = {}): Promise<string> {
    const answer = await this.#call(
      { method: 'GET', path: '/version' },
      { verb: 'get', key: undefined, isRepeatable: true },
      options,
    )
    return (decodeJson(answer.text) as { gitVersion?: string }).gitVersion ?? ''
  }

  /** Discovery goes without impersonation: it is the same for everybody and shared. */
  #discoveryDeps(options: CallOptions): DiscoveryDeps {
    return {
      now: () => this.clock.now(),
      fetch: async (path, headers) => {
        const context = { verb: 'discover', key: undefined }
        const accept = [304, ...(path.startsWith('/apis/') ? [404, 503] : [])]
        const call: Call = {
          request: { method: 'GET', path, headers },
          context,
          isRepeatable: true,
          isWrite: false,
          accept,
          signal: options.signal ?? this.#deps.signal,
        }
        const answer = await sendCall(call, this.#send)
        return { status: answer.status, text: answer.text, etag: answer.headers.get('etag') ?? '' }
      },
    }
  }

  async #write<T>(request: Omit<KubeRequest, 'signal'>, about: About, options: WriteOptions): Promise<T> {
    const accept = options.metadataOnly === true ? { accept: metadataAccept } : {}
    const headers = { 'content-type': 'application/json', ...request.headers, ...accept }
    const answer = await this.#call({ ...request, headers }, about, { ...options, isWrite: options.dryRun !== true })
    return decodeJson(answer.text) as T
  }

  async #call(
    request: Omit<KubeRequest, 'signal'>,
    about: About,
    options: CallOptions & { isWrite?: boolean },
  ): Promise<Answer> {
    const { verb, key, isRepeatable, accept } = about
    return sendCall(
      {
        request: {
          ...request,
          headers: { accept: 'application/json', ...request.headers },
          ...(this.#identity === undefined ? {} : { as: this.#identity }),
        },
        context: { verb, key },
        isRepeatable,
        isWrite: options.isWrite === true,
        signal: options.signal ?? this.#deps.signal,
        ...(accept === undefined ? {} : { accept }),
      },
      this.#send,
    )
  }
}

interface About {
  readonly verb: string
  readonly key: ObjectKey | undefined
  readonly isRepeatable: boolean
  readonly accept?: readonly number[]
}

function writeQuery(options: WriteOptions): Query {
  return {
    fieldManager: options.fieldManager,
    dryRun: options.dryRun === true ? 'All' : undefined,
    fieldValidation: options.fieldValidation,
  }
}

/** Patches that leave the same object when they arrive twice: an apply, and a merge patch (with a resource version the second one fails). */
function isRepeatablePatch(patch: Patch): boolean {
  if (patch.type === 'apply') return true
  if (patch.type !== 'merge') return false
  const metadata = (patch.body as { metadata?: { resourceVersion?: unknown } }).metadata
  return metadata?.resourceVersion === undefined
}

function listKey(kind: KindRef): ObjectKey {
  return { ...kind, name: isSecretKind(kind) ? '' : '*' }
}

function listTooLong(kind: KindRef, maxItems: number): EngineError {
  return new EngineError(`more than ${maxItems} objects of kind ${kind.kind}; narrow the selection`, {
    code: 'kube-list-too-long',
    data: { kind: kind.kind, maxItems },
  })
}
