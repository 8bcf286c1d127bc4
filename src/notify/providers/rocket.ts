import { addressOf, chatProvider, postJson } from '../provider.ts'
import { slackMessage } from './slack.ts'

/** Rocket.Chat: a webhook that reads Slack's format. */
export const rocket = chatProvider((event, target) => {
  const { channel, username } = target
  const colour = event.severity === 'error' ? '#FF0000' : '#0076D7'
  return [postJson(addressOf(target), slackMessage({ channel, username, colour, fallback: '', event }))]
})
