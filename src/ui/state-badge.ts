import { heldText, type ClusterHealth, type ObjectState, type ObservedObject } from '../observe/index.ts'
import { clock, html, type Html, type View } from './html.ts'

/** A sign beside each word, so that nothing is told by colour alone. */
const signs: { readonly [word: string]: string } = {
  ready: '●',
  succeeded: '●',
  healthy: '●',
  applying: '◐',
  running: '◐',
  waiting: '◔',
  queued: '◔',
  blocked: '◼',
  failed: '✕',
  unreachable: '✕',
  partial: '◆',
  drifted: '◆',
  suspended: '‖',
  skipped: '–',
  superseded: '–',
  unconcerned: '–',
  deleting: '◌',
  gone: '◌',
  unknown: '?',
}

const words: { readonly [state: string]: string } = {
  ready: 'Ready',
  applying: 'Applying',
  waiting: 'Waiting',
  blocked: 'Blocked',
  drifted: 'Drifted',
  failed: 'Failed',
  suspended: 'Suspended',
  deleting: 'Deleting',
  unknown: 'Not looked at',
  gone: 'Gone',
  queued: 'Queued',
  running: 'Running',
  succeeded: 'Succeeded',
  partial: 'Partly failed',
  healthy: 'Healthy',
  superseded: 'Superseded',
  unconcerned: 'Not concerned',
  unreachable: 'Not reached',
  skipped: 'Skipped',
}

/** The word for a state. */
export function wordOf(state: string): string {
  return words[state] ?? state
}

/** The sign of a state. */
export function signOf(state: string): string {
  return signs[state] ?? '?'
}

/** A state as sign and word. */
export function badge(state: string, text = wordOf(state)): Html {
  return html`<span class="state s-${state}"
    ><span class="sign" aria-hidden="true">${signOf(state)}</span>${text}</span
  >`
}

/** The state of an object in words that say what it waits for. */
export function stateText(state: ObjectState, waitsFor: readonly { readonly id: string }[]): string {
  const [first, ...others] = waitsFor
  if ((state !== 'waiting' && state !== 'blocked') || first === undefined) return wordOf(state)
  const name = first.id.split('/').at(-1) ?? first.id
  const more = others.length === 0 ? '' : ` +${others.length}`
  return `${state === 'waiting' ? 'Waiting on' : 'Blocked by'} ${name}${more}`
}

/** What holds an object back, shortly: the rest is on its page. */
function heldBadge(state: ObjectState, summary: ObservedObject['summary']): string | undefined {
  const text = heldText(summary)
  if (text === undefined || (state !== 'waiting' && state !== 'suspended')) return undefined
  if (summary.held?.kind === 'approval') return 'Waiting for approval'
  const window = /^held by (window '[^']*' (?:until .+?|with no opening in sight))(?:: .*)?$/s.exec(text)?.[1]
  if (window !== undefined) return `Blocked by ${window}`
  return summary.held === undefined ? undefined : 'Suspended, with its cluster'
}

/** The badge of an object. */
export function objectBadge({ state, summary }: ObservedObject): Html {
  return badge(state, heldBadge(state, summary) ?? stateText(state, summary.blockers))
}

/** Whether a cluster is seen, in words. */
export function healthText(view: View, health: ClusterHealth): Html {
  if (health.health === 'stale')
    return html`<span class="state s-stale"
      ><span class="sign" aria-hidden="true">◍</span>Stale since ${clock(view, health.staleSince ?? 0)}</span
    >`
  if (health.health === 'unknown') return html`<span class="state s-unknown">last look not known</span>`
  return html`<span class="quiet">seen ${clock(view, health.lastSeenAt ?? 0)}</span>`
}
