import { objectTitle, type NotificationEvent } from '../event.ts'
import { sortedEntries } from '../go-json.ts'
import { addressOf, bearer, chatProvider, postJson } from '../provider.ts'

/** Address of Slack's API for apps, which answers 200 whatever happened. */
const chatApi = 'https://slack.com/api/chat.postMessage'

/** Slack: an attachment, by webhook or with an app's token. */
export const slack = chatProvider((event, target) => {
  const url = addressOf(target)
  const payload = slackMessage({
    channel: target.channel,
    username: target.username || event.reportingController,
    colour: event.severity === 'error' ? 'danger' : 'good',
    fallback: `${objectTitle(event)}: ${event.message.split('\n')[0] ?? ''}`,
    event,
  })
  const check = url === chatApi ? { readBytes: 65_536, refusal: slackRefusal } : {}
  return [postJson(url, payload, { headers: bearer(target.token), ...check })]
})

/** A message in Slack's format, which Discord and Rocket.Chat read too. */
export function slackMessage(options: {
  readonly channel: string
  readonly username: string
  readonly colour: string
  readonly fallback: string
  readonly event: NotificationEvent
}): object {
  const { channel, username, colour, fallback, event } = options
  return {
    channel,
    username,
    icon_url: '',
    icon_emoji: '',
    attachments: [
      {
        fallback,
        color: colour,
        author_name: objectTitle(event),
        text: event.message,
        mrkdwn_in: ['text'],
        fields: sortedEntries(event.metadata).map(([title, value]) => ({ title, value, short: false })),
      },
    ],
  }
}

function slackRefusal(text: string): string | undefined {
  try {
    const answer = JSON.parse(text) as { readonly ok?: unknown; readonly error?: unknown } | null
    if (answer?.ok === true) return undefined
    return typeof answer?.error === 'string' ? answer.error : 'the answer says neither ok nor why not'
  } catch {
    return 'the answer is no JSON'
  }
}
