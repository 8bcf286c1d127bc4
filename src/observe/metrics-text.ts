import { apiVersions, type Kind } from '../api/index.ts'
import type { Run } from '../coordinator/index.ts'
import { requestBounds, secondBounds, type Histogram } from './histogram.ts'
import { conditionOf, idOfSummary, objectStates } from '../reconcile/index.ts'
import type { ObservedCluster, ObservedObject } from './objects.ts'
import type { ObjectDurations, RunCounters } from './run-counters.ts'

/** All that metrics are made of. */
export interface MetricsInput {
  readonly clusters: readonly (ObservedCluster & { readonly runs: RunCounters; readonly durations: ObjectDurations })[]
  /** The newest runs. */
  readonly recent: readonly Run[]
}

type Labels = { readonly [name: string]: string | undefined }

/** One metric with its samples, in the text format of Prometheus. */
class Family {
  readonly name: string
  readonly #lines: string[]

  constructor(name: string, type: 'gauge' | 'counter' | 'histogram', help: string) {
    this.name = name
    this.#lines = [`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`]
  }

  add(labels: Labels, value: number, suffix = ''): void {
    this.#lines.push(`${this.name}${suffix}${formatLabels(labels)} ${value}`)
  }

  addHistogram(labels: Labels, histogram: Histogram, bounds: readonly number[]): void {
    let count = 0
    for (const [index, bound] of [...bounds.map(String), '+Inf'].entries()) {
      count += histogram.counts[index] ?? 0
      this.add({ ...labels, le: bound }, count, '_bucket')
    }
    this.add(labels, histogram.sum, '_sum')
    this.add(labels, count, '_count')
  }

  text(): string {
    return this.#lines.length > 2 ? `${this.#lines.join('\n')}\n` : ''
  }
}

/**
 * Metrics in the text format of Prometheus (0.0.4). `gotk_resource_info` has the labels that Flux's configuration of kube-state-metrics gives it, and
 * `gotk_reconcile_duration_seconds` those of Flux's controllers (2.9), both with the cluster beside them; its buckets are other ones. Kinds of a cluster that has not been seen
 * lately are shown as they were.
 */
export function metricsText({ clusters, recent }: MetricsInput): string {
  return [...objectFamilies(clusters), ...clusterFamilies(clusters), ...runFamilies(clusters), recentFamily(recent)]
    .map((family) => family.text())
    .join('')
}

function objectFamilies(clusters: MetricsInput['clusters']): readonly Family[] {
  const info = new Family('gotk_resource_info', 'gauge', 'The current state of a Flux resource.')
  const duration = new Family(
    'gotk_reconcile_duration_seconds',
    'histogram',
    'The duration in seconds of a reconciliation.',
  )
  for (const { health, objects, durations } of clusters) {
    for (const object of objects) info.add(infoLabels(object), 1)
    for (const { summary } of objects) {
      const { kind, name, namespace } = summary
      const histogram = durations.get(idOfSummary(summary))
      if (histogram?.counts.length === secondBounds.length + 1)
        duration.addHistogram({ cluster: health.cluster, kind, name, namespace }, histogram, secondBounds)
    }
  }
  return [info, duration]
}

function infoLabels({ cluster, summary, state }: ObservedObject): Labels {
  const { kind, chart, source } = summary
  const [group = '', version = ''] = (apiVersions[kind as Kind] ?? '').split('/')
  const isRelease = kind === 'HelmRelease'
  return {
    cluster,
    customresource_group: group,
    customresource_kind: kind,
    customresource_version: version,
    exported_namespace: summary.namespace,
    name: summary.name,
    ready: conditionOf(summary, 'Ready')?.status,
    suspended: String(summary.suspended),
    revision: summary.appliedRevision,
    source_name: kind === 'Kustomization' ? source?.name : undefined,
    chart_name: chart?.name,
    chart_app_version: isRelease ? chart?.appVersion : undefined,
    chart_source_name: isRelease ? source?.name : undefined,
    url: summary.url,
    state,
  }
}

