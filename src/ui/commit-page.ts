import { idOfSummary, type CommitCluster, type CommitObject, type CommitTrace } from '../observe/index.ts'
import { ago, clock, html, objectLink, plural, type Html, type View } from './html.ts'
import { dataTable, facts, layout, none } from './layout.ts'
import { runTable } from './runs-page.ts'
import { stageBar, stageColumns, stageLegend, stageTimes, totalMs } from './stage-bar.ts'
import { badge, healthText, stateText, wordOf } from './state-badge.ts'

/** The way of a commit through all clusters, with the time of each stage and what is missing. */
export function commitPage(view: View, trace: CommitTrace): Html {
  const concerned = trace.clusters.filter((cluster) => cluster.progress !== 'unconcerned')
  const others = trace.clusters.filter((cluster) => cluster.progress === 'unconcerned')
  const scale = Math.max(1, ...concerned.map((cluster) => totalMs(cluster.stages) ?? 0))
  const { push } = trace
  return layout(view, {
    title: `Commit ${trace.commit.slice(0, 8)}`,
    at: 'other',
    content: html`
      <h1><span class="kind">Commit</span> <code>${trace.commit.slice(0, 12)}</code></h1>
      <p class="headline">${verdict(concerned)}</p>
      ${facts([
        ['Full name', html`<code class="break">${trace.commit}</code>`],
        push === undefined ? undefined : ['Pushed to', html`<code>${push.ref.replace(/^refs\/heads\//, '')}</code>`],
        push?.actor === undefined ? undefined : ['By', push.actor],
        push === undefined
          ? ['Push', 'no webhook of it is remembered']
          : [
              'Received',
              html`${clock(view, push.receivedAt)} UTC, ${ago(view, push.receivedAt)}, from ${push.provider}`,
            ],
      ])}
      <h2>Clusters</h2>
      ${concerned.length === 0 ? html`<p class="note">No cluster has anything to do with it.</p>` : clusterTable(view, concerned, scale)}
      ${others.length === 0 ? '' : html`<p class="quiet">Nothing to do in ${others.map(({ health }) => health.cluster).join(', ')}.</p>`}
      ${concerned.filter(hasDetails).map((cluster) => clusterSection(cluster))}
      ${
        trace.runs.length === 0
          ? ''
          : html`<h2>Runs</h2>
              ${runTable(view, trace.runs)}`
      }
    `,
  })
}

function verdict(clusters: readonly CommitCluster[]): Html {
  const missing = clusters.reduce((sum, cluster) => sum + cluster.missing.length, 0)
  const counts = ['unreachable', 'failed', 'applying', 'queued', 'healthy', 'superseded']
    .map((progress) => [progress, clusters.filter((cluster) => cluster.progress === progress).length] as const)
    .filter(([, count]) => count > 0)
  return html`${counts.map(([progress, count]) => html`${badge(progress, `${wordOf(progress)} in ${plural(count, 'cluster')}`)} `)}
  ${missing === 0 ? '' : html`<span class="quiet">${plural(missing, 'object')} missing</span>`}`
}

function clusterTable(view: View, clusters: readonly CommitCluster[], scale: number): Html {
  return html`${dataTable(
    'Time of each stage by cluster',
    [{ name: 'Cluster' }, { name: 'State' }, ...stageColumns, { name: 'Since the push was received', set: 'wide' }],
    clusters.map(({ health, progress, stages }) => [
      html`<b>${health.cluster}</b>`,
      html`${badge(progress)} ${health.health === 'stale' ? healthText(view, health) : ''}`,
      ...stageTimes(stages),
      stageBar(stages, scale),
    ]),
  )}
  ${stageLegend()}`
}

function hasDetails({ objects, error }: CommitCluster): boolean {
  return objects.length > 0 || error !== undefined
}

function clusterSection({ health, objects, missing, error, stages, unaffected }: CommitCluster): Html {
  const { cluster } = health
  const worked = objects.filter((object) => object.outcome !== undefined || missing.includes(idOfSummary(object)))
  const others = objects.filter((object) => !worked.includes(object))
  return html`<section aria-label="${cluster}">
    <h2>${cluster}</h2>
    ${error === undefined ? '' : html`<p class="note bad">The cluster could not be worked on: ${error.message} <span class="reason">${error.code}</span></p>`}
    ${missing.length === 0 ? '' : html`<p class="note warn">Not there yet: ${missing.map((id, i) => html`${i === 0 ? '' : ', '}${objectLink(cluster, id)}`)}</p>`}
    ${worked.length === 0 ? '' : objectTable(cluster, worked, stages.receivedAt)}
    ${
      others.length === 0
        ? ''
        : html`<p class="quiet">
            Also at it, with nothing to do:
            ${others.map((object, i) => html`${i === 0 ? '' : ', '}${objectLink(cluster, idOfSummary(object))}`)}.
          </p>`
    }
    ${unaffected === 0 ? '' : html`<p class="quiet">It changes nothing for ${plural(unaffected, 'other Kustomization')}, left at an earlier commit.</p>`}
  </section>`
}

function objectTable(cluster: string, objects: readonly CommitObject[], receivedAt: number | undefined): Html {
  return dataTable(
    `Objects in ${cluster}`,
    [
      { name: 'Object' },
      { name: 'State' },
      ...stageColumns.slice(1),
      { name: 'Changes', set: 'num' },
      { name: 'Why', set: 'text' },
    ],
    objects.map((object) => {
      const stages = { ...object.stages, ...(receivedAt === undefined ? {} : { receivedAt }) }
      return [
        objectLink(cluster, idOfSummary(object)),
        objectState(object),
        ...stageTimes(stages).slice(1),
        object.changes === 0 ? none : object.changes,
        object.message ?? object.reason ?? '',
      ]
    }),
  )
}

function objectState(object: CommitObject): Html {
  if (object.state === 'gone') return badge('gone')
  const waitsFor = object.waitsFor.map((id) => ({ id }))
  const isElsewhere = !object.isCurrent && (object.outcome === 'ready' || object.outcome === 'skipped')
  return html`${badge(object.state, stateText(object.state, waitsFor))}
  ${isElsewhere ? html`<span class="quiet">at another commit now</span>` : ''}`
}
