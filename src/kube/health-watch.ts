import { keyOf, type ObjectKey } from './object-key.ts'
import { nameOf, namespaceOf, objectIdKey, parseApiVersion, type KubeObject } from '../resources/index.ts'
import type { KubeClient } from './client-types.ts'

/** Watches opened for one wait; what is beyond is looked at from time to time. */
const maxWatches = 20

/** Objects under observation: what the API server last said of each. */
export interface TargetWatch {
  /** The last state of a target since the watch began; `unseen` where no event came, `gone` where it was deleted. */
  stateOf(key: ObjectKey): KubeObject | 'unseen' | 'gone'
  /** True for targets that no watch covers: they have to be read. */
  isUncovered(key: ObjectKey): boolean
  /** Resolves at the next event, or after `ms`, or when the wait is to end. */
  next(ms: number): Promise<void>
  /** Ends all connections. */
  close(): Promise<void>
}

/**
 * Watches objects, one connection per kind and namespace: a single object by its name, several by all of their kind in the namespace. A kind that
 * may not be watched is uncovered. Everything ends with `close`, after `timeoutMs`, or when `signal` aborts.
 */
export function watchTargets(
  client: KubeClient,
  targets: readonly ObjectKey[],
  options: { readonly timeoutMs: number; readonly signal: AbortSignal | undefined },
): TargetWatch {
  const states = new Map<string, KubeObject | 'gone'>()
  const uncovered = new Set<string>()
  const closing = new AbortController()
  const signal = options.signal === undefined ? closing.signal : AbortSignal.any([closing.signal, options.signal])
  let wake: () => void = () => undefined
  const groups = Map.groupBy(targets, (key) => `${key.apiVersion}|${key.kind}|${key.namespace ?? ''}`)
  const follow = async (group: string, keys: readonly ObjectKey[]): Promise<void> => {
    const [first] = keys
    if (first === undefined) return
    const wanted = new Set(keys.map(stateKey))
    try {
      const events = client.watch<KubeObject>(first, {
        namespace: first.namespace,
        timeoutMs: options.timeoutMs,
        signal,
        ...(keys.length === 1 ? { fieldSelector: `metadata.name=${first.name}` } : {}),
      })
      for await (const { type, object } of events) {
        if (type === 'BOOKMARK') continue
        const id = stateKey({
          ...keyOf(object),
          apiVersion: first.apiVersion,
          kind: first.kind,
          name: nameOf(object),
          namespace: namespaceOf(object),
        })
        if (!wanted.has(id)) continue
        states.set(id, type === 'DELETED' ? 'gone' : { apiVersion: first.apiVersion, kind: first.kind, ...object })
        wake()
      }
    } catch {
      // Not allowed to watch, or the server cannot: its objects are read instead.
      uncovered.add(group)
      wake()
    }
  }
  const running = [...groups].map(([group, keys], index) => {
    if (index < maxWatches) return follow(group, keys)
    uncovered.add(group)
    return Promise.resolve()
  })
  return {
    stateOf: (key) => states.get(stateKey(key)) ?? 'unseen',
    isUncovered: (key) => uncovered.has(`${key.apiVersion}|${key.kind}|${key.namespace ?? ''}`),
    next: async (ms) => {
      const event = new Promise<void>((resolve) => (wake = resolve))
      const pause = new AbortController()
      const end = AbortSignal.any([signal, pause.signal])
      await Promise.race([event, client.clock.sleep(ms, end).catch(() => undefined)])
      pause.abort()
    },
    close: async () => {
      closing.abort()
      await Promise.all(running)
    },
  }
}

function stateKey(key: ObjectKey): string {
  const { group } = parseApiVersion(key.apiVersion)
  return objectIdKey({ group, kind: key.kind, namespace: key.namespace ?? '', name: key.name })
}
