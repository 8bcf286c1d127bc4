import { objectTitle } from '../event.ts'
import { sortedMap } from '../go-json.ts'
import { addressOf, plainProvider, postJson, requiredToken } from '../provider.ts'

/** incident.io: an alert of an HTTP source, resolved by what follows; progress is no news. */
export const incidentio = plainProvider((event, target) => {
  const url = addressOf(target)
  const token = requiredToken(target)
  if (event.reason === 'Progressing') return []
  const { reportingController } = event
  const metadata = {
    ...event.metadata,
    severity: event.severity,
    reason: event.reason,
    ...(reportingController === '' ? {} : { reportingController }),
  }
  const payload = {
    title: `${objectTitle(event)}: ${event.reason}`,
    status: event.severity === 'error' ? 'firing' : 'resolved',
    deduplication_key: event.involvedObject.uid ?? '',
    description: event.message === '' ? undefined : event.message,
    metadata: sortedMap(metadata),
  }
  return [postJson(url, payload, { headers: { authorization: `Bearer ${token}` } })]
})
