import {
  getKey,
  gvkOf,
  isMap,
  namespaceOf,
  nameOf,
  scalarText,
  type KubeMap,
  type KubeObject,
  type KubeValue,
} from '../resources/index.ts'
import type { CallOptions, KubeClient } from './client-types.ts'
import { computeHealth } from './health/index.ts'
import { conditionOf, textAt, valueAt } from './health/health.ts'
import { isUnschedulable, waitingContainers } from './health/pod.ts'

/** Kinds whose Pods tell why they are not ready. */
const workloads = new Set(['apps/Deployment', 'apps/StatefulSet', 'apps/DaemonSet', 'apps/ReplicaSet', 'batch/Job'])
/** Kinds that fail when one of their Pods does (fluxcd/cli-utils statusreaders). A Deployment is judged by its own status alone. */
const failWithPods = new Set(['apps/StatefulSet', 'apps/ReplicaSet'])

/** Pods that are read to find a reason. */
const maxPods = 50

/** What the Pods of a workload say. */
export interface PodFindings {
  /** Why a Pod is not ready: `Pod app-1: container app: ImagePullBackOff: …`. */
  readonly message: string | undefined
  /** True when the workload counts as failed because of a Pod. */
  readonly isFailed: boolean
}

/** Looks at the Pods of a workload that is not ready. One LIST; nothing for other kinds. */
export async function findPodReasons(
  client: KubeClient,
  workload: KubeObject,
  options: CallOptions,
): Promise<PodFindings> {
  const { group, kind } = gvkOf(workload)
  const selector = workloads.has(`${group}/${kind}`) ? formatSelector(valueAt(workload, 'spec', 'selector')) : ''
  if (selector === '') return { message: undefined, isFailed: false }
  const now = client.clock.now()
  const pods = await client.list(
    { apiVersion: 'v1', kind: 'Pod' },
    {
      namespace: namespaceOf(workload),
      labelSelector: selector,
      pageSize: maxPods,
      maxItems: 10 * maxPods,
      ...options,
    },
  )
  const waiting = pods.items.filter((pod) => computeHealth(pod, now).status !== 'Current' && !isDeleting(pod))
  const failing = waiting.filter((pod) => computeHealth(pod, now).status === 'Failed' && !isUnschedulable(pod))
  const [first] = [...failing, ...waiting]
  return {
    message: first && describePod(first),
    isFailed: failWithPods.has(`${group}/${kind}`) && failing.length > 0,
  }
}

/** The plainest reason why a Pod is not ready. */
export function describePod(pod: KubeObject): string {
  const name = `Pod ${nameOf(pod)}`
  const scheduled = conditionOf(pod, 'PodScheduled')
  if (isUnschedulable(pod)) return `${name}: unschedulable: ${scheduled?.message ?? ''}`
  const container = waitingContainers(pod).find(
    ({ reason }) => reason !== 'PodInitializing' && reason !== 'ContainerCreating',
  )
  if (container) {
    const detail = container.message === '' ? '' : `: ${container.message}`
    return `${name}: container ${container.name}: ${container.reason}${detail}${describeLastExit(pod, container.name)}`
  }
  const ready = conditionOf(pod, 'Ready')
  if (ready && ready.status !== 'True' && ready.message !== '') return `${name}: ${ready.message}`
  return `${name}: ${textAt(pod, ['status', 'phase'], 'no status yet')}`
}

/** How the container ended last time: what a crash loop does not say itself. */
function describeLastExit(pod: KubeMap, container: string): string {
  const statuses = ['initContainerStatuses', 'containerStatuses'].flatMap((list) => {
    const value = valueAt(pod, 'status', list)
    return Array.isArray(value) ? value.filter(isMap) : []
  })
  const status = statuses.find((item) => item['name'] === container)
  const ended = status && valueAt(status, 'lastState', 'terminated')
  if (!isMap(ended)) return ''
  return ` (last exit: ${textAt(ended, ['reason'], 'unknown')}, code ${scalarText(getKey(ended, 'exitCode'))})`
}

function isDeleting(object: KubeObject): boolean {
  return textAt(object, ['metadata', 'deletionTimestamp']) !== ''
}

/** A label selector as a query: `a=b,c in (d,e),!f`. '' for none, which would select everything. */
export function formatSelector(selector: KubeValue | undefined): string {
  if (!isMap(selector)) return ''
  const labels = isMap(selector['matchLabels']) ? Object.entries(selector['matchLabels']) : []
  const parts = labels.map(([key, value]) => `${key}=${scalarText(value)}`)
  const expressions = Array.isArray(selector['matchExpressions']) ? selector['matchExpressions'].filter(isMap) : []
  for (const expression of expressions) {
    const key = textAt(expression, ['key'])
    const values = Array.isArray(expression['values'])
      ? expression['values'].map((value) => scalarText(value)).join(',')
      : ''
    switch (expression['operator']) {
      case 'In':
        parts.push(`${key} in (${values})`)
        break
      case 'NotIn':
        parts.push(`${key} notin (${values})`)
        break
      case 'Exists':
        parts.push(key)
        break
      default:
        parts.push(`!${key}`)
    }
  }
  return parts.join(',')
}
