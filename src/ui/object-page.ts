import {
  conditionOf,
  heldText,
  idOfSummary,
  type ClusterHealth,
  type InventoryObject,
  type ObservedObject,
} from '../observe/index.ts'
import type { Condition } from '../api/index.ts'
import type { Outcome, Pin } from '../reconcile/index.ts'
import { ago, html, messageText, objectLink, paths, plural, revision, type Html, type View } from './html.ts'
import { dataTable, facts, layout } from './layout.ts'
import { badge, healthText, objectBadge } from './state-badge.ts'

/** What the cluster itself says of an object, where it was asked. */
export interface LiveView {
  readonly readAt?: number | undefined
  readonly conditions?: readonly ShownCondition[] | undefined
  readonly inventory?: readonly InventoryObject[] | undefined
  readonly error?: { readonly code: string; readonly message: string } | undefined
}

type ShownCondition = Pick<Condition, 'type' | 'status' | 'reason' | 'message' | 'lastTransitionTime'>

/** Rows of the inventory that are shown. */
const maxInventory = 500

/** One object: how it stands, why, what it consists of and what runs did to it. */
export function objectPage(
  view: View,
  object: ObservedObject,
  health: ClusterHealth,
  live: LiveView | undefined,
): Html {
  const { summary, cluster } = object
  const ready = conditionOf(summary, 'Ready')
  const isProblem =
    ready !== undefined && ready.status !== 'True' && ready.message !== '' && summary.blockers.length === 0
  return layout(view, {
    title: `${summary.kind} ${summary.namespace}/${summary.name}`,
    at: 'other',
    content: html`
      <p class="crumbs"><a href="${paths.overview()}">Overview</a> / ${cluster}</p>
      <h1><span class="kind">${summary.kind}</span> ${summary.namespace}/<wbr />${summary.name}</h1>
      <p class="headline">${objectBadge(object)} ${healthText(view, health)}</p>
      ${isProblem ? html`<pre class="message">${ready.message}</pre>` : ''} ${held(object)} ${blockers(object)}
      ${facts(factsOf(view, object))}
      <h2>Conditions</h2>
      ${conditions(view, live?.conditions ?? summary.conditions)}
      <h2 id="inventory">Inventory</h2>
      ${inventory(view, object, live)}
      <h2>What runs did</h2>
      ${outcomes(view, summary.outcomes)}
    `,
  })
}

function held({ summary }: ObservedObject): Html | '' {
  const text = heldText(summary)
  if (text === undefined) return ''
  return html`<ul class="notes">
    <li class="note warn">${text}</li>
  </ul>`
}

function blockers({ cluster, summary }: ObservedObject): Html | '' {
  if (summary.blockers.length === 0) return ''
  return html`<h2>Waits for</h2>
    <ul class="notes">
      ${summary.blockers.map(
        ({ id, message }) =>
          html`<li class="note warn">${objectLink(cluster, id)} <span class="reason">${message}</span></li>`,
      )}
    </ul>`
}

function factsOf(view: View, { cluster, summary }: ObservedObject): Parameters<typeof facts>[0] {
  const { source, chart, attemptedRevision, appliedRevision, lastChange } = summary
  const isBehind = attemptedRevision !== undefined && attemptedRevision !== appliedRevision
  const isSource = summary.chart === undefined && summary.url !== undefined
  return [
    [isSource ? 'Revision' : 'Applied', revision(appliedRevision)],
    isBehind ? ['Last tried', revision(attemptedRevision)] : undefined,
    summary.pin === undefined ? undefined : ['Pinned', html`<code>${summary.pin.to}</code> ${pinText(summary.pin)}`],
    summary.unaffectedBy === undefined ? undefined : ['Not concerned by', revision(summary.unaffectedBy)],
    source === undefined ? undefined : ['Source', objectLink(cluster, idOfSummary(source))],
    summary.url === undefined ? undefined : ['From', html`<code>${summary.url}</code>`],
    summary.path === undefined ? undefined : ['Path', html`<code>${summary.path}</code>`],
    chart === undefined
      ? undefined
      : ['Chart', html`<code>${[chart.name, chart.version].filter(Boolean).join(' ')}</code>${appVersion(chart)}`],
    summary.parent === undefined ? undefined : ['Applied by', objectLink(cluster, summary.parent)],
    summary.dependsOn.length === 0
      ? undefined
      : [
          'Depends on',
          html`${summary.dependsOn.map((id) => html`<span class="item">${objectLink(cluster, id)}</span> `)}`,
        ],
    lastChange === undefined
      ? undefined
      : ['Last change', html`<a href="${paths.run(lastChange.run)}">${ago(view, lastChange.at)}</a>`],
    [
      'Generation',
      summary.observedGeneration === undefined || summary.observedGeneration === summary.generation
        ? String(summary.generation)
        : `${summary.generation}, of which ${summary.observedGeneration} has been acted on`,
    ],
  ]
}

