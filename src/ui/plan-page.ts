import {
  hasEffect,
  liveTexts,
  type Danger,
  type PlanDocument,
  type PlanError,
  type PlannedApplication,
} from '../plan/index.ts'
import { noticeText } from './action-form.ts'
import { ago, duration, html, paths, plural, revision, type Html, type View } from './html.ts'
import { dataTable, facts, layout } from './layout.ts'
import { emptyCell, matrixLine, matrixOf } from './matrix-table.ts'
import { approvalNotes, planActions, type PlanPageActions } from './plan-actions.ts'
import { applicationDetails, countText } from './plan-details.ts'
import { pullLink, pullName, stateText, verdictBadge } from './plan-state.ts'
import type { PlanTimes, PlanView } from './plan-types.ts'
import { badge } from './state-badge.ts'

/** Dangers and errors that are listed. */
const maxRows = 500
/** Applications with details, and rows of the table. */
const maxApplications = 500

/** What a pull request would do: dangers first, then applications by cluster, then what changes of each. */
export function planPage(view: View, plan: PlanView, { offer, notice, approvals = [] }: PlanPageActions = {}): Html {
  const { head, document, isPending } = plan
  const shown = document.applications.filter(isShown)
  const title = head.title === '' ? pullName(head) : head.title
  return layout(view, {
    title: `Plan of ${pullName(head)}`,
    at: 'plans',
    content: html`
      <p class="crumbs"><a href="${paths.plans()}">Plans</a> / ${pullLink(head)}</p>
      <h1>${title}</h1>
      <p class="headline">
        ${verdictBadge(isPending ? undefined : head.verdict)} <span class="quiet">${stateText(head)}</span>
      </p>
      ${noticeText(notice)} ${planActions(plan, offer)} ${approvalNotes(view, approvals)} ${notes(view, plan)}
      ${facts(factsOf(view, plan))} ${unplanned(document, isPending)} ${dangers(document.dangers)}
      ${errors(document.applications)}
      <h2>Applications</h2>
      ${matrix(shown)}
      <p class="quiet">${unaffectedText(document)}</p>
      ${shown.length === 0 ? '' : html`<h2>Changes</h2>`} ${shown.slice(0, maxApplications).map(applicationDetails)}
      ${shown.length > maxApplications ? html`<p class="quiet">and ${shown.length - maxApplications} more</p>` : ''}
      <h2>Export</h2>
      <p class="headline">
        <a href="${paths.planExport(head.id, 'json')}">JSON</a>
        <a href="${paths.planExport(head.id, 'markdown')}">Markdown</a>
        <a href="${paths.planExport(head.id, 'sarif')}">SARIF</a>
        ${head.manifests === true ? html`<a href="${paths.planManifests(head.id)}">Rendered manifests</a>` : ''}
      </p>
    `,
  })
}

function isShown(application: PlannedApplication): boolean {
  return hasEffect(application) || application.objects.length > 0 || application.state !== 'unaffected'
}

function notes(view: View, { head, problems, refused, waiting = [] }: PlanView): Html | '' {
  const list: readonly (Html | '')[] = [
    head.live === 'denied'
      ? html`<li class="note">From Git alone: no cluster was asked, so what had drifted is not known.</li>`
      : '',
    head.secrets === 'withheld'
      ? html`<li class="note">
          Without secrets: placeholders stand in for them, and private sources were not fetched.
        </li>`
      : '',
    ...waiting.map(
      ({ application, why }) =>
        html`<li class="note warn">
          <b class="break">${application}</b> waits on ${(head.afterMerge ?? []).join(', ')}: ${why}
        </li>`,
    ),
    ...problems.map((problem) => html`<li class="note bad">${problem}</li>`),
    refused === undefined
      ? ''
      : html`<li class="note warn">
          The command of <b>${refused.by === '' ? 'somebody' : refused.by}</b> was not followed
          (${ago(view, refused.at)}): ${refused.why}
        </li>`,
  ]
  return list.every((one) => one === '')
    ? ''
    : html`<ul class="notes">
        ${list}
      </ul>`
}

function factsOf(view: View, { head, document: { reference }, times }: PlanView): Parameters<typeof facts>[0] {
  const { author, isFork, branch, base, askedBy, run, at, mergeCommit } = head
  const plannedStages = stagesText(times)
  return [
    author === ''
      ? undefined
      : ['Author', html`${author}${isFork ? html` <span class="quiet">from a fork</span>` : ''}`],
    ['Into', html`<code class="break">${branch.replace(/^refs\/heads\//, '')}</code>`],
    ['From', revision(base)],
    ['To', revision(head.head)],
    ['Planned', html`${ago(view, at)}${askedBy === undefined ? '' : html`, asked for by ${askedBy}`}`],
    plannedStages === '' ? undefined : ['Stages', plannedStages],
    ['Run', html`<a class="break" href="${paths.run(run)}">${run}</a>`],
    reference === undefined ? undefined : ['Content', html`<code class="break">${reference}</code>`],
    mergeCommit === undefined
      ? undefined
      : [
          'Merged as',
          html`${revision(mergeCommit)} <a href="${paths.commit(mergeCommit)}">its way through the clusters</a>`,
        ],
  ]
}