function clusterFamilies(clusters: MetricsInput['clusters']): readonly Family[] {
  const up = new Family('sluice_cluster_up', 'gauge', 'Whether the cluster has been seen lately.')
  const seen = new Family('sluice_cluster_last_seen_timestamp_seconds', 'gauge', 'When the cluster was last seen.')
  const objects = new Family('sluice_objects', 'gauge', 'Objects by state.')
  for (const { health, objects: found } of clusters) {
    const { cluster } = health
    if (health.health !== 'unknown') up.add({ cluster }, health.health === 'seen' ? 1 : 0)
    if (health.lastSeenAt !== undefined) seen.add({ cluster }, health.lastSeenAt / 1000)
    for (const state of objectStates)
      objects.add({ cluster, state }, found.filter((object) => object.state === state).length)
  }
  return [up, seen, objects]
}

function runFamilies(clusters: MetricsInput['clusters']): readonly Family[] {
  const runs = new Family('sluice_runs_total', 'counter', 'Ended runs.')
  const errors = new Family('sluice_run_errors_total', 'counter', 'Attempts at a run that failed as a whole.')
  const requests = new Family('sluice_api_requests_total', 'counter', "Requests to the clusters' API servers.")
  const perRun = new Family('sluice_run_api_requests', 'histogram', "Requests of a run to its cluster's API server.")
  const changes = new Family('sluice_changes_total', 'counter', 'Objects that were created, configured or deleted.')
  const drifted = new Family('sluice_drifted_objects_total', 'counter', 'Objects that had drifted and were repaired.')
  const applied = new Family(
    'sluice_push_to_applied_seconds',
    'histogram',
    'Seconds between the receipt of a push and its last object applied.',
  )
  const healthy = new Family(
    'sluice_push_to_healthy_seconds',
    'histogram',
    'Seconds between the receipt of a push and its last object healthy.',
  )
  for (const { health, runs: counted } of clusters) {
    const { cluster } = health
    for (const [key, count] of Object.entries(counted.runs)) {
      const [trigger, state] = key.split('/')
      runs.add({ cluster, trigger, state }, count)
    }
    for (const [code, count] of Object.entries(counted.errors)) errors.add({ cluster, code }, count)
    requests.add({ cluster }, counted.requests)
    changes.add({ cluster }, counted.changes)
    drifted.add({ cluster }, counted.drifted)
    if (counted.requestsPerRun !== undefined) perRun.addHistogram({ cluster }, counted.requestsPerRun, requestBounds)
    if (counted.pushToApplied !== undefined) applied.addHistogram({ cluster }, counted.pushToApplied, secondBounds)
    if (counted.pushToHealthy !== undefined) healthy.addHistogram({ cluster }, counted.pushToHealthy, secondBounds)
  }
  return [runs, errors, requests, perRun, changes, drifted, applied, healthy]
}

/** How many of the newest runs wait, run, or have ended how: what waits is the queue. */
function recentFamily(recent: readonly Run[]): Family {
  const family = new Family('sluice_recent_runs', 'gauge', 'The newest runs by cluster and state; queued ones wait.')
  const counts = new Map<string, number>()
  for (const { records } of recent) {
    for (const { cluster, state } of records) {
      const key = JSON.stringify([cluster, state])
      counts.set(key, (counts.get(key) ?? 0) + 1)
    }
  }
  for (const [key, count] of counts) {
    const [cluster, state] = JSON.parse(key) as [string, string]
    family.add({ cluster, state }, count)
  }
  return family
}

function formatLabels(labels: Labels): string {
  const parts = Object.entries(labels).flatMap(([name, value]) =>
    value === undefined
      ? []
      : [`${name}="${value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')}"`],
  )
  return parts.length === 0 ? '' : `{${parts.join(',')}}`
}
