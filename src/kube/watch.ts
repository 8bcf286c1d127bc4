import { EngineError, isEngineError } from '../base/index.ts'
import type { WatchEvent, WatchOptions } from './client-types.ts'
import { abortedError, startDeadline } from './deadline.ts'
import type { ApiResource } from './discovery.ts'
import { statusError, type KubeStatus } from './errors.ts'
import { decodeJson } from './json.ts'
import type { KindRef, ObjectKey } from './object-key.ts'
import { collectionPath } from './request-path.ts'
import { parseStatus, unreachable, type SendDeps } from './send.ts'

interface WatchDeps extends SendDeps {
  readonly headers: { readonly [name: string]: string }
  resource(): Promise<ApiResource>
}

/** One event of a watch may hold an object of at most this size, as etcd does, with room for its metadata. */
const maxEventBytes = 8 * 1024 * 1024
const reconnectDelayMs = 250
/** Failures after which the watch goes on where it was. */
const passing: ReadonlySet<string> = new Set([
  'cluster-unreachable',
  'kube-unavailable',
  'kube-server-error',
  'kube-timeout',
  'kube-too-many-requests',
])

/** Watches a kind until its time is over; a dropped connection is taken up again behind the last event. */
export async function* watchKind<T extends object>(
  kind: KindRef,
  options: WatchOptions,
  deps: WatchDeps,
): AsyncGenerator<WatchEvent<T>> {
  const resource = await deps.resource()
  const end = deps.clock.now() + options.timeoutMs
  const deadline = startDeadline(options.timeoutMs, options.signal)
  let resourceVersion = options.resourceVersion
  try {
    while (!deadline.signal.aborted && deps.clock.now() < end) {
      const seconds = Math.max(1, Math.ceil((end - deps.clock.now()) / 1000))
      const path = collectionPath(resource, options.namespace, {
        watch: '1',
        allowWatchBookmarks: 'true',
        labelSelector: options.labelSelector,
        fieldSelector: options.fieldSelector,
        resourceVersion,
        timeoutSeconds: String(seconds),
      })
      try {
        for await (const line of openWatch(path, { ...kind, name: '*' }, deps, deadline.signal)) {
          const event = readEvent<T>(line, kind)
          resourceVersion =
            (event.object as { metadata?: { resourceVersion?: string } }).metadata?.resourceVersion ?? resourceVersion
          yield event
        }
      } catch (error) {
        if (deadline.signal.aborted) break
        // Without a resource version a new connection would send everything again as ADDED: that is what a first one does, too.
        if (!(error instanceof EngineError) || !passing.has(error.code)) throw error
        await deps.clock.sleep(reconnectDelayMs, deadline.signal).catch(() => undefined)
      }
    }
    if (options.signal?.aborted === true) throw abortedError(options.signal)
  } finally {
    deadline.release()
  }
}

/** The lines of one connection. Ends when the server ends it; a connection that breaks is `cluster-unreachable`. */
async function* openWatch(path: string, key: ObjectKey, deps: WatchDeps, signal: AbortSignal): AsyncGenerator<string> {
  deps.counter.total++
  const response = await deps.transport
    .send({ method: 'GET', path, headers: deps.headers, signal })
    .catch((error: unknown) =>
      Promise.reject(isEngineError(error) ? error : unreachable(deps.transport.cluster, error)),
    )
  if (response.status !== 200) {
    throw statusError(response.status, parseStatus(await response.text()), { verb: 'watch', key })
  }
  if (!response.body) return
  const reader = response.body.getReader()
  const decoder = new TextDecoder()
  let rest = ''
  try {
    for (;;) {
      const chunk = await reader.read().catch((error: unknown) => {
        throw unreachable(deps.transport.cluster, error)
      })
      if (chunk.done) return
      rest += decoder.decode(chunk.value, { stream: true })
      if (rest.length > maxEventBytes) throw eventTooLarge()
      const lines = rest.split('\n')
      rest = lines.pop() ?? ''
      for (const line of lines) if (line !== '') yield line
    }
  } finally {
    // The caller may stop in the middle: the connection must not stay open.
    await reader.cancel().catch(() => undefined)
  }
}

function readEvent<T extends object>(line: string, kind: KindRef): WatchEvent<T> {
  const event = decodeJson(line) as { type: string; object: T & KubeStatus }
  if (event.type !== 'ERROR') return event as WatchEvent<T>
  throw statusError(event.object.code ?? 500, event.object, { verb: 'watch', key: { ...kind, name: '*' } })
}

function eventTooLarge(): EngineError {
  return new EngineError(`the API server sent a watch event of more than ${maxEventBytes} bytes`, {
    code: 'kube-event-too-large',
    disposition: 'retry',
  })
}
