import { isMap, type KubeMap } from '../../resources/index.ts'
import { conditionOf, current, failed, inProgress, textAt, valueAt, type HealthRule } from './health.ts'

/** A Pod may stay unscheduled for this long before it counts as failed. */
const scheduleWindowMs = 15_000

/** kstatus, podConditions. A Pod that failed is Current: it will not change any more. */
export const podHealth: HealthRule = (object, now) => {
  const phase = textAt(object, ['status', 'phase'])
  switch (phase) {
    case 'Succeeded':
      return current('Pod has completed successfully')
    case 'Failed':
      return current('Pod has completed, but not successfully')
    case 'Running': {
      if (conditionOf(object, 'Ready')?.status === 'True') return current('Pod is Ready')
      const looping = waitingContainers(object).filter(({ reason }) => reason === 'CrashLoopBackOff')
      if (looping.length > 0)
        return failed(`Containers in CrashLoop state: ${looping.map(({ name }) => name).join(',')}`)
      return inProgress('Pod is running but is not Ready')
    }
    case 'Pending': {
      if (!isUnschedulable(object)) return inProgress('Pod is in the Pending phase')
      const created = Date.parse(textAt(object, ['metadata', 'creationTimestamp']))
      return now - created < scheduleWindowMs
        ? inProgress('Pod has not been scheduled')
        : failed('Pod could not be scheduled')
    }
    case '':
      return inProgress('Pod phase not available')
    default:
      return { status: 'Unknown', message: `unknown phase ${phase}` }
  }
}

/** True for a Pod that no node takes. */
export function isUnschedulable(pod: KubeMap): boolean {
  const scheduled = conditionOf(pod, 'PodScheduled')
  return scheduled?.status === 'False' && scheduled.reason === 'Unschedulable'
}

export interface WaitingContainer {
  readonly name: string
  /** `CrashLoopBackOff`, `ImagePullBackOff`, `CreateContainerConfigError`, … */
  readonly reason: string
  readonly message: string
}

/** Containers of a Pod that wait, init containers first. */
export function waitingContainers(pod: KubeMap): readonly WaitingContainer[] {
  return ['initContainerStatuses', 'containerStatuses'].flatMap((list) => {
    const statuses = valueAt(pod, 'status', list)
    if (!Array.isArray(statuses)) return []
    return statuses.filter(isMap).flatMap((status) => {
      const waiting = valueAt(status, 'state', 'waiting')
      if (!isMap(waiting)) return []
      return [
        { name: textAt(status, ['name']), reason: textAt(waiting, ['reason']), message: textAt(waiting, ['message']) },
      ]
    })
  })
}
