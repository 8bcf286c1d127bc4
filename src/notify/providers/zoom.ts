import { objectTitle } from '../event.ts'
import { sortedEntries } from '../go-json.ts'
import { addressOf, chatProvider, postJson, requiredToken } from '../provider.ts'

/** Zoom Team Chat: a rich message (`format=full`); the token of the webhook stands in the header without a scheme. */
export const zoom = chatProvider((event, target) => {
  const token = requiredToken(target)
  const url = new URL(addressOf(target))
  if ((url.searchParams.get('format') ?? '') === '') {
    url.searchParams.set('format', 'full')
    url.searchParams.sort()
  }
  const items = sortedEntries(event.metadata).map(([key, value]) => ({ key, value }))
  const body = [
    { type: 'message', text: event.message === '' ? undefined : event.message },
    ...(items.length === 0 ? [] : [{ type: 'fields', items }]),
  ]
  const content = { head: { text: objectTitle(event), sub_head: { text: event.severity } }, body }
  return [postJson(url.href, { content }, { headers: { authorization: token } })]
})
