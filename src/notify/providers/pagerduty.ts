import { nameAndDescription } from '../event.ts'
import { sortedMap } from '../go-json.ts'
import { addressOf, plainProvider, postJson } from '../provider.ts'

/** PagerDuty: errors trigger an incident, anything else but progress resolves it and is a change besides (Events API v2). The routing key is the channel. */
export const pagerduty = plainProvider((event, target) => {
  const { origin } = new URL(addressOf(target))
  if (event.reason === 'Progressing') return []
  const { kind, name, uid } = event.involvedObject
  const { name: title, description } = nameAndDescription(event)
  const isError = event.severity === 'error'
  const metadata = sortedMap(event.metadata)
  const shared = { summary: `${description}: ${title}`, source: `Flux ${event.reportingController}` }
  const details = { message: event.message, metadata }
  const incident = {
    routing_key: target.channel,
    event_action: isError ? 'trigger' : 'resolve',
    dedup_key: uid === '' ? undefined : uid,
    payload: isError
      ? {
          ...shared,
          severity: 'error',
          timestamp: event.timestamp,
          component: name,
          group: kind,
          custom_details: details,
        }
      : undefined,
  }
  const requests = [postJson(`${origin}/v2/enqueue`, incident)]
  if (isError) return requests
  const payload = { ...shared, timestamp: event.timestamp, custom_details: details }
  return [...requests, postJson(`${origin}/v2/change/enqueue`, { routing_key: target.channel, payload })]
})
