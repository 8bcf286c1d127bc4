import { goJson, sortedMap } from './go-json.ts'

/** What happened to an object, as Flux's controllers tell it to notification-controller (event.toolkit.fluxcd.io v1beta1). */
export interface NotificationEvent {
  readonly involvedObject: {
    readonly kind: string
    readonly namespace: string
    readonly name: string
    readonly uid?: string
    readonly apiVersion: string
    readonly resourceVersion?: string
  }
  readonly severity: 'info' | 'error'
  /** RFC 3339 in UTC, whole seconds. */
  readonly timestamp: string
  readonly message: string
  readonly reason: string
  /** Keys carry the prefix of a group (`kustomize.toolkit.fluxcd.io/revision`) until the event is made ready for an Alert. */
  readonly metadata: { readonly [key: string]: string }
  readonly reportingController: string
  readonly reportingInstance: string
  /** Stands where the object's name would: a message about several objects. Never part of the JSON. */
  readonly title?: string
}

/** The event as Go marshals it: what `generic` sends and `generic-hmac` signs. */
export function eventJson(event: NotificationEvent): string {
  return goJson(eventFields(event))
}

/** The fields of {@link eventJson} in Go's order. Empty ones that Go leaves out are left out. */
export function eventFields(event: NotificationEvent): { readonly [name: string]: unknown } {
  const { kind, namespace, name, uid, apiVersion, resourceVersion } = event.involvedObject
  const present = (value: string | undefined): string | undefined => (value === '' ? undefined : value)
  return {
    involvedObject: {
      kind: present(kind),
      namespace: present(namespace),
      name: present(name),
      uid: present(uid),
      apiVersion: present(apiVersion),
      resourceVersion: present(resourceVersion),
    },
    severity: event.severity,
    timestamp: event.timestamp,
    message: event.message,
    reason: event.reason,
    metadata: Object.keys(event.metadata).length === 0 ? undefined : sortedMap(event.metadata),
    reportingController: event.reportingController,
    reportingInstance: present(event.reportingInstance),
  }
}

/** `kustomization/app.default`: how most providers name the object. */
export function objectTitle(event: NotificationEvent): string {
  const { kind, name, namespace } = event.involvedObject
  return event.title ?? `${kind.toLowerCase()}/${name}.${namespace}`
}

/** `Kustomization/default/app`, as events and comments name an object. */
export function objectPath(event: Pick<NotificationEvent, 'involvedObject'>): string {
  const { kind, namespace, name } = event.involvedObject
  return `${kind}/${namespace}/${name}`
}

/** The API group of the object. */
export function objectGroup(event: Pick<NotificationEvent, 'involvedObject'>): string {
  const { apiVersion } = event.involvedObject
  const slash = apiVersion.indexOf('/')
  return slash < 0 ? '' : apiVersion.slice(0, slash)
}

/** Seconds since 1970 of the event. */
export function unixSeconds(event: NotificationEvent): number {
  return Math.floor(Date.parse(event.timestamp) / 1000)
}

/**
 * The name and the description that statuses and incidents carry (notification-controller 1.9): `kustomization/app`, and the reason as words, `reconciliation succeeded`.
 */
export function nameAndDescription(event: NotificationEvent): { readonly name: string; readonly description: string } {
  const { kind, name } = event.involvedObject
  return { name: `${kind}/${name}`.toLowerCase(), description: camelWords(event.reason).join(' ').toLowerCase() }
}

/** The words of a name in camel case; digits and other characters are words of their own, and a run of capitals ends before the last one (`PDFLoader`: `PDF`, `Loader`). */
export function camelWords(text: string): readonly string[] {
  return text.match(/\p{Lu}+(?=\p{Lu}\p{Ll})|\p{Lu}?\p{Ll}+|\p{Lu}+|\p{Nd}+|[^\p{Lu}\p{Ll}\p{Nd}]+/gu) ?? []
}
