import { Agent, request as httpsRequest } from 'node:https'
import type { IncomingMessage } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import type { KubeObject, ObjectMeta } from '../../src/api/index.ts'

/** An object as tests write and read it: anything beside its identity. */
export interface TestObject {
  apiVersion: string
  kind: string
  metadata: ObjectMeta
  // oxlint-disable-next-line typescript/no-explicit-any -- tests look at fields of any kind
  [field: string]: any
}

/** Names an object, or with an empty `name` a kind in a namespace. */
export interface TestRef {
  readonly apiVersion: string
  readonly kind: string
  readonly namespace?: string | undefined
  readonly name?: string
}

export interface KubeTestClientOptions {
  readonly server: string
  readonly caPem: string
  readonly token: string
  /** `Impersonate-User`. */
  readonly as?: string
  readonly userAgent?: string
}

export interface WatchedEvent {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK' | 'ERROR'
  readonly object: TestObject
}

/** An answer outside 2xx. */
export class KubeTestError extends Error {
  readonly status: number
  readonly reason: string

  constructor(message: string, status: number, reason: string) {
    super(message)
    this.name = 'KubeTestError'
    this.status = status
    this.reason = reason
  }
}

export interface RequestOptions {
  /** Text is sent as it is, anything else as JSON. */
  readonly body?: unknown
  readonly contentType?: string
  readonly accept?: string
  readonly signal?: AbortSignal
}

/** A small Kubernetes client for tests, independent of the engine's own. Throws {@link KubeTestError} for an answer outside 2xx. */
export interface KubeTestClient {
  /** Any request; the answer parsed as JSON where it is JSON, else as text. */
  request(method: string, path: string, options?: RequestOptions): Promise<unknown>
  /** Path of an object or of its collection. */
  path(ref: TestRef, query?: { readonly [name: string]: string }): Promise<string>
  get(ref: TestRef): Promise<TestObject>
  /** Undefined instead of an error where the object is not there. */
  find(ref: TestRef): Promise<TestObject | undefined>
  list(ref: TestRef, query?: { readonly [name: string]: string }): Promise<readonly TestObject[]>
  create(object: object): Promise<TestObject>
  /** Server-side apply with force. */
  apply(object: object, options?: { readonly fieldManager?: string; readonly dryRun?: boolean }): Promise<TestObject>
  patch(
    ref: TestRef,
    patch: object,
    options?: { readonly type?: 'merge' | 'strategic' | 'json'; readonly subresource?: string },
  ): Promise<TestObject>
  delete(
    ref: TestRef,
    options?: { readonly gracePeriodSeconds?: number; readonly propagationPolicy?: string; readonly uid?: string },
  ): Promise<void>
  /** Changes until `signal` aborts or the server ends the watch. */
  watch(
    ref: TestRef,
    options: { readonly resourceVersion?: string; readonly signal: AbortSignal },
  ): AsyncGenerator<WatchedEvent>
  /** Looks every 50 ms until `isDone` says so; throws with the last object after `timeoutMs` (default 30 s). */
  waitFor(
    ref: TestRef,
    isDone: (object: TestObject | undefined) => boolean,
    timeoutMs?: number,
  ): Promise<TestObject | undefined>
  close(): void
}

const requestDeadlineMs = 60_000
/** Between two attempts at what the server was too busy for. */
const pauseMs = 200

/** A client with its own connections; `close` ends them. */
export function createKubeTestClient(options: KubeTestClientOptions): KubeTestClient {
  const agent = new Agent({ keepAlive: true, ca: options.caPem, maxSockets: 64 })
  const resources = new Map<string, { readonly plural: string; readonly namespaced: boolean }>()
  const open = (method: string, path: string, init: RequestOptions): Promise<IncomingMessage> =>
    send(agent, options, method, path, init)

  const request = async (method: string, path: string, init: RequestOptions = {}): Promise<unknown> => {
    const signal = init.signal ?? AbortSignal.timeout(requestDeadlineMs)
    for (;;) {
      const response = await open(method, path, { ...init, signal })
      // While definitions are being installed, the server asks for patience.
      if (response.statusCode !== 429) return readAnswer(response)
      response.resume()
      await sleep(pauseMs, undefined, { signal })
    }
  }

  const resourceOf = async (ref: TestRef): Promise<{ plural: string; namespaced: boolean }> => {
    const key = `${ref.apiVersion}/${ref.kind}`
    const known = resources.get(key)
    if (known !== undefined) return known
    const list = (await request('GET', groupPath(ref.apiVersion))) as { resources: ApiResource[] }
    for (const found of list.resources) {
      if (found.name.includes('/')) continue
      resources.set(`${ref.apiVersion}/${found.kind}`, { plural: found.name, namespaced: found.namespaced })
    }
    const found = resources.get(key)
    if (found === undefined) throw new KubeTestError(`the server does not know ${key}`, 404, 'NotFound')
    return found
  }

  const pathOf = async (ref: TestRef, query: { readonly [name: string]: string } = {}): Promise<string> => {
    const { plural, namespaced } = await resourceOf(ref)
    const namespace = namespaced && ref.namespace ? `/namespaces/${ref.namespace}` : ''
    const name = ref.name ? `/${encodeURIComponent(ref.name)}` : ''
    const search = new URLSearchParams(query).toString()
    return `${groupPath(ref.apiVersion)}${namespace}/${plural}${name}${search === '' ? '' : `?${search}`}`
  }

  const get = async (ref: TestRef): Promise<TestObject> => (await request('GET', await pathOf(ref))) as TestObject
  const find = async (ref: TestRef): Promise<TestObject | undefined> => {
    try {
      return await get(ref)
    } catch (error) {
      if (error instanceof KubeTestError && error.status === 404) return undefined
      throw error
    }
  }

  return {
    request,
    path: pathOf,
    get,
    find,
    list: async (ref, query) =>
      ((await request('GET', await pathOf({ ...ref, name: '' }, query))) as { items: TestObject[] }).items.map(
        (item) => ({
          ...item,
          apiVersion: ref.apiVersion,
          kind: ref.kind,
        }),
      ),
    create: async (object) =>
      (await request('POST', await pathOf({ ...refOf(object), name: '' }), { body: object })) as TestObject,
    apply: async (object, { fieldManager = 'test', dryRun = false } = {}) =>
      (await request(
        'PATCH',
        await pathOf(refOf(object), { fieldManager, force: 'true', ...(dryRun ? { dryRun: 'All' } : {}) }),
        {
          body: object,
          contentType: 'application/apply-patch+yaml',
        },
      )) as TestObject,
    patch: async (ref, patch, { type = 'merge', subresource } = {}) =>
      (await request('PATCH', `${await pathOf(ref)}${subresource === undefined ? '' : `/${subresource}`}`, {
        body: patch,
        contentType: patchTypes[type],
      })) as TestObject,
    delete: async (ref, { gracePeriodSeconds, propagationPolicy = 'Background', uid } = {}) => {
      const body = {
        propagationPolicy,
        ...(gracePeriodSeconds === undefined ? {} : { gracePeriodSeconds }),
        ...(uid === undefined ? {} : { preconditions: { uid } }),
      }
      await request('DELETE', await pathOf(ref), { body })
    },
    watch: async function* (ref, { resourceVersion, signal }) {
      const query = {
        watch: 'true',
        allowWatchBookmarks: 'true',
        ...(resourceVersion === undefined ? {} : { resourceVersion }),
      }
      yield* readEvents(await open('GET', await pathOf({ ...ref, name: '' }, query), { signal }))
    },
    waitFor: (ref, isDone, timeoutMs) => waitFor(() => find(ref), isDone, ref, timeoutMs),
    close: () => agent.destroy(),
  }
}

