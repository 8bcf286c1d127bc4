import { configError } from '../errors.ts'
import { queryEscape } from '../go-json.ts'
import { markdownPost } from '../markdown.ts'
import { addressOf, basic, chatProvider } from '../provider.ts'

/** Zulip: a message in a topic of a channel (`channel/topic`), as a bot with user name and password. */
export const zulip = chatProvider((event, target) => {
  const url = new URL(addressOf(target))
  url.pathname = '/api/v1/messages'
  const slash = target.channel.indexOf('/')
  const [stream, topic] = [target.channel.slice(0, slash), target.channel.slice(slash + 1)]
  if (slash < 1 || topic === '') throw configError('spec.channel of a Provider of type zulip is <channel>/<topic>')
  const form = [
    ['content', markdownPost(event)],
    ['to', stream],
    ['topic', topic],
    ['type', 'stream'],
  ] as const
  const headers = {
    'content-type': 'application/x-www-form-urlencoded',
    ...(target.username === '' && target.password === '' ? {} : basic(target.username, target.password)),
  }
  const body = form.map(([name, value]) => `${name}=${queryEscape(value)}`).join('&')
  return [{ method: 'POST', url: url.href, headers, body }]
})
