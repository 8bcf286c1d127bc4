import { objectPath, type NotificationEvent } from './event.ts'
import { sortedEntries } from './go-json.ts'

/** The event as Markdown: what Zulip and comments on change requests show. */
export function markdownPost(event: NotificationEvent): string {
  const emoji = event.severity === 'error' ? '⚠️' : 'ℹ️'
  const facts = sortedEntries(event.metadata)
    .filter(([key]) => key !== 'change_request')
    .map(([key, value]) => `* \`${key}\`: ${value}\n`)
  return `## Flux Status\n\n${emoji} ${event.title ?? objectPath(event)}\n\n${event.message}\n\nMetadata:\n${facts.join('')}`
}