interface ApiResource {
  readonly name: string
  readonly kind: string
  readonly namespaced: boolean
}

const patchTypes = {
  merge: 'application/merge-patch+json',
  strategic: 'application/strategic-merge-patch+json',
  json: 'application/json-patch+json',
} as const

function groupPath(apiVersion: string): string {
  return apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`
}

function refOf(object: object): TestRef {
  const { apiVersion, kind, metadata } = object as KubeObject
  return { apiVersion, kind, namespace: metadata.namespace, name: metadata.name }
}

function send(
  agent: Agent,
  options: KubeTestClientOptions,
  method: string,
  path: string,
  init: RequestOptions,
): Promise<IncomingMessage> {
  const body = init.body === undefined || typeof init.body === 'string' ? init.body : JSON.stringify(init.body)
  const headers = {
    authorization: `Bearer ${options.token}`,
    accept: init.accept ?? 'application/json',
    'user-agent': options.userAgent ?? 'sluice-tests',
    ...(options.as === undefined ? {} : { 'impersonate-user': options.as }),
    ...(body === undefined
      ? {}
      : { 'content-type': init.contentType ?? 'application/json', 'content-length': Buffer.byteLength(body) }),
  }
  return new Promise((resolve, reject) => {
    const outgoing = httpsRequest(
      `${options.server}${path}`,
      { method, agent, headers, ...(init.signal === undefined ? {} : { signal: init.signal }) },
      resolve,
    )
    outgoing.on('error', (error: NodeJS.ErrnoException) => {
      // The server closes connections that were idle for long, and one may be taken up again at that very moment: nothing was asked then.
      if (outgoing.reusedSocket && error.code === 'ECONNRESET') resolve(send(agent, options, method, path, init))
      else reject(error)
    })
    outgoing.end(body)
  })
}

async function readAnswer(response: IncomingMessage): Promise<unknown> {
  let text = ''
  for await (const chunk of response.setEncoding('utf8')) text += chunk as string
  const status = response.statusCode ?? 0
  const isJson = (response.headers['content-type'] ?? '').includes('json')
  const value: unknown = isJson && text !== '' ? JSON.parse(text) : text
  if (status >= 200 && status < 300) return value
  const answer = (isJson ? value : {}) as { message?: string; reason?: string }
  throw new KubeTestError(answer.message ?? `${status}: ${text.slice(0, 500)}`, status, answer.reason ?? '')
}

async function* readEvents(response: IncomingMessage): AsyncGenerator<WatchedEvent> {
  if (response.statusCode !== 200) {
    await readAnswer(response)
    return
  }
  let rest = ''
  for await (const chunk of response.setEncoding('utf8')) {
    const lines = (rest + (chunk as string)).split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) if (line !== '') yield JSON.parse(line) as WatchedEvent
  }
}

async function waitFor(
  look: () => Promise<TestObject | undefined>,
  isDone: (object: TestObject | undefined) => boolean,
  ref: TestRef,
  timeoutMs = 30_000,
): Promise<TestObject | undefined> {
  const started = Date.now()
  for (;;) {
    const object = await look()
    if (isDone(object)) return object
    if (Date.now() - started > timeoutMs) {
      const state = JSON.stringify(object?.['status'] ?? object, undefined, 2)
      throw new KubeTestError(
        `${ref.kind} ${ref.namespace ?? ''}/${ref.name ?? ''} did not get there in ${timeoutMs} ms: ${state}`,
        0,
        'Timeout',
      )
    }
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}
