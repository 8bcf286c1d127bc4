import { annotations } from '../../api/index.ts'
import { cleanMetadata, scrubMessage, type NotificationEvent } from '../../notify/index.ts'
import type { ReconcileEvent } from '../events.ts'
import { timestamp } from '../timestamp.ts'
import type { Managed } from '../world.ts'

/** An event with what matching needs besides. */
export interface LabelledEvent {
  readonly event: NotificationEvent
  readonly labels: { readonly [key: string]: string }
}

/** Longest message that Flux's recorder sends. */
const maxMessageLength = 39_000

/** An event of the engine as Flux's controllers tell it: with the object's own annotations, metadata under its group, and nothing in the message that looks like a credential. */
export function toNotificationEvent(event: ReconcileEvent & { readonly timestamp: number }): LabelledEvent {
  const { object, severity, reason, controller } = event
  const { name, namespace = '', uid, resourceVersion, labels = {} } = object.metadata
  const group = object.apiVersion.split('/')[0] ?? ''
  const own = Object.entries(object.metadata.annotations ?? {}).filter(([key]) =>
    key.startsWith(annotations.eventPrefix),
  )
  const given = Object.entries(event.metadata ?? {}).map(
    ([key, value]) => [key.includes('/') ? key : `${group}/${key}`, value] as const,
  )
  return {
    labels,
    event: cleanMetadata({
      involvedObject: {
        kind: object.kind,
        namespace,
        name,
        apiVersion: object.apiVersion,
        ...(uid === undefined ? {} : { uid }),
        ...(resourceVersion === undefined ? {} : { resourceVersion }),
      },
      severity,
      timestamp: timestamp(event.timestamp),
      message: scrubMessage(event.message.slice(0, maxMessageLength)),
      reason,
      metadata: Object.fromEntries([...own, ...given]),
      reportingController: controller,
      reportingInstance: controller,
    }),
  }
}

/** The controller of Flux that would tell of an object. */
function controllerOf(object: Managed): ReconcileEvent['controller'] {
  if (object.kind === 'Kustomization') return 'kustomize-controller'
  return object.kind === 'HelmRelease' ? 'helm-controller' : 'source-controller'
}

/** An event that says that an object is ready again, in the words of its condition. */
export function readyEvent(object: Managed, now: number): LabelledEvent {
  const ready = readyCondition(object)
  const revision = object.kind === 'Kustomization' ? object.status?.lastAppliedRevision : undefined
  return toNotificationEvent({
    object,
    severity: 'info',
    reason: ready?.reason ?? 'Succeeded',
    message: ready?.message ?? 'ready',
    controller: controllerOf(object),
    timestamp: now,
    ...(revision === undefined ? {} : { metadata: { revision } }),
  })
}

/** The condition that says whether an object is ready. */
export function readyCondition(
  object: Managed,
): { readonly status: string; readonly reason: string; readonly message: string } | undefined {
  return object.status?.conditions?.find((condition) => condition.type === 'Ready')
}
