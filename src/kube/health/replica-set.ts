import { conditionOf, current, inProgress, intAt, type HealthRule } from './health.ts'

/** kstatus, replicasetConditions. */
export const replicaSetHealth: HealthRule = (object) => {
  if (conditionOf(object, 'ReplicaFailure')?.status === 'True')
    return inProgress('Replica Failure condition. Check Pods')
  const wanted = intAt(object, ['spec', 'replicas'], 1)
  const replicas = intAt(object, ['status', 'replicas'], 0)
  const checks = [
    ['Labelled', 'fullyLabeledReplicas'],
    ['Available', 'availableReplicas'],
    ['Ready', 'readyReplicas'],
  ] as const
  for (const [label, field] of checks) {
    const count = intAt(object, ['status', field], 0)
    if (count < wanted) return inProgress(`${label}: ${count}/${wanted}`)
  }
  if (replicas > wanted) return inProgress(`Pending termination: ${replicas - wanted}`)
  return current(`ReplicaSet is available. Replicas: ${replicas}`)
}
