import {
  heldText,
  type ClusterHealth,
  type ObjectHead,
  type ObjectState,
  type ObservedObject,
} from '../observe/index.ts'
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
  stale: '◍',
  behind: '↓',
  pinned: '⚲',
  verified: '●',
  refused: '✕',
  ignored: '–',
  duplicate: '–',
  run: '●',
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
  stale: 'Stale',
  behind: 'Behind',
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
function heldBadge(
  kind: 'suspended' | 'approval' | 'wave' | 'window' | undefined,
  text: string,
  isShort = false,
): string {
  if (kind === 'approval') return 'Blocked by approval'
  if (kind === 'wave') return 'Waits for clusters that go first'
  if (kind === 'suspended') return 'Suspended, with its cluster'
  const [, name, end] = /^held by (window '[^']*') (until .+?|with no opening in sight)(?:: .*)?$/s.exec(text) ?? []
  const window = name === undefined || isShort ? name : `${name} ${end}`
  return window === undefined ? 'Blocked by window' : `Blocked by ${window}`
}

/** The badge of an object. */
export function objectBadge({ state, summary }: ObservedObject): Html {
  const text = heldText(summary)
  const isHeld = text !== undefined && (state === 'blocked' || state === 'suspended')
  return badge(state, isHeld ? heldBadge(summary.held?.kind, text) : stateText(state, summary.blockers))
}

/** Sign and text of an object's head, as short as a cell wants them. Of a cluster that is not seen they say how the object stood. */
export function headText(
  { state, held, on, more }: ObjectHead,
  isStale: boolean,
): readonly [state: string, text: string] {
  const others = Array.from({ length: more ?? 0 }, () => ({ id: '' }))
  const isHeld = held !== undefined && (state === 'blocked' || state === 'suspended')
  const text = isHeld
    ? heldBadge(held.kind, held.message, true)
    : stateText(state, on === undefined ? [] : [{ id: on }, ...others])
  return isStale ? ['stale', `Was ${text.slice(0, 1).toLowerCase()}${text.slice(1)}`] : [state, text]
}

/** Rules of the stylesheet that draw the sign of a state before cells, so that it need not be written into each. The sign has no name: the word beside it says the same. */
export function cellSigns(): string {
  return Object.entries(signs)
    .map(([state, sign]) => `.cell.s-${state}::before { content: "${sign} "; content: "${sign} " / ""; }`)
    .join('\n')
}

/** Whether a cluster is seen, in words. */
export function healthText(view: View, health: ClusterHealth): Html {
  if (health.health === 'stale') return badge('stale', `Stale since ${clock(view, health.staleSince ?? 0)}`)
  if (health.health === 'unknown') return html`<span class="state s-unknown">last look not known</span>`
  return html`<span class="quiet">seen ${clock(view, health.lastSeenAt ?? 0)}</span>`
}