/** Who pinned it, until when, and why. */
function pinText({ by, reason, until }: Pin): Html {
  const words = [
    by === undefined ? '' : `by ${by}`,
    until === undefined ? '' : `until ${until}`,
    reason === undefined ? '' : `because: ${reason}`,
  ]
  return html`<span class="quiet">${words.filter(Boolean).join(' ')}</span>`
}

function appVersion(chart: { readonly appVersion?: string }): Html | '' {
  return chart.appVersion === undefined ? '' : html` <span class="quiet">app ${chart.appVersion}</span>`
}

function conditions(view: View, list: readonly ShownCondition[]): Html {
  if (list.length === 0) return html`<p class="note">It has none.</p>`
  return dataTable(
    'Conditions',
    [
      { name: 'Type' },
      { name: 'Status' },
      { name: 'Reason' },
      { name: 'Since', set: 'nowrap' },
      { name: 'Message', set: 'text' },
    ],
    list.map((one) => [one.type, one.status, one.reason, ago(view, one.lastTransitionTime), one.message]),
  )
}

function inventory(view: View, { cluster, summary }: ObservedObject, live: LiveView | undefined): Html {
  const href = `${paths.object(cluster, idOfSummary(summary))}?live=true#inventory`
  const known = summary.inventory === undefined ? '' : `${plural(summary.inventory, 'object')} at the last run. `
  if (live === undefined)
    return html`<p>${known}<a href="${href}">Read it from the cluster now</a>, with its conditions.</p>`
  if (live.error !== undefined)
    return html`<p class="note bad">
      ${live.error.message} (${live.error.code}). What is shown is what was known before.
      <a href="${href}">Try again</a>
    </p>`
  const entries = live.inventory ?? []
  if (entries.length === 0) return html`<p class="note">It is empty, read ${ago(view, live.readAt)}.</p>`
  return html`<p class="quiet">${plural(entries.length, 'object')}, read ${ago(view, live.readAt)} from the cluster.</p>
    ${dataTable(
      'Inventory',
      [{ name: 'Name' }, { name: 'Kind' }, { name: 'Namespace' }, { name: 'API version' }],
      entries.slice(0, maxInventory).map((one) => [one.name, one.kind, one.namespace, one.apiVersion]),
    )}
    ${entries.length > maxInventory ? html`<p class="note">The first ${maxInventory} are shown.</p>` : ''}`
}

function outcomes(view: View, list: readonly Outcome[]): Html {
  if (list.length === 0) return html`<p class="note">No run has done anything to it in the time that is remembered.</p>`
  return dataTable(
    'What runs did',
    [
      { name: 'When', set: 'nowrap' },
      { name: 'Outcome' },
      { name: 'By' },
      { name: 'Revision' },
      { name: 'Changes', set: 'nowrap' },
      { name: 'Message', set: 'text' },
    ],
    list.map((one) => [
      html`<a href="${paths.run(one.run)}">${ago(view, one.at)}</a>`,
      badge(one.state),
      one.trigger,
      revision(one.revision),
      changes(one),
      messageText(one.message, one.reason),
    ]),
  )
}

function changes({ created, configured, deleted, drifted }: Outcome): string {
  const parts = [
    created > 0 ? `${created} created` : '',
    configured > 0 ? `${configured} configured` : '',
    deleted > 0 ? `${deleted} deleted` : '',
    drifted > 0 ? `${drifted} had drifted` : '',
  ].filter(Boolean)
  return parts.length === 0 ? 'none' : parts.join(', ')
}
