import { parseApiVersion } from '../resources/index.ts'
import type { CallOptions, KubeClient } from './client-types.ts'
import { EngineError, sha256Hex } from '../base/index.ts'
import type { ObjectKey } from './object-key.ts'
import type { ObjectLike } from './object-like.ts'

/** An event about one of our objects. */
export interface KubeEvent {
  readonly object: ObjectLike
  /** `error` becomes a Warning. */
  readonly severity: 'trace' | 'info' | 'error'
  readonly reason: string
  readonly message: string
  /** Name under which the event is reported: `kustomize-controller`, `helm-controller`, `source-controller`. */
  readonly controller: string
  /** Written as annotations; each key gets the object's group as a prefix, unless it has one. */
  readonly metadata?: { readonly [key: string]: string }
  /** Milliseconds since 1970. */
  readonly timestamp: number
}

/** How often each event has been written, by its namespace and name; the latest last. What is not in here is asked for when it is needed. */
export type EventCounts = Map<string, number>

/** Events that are remembered. The API server itself forgets them after an hour. */
const maxCounts = 10_000

/** Longest message that Flux's recorder sends. */
const maxMessageLength = 39_000
const annotationPrefix = 'event.toolkit.fluxcd.io/'

/**
 * Writes a Kubernetes Event (core/v1) as Flux's recorder does: reporting controller, metadata and the object's own
 * `event.toolkit.fluxcd.io/` annotations as annotations. The same event again (object, type, reason, message, controller) counts the
 * existing one up instead of adding another.
 *
 * Effects: one POST, for a repeat one PATCH; a GET and a PATCH more for a repeat that `counts` does not know. @throws EngineError of these: events are best effort, callers log and go on.
 */
export async function emitEvent(
  client: KubeClient,
  event: KubeEvent,
  options: CallOptions & { readonly counts?: EventCounts } = {},
): Promise<void> {
  const { object } = event
  const namespace =
    object.metadata.namespace === undefined || object.metadata.namespace === '' ? 'default' : object.metadata.namespace
  const message = event.message.slice(0, maxMessageLength)
  const type = event.severity === 'error' ? 'Warning' : 'Normal'
  const identity = [
    object.apiVersion,
    object.kind,
    namespace,
    object.metadata.name,
    object.metadata.uid ?? '',
    type,
    event.reason,
    message,
    event.controller,
  ]
  const name = `${object.metadata.name.slice(0, 230)}.${sha256Hex(identity.join('\0')).slice(0, 16)}`
  const at = `${new Date(event.timestamp).toISOString().slice(0, 19)}Z`
  const key: ObjectKey = { apiVersion: 'v1', kind: 'Event', namespace, name }
  const annotations = annotationsOf(event)
  const body = {
    apiVersion: 'v1',
    kind: 'Event',
    metadata: { name, namespace, ...(Object.keys(annotations).length === 0 ? {} : { annotations }) },
    involvedObject: {
      apiVersion: object.apiVersion,
      kind: object.kind,
      namespace: object.metadata.namespace,
      name: object.metadata.name,
      uid: object.metadata.uid,
      resourceVersion: object.metadata.resourceVersion,
    },
    type,
    reason: event.reason,
    message,
    source: { component: event.controller },
    reportingComponent: event.controller,
    reportingInstance: event.controller,
    firstTimestamp: at,
    lastTimestamp: at,
    count: 1,
  }
  const { counts } = options
  const id = `${namespace}/${name}`
  const known = counts?.get(id)
  const remember = (count: number): void => {
    if (counts === undefined) return
    counts.delete(id)
    counts.set(id, count)
    const [oldest] = counts.size > maxCounts ? counts.keys() : []
    if (oldest !== undefined) counts.delete(oldest)
  }
  const countUp = async (before: number): Promise<void> => {
    const patch = { count: before + 1, lastTimestamp: at, metadata: { annotations } }
    await client.patch(key, { type: 'merge', body: patch }, options)
    remember(before + 1)
  }
  if (known !== undefined) {
    try {
      return await countUp(known)
    } catch (error) {
      // It has expired: a new one begins.
      if (!(error instanceof EngineError) || error.code !== 'kube-not-found') throw error
    }
  }
  try {
    await client.create(body, options)
    remember(1)
  } catch (error) {
    if (!(error instanceof EngineError) || error.code !== 'kube-already-exists') throw error
    const live = await client.get<{ count?: number }>(key, options)
    await countUp(live?.count ?? 0)
  }
}

function annotationsOf(event: KubeEvent): { [key: string]: string } {
  const { group } = parseApiVersion(event.object.apiVersion)
  const result: { [key: string]: string } = {}
  for (const [key, value] of Object.entries(event.object.metadata.annotations ?? {})) {
    if (key.startsWith(annotationPrefix)) result[key] = value
  }
  for (const [key, value] of Object.entries(event.metadata ?? {}))
    result[key.includes('/') ? key : `${group}/${key}`] = value
  return result
}
