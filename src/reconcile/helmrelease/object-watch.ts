import { labels } from '../../api/index.ts'
import { isEngineError } from '../../base/index.ts'
import { formatKey, type KubeClient, type ObjectKey } from '../../kube/index.ts'
import { nameOf, namespaceOf, type KubeObject } from '../../resources/index.ts'
import { mapOf } from './objects.ts'

/** Objects that somebody waits for, as watches of their kinds show them. */
export interface Following {
  /** The object as last seen; undefined where nothing was seen of it. */
  get(key: ObjectKey): KubeObject | undefined
  /** False where its kind cannot be watched: then it must be read. */
  isWatched(key: ObjectKey): boolean
  /** Counts the changes of these objects that were seen: to be read before the objects are, and given to {@link changed}. */
  readonly changes: number
  /** Resolves once there are more changes than `seen`, or after `ms`. */
  changed(seen: number, ms: number): Promise<void>
  close(): void
}

/** Watches kinds for all releases of a run: one connection per identity, kind and namespace, however many wait. */
export interface ObjectWatch {
  follow(client: KubeClient, keys: readonly ObjectKey[]): Following
}

interface Stream {
  readonly objects: Map<string, KubeObject>
  /** By the object they wait for: a change wakes only those whom it concerns, however many wait. */
  readonly listeners: Map<string, Set<() => void>>
  /** Changes that were seen, by object. */
  readonly changes: Map<string, number>
  readonly stop: AbortController
  followers: number
  isBroken: boolean
}

/** A connection is renewed after this time. */
const watchMs = 60_000

/** Watches for one run. Only objects with the origin label are seen. */
export function createObjectWatch(signal: AbortSignal): ObjectWatch {
  const streams = new Map<string, Stream>()
  const streamOf = (client: KubeClient, key: ObjectKey): Stream => {
    const id = streamId(client, key)
    const known = streams.get(id)
    if (known !== undefined) return known
    const stream: Stream = {
      objects: new Map(),
      listeners: new Map(),
      changes: new Map(),
      stop: new AbortController(),
      followers: 0,
      isBroken: false,
    }
    streams.set(id, stream)
    void run(client, key, stream, AbortSignal.any([signal, stream.stop.signal]))
    return stream
  }
  return {
    follow: (client, keys) => {
      const used = new Map(keys.map((key) => [streamId(client, key), streamOf(client, key)]))
      for (const stream of used.values()) stream.followers += 1
      const places = keys.flatMap((key) => {
        const stream = used.get(streamId(client, key))
        return stream === undefined ? [] : [{ stream, id: formatKey(key) }]
      })
      const changes = (): number =>
        places.reduce((sum, { stream, id }) => sum + (stream.changes.get(id) ?? 0) + (stream.isBroken ? 1 : 0), 0)
      return {
        get changes() {
          return changes()
        },
        get: (key) => used.get(streamId(client, key))?.objects.get(formatKey(key)),
        isWatched: (key) => used.get(streamId(client, key))?.isBroken === false,
        changed: async (seen, ms) => {
          if (changes() === seen) await nextChange(places, client, ms, signal)
        },
        close: () => {
          for (const [id, stream] of used) {
            stream.followers -= 1
            if (stream.followers > 0) continue
            streams.delete(id)
            stream.stop.abort()
          }
        },
      }
    },
  }
}

/** An object among those that a stream shows. */
interface Place {
  readonly stream: Stream
  readonly id: string
}

async function nextChange(
  places: readonly Place[],
  client: KubeClient,
  ms: number,
  signal: AbortSignal,
): Promise<void> {
  const timer = new AbortController()
  let wake = (): void => undefined
  const change = new Promise<void>((resolve) => (wake = resolve))
  for (const { stream, id } of places) stream.listeners.set(id, (stream.listeners.get(id) ?? new Set()).add(wake))
  const time = client.clock.sleep(ms, AbortSignal.any([timer.signal, signal])).catch(() => undefined)
  await Promise.race([change, time])
  timer.abort()
  for (const { stream, id } of places) {
    const listeners = stream.listeners.get(id)
    listeners?.delete(wake)
    if (listeners?.size === 0) stream.listeners.delete(id)
  }
}

/** Keeps a stream's objects up to date until it is stopped. A failure makes it broken: its followers read for themselves then. */
async function run(client: KubeClient, kind: ObjectKey, stream: Stream, signal: AbortSignal): Promise<void> {
  const wake = (id: string): void => {
    stream.changes.set(id, (stream.changes.get(id) ?? 0) + 1)
    for (const listener of stream.listeners.get(id) ?? []) listener()
  }
  while (!signal.aborted) {
    try {
      const events = client.watch<KubeObject>(
        { apiVersion: kind.apiVersion, kind: kind.kind },
        {
          ...(kind.namespace === undefined || kind.namespace === '' ? {} : { namespace: kind.namespace }),
          labelSelector: labels.helmName,
          timeoutMs: watchMs,
          signal,
        },
      )
      for await (const event of events) {
        if (event.type === 'BOOKMARK') continue
        const id = formatKey({ ...kind, name: nameOf(event.object), namespace: namespaceOf(event.object) })
        if (event.type === 'DELETED') stream.objects.delete(id)
        else stream.objects.set(id, { ...event.object, apiVersion: kind.apiVersion, kind: kind.kind })
        wake(id)
      }
    } catch (error) {
      if (signal.aborted) return
      stream.objects.clear()
      if (isEngineError(error) && error.code === 'kube-gone') continue
      stream.isBroken = true
      for (const listeners of stream.listeners.values()) for (const listener of listeners) listener()
      return
    }
  }
}

function streamId(client: KubeClient, key: ObjectKey): string {
  return [client.cluster, client.user ?? '', key.apiVersion, key.kind, key.namespace ?? ''].join('\n')
}

/** True for an object that watches show: it carries the label of its origin. */
export function hasOrigin(object: KubeObject): boolean {
  return mapOf(mapOf(object['metadata'])['labels'])[labels.helmName] !== undefined
}
