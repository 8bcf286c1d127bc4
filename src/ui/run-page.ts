import type { Run, StoredRecord } from '../coordinator/index.ts'
import { formatDrift } from '../kube/index.ts'
import { changesOf, idOfSummary, repositoryOf, type Stages } from '../observe/index.ts'
import type { NodeRecord } from '../reconcile/index.ts'
import {
  ago,
  clock,
  duration,
  html,
  messageText,
  objectLink,
  paths,
  plural,
  revision,
  type Html,
  type View,
} from './html.ts'
import { noticeText, type Notice, type Offer } from './action-form.ts'
import { dataTable, facts, layout, none } from './layout.ts'
import { runActions } from './run-actions.ts'
import { purpose } from './runs-page.ts'
import { stageBar, stageColumns, stageLegend, stageTimes, totalMs } from './stage-bar.ts'
import { badge } from './state-badge.ts'

/** Changes of one object that are listed. */
const maxChanges = 200

/** One run: what it did in each cluster, object by object. */
export function runPage(
  view: View,
  run: Run,
  more: { readonly offer?: Offer | undefined; readonly notice?: Notice | undefined } = {},
): Html {
  const repository = repositoryOf(run)
  const scale = Math.max(1, ...run.records.map((record) => totalMs(stagesOf(record)) ?? 0))
  return layout(view, {
    title: `Run ${run.id}`,
    at: 'runs',
    content: html`
      <p class="crumbs"><a href="${paths.runs()}">Runs</a></p>
      <h1>${purpose(run)}</h1>
      <p class="headline">${badge(run.state)}</p>
      ${noticeText(more.notice)} ${runActions(run, more.offer)}
      ${facts([
        run.push?.after === undefined
          ? undefined
          : ['Commit', html`${revision(run.push.after)} <span class="quiet">its way through all clusters</span>`],
        run.change === undefined
          ? undefined
          : ['Plan', html`<a class="break" href="${paths.plan(run.change.plan)}">${run.change.plan}</a>`],
        ['Run', html`<code class="break">${run.id}</code>`],
        ['Received', html`${clock(view, run.receivedAt)} UTC, ${ago(view, run.receivedAt)}`],
        repository === undefined ? undefined : ['Repository', html`<code class="break">${repository}</code>`],
      ])}
      <h2>Clusters</h2>
      ${clusterTable(run, scale)} ${stageLegend()} ${run.records.map((record) => recordSection(view, record))}
    `,
  })
}

function clusterTable(run: Run, scale: number): Html {
  return dataTable(
    'Time of each stage by cluster',
    [
      { name: 'Cluster' },
      { name: 'State' },
      ...stageColumns,
      { name: 'Requests', set: 'num' },
      { name: 'Since it was received', set: 'wide' },
    ],
    run.records.map((record) => {
      const stages = stagesOf(record)
      return [
        html`<b>${record.cluster}</b>`,
        badge(record.state),
        ...stageTimes(stages),
        record.requests ?? none,
        stageBar(stages, scale),
      ]
    }),
  )
}

function stagesOf(record: StoredRecord): Stages {
  return { receivedAt: record.receivedAt, ...record.timings }
}

function recordSection(view: View, record: StoredRecord): Html {
  const { cluster, error, mergedInto, retryAt, failedAttempts } = record
  return html`<section aria-label="${cluster}">
    <h2>${cluster}</h2>
    ${
      mergedInto === undefined
        ? ''
        : html`<p class="note">Done together with <a href="${paths.run(mergedInto)}">a newer run</a> for the same.</p>`
    }
    ${
      error === undefined
        ? ''
        : html`<p class="note bad">
            ${error.message} <span class="reason">${error.code}</span>
            ${failedAttempts === undefined ? '' : plural(failedAttempts, 'attempt')}${
              retryAt === undefined ? '' : `, next at ${clock(view, retryAt)} UTC`
            }
          </p>`
    }
    ${
      record.nodes.length === 0
        ? html`<p class="quiet">
            ${record.state === 'queued' ? 'It has not begun.' : 'No object had to be looked at.'}
          </p>`
        : nodeTable(cluster, record)
    }
  </section>`
}

function nodeTable(cluster: string, record: StoredRecord): Html {
  return dataTable(
    `Objects in ${cluster}`,
    [
      { name: 'Object' },
      { name: 'Outcome' },
      { name: 'Revision' },
      { name: 'Took', set: 'num' },
      { name: 'Changes' },
      { name: 'Message', set: 'text' },
    ],
    record.nodes.map((node) => [
      objectLink(cluster, idOfSummary(node)),
      badge(node.state),
      revision(node.revision),
      duration(node.timings.finishedAt - node.timings.startedAt),
      changes(node),
      messageText(node.message, node.reason),
    ]),
  )
}

function changes(node: NodeRecord): Html {
  const count = changesOf(node)
  const unchanged = html`<span class="quiet">${node.unchanged} unchanged</span>`
  if (count === 0) return unchanged
  const listed = node.changes.slice(0, maxChanges)
  return html`<details>
    <summary>${plural(count, 'change')}, ${unchanged}</summary>
    <ul class="changes">
      ${listed.map(
        ({ object, action, drift }) =>
          html`<li>
            <span class="action">${action}</span> <code>${object}</code>
            ${drift === undefined || drift.length === 0 ? '' : html`<span class="quiet">had drifted: ${drift.map(formatDrift).join(', ')}</span>`}
          </li>`,
      )}
    </ul>
    ${count > listed.length ? html`<p class="quiet">and ${count - listed.length} more</p>` : ''}
  </details>`
}
