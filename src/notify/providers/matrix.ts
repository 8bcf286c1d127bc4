import { sha1 } from '@noble/hashes/legacy.js'
import { bytesToHex, utf8ToBytes } from '@noble/hashes/utils.js'
import { eventJson, objectTitle } from '../event.ts'
import { sortedEntries } from '../go-json.ts'
import { addressOf, chatProvider, postJson } from '../provider.ts'

/** Matrix: a text message in a room. The transaction id is made from the event, so that one sent twice arrives once. */
export const matrix = chatProvider((event, target) => {
  const transaction = bytesToHex(sha1(utf8ToBytes(eventJson(event))))
  const url = `${addressOf(target)}/_matrix/client/r0/rooms/${target.channel}/send/m.room.message/${transaction}`
  const emoji = event.severity === 'error' ? '🚨' : '💫'
  const facts = sortedEntries(event.metadata).map(([key, value]) => `- ${key}: ${value}\n`)
  const body = `${emoji} ${objectTitle(event)}\n${event.message}\n${facts.join('')}`
  const headers = { authorization: `Bearer ${target.token}` }
  return [{ ...postJson(url, { body, msgtype: 'm.text' }, { headers }), method: 'PUT' }]
})
