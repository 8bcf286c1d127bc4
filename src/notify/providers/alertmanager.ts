import { sortedMap } from '../go-json.ts'
import { addressOf, basic, bearer, plainProvider, postJson } from '../provider.ts'

/** Go's zero time, which Alertmanager takes for "not known": it resolves the alert after its own `resolve_timeout`. */
const noEnd = '0001-01-01T00:00:00Z'

/** Prometheus Alertmanager: a firing alert with the facts as labels. */
export const alertmanager = plainProvider((event, target) => {
  const { summary, ...facts } = event.metadata
  const { kind, namespace, name } = event.involvedObject
  const labels = {
    ...facts,
    alertname: `Flux${kind}${titleCase(event.reason)}`,
    severity: event.severity,
    reason: event.reason,
    kind,
    name,
    namespace,
    reportingcontroller: event.reportingController,
  }
  const annotations = { message: event.message, ...(summary === undefined ? {} : { summary }) }
  const alert = {
    status: 'firing',
    labels: sortedMap(labels),
    annotations: sortedMap(annotations),
    startsAt: event.timestamp,
    endsAt: noEnd,
  }
  const { username, password, token } = target
  const headers = username !== '' && password !== '' ? basic(username, password) : bearer(token)
  return [postJson(addressOf(target), [alert], { headers })]
})

/** A first capital for each word, the rest of it small, as Flux's title case does: `Reconciliationfailed`. */
function titleCase(text: string): string {
  return text.replace(/[\p{L}\p{N}]+/gu, (word) => word.charAt(0).toUpperCase() + word.slice(1).toLowerCase())
}
