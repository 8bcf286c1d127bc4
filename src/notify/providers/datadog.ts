import { unixSeconds } from '../event.ts'
import { sortedEntries } from '../go-json.ts'
import { addressOf, plainProvider, postJson, requiredToken } from '../provider.ts'

/** Datadog: an event (API v1), tagged as Datadog's own integrations of Flux and Kubernetes tag; tags are lower case there. */
export const datadog = plainProvider((event, target) => {
  const { origin } = new URL(addressOf(target))
  const token = requiredToken(target)
  const { kind, namespace, name } = event.involvedObject
  const tags = [
    `flux_reporting_controller:${event.reportingController}`,
    `flux_reason:${event.reason}`,
    `kube_kind:${kind}`,
    `kube_name:${name}`,
    `kube_namespace:${namespace}`,
    ...sortedEntries(event.metadata).map(([key, value]) => `${key}:${value}`),
  ]
  const payload = {
    alert_type: event.severity,
    date_happened: unixSeconds(event),
    source_type_name: 'fluxcd',
    tags: tags.map((tag) => tag.toLowerCase()),
    text: event.message,
    title: `Events from the ${kind} ${name}/${namespace}`,
  }
  return [
    postJson(`${origin}/api/v1/events`, payload, { headers: { accept: 'application/json', 'dd-api-key': token } }),
  ]
})
