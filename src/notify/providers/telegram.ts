import { configError } from '../errors.ts'
import { sortedEntries } from '../go-json.ts'
import { chatProvider, postJson, requiredToken } from '../provider.ts'

/** Telegram: a bot's message in MarkdownV2. The channel is a chat, with `:<thread>` behind it for a topic. The Provider's address is not used. */
export const telegram = chatProvider((event, target) => {
  const token = requiredToken(target)
  if (target.channel === '') throw configError('a Provider of type telegram needs spec.channel')
  const { kind, name, namespace } = event.involvedObject
  const emoji = event.severity === 'error' ? '🚨' : '💫'
  const heading = `${emoji} ${event.title ?? `${kind.toLowerCase()}/${name}/${namespace}`}`
  const facts = sortedEntries(event.metadata).map(([key, value]) => `\\- *${escaped(key)}*: ${escaped(value)}\n`)
  const colon = target.channel.indexOf(':')
  const payload = {
    chat_id: colon < 0 ? target.channel : target.channel.slice(0, colon),
    message_thread_id: colon < 0 || colon === target.channel.length - 1 ? undefined : target.channel.slice(colon + 1),
    text: `*${escaped(heading)}*\n${escaped(event.message)}\n${facts.join('')}`,
    parse_mode: 'MarkdownV2',
  }
  return [postJson(`https://api.telegram.org/bot${token}/sendMessage`, payload)]
})

/** Characters that MarkdownV2 reserves (core.telegram.org/bots/api#markdownv2-style). */
function escaped(text: string): string {
  return text.replace(/[\\._[\]()~>`#+=|{}!*-]/g, '\\$&')
}
