import { objectTitle } from '../event.ts'
import { sortedEntries } from '../go-json.ts'
import { addressOf, chatProvider, postJson } from '../provider.ts'

/** Lark and Feishu: an interactive card. */
export const lark = chatProvider((event, target) => {
  const isError = event.severity === 'error'
  const facts = sortedEntries(event.metadata).map(([key, value]) => `${key}: ${value}\n`)
  const payload = {
    msg_type: 'interactive',
    card: {
      config: { wide_screen_mode: true },
      header: {
        title: { tag: 'plain_text', content: `${isError ? '🚨' : '💫'} ${objectTitle(event)}` },
        template: isError ? 'red' : 'turquoise',
      },
      elements: [{ tag: 'div', text: { tag: 'lark_md', content: `**${event.message}**\n\n${facts.join('')}` } }],
    },
  }
  return [postJson(addressOf(target), payload)]
})
