import { apiVersions, plurals, type Condition, type Kind } from '../api/index.ts'
import { EngineError, toEngineError } from '../base/index.ts'
import { inventoryKey, type InventoryEntry } from '../kube/index.ts'
import type { Clock, KubeTransport } from '../ports/index.ts'

/** An applied object, as the inventory names it. */
export interface InventoryObject {
  readonly apiVersion: string
  readonly kind: string
  readonly namespace: string
  readonly name: string
}

/** What is read from the cluster itself: nothing of the spec. */
export interface LiveObject {
  /** Milliseconds since 1970. */
  readonly readAt: number
  readonly conditions: readonly Condition[]
  readonly inventory: readonly InventoryObject[]
}

/** Bounds of one look into a cluster. */
const timeoutMs = 3_000
const maxBytes = 4 * 1024 * 1024

/** What reading an object from its cluster needs. `connectTo` may take as long as it wants; it is not waited for. */
export interface LiveDeps {
  readonly connectTo: (cluster: string) => Promise<KubeTransport | undefined>
  readonly clock: Clock
}

/**
 * Reads conditions and inventory of one object of ours from its cluster: one GET, at most three seconds. Throws EngineError `not-found`, `cluster-slow`,
 * `cluster-unreachable`, `cluster-answer` (what the API server said instead).
 */
export async function readLive(
  deps: LiveDeps,
  cluster: string,
  key: { readonly kind: string; readonly namespace: string; readonly name: string },
): Promise<LiveObject> {
  const ended = new AbortController()
  const late = deps.clock
    .sleep(timeoutMs, ended.signal)
    .then(() => Promise.reject(slow()))
    .finally(() => ended.abort())
  late.catch(() => undefined) // Rejects unseen when the answer came in time.
  try {
    return await Promise.race([request(deps, cluster, key, ended.signal), late])
  } finally {
    ended.abort()
  }
}

async function request(
  deps: LiveDeps,
  cluster: string,
  key: { readonly kind: string; readonly namespace: string; readonly name: string },
  signal: AbortSignal,
): Promise<LiveObject> {
  const transport = await deps.connectTo(cluster).catch((caught: unknown) => {
    throw toEngineError(caught, { code: 'cluster-unreachable', disposition: 'retry' })
  })
  if (transport === undefined || !Object.hasOwn(apiVersions, key.kind)) throw notFound()
  const kind = key.kind as Kind
  const path = `/apis/${apiVersions[kind]}/namespaces/${encodeURIComponent(key.namespace)}/${plurals[kind]}/${encodeURIComponent(key.name)}`
  const response = await transport.send({ method: 'GET', path, headers: { accept: 'application/json' }, signal })
  const text = await readBounded(response.body)
  if (response.status === 404) throw notFound()
  if (response.status !== 200)
    throw new EngineError(`the API server answered ${response.status}`, { code: 'cluster-answer' })
  const { status } = JSON.parse(text) as {
    readonly status?: {
      readonly conditions?: readonly Condition[]
      readonly inventory?: { readonly entries?: readonly InventoryEntry[] }
    }
  }
  return {
    readAt: deps.clock.now(),
    conditions: (status?.conditions ?? []).map(({ type, status: value, reason, message, lastTransitionTime }) => ({
      type,
      status: value,
      reason,
      message,
      lastTransitionTime,
    })),
    inventory: (status?.inventory?.entries ?? []).flatMap((entry) => {
      const found = inventoryKey(entry)
      if (found === undefined) return []
      const { apiVersion, kind: kindOfObject, namespace = '', name } = found
      return [{ apiVersion, kind: kindOfObject, namespace, name }]
    }),
  }
}

async function readBounded(body: ReadableStream<Uint8Array> | null): Promise<string> {
  if (body === null) return ''
  const decoder = new TextDecoder()
  let text = ''
  let bytes = 0
  for await (const chunk of body) {
    bytes += chunk.length
    if (bytes > maxBytes)
      throw new EngineError(`the object is larger than ${maxBytes} bytes`, { code: 'cluster-answer' })
    text += decoder.decode(chunk, { stream: true })
  }
  return text + decoder.decode()
}

function slow(): EngineError {
  return new EngineError(`the cluster did not answer within ${timeoutMs / 1000} seconds`, { code: 'cluster-slow' })
}

function notFound(): EngineError {
  return new EngineError('there is no such object in the cluster', { code: 'not-found' })
}
