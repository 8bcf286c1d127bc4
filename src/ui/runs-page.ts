import type { Run } from '../coordinator/index.ts'
import { countRecord, type RunFilter } from '../observe/index.ts'
import { ago, duration, html, paths, plural, revision, type Html, type View } from './html.ts'
import { dataTable, layout, none } from './layout.ts'
import { badge } from './state-badge.ts'

const filters: readonly (readonly [string, { readonly [name: string]: string }])[] = [
  ['What did something', {}],
  ['Pushes', { trigger: 'push' }],
  ['Triggers', { trigger: 'trigger' }],
  ['Failed', { state: 'failed' }],
  ['All, with quiet scans', { quiet: 'true' }],
]

/** Runs, newest first. */
export function runsPage(
  view: View,
  page: { readonly runs: readonly Run[]; readonly before?: string },
  filter: RunFilter,
): Html {
  const query: { readonly [name: string]: string } = {
    ...(filter.trigger === undefined ? {} : { trigger: filter.trigger }),
    ...(filter.state === undefined ? {} : { state: filter.state }),
    ...(filter.cluster === undefined ? {} : { cluster: filter.cluster }),
    ...(filter.quiet === true ? { quiet: 'true' } : {}),
  }
  const isCurrent = (other: { readonly [name: string]: string }): boolean =>
    JSON.stringify(other) === JSON.stringify(query)
  return layout(view, {
    title: 'Runs',
    at: 'runs',
    content: html`
      <h1>Runs</h1>
      <nav class="chips" aria-label="Filter">
        ${filters.map(
          ([text, one]) =>
            html`<a href="${paths.runs(one)}" ${isCurrent(one) ? html`aria-current="true"` : ''}>${text}</a>`,
        )}
      </nav>
      ${page.runs.length === 0 ? noRun(query) : runTable(view, page.runs)}
      ${
        page.before === undefined
          ? ''
          : html`<nav class="pages" aria-label="Pages">
              <a href="${paths.runs({ ...query, before: page.before })}">Older</a>
            </nav>`
      }
    `,
  })
}

function noRun(query: { readonly [name: string]: string }): Html {
  if (Object.keys(query).length > 0) return html`<p class="note">No such run is remembered.</p>`
  return html`<p class="note">
    No run that did something is remembered. A push begins one where its webhook comes in (<a
      href="${paths.deliveries()}"
      >deliveries</a
    >), and so does a scan (<a href="${paths.runs({ quiet: 'true' })}">all of them</a>) or
    <code>sluice reconcile</code>.
  </p>`
}

/** A table of runs. */
export function runTable(view: View, runs: readonly Run[]): Html {
  return dataTable(
    'Runs',
    [
      { name: 'When', set: 'nowrap' },
      { name: 'State' },
      { name: 'What for' },
      { name: 'Clusters' },
      { name: 'Objects', set: 'num' },
      { name: 'Changes', set: 'num' },
      { name: 'Took', set: 'num' },
    ],
    runs.map((run) => runRow(view, run)),
  )
}

function runRow(view: View, run: Run): readonly (Html | string | number)[] {
  const counts = run.records.map(countRecord)
  const sum = (field: 'objects' | 'changes' | 'drifted'): number => counts.reduce((all, one) => all + one[field], 0)
  const ended = run.records.flatMap((record) => record.finishedAt ?? [])
  const hasEnded = ended.length === run.records.length && ended.length > 0
  const drifted = sum('drifted')
  return [
    html`<a href="${paths.run(run.id)}">${ago(view, run.receivedAt)}</a>`,
    badge(run.state),
    purpose(run),
    clustersOf(run),
    sum('objects'),
    html`${sum('changes')}${drifted === 0 ? '' : html` <span class="quiet">${drifted} drifted</span>`}`,
    hasEnded ? duration(Math.max(...ended) - run.receivedAt) : none,
  ]
}

/** Why a run was started. */
export function purpose(run: Run): Html {
  const { push, target, actor, change } = run
  if (push !== undefined) {
    const who = push.actor === undefined ? '' : html` <span class="quiet">${push.actor}</span>`
    return html`Push to <code>${push.ref.replace(/^refs\/(?:heads|tags)\//, '')}</code> ${revision(push.after)}${who}`
  }
  const who = actor === undefined ? '' : html` <span class="quiet">${actor}</span>`
  if (change !== undefined) return html`<a href="${paths.plan(change.plan)}">Plan</a> of ${revision(change.head)}${who}`
  if (run.trigger === 'scan') return html`Scan${who}`
  if (target === undefined || target === 'cluster') return html`Trigger, everything${who}`
  const keys = 'objects' in target ? target.objects : ['source' in target ? target.source : target.object]
  const [first] = keys
  const name = first === undefined ? '' : `${first.kind}/${first.namespace}/${first.name}`
  return html`Trigger <code>${name}</code>${keys.length > 1 ? ` and ${keys.length - 1} more` : ''}${who}`
}

function clustersOf(run: Run): Html {
  const failed = run.records.filter((record) => record.error !== undefined).map((record) => record.cluster)
  if (failed.length > 0)
    return html`${plural(run.clusters.length, 'cluster')}, <span class="s-failed">not ${failed.join(', ')}</span>`
  return html`${run.clusters.length <= 2 ? run.clusters.join(', ') : plural(run.clusters.length, 'cluster')}`
}
