import { addressOf, chatProvider, postJson } from '../provider.ts'
import { slackMessage } from './slack.ts'

/** Discord: a webhook that reads Slack's format, at the address with `/slack` behind it. */
export const discord = chatProvider((event, target) => {
  const url = new URL(addressOf(target))
  if (!target.address.endsWith('/slack')) url.pathname = `${url.pathname.replace(/\/+$/, '')}/slack`
  const payload = slackMessage({
    channel: '',
    username: target.username || event.reportingController,
    colour: event.severity === 'error' ? 'danger' : 'good',
    fallback: '',
    event,
  })
  return [postJson(url.href, payload)]
})
