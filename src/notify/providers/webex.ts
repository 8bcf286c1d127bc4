import { objectTitle } from '../event.ts'
import { sortedEntries } from '../go-json.ts'
import { addressOf, chatProvider, postJson } from '../provider.ts'

/** Webex: a message in a room, by a bot. */
export const webex = chatProvider((event, target) => {
  const emoji = event.severity === 'error' ? '💣' : '✅'
  const facts = sortedEntries(event.metadata).map(([key, value]) => `>**${key}**: ${value}\n`)
  const markdown = `${emoji} **${objectTitle(event)}**\n${event.message}\n${facts.join('')}`
  const payload = { roomId: target.channel === '' ? undefined : target.channel, markdown }
  return [postJson(addressOf(target), payload, { headers: { authorization: `Bearer ${target.token}` } })]
})
