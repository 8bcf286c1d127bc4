import { sha256Hex } from '../../base/index.ts'
import { eventJson, objectTitle } from '../event.ts'
import { sortedEntries } from '../go-json.ts'
import { addressOf, chatProvider, postJson, requiredToken } from '../provider.ts'

/** Characters of a status that every server takes. */
const maxStatus = 500

/** Mastodon: a status of the token's account (docs.joinmastodon.org, POST /api/v1/statuses), made once however often it is sent. */
export const mastodon = chatProvider((event, target) => {
  const token = requiredToken(target)
  const url = new URL('/api/v1/statuses', addressOf(target)).href
  const emoji = event.severity === 'error' ? '🚨' : '💫'
  const facts = sortedEntries(event.metadata).map(([key, value]) => `${key}: ${value}\n`)
  const text = Array.from(`${emoji} ${objectTitle(event)}\n${event.message}\n${facts.join('')}`.trimEnd())
  const status = text.length > maxStatus ? `${text.slice(0, maxStatus - 1).join('')}…` : text.join('')
  const headers = { authorization: `Bearer ${token}`, 'idempotency-key': sha256Hex(eventJson(event)) }
  return [postJson(url, { status }, { headers })]
})
