import { objectTitle, type NotificationEvent } from './event.ts'

/** Objects that a message names; the others are counted. */
const maxLines = 25
/** Characters of one object's message. */
const maxLine = 300

/**
 * One message for the events of a run (`sluice.dev/group: run`): an error where any of them is one, a line for each, errors first, and the facts that all of them share.
 *
 * @param events at least one.
 */
export function groupEvents(events: readonly NotificationEvent[], cluster: string): NotificationEvent {
  const [first] = events
  if (first === undefined || events.length === 1) return first as NotificationEvent
  const errors = events.filter((event) => event.severity === 'error')
  const others = events.filter((event) => event.severity !== 'error')
  const lines = [...errors, ...others].map((event) => {
    const text = event.message.split('\n').join(' ')
    return `${event.severity === 'error' ? '✗' : '✓'} ${objectTitle(event)}: ${text.length > maxLine ? `${text.slice(0, maxLine)}…` : text}`
  })
  const more = lines.length - maxLines
  const shared = Object.entries(first.metadata).filter(([key, value]) =>
    events.every((event) => event.metadata[key] === value),
  )
  const counts = [
    ...(errors.length === 0 ? [] : [`${errors.length} failed`]),
    ...(others.length === 0 ? [] : [`${others.length} succeeded or changed`]),
  ]
  return {
    ...first,
    title: `${cluster}: ${counts.join(', ')}`,
    severity: errors.length > 0 ? 'error' : 'info',
    reason: errors[0]?.reason ?? first.reason,
    message: [...lines.slice(0, maxLines), ...(more > 0 ? [`… and ${more} more`] : [])].join('\n'),
    metadata: Object.fromEntries(shared),
  }
}
