import { sha256Hex } from '../../base/index.ts'
import { sortedMap } from '../go-json.ts'
import { addressOf, plainProvider, postJson, requiredToken } from '../provider.ts'

/** Opsgenie: an alert whose alias is the same for the same object and reason, by which Opsgenie tells repeats. */
export const opsgenie = plainProvider((event, target) => {
  const { kind, namespace, name } = event.involvedObject
  const token = requiredToken(target)
  const payload = {
    message: `${kind}/${name}`,
    alias: sha256Hex([target.uid, kind, namespace, name, event.reason].join('/')),
    description: event.message,
    details: sortedMap({ ...event.metadata, severity: event.severity }),
  }
  return [postJson(addressOf(target), payload, { headers: { authorization: `GenieKey ${token}` } })]
})
