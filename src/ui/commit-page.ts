import { idOfSummary, type CommitCluster, type CommitObject, type CommitTrace } from '../observe/index.ts'
import {
  ago,
  clock,
  duration,
  externalLink,
  html,
  objectLink,
  paths,
  plural,
  revision,
  type Html,
  type View,
} from './html.ts'
import { dataTable, facts, layout, none } from './layout.ts'
import { pullLink, stateText as planStateText, verdictBadge } from './plan-state.ts'
import type { PlanHead } from './plan-types.ts'
import { runTable } from './runs-page.ts'
import { objectBar, stageBar, stageColumns, stageLegend, stageTime, stageTimes, totalMs } from './stage-bar.ts'
import { badge, healthText, stateText, wordOf } from './state-badge.ts'

/** The way of a commit through all clusters: how far it is, how long each stage took, what waited for what, and what is missing. `plans` are those of pull requests that it belongs to. */
export function commitPage(view: View, trace: CommitTrace, plans: readonly PlanHead[] = []): Html {
  const concerned = trace.clusters.filter((cluster) => cluster.progress !== 'unconcerned')
  const others = trace.clusters.filter((cluster) => cluster.progress === 'unconcerned')
  const scale = Math.max(1, ...concerned.map((cluster) => lastMs(cluster)))
  return layout(view, {
    title: `Commit ${trace.commit.slice(0, 8)}`,
    at: 'commits',
    live: concerned.map(({ health, progress }) => `${health.cluster} ${wordOf(progress)}`).join(', '),
    content: html`
      <h1><span class="kind">Commit</span> <code>${trace.commit.slice(0, 12)}</code></h1>
      <p class="headline">${verdict(concerned)}</p>
      ${facts([...factsOf(view, trace), ...plans.map((plan) => planFact(trace.commit, plan))])}
      <h2>Clusters</h2>
      ${concerned.length === 0 ? html`<p class="note">${trace.clusters.length === 0 ? 'It has come to no cluster yet.' : 'No cluster has anything to do with it.'}</p>` : clusterTable(view, concerned, scale)}
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

function factsOf(view: View, { commit, push }: CommitTrace): Parameters<typeof facts>[0] {
  const fullName = ['Full name', html`<code class="break">${commit}</code>`] as const
  if (push === undefined) return [fullName, ['Push', 'no webhook of it is remembered']]
  return [
    fullName,
    ['Pushed to', html`<code>${push.ref.replace(/^refs\/heads\//, '')}</code>`],
    push.actor === undefined ? undefined : ['By', push.actor],
    ['Received', html`${clock(view, push.receivedAt)} UTC, ${ago(view, push.receivedAt)}, from ${push.provider}`],
    push.url === undefined ? undefined : ['At the forge', externalLink(push.url, 'What it changes')],
  ]
}

/** A plan that has the commit as its head, or was brought by it, with its pull request. */
function planFact(commit: string, plan: PlanHead): readonly [string, Html] {
  const { head, mergeCommit, title } = plan
  const name = mergeCommit === commit && head !== commit ? 'Brings the plan' : 'Planned as'
  return [
    name,
    html`<a href="${paths.plan(plan.id)}">${title === '' ? 'the plan' : title}</a> of ${pullLink(plan)}
      ${verdictBadge(plan.verdict)}
      <span class="quiet">${planStateText(plan)}</span>
      ${mergeCommit === undefined || mergeCommit === commit ? '' : html`as ${revision(mergeCommit)}`}`,
  ]
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
    [
      { name: 'Cluster' },
      { name: 'State' },
      { name: 'Arrived', set: 'nowrap' },
      ...stageColumns,
      { name: 'Since the push was received', set: 'wide' },
    ],
    clusters.map((cluster) => [
      html`<b>${cluster.health.cluster}</b>`,
      html`${badge(cluster.progress)} ${cluster.health.health === 'stale' ? healthText(view, cluster.health) : ''}`,
      arrived(cluster),
      ...stageTimes(cluster.stages),
      stageBar(cluster.stages, scale),
    ]),
  )}
  ${stageLegend()}`
}

/** Milliseconds between receiving and the last thing that is known of a cluster, so that what is not done yet does not look like it. */
function lastMs({ stages, objects }: CommitCluster): number {
  const { receivedAt } = stages
  if (receivedAt === undefined) return 0
  const known = objects.flatMap(({ stages: own }) => [own.appliedAt ?? 0, own.healthyAt ?? 0])
  return Math.max(totalMs(stages) ?? 0, ...known.map((at) => at - receivedAt))
}

/** At how many of the objects that it concerns a commit has arrived. */
function arrived({ objects, missing }: CommitCluster): Html | string {
  const known = objects.filter((object) => object.isCurrent || missing.includes(idOfSummary(object)))
  return known.length === 0 ? none : `${known.length - missing.length} of ${plural(known.length, 'object')}`
}

function hasDetails({ objects, error }: CommitCluster): boolean {
  return objects.length > 0 || error !== undefined
}

function clusterSection(shown: CommitCluster): Html {
  const { health, objects, missing, error } = shown
  const { cluster } = health
  const worked = objects.filter((object) => isWorked(object, missing))
  return html`<section aria-label="${cluster}">
    <h2>${cluster}</h2>
    ${error === undefined ? '' : html`<p class="note bad">The cluster could not be worked on: ${error.message} <span class="reason">${error.code}</span></p>`}
    ${missing.length === 0 ? '' : html`<p class="note warn">Not there yet: ${missing.map((id, i) => html`${i === 0 ? '' : ', '}${objectLink(cluster, id)}`)}</p>`}
    ${criticalPath(shown)} ${worked.length === 0 ? '' : objectTable(shown, worked)} ${unchanged(shown)}
  </section>`
}

function isWorked(object: CommitObject, missing: readonly string[]): boolean {
  const isSkipped = object.outcome === 'skipped' && object.reason === undefined
  return (object.outcome !== undefined && !isSkipped) || missing.includes(idOfSummary(object))
}

/** What could not have been faster without something in it being faster. */
function criticalPath({ health, objects, stages }: CommitCluster): Html | '' {
  const path = objects.filter((object) => object.isCritical === true)
  if (path.length === 0) return ''
  const { receivedAt = 0 } = stages
  const steps = path.toSorted((a, b) => (a.stages.healthyAt ?? 0) - (b.stages.healthyAt ?? 0))
  return html`<p class="path">
    <b>Critical path</b>
    ${steps.map((object, i) => {
      const at = object.stages.healthyAt
      const since = i === 0 ? receivedAt : (steps[i - 1]?.stages.healthyAt ?? receivedAt)
      const took = at === undefined ? '' : html` <span class="quiet">${duration(Math.max(0, at - since))}</span>`
      return html`${i === 0 ? '' : html` <span aria-hidden="true">→</span><span class="hidden">then</span> `}<span
          class="nowrap"
          >${objectLink(health.cluster, idOfSummary(object))}${took}</span
        >`
    })}
  </p>`
}

/** What the commit changes nothing for: how many, and which where somebody wants to know. */
function unchanged({ health, objects, missing, unaffected }: CommitCluster): Html | '' {
  const skipped = objects.filter((object) => !isWorked(object, missing))
  const count = skipped.length + unaffected
  if (count === 0) return ''
  const also = unaffected === 0 ? '' : `, ${unaffected} of them left at an earlier commit`
  if (skipped.length === 0) return html`<p class="quiet">${count} unchanged, skipped${also}.</p>`
  return html`<details class="more" data-key="unchanged-${health.cluster}">
    <summary>${count} unchanged, skipped${also}</summary>
    <p class="quiet">
      ${skipped.map((object, i) => html`${i === 0 ? '' : ', '}${objectLink(health.cluster, idOfSummary(object))}`)}
    </p>
  </details>`
}

function objectTable({ health, stages }: CommitCluster, objects: readonly CommitObject[]): Html {
  const { cluster } = health
  const { receivedAt } = stages
  const timed = objects.map((object) => ({
    object,
    stages: { ...object.stages, ...(receivedAt === undefined ? {} : { receivedAt }) },
  }))
  const scale = Math.max(1, ...timed.map((one) => totalMs(one.stages) ?? 0))
  return dataTable(
    `Objects in ${cluster}`,
    [
      { name: 'Object' },
      { name: 'State' },
      { name: 'Waited' },
      { name: 'Healthy', set: 'num' },
      { name: 'Changes', set: 'num' },
      { name: 'Since the push was received', set: 'wide' },
      { name: 'Why', set: 'text' },
    ],
    timed.map(({ object, stages: own }) => [
      html`${objectLink(cluster, idOfSummary(object))}${
        object.isCritical === true ? html` <span class="tag">critical path</span>` : ''
      }`,
      objectState(object),
      waited(cluster, object),
      stageTime(own, 'healthyAt'),
      object.changes === 0 ? none : object.changes,
      objectBar(own, { scale, fetchedAt: stages.fetchedAt, waitedMs: object.waited?.ms }),
      object.message ?? object.reason ?? '',
    ]),
  )
}

/** What it had to wait for, or waits for now. */
function waited(cluster: string, { waited: past, waitsFor }: CommitObject): Html {
  if (waitsFor.length > 0)
    return html`for
    ${waitsFor.slice(0, 5).map((id, i) => html`${i === 0 ? '' : ', '}${nameLink(cluster, id)}`)}${
      waitsFor.length > 5 ? ` and ${waitsFor.length - 5} more` : ''
    }`
  return past === undefined ? none : html`${duration(past.ms)} for ${nameLink(cluster, past.on)}`
}

function nameLink(cluster: string, id: string): Html {
  return html`<a href="${paths.object(cluster, id)}" title="${id}">${id.split('/').at(-1) ?? id}</a>`
}

function objectState(object: CommitObject): Html {
  if (object.state === 'gone') return badge('gone')
  const waitsFor = object.waitsFor.map((id) => ({ id }))
  const isElsewhere = !object.isCurrent && (object.outcome === 'ready' || object.outcome === 'skipped')
  return html`${badge(object.state, stateText(object.state, waitsFor))}
  ${isElsewhere ? html`<span class="quiet">at another commit now</span>` : ''}`
}