/** How long each stage took: `read at the forge 0.3 s, planned 1.9 s, told 0.2 s; 2.4 s in all`. */
function stagesText({ receivedAt, queuedAt, plannedAt, toldAt }: PlanTimes): string {
  // Where no forge was asked (a plan after the merge), there is no such stage.
  const steps = queuedAt === receivedAt ? [] : [`read at the forge ${duration(queuedAt - receivedAt)}`]
  if (plannedAt !== undefined) steps.push(`planned ${duration(plannedAt - queuedAt)}`)
  if (plannedAt !== undefined && toldAt !== undefined)
    steps.push(`told ${duration(toldAt - plannedAt)}; ${duration(toldAt - receivedAt)} in all`)
  return steps.join(', ')
}

function unplanned({ unplanned: clusters = [] }: PlanDocument, isPending: boolean): Html | '' {
  if (clusters.length === 0) return ''
  return html`<ul class="notes">
    ${clusters.map(
      ({ cluster, reason }) =>
        html`<li class="note ${isPending ? '' : 'bad'}">
          <b>${cluster}</b> ${isPending ? 'is not here yet' : 'is not planned'}: ${reason}
        </li>`,
    )}
  </ul>`
}

const severityStates: { readonly [severity in Danger['severity']]: string } = {
  block: 'failed',
  danger: 'failed',
  warning: 'drifted',
  info: 'waiting',
}

function dangers(found: readonly Danger[]): Html | '' {
  if (found.length === 0) return ''
  return html`<h2>Dangers</h2>
    ${dataTable(
      'Dangers',
      [
        { name: 'Severity', set: 'nowrap' },
        { name: 'What', set: 'text' },
        { name: 'Cluster' },
        { name: 'Application' },
        { name: 'Place' },
        { name: 'Rule' },
      ],
      found
        .slice(0, maxRows)
        .map((danger) => [
          badge(severityStates[danger.severity], danger.severity),
          html`${danger.message}${danger.origin === 'drift' ? html` <span class="quiet">drift, not this change</span>` : ''}`,
          danger.cluster,
          html`<span class="break">${danger.application}</span>`,
          place(danger),
          html`<code>${danger.rule}</code>`,
        ]),
    )}
    ${found.length > maxRows ? html`<p class="quiet">and ${found.length - maxRows} more</p>` : ''}`
}

function errors(applications: readonly PlannedApplication[]): Html | '' {
  const rows = applications.flatMap((application) => application.errors.map((error) => ({ application, error })))
  if (rows.length === 0) return ''
  return html`<h2>What is wrong</h2>
    ${dataTable(
      'Errors',
      [{ name: 'Application' }, { name: 'Message', set: 'text' }, { name: 'Object' }, { name: 'Place' }],
      rows
        .slice(0, maxRows)
        .map(({ application: { cluster, kind, namespace, name }, error }) => [
          html`<span class="break">${cluster}: ${kind}/${namespace}/${name}</span>`,
          html`${error.message} <span class="reason">${error.phase}</span>`,
          html`<span class="break">${error.object ?? ''}</span>`,
          place(error),
        ]),
    )}
    ${rows.length > maxRows ? html`<p class="quiet">and ${rows.length - maxRows} more</p>` : ''}`
}

function place({ file, line }: Pick<PlanError, 'file' | 'line'>): Html | '' {
  if (file === undefined) return ''
  return html`<code class="break">${file}${line === undefined ? '' : `:${line}`}</code>`
}

/** Applications by cluster. */
function matrix(applications: readonly PlannedApplication[]): Html {
  if (applications.length === 0) return html`<p class="note">No application is touched.</p>`
  const clusters = [...new Set(applications.map(({ cluster }) => cluster))]
  const rows = Map.groupBy(applications, ({ kind, namespace, name }) => `${kind}/${namespace}/${name}`)
  return matrixOf({
    label: 'Applications by cluster',
    what: 'Application',
    heads: clusters.map((cluster) => html`<span class="cluster">${cluster}</span>`),
    rows: [...rows.entries()].slice(0, maxApplications).map(([id, own]) => planLine(id, own, clusters)),
  })
}

function planLine(id: string, own: readonly PlannedApplication[], clusters: readonly string[]): Html {
  const [first] = own
  if (first === undefined) return html``
  return matrixLine(
    id,
    html`<span class="kind">${first.kind}</span> ${first.namespace}/<wbr /><b>${first.name}</b>`,
    clusters.map((cluster) => cell(own.find((one) => one.cluster === cluster))),
  )
}

const stateWords: { readonly [state in PlannedApplication['state']]: readonly [string, string] } = {
  planned: ['ready', 'Planned'],
  unaffected: ['skipped', 'Unaffected'],
  failed: ['failed', 'Failed'],
  held: ['suspended', 'Held'],
  blocked: ['blocked', 'Blocked'],
}

function cell(application: PlannedApplication | undefined): Html {
  if (application === undefined) return emptyCell
  const { cluster, state, live } = application
  const [sign, word] = stateWords[state]
  return html`<td role="cell" data-label="${cluster}">
    <span class="cell s-${sign}">${word}</span><br />
    <small>${countText(application)}</small>
    ${live === 'read' ? '' : html`<br /><small>${liveTexts[live]}</small>`}
  </td>`
}

function unaffectedText({ applications, omitted = 0 }: PlanDocument): string {
  const count = applications.filter((one) => !isShown(one)).length + omitted
  return count === 0 ? '' : `${plural(count, 'application')} more of the same sources stay as they are.`
}
