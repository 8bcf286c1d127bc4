import { sha256Hex } from '../../base/index.ts'
import { eventJson, unixSeconds, type NotificationEvent } from '../event.ts'
import { sortedEntries } from '../go-json.ts'
import { addressOf, basic, bearer, plainProvider, postJson } from '../provider.ts'
import type { Target } from '../types.ts'

/** OpenTelemetry: one span for each event, over OTLP/HTTP as JSON. All events of one revision that an Alert sends are one trace. HelmRepositories are no part of it. */
export const otel = plainProvider((event, target) => {
  const url = new URL(addressOf(target))
  if (event.involvedObject.kind === 'HelmRepository') return []
  if (url.pathname === '/') url.pathname = '/v1/traces'
  const headers = Object.fromEntries(Object.entries(target.headers).map(([name, value]) => [name.toLowerCase(), value]))
  return [postJson(url.href, traceOf(event, target), { headers: { ...authorization(target), ...headers } })]
})

function traceOf(event: NotificationEvent, target: Target): object {
  const { alert } = target
  const { kind, namespace, name, uid = '' } = event.involvedObject
  const time = `${unixSeconds(event)}000000000`
  const span = {
    traceId: sha256Hex(`${alert.uid}:${revisionOf(event)}`).slice(0, 32),
    spanId: sha256Hex(eventJson(event)).slice(0, 16),
    name: `${kind}: ${namespace}/${name}`,
    kind: 1,
    startTimeUnixNano: time,
    endTimeUnixNano: time,
    attributes: [
      attribute('object.uid', uid),
      attribute('object.kind', kind),
      attribute('object.name', name),
      attribute('object.namespace', namespace),
      ...sortedEntries(event.metadata).map(([key, value]) => attribute(key, value)),
    ],
    // Only an error has a description.
    status: event.severity === 'error' ? { message: event.message, code: 2 } : { code: 1 },
  }
  const resource = {
    attributes: [
      attribute('service.name', `${alert.namespace}/${alert.name}`),
      attribute('service.namespace', alert.namespace),
      attribute('service.instance.id', alert.uid),
    ],
  }
  const scopeSpans = [{ scope: { name: 'flux:notification-controller' }, spans: [span] }]
  return { resourceSpans: [{ resource, scopeSpans, schemaUrl: 'https://opentelemetry.io/schemas/1.34.0' }] }
}

function attribute(key: string, value: string): object {
  return { key, value: { stringValue: value } }
}

/** Releases from OCI artifacts name the version and digest of the artifact, as their source does. */
function revisionOf(event: NotificationEvent): string {
  const { 'oci-digest': digest, 'app-version': version, revision } = event.metadata
  if (digest !== undefined && version !== undefined) return `${version}@${digest}`
  return revision ?? 'unknown'
}

function authorization(target: Target): { readonly authorization?: string } {
  const secret = target.token || target.password
  if (secret === '') return {}
  return target.username === '' ? bearer(secret) : basic(target.username, secret)
}
