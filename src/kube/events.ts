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

/** Longest message that Flux's recorder sends. */
const maxMessageLength = 39_000
const annotationPrefix = 'event.toolkit.fluxcd.io/'

/**
 * Writes a Kubernetes Event (core/v1) as Flux's recorder does: reporting controller, metadata and the object's own
 * `event.toolkit.fluxcd.io/` annotations as annotations. The same event again (object, type, reason, message, controller) counts the
 * existing one up instead of adding another.
 *
 * Effects: one POST; for a repeat a GET and a PATCH more. @throws EngineError of these: events are best effort, callers log and go on.
 */
export async function emitEvent(client: KubeClient, event: KubeEvent, options: CallOptions = {}): Promise<void> {
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
  try {
    await client.create(body, options)
  } catch (error) {
    if (!(error instanceof EngineError) || error.code !== 'kube-already-exists') throw error
    const known = await client.get<{ count?: number }>(key, options)
    const patch = { count: (known?.count ?? 0) + 1, lastTimestamp: at, metadata: { annotations } }
    await client.patch(key, { type: 'merge', body: patch }, options)
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
