import { objectTitle, unixSeconds } from '../event.ts'
import { sortedEntries } from '../go-json.ts'
import { addressOf, basic, bearer, plainProvider, postJson } from '../provider.ts'

/** Grafana: an annotation in Graphite's format. Colons separate a tag's key from its value, so those in the facts become bars. */
export const grafana = plainProvider((event, target) => {
  const { kind, namespace, name } = event.involvedObject
  const plain = (text: string): string => text.replaceAll(':', '|')
  const tags = [
    'flux',
    event.reportingController,
    ...sortedEntries(event.metadata).map(([key, value]) => `${plain(key)}: ${plain(value)}`),
    `kind: ${kind}`,
    `name: ${name}`,
    `namespace: ${namespace}`,
  ]
  const { username, password, token } = target
  const headers = token === '' && username !== '' && password !== '' ? basic(username, password) : bearer(token)
  return [postJson(addressOf(target), { when: unixSeconds(event), text: objectTitle(event), tags }, { headers })]
})
