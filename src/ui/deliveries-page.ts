import type { Run } from '../coordinator/index.ts'
import type { Delivery } from '../observe/index.ts'
import { ago, html, paths, plural, type Html, type View } from './html.ts'
import { dataTable, layout, none } from './layout.ts'
import { badge } from './state-badge.ts'

/** A delivery of a webhook with the run that it gave. */
export interface ShownDelivery extends Delivery {
  /** The run as it stands now; undefined where it is not remembered, or there is none. */
  readonly followed?: Run | undefined
}

/** Which deliveries are shown. */
export interface DeliveryFilter {
  readonly outcome?: ShownDelivery['outcome'] | undefined
  readonly provider?: string | undefined
}

type Query = { readonly [name: string]: string }

const filters: readonly (readonly [string, Query])[] = [
  ['All', {}],
  ['Gave a run', { outcome: 'run' }],
  ['Pull requests', { outcome: 'plan' }],
  ['Nothing to do', { outcome: 'ignored' }],
  ['Sent again', { outcome: 'duplicate' }],
  ['Failed', { outcome: 'failed' }],
  ['Refused', { outcome: 'refused' }],
]

/** Webhooks that came in, newest first: whether the sender was known, what it matched, and what came of it or why nothing did. */
export function deliveriesPage(
  view: View,
  page: { readonly deliveries: readonly ShownDelivery[]; readonly before?: string },
  filter: DeliveryFilter,
): Html {
  const query = queryOf(filter)
  const [newest] = page.deliveries
  return layout(view, {
    title: 'Deliveries',
    at: 'deliveries',
    live: newest === undefined ? 'no delivery' : `newest delivery from ${newest.provider}: ${outcomeWord(newest)}`,
    content: html`
      <h1>Deliveries</h1>
      <nav class="chips" aria-label="Filter by outcome">
        ${filters.map(([text, one]) => {
          const isCurrent = (one['outcome'] ?? '') === (filter.outcome ?? '')
          const kept = { ...one, ...(filter.provider === undefined ? {} : { provider: filter.provider }) }
          return html`<a href="${paths.deliveries(kept)}" ${isCurrent ? html`aria-current="true"` : ''}>${text}</a>`
        })}
      </nav>
      ${
        filter.provider === undefined
          ? ''
          : html`<p class="note">
              Only those of <b>${filter.provider}</b>.
              <a href="${paths.deliveries(queryOf({ ...filter, provider: undefined }))}">Show those of all senders</a>
            </p>`
      }
      ${page.deliveries.length === 0 ? nothing(filter) : deliveryTable(view, page.deliveries)}
      ${
        page.before === undefined
          ? ''
          : html`<nav class="pages" aria-label="Pages">
              <a href="${paths.deliveries({ ...query, before: page.before })}">Older</a>
            </nav>`
      }
    `,
  })
}

function queryOf({ outcome, provider }: DeliveryFilter): Query {
  return {
    ...(outcome === undefined ? {} : { outcome }),
    ...(provider === undefined ? {} : { provider }),
  }
}

function nothing(filter: DeliveryFilter): Html {
  return Object.keys(queryOf(filter)).length === 0
    ? html`<p class="note">
        No webhook has come in within the last three days. Where a push should have sent one, look at the forge's list
        of deliveries: it says what was answered.
      </p>`
    : html`<p class="note">No such delivery is remembered.</p>`
}

function deliveryTable(view: View, deliveries: readonly ShownDelivery[]): Html {
  return dataTable(
    'Deliveries',
    [
      { name: 'When', set: 'nowrap' },
      { name: 'Sender' },
      { name: 'From' },
      { name: 'Event' },
      { name: 'Outcome' },
      { name: 'Matched' },
      { name: 'Why', set: 'text' },
    ],
    deliveries.map((one) => [
      ago(view, one.at),
      one.verified ? badge('verified', 'Verified') : badge('refused', 'Not verified'),
      html`<a href="${paths.deliveries({ provider: one.provider })}">${one.provider}</a>${
          one.receiver === undefined ? '' : html` <span class="quiet break">${one.receiver}</span>`
        }`,
      what(one),
      outcome(one),
      matched(one.followed),
      reasonOf(one),
    ]),
  )
}

function what({ event, ref, deliveryId }: ShownDelivery): Html {
  const branch =
    ref === undefined ? '' : html` <code class="break">${ref.replace(/^refs\/(?:heads|tags)\//, '')}</code>`
  const id =
    deliveryId === '' ? '' : html`<span class="quiet under break" title="id of the delivery">${deliveryId}</span>`
  return html`${event === '' ? none : event}${branch}${id}`
}

function outcomeWord(one: ShownDelivery): string {
  const words = {
    run: 'gave a run',
    plan: 'looks at the pull request',
    ignored: 'nothing to do',
    refused: 'refused',
    duplicate: 'sent again',
    failed: 'failed',
  } as const
  return words[one.outcome] ?? String(one.outcome)
}

function outcome(one: ShownDelivery): Html {
  const word = outcomeWord(one)
  const shown = badge(one.outcome, word.slice(0, 1).toUpperCase() + word.slice(1))
  if (one.run === undefined) return shown
  const state = one.followed === undefined ? '' : html`, ${badge(one.followed.state)}`
  return html`${shown} <span class="under"><a href="${paths.run(one.run)}">Run</a>${state}</span>`
}

/** What a run found that follows the repository. */
function matched(run: Run | undefined): Html {
  if (run === undefined) return none
  const found = run.records.filter(({ nodes }) => nodes.length > 0)
  const count = found.reduce((sum, { nodes }) => sum + nodes.length, 0)
  if (count > 0)
    return html`${plural(count, 'object')} in
    ${found.length <= 2 ? found.map(({ cluster }) => cluster).join(', ') : plural(found.length, 'cluster')}`
  const isOpen = run.records.some(
    ({ state, error }) => state === 'queued' || state === 'running' || error !== undefined,
  )
  return isOpen ? html`<span class="quiet">not known yet</span>` : html`<span class="quiet">nothing follows it</span>`
}

function reasonOf({ reason, followed }: ShownDelivery): string {
  if (reason !== undefined) return reason
  const merged = followed?.records.some(({ mergedInto }) => mergedInto !== undefined) === true
  return merged ? 'done together with a newer push' : ''
}
