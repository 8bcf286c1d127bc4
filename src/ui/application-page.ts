import {
  conditionOf,
  describeSuspended,
  heldText,
  type ClusterHealth,
  type ObservedObject,
  type Relations,
} from '../observe/index.ts'
import type { Condition } from '../api/index.ts'
import type { HistoryEntry, WindowState } from '../reconcile/index.ts'
import { noticeText, type Notice, type Offer } from './action-form.ts'
import { applicationActions } from './application-actions.ts'
import { applicationGraph, type Look } from './application-graph.ts'
import { eventTable, historyTable, releaseTable } from './application-history.ts'
import { ago, html, objectLink, paths, revision, type Html, type View } from './html.ts'
import { dataTable, facts, layout } from './layout.ts'
import { withPlanLinks } from './plan-state.ts'
import { badge, healthText, objectBadge, wordOf } from './state-badge.ts'

/** Everything that is told about one application. */
export interface ApplicationView {
  readonly object: ObservedObject
  readonly health: ClusterHealth
  readonly relations: Relations
  readonly history: readonly HistoryEntry[]
  /** Windows that are about it, of the deployment and of its own. */
  readonly windows: readonly WindowState[]
  /** What the cluster itself says, where it was asked. */
  readonly look?: Look | undefined
  /** What whoever looks may do; left out: nothing. */
  readonly offer?: Offer | undefined
  /** Its source may be fetched by whoever looks. */
  readonly mayFetch?: boolean
  readonly notice?: Notice | undefined
}

/** One application (or source): how it stands and why, what may be done, what it consists of, and what runs did to it. */
export function applicationPage(view: View, application: ApplicationView): Html {
  const { object, health, relations, look, offer, notice, windows } = application
  const { summary, cluster } = object
  const ready = conditionOf(summary, 'Ready')
  const isProblem =
    ready !== undefined && ready.status !== 'True' && ready.message !== '' && relations.chain.length === 0
  const live = look === undefined || 'error' in look ? undefined : look
  return layout(view, {
    title: `${summary.kind} ${summary.namespace}/${summary.name}`,
    at: 'other',
    isLive: look !== undefined,
    content: html`
      <p class="crumbs">
        <a href="${paths.overview()}">Overview</a> / <a href="${paths.cluster(cluster)}">${cluster}</a>
      </p>
      <h1><span class="kind">${summary.kind}</span> ${summary.namespace}/<wbr />${summary.name}</h1>
      <p class="headline">${objectBadge(object)} ${healthText(view, health)}</p>
      ${noticeText(notice)} ${isProblem ? html`<pre class="message">${ready.message}</pre>` : ''} ${orders(object)}
      ${chain(cluster, relations)} ${applicationActions(object, offer, application.mayFetch === true)}
      ${facts(factsOf(view, object, relations))} ${windowList(view, windows)}
      ${applicationGraph(view, object, relations, look)}
      <h2>History</h2>
      ${historyTable(view, application.history)}
      ${
        live === undefined || summary.kind !== 'HelmRelease'
          ? ''
          : html`<h2>Releases of Helm</h2>
              ${releaseTable(view, live.releases)}`
      }
      <h2>Conditions</h2>
      ${conditions(view, live?.conditions ?? summary.conditions)}
      ${
        live === undefined
          ? ''
          : html`<h2>Events</h2>
              ${eventTable(view, live)}`
      }
    `,
  })
}

/** What somebody has ordered: suspended, pinned, held. */
function orders({ summary }: ObservedObject): Html | '' {
  const { pin } = summary
  const held = heldText(summary)
  const notes = [
    summary.suspended ? html`<li class="note warn">It is ${describeSuspended(summary)}.</li>` : '',
    pin === undefined
      ? ''
      : html`<li class="note warn">
          It is pinned to <code class="break">${pin.to}</code>${pin.by === undefined ? '' : ` by ${pin.by}`}${
            pin.until === undefined ? '' : ` until ${pin.until}`
          }${pin.reason === undefined ? '' : `: ${pin.reason}`}.
        </li>`,
    held === undefined ? '' : html`<li class="note warn">${withPlanLinks(held)}</li>`,
  ].filter((note) => note !== '')
  return notes.length === 0
    ? ''
    : html`<ul class="notes">
        ${notes}
      </ul>`
}

/** What it waits for, link by link, down to what does not move by itself. */
function chain(cluster: string, { chain: links }: Relations): Html | '' {
  if (links.length === 0) return ''
  return html`<h2>Waits for</h2>
    <ol class="chain">
      ${links.map(
        ({ id, state, why }) =>
          html`<li>
            ${objectLink(cluster, id)} ${badge(state ?? 'gone', state === undefined ? 'Not there' : wordOf(state))}
            <span class="why">${why}</span>
          </li>`,
      )}
    </ol>`
}

function factsOf(view: View, { cluster, summary }: ObservedObject, { source }: Relations): Parameters<typeof facts>[0] {
  const { chart, attemptedRevision, appliedRevision, lastChange } = summary
  const isSource = chart === undefined && summary.url !== undefined
  const wanted = summary.kind === 'Kustomization' ? source?.revision : undefined
  return [
    wanted === undefined
      ? undefined
      : ['Wanted', html`${revision(wanted)} <span class="quiet">its source has it</span>`],
    isSource || attemptedRevision === undefined ? undefined : ['Last tried', revision(attemptedRevision)],
    [
      isSource ? 'Revision' : 'Applied',
      appliedRevision === undefined ? html`<span class="quiet">nothing yet</span>` : revision(appliedRevision),
    ],
    summary.unaffectedBy === undefined ? undefined : ['Not concerned by', revision(summary.unaffectedBy)],
    source === undefined ? undefined : ['Source', objectLink(cluster, source.id)],
    summary.url === undefined ? undefined : ['From', html`<code>${summary.url}</code>`],
    summary.path === undefined ? undefined : ['Path', html`<code>${summary.path}</code>`],
    chart === undefined
      ? undefined
      : ['Chart', html`<code>${[chart.name, chart.version].filter(Boolean).join(' ')}</code>${appVersion(chart)}`],
    summary.parent === undefined ? undefined : ['Applied by', objectLink(cluster, summary.parent)],
    lastChange === undefined
      ? undefined
      : ['Last change', html`<a href="${paths.run(lastChange.run)}">${ago(view, lastChange.at)}</a>`],
    [
      'Generation',
      summary.observedGeneration === undefined || summary.observedGeneration === summary.generation
        ? String(summary.generation)
        : summary.observedGeneration < 1
          ? `${summary.generation}, not acted on yet`
          : `${summary.generation}; ${summary.observedGeneration} is the last that was acted on`,
    ],
  ]
}

function appVersion(chart: { readonly appVersion?: string }): Html | '' {
  return chart.appVersion === undefined ? '' : html` <span class="quiet">app ${chart.appVersion}</span>`
}

function windowList(view: View, windows: readonly WindowState[]): Html | '' {
  if (windows.length === 0) return ''
  return html`<h2>Windows</h2>
    <ul class="notes">
      ${windows.map(({ name, kind, isOpen, problem }) =>
        problem === undefined
          ? html`<li class="note ${(kind === 'deny') === isOpen ? 'warn' : ''}">
              <b>${name}</b>:
              ${kind === 'deny' ? 'work is held while it is open' : 'work is done only while it is open'}; it is
              ${isOpen ? 'open' : 'closed'} now
            </li>`
          : html`<li class="note bad">${problem}</li>`,
      )}
    </ul>`
}

type ShownCondition = Pick<Condition, 'type' | 'status' | 'reason' | 'message' | 'lastTransitionTime'>

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
