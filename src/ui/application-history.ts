import { formatDrift } from '../kube/index.ts'
import type { LiveApplication, LiveEvent, LiveRelease } from '../observe/index.ts'
import type { HistoryEntry } from '../reconcile/index.ts'
import { ago, html, messageText, paths, plural, revision, type Html, type View } from './html.ts'
import { dataTable, none } from './layout.ts'
import { stageBar, stageLegend, totalMs } from './stage-bar.ts'
import { badge, wordOf } from './state-badge.ts'

/** What runs did to an application, newest first, with who asked and how long each stage took. */
export function historyTable(view: View, entries: readonly HistoryEntry[]): Html {
  if (entries.length === 0)
    return html`<p class="note">No run has done anything to it in the time that is remembered.</p>`
  const scale = Math.max(1, ...entries.map((entry) => totalMs(stagesOf(entry)) ?? 0))
  return html`${dataTable(
    'What runs did',
    [
      { name: 'When', set: 'nowrap' },
      { name: 'Outcome' },
      { name: 'By' },
      { name: 'Revision' },
      { name: 'Changes' },
      { name: 'Message', set: 'text' },
      { name: 'Time', set: 'time' },
    ],
    entries.map((entry) => [
      html`<a href="${paths.run(entry.run)}">${ago(view, entry.at)}</a>`,
      badge(entry.state),
      who(entry),
      revision(entry.revision),
      changes(entry),
      messageText(entry.message, entry.reason),
      stageBar(stagesOf(entry), scale),
    ]),
  )}
  ${stageLegend()}`
}

function stagesOf({ receivedAt, renderedAt, appliedAt, state, at }: HistoryEntry): Parameters<typeof stageBar>[0] {
  return {
    receivedAt,
    ...(renderedAt === undefined ? {} : { renderedAt }),
    ...(appliedAt === undefined ? {} : { appliedAt }),
    ...(state === 'ready' ? { healthyAt: at } : {}),
  }
}

function who({ trigger, actor }: HistoryEntry): Html {
  const word = { push: 'Push', scan: 'Scan', trigger: 'Trigger' }[trigger]
  return html`${word}${actor === undefined ? '' : html` <span class="quiet">${actor}</span>`}`
}

function changes(entry: HistoryEntry): Html {
  const count = entry.changes.length + (entry.changesOmitted ?? 0)
  const summary = countText(entry)
  if (count === 0) return summary === '' ? none : html`${summary}`
  const more = entry.changesOmitted ?? 0
  return html`<details>
    <summary>${summary === '' ? plural(count, 'change') : summary}</summary>
    <ul class="changes">
      ${entry.changes.map(
        ({ object, action, drift = [], note }) =>
          html`<li>
            <span class="action">${action}</span> <code>${object}</code>
            ${note === undefined ? '' : html`<span class="quiet">${note}</span>`}
            ${
              drift.length === 0
                ? ''
                : html`<ul>
                    ${drift.map((path) => html`<li class="quiet">${formatDrift(path)}</li>`)}
                  </ul>`
            }
          </li>`,
      )}
    </ul>
    ${more === 0 ? '' : html`<p class="quiet">and ${more} more</p>`}
  </details>`
}

function countText({ created, configured, deleted, drifted }: HistoryEntry): string {
  return [
    created > 0 ? `${created} created` : '',
    configured > 0 ? `${configured} configured` : '',
    deleted > 0 ? `${deleted} deleted` : '',
    drifted > 0 ? `${drifted} had drifted` : '',
  ]
    .filter(Boolean)
    .join(', ')
}

/** The releases that a HelmRelease remembers, with the results of their tests. */
export function releaseTable(view: View, releases: readonly LiveRelease[]): Html {
  if (releases.length === 0) return html`<p class="note">Nothing has been released yet.</p>`
  return dataTable(
    'Releases',
    [
      { name: 'Version', set: 'nowrap' },
      { name: 'Status' },
      { name: 'Chart' },
      { name: 'App' },
      { name: 'Last deployed', set: 'nowrap' },
      { name: 'First deployed', set: 'nowrap' },
      { name: 'Tests' },
      { name: 'Digest' },
    ],
    releases.map((one) => [
      html`<b>v${one.version}</b>`,
      html`${badge(releaseState(one.status), one.status)}
      ${one.action === undefined ? '' : html`<span class="quiet">${one.action}</span>`}`,
      html`<code>${one.chart} ${one.chartVersion}</code>`,
      one.appVersion ?? none,
      ago(view, one.lastDeployed),
      ago(view, one.firstDeployed),
      tests(view, one),
      html`<code class="break" title="${one.ociDigest ?? one.digest}"
        >${(one.ociDigest ?? one.digest).slice(0, 19)}</code
      >`,
    ]),
  )
}

function releaseState(status: string): string {
  if (status === 'deployed') return 'ready'
  if (status === 'failed') return 'failed'
  return status.startsWith('pending') || status === 'uninstalling' ? 'applying' : 'superseded'
}

function tests(view: View, { tests: results }: LiveRelease): Html {
  if (results.length === 0) return none
  return html`${results.map(({ name, phase, completed }) => {
    const state = phase === 'Succeeded' ? 'succeeded' : phase === 'Failed' ? 'failed' : 'running'
    return html`<span class="item"
      >${name} ${badge(state, phase === '' ? wordOf('running') : phase)}
      ${completed === undefined ? '' : html`<span class="quiet">${ago(view, completed)}</span>`}</span
    > `
  })}`
}

/** Events about the object, newest first. */
export function eventTable(view: View, { events }: Pick<LiveApplication, 'events'>): Html {
  if (events.length === 0) return html`<p class="note">The cluster has none; it forgets them after an hour.</p>`
  return dataTable(
    'Events',
    [
      { name: 'Last', set: 'nowrap' },
      { name: 'Type' },
      { name: 'Reason' },
      { name: 'Times', set: 'num' },
      { name: 'Message', set: 'text' },
      { name: 'By' },
    ],
    events.map((event: LiveEvent) => [
      ago(view, event.last),
      event.type === 'Warning' ? badge('partial', 'Warning') : event.type,
      event.reason,
      event.count,
      event.message,
      event.by,
    ]),
  )
}
