import { current, inProgress, intAt, valueAt, type HealthRule } from './health.ts'

/** kstatus, daemonsetConditions. */
export const daemonSetHealth: HealthRule = (object) => {
  if (valueAt(object, 'metadata', 'generation') === undefined)
    return inProgress('DaemonSet metadata.generation not found')
  if (valueAt(object, 'status', 'observedGeneration') === undefined) {
    return inProgress('DaemonSet status.observedGeneration not found')
  }
  const wanted = intAt(object, ['status', 'desiredNumberScheduled'], -1)
  if (wanted === -1) return inProgress('Missing .status.desiredNumberScheduled')
  const checks = [
    ['Current', 'currentNumberScheduled'],
    ['Updated', 'updatedNumberScheduled'],
    ['Available', 'numberAvailable'],
    ['Ready', 'numberReady'],
  ] as const
  for (const [label, field] of checks) {
    const count = intAt(object, ['status', field], 0)
    if (count < wanted) return inProgress(`${label}: ${count}/${wanted}`)
  }
  return current(`All replicas scheduled as expected. Replicas: ${wanted}`)
}
