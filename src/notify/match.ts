import { RE2JS } from 're2js'
import type { Alert } from '../api/index.ts'
import type { NotificationEvent } from './event.ts'

/** A pattern of an Alert that is no regular expression. */
export interface BadPattern {
  readonly list: 'inclusion' | 'exclusion'
  readonly pattern: string
}

/** Whether an Alert sends an event. */
export interface Match {
  readonly matches: boolean
  /** Patterns that were passed over. */
  readonly bad: readonly BadPattern[]
}

/**
 * Whether an Alert sends an event (notification-controller 1.9): it is not suspended, one of its sources names the object, the severity is enough, a pattern of the inclusion list and none of the exclusion list is in the
 * message. Patterns are RE2's; one that does not compile is passed over and told of.
 *
 * @param labels those of the object.
 */
export function matchAlert(
  alert: Alert,
  event: NotificationEvent,
  labels: { readonly [key: string]: string },
  options: { readonly isRecovery?: boolean } = {},
): Match {
  if (alert.spec.suspend === true || !alert.spec.eventSources.some((source) => isSource(alert, source, event, labels)))
    return { matches: false, bad: [] }
  const { eventSeverity = 'info', inclusionList = [], exclusionList = [] } = alert.spec
  // What went wrong was told, so that it is over is told too, whatever the severity and the words of it.
  if (options.isRecovery === true) return { matches: true, bad: [] }
  if (eventSeverity !== 'info' && eventSeverity !== event.severity) return { matches: false, bad: [] }
  const included = search(inclusionList, 'inclusion', event.message)
  if (inclusionList.length > 0 && !included.found) return { matches: false, bad: included.bad }
  const excluded = search(exclusionList, 'exclusion', event.message)
  return { matches: !excluded.found, bad: [...included.bad, ...excluded.bad] }
}

function isSource(
  alert: Alert,
  source: Alert['spec']['eventSources'][number],
  event: NotificationEvent,
  labels: { readonly [key: string]: string },
): boolean {
  const { kind, namespace, name } = event.involvedObject
  const wanted = source.namespace === undefined || source.namespace === '' ? alert.metadata.namespace : source.namespace
  if (source.kind !== kind || wanted !== namespace) return false
  if (source.name !== '*' && source.name !== name) return false
  return Object.entries(source.matchLabels ?? {}).every(
    ([key, value]) => Object.hasOwn(labels, key) && labels[key] === value,
  )
}

/** Looks for the first pattern that is in the text; those behind it are not looked at. */
function search(
  patterns: readonly string[],
  list: BadPattern['list'],
  text: string,
): { readonly found: boolean; readonly bad: readonly BadPattern[] } {
  const bad: BadPattern[] = []
  for (const pattern of patterns) {
    let regex: RE2JS
    try {
      regex = RE2JS.compile(pattern)
    } catch {
      bad.push({ list, pattern })
      continue
    }
    if (regex.matcher(text).find()) return { found: true, bad }
  }
  return { found: false, bad }
}
