import { conditionOf, current, failed, inProgress, intAt, valueAt, type HealthRule } from './health.ts'

/** kstatus, deploymentConditions: decided by the Deployment's own status, its Pods are not looked at. */
export const deploymentHealth: HealthRule = (object) => {
  const progressing = conditionOf(object, 'Progressing')
  if (progressing?.reason === 'ProgressDeadlineExceeded') return failed('Progress deadline exceeded')
  const wanted = intAt(object, ['spec', 'replicas'], 1)
  const replicas = intAt(object, ['status', 'replicas'], 0)
  const updated = intAt(object, ['status', 'updatedReplicas'], 0)
  const available = intAt(object, ['status', 'availableReplicas'], 0)
  const ready = intAt(object, ['status', 'readyReplicas'], 0)
  if (replicas < wanted) return inProgress(`Replicas: ${replicas}/${wanted}`)
  if (updated < wanted) return inProgress(`Updated: ${updated}/${wanted}`)
  if (replicas > wanted) return inProgress(`Pending termination: ${replicas - wanted}`)
  if (available < updated) return inProgress(`Available: ${available}/${updated}`)
  if (ready < wanted) return inProgress(`Ready: ${ready}/${wanted}`)
  // The API server defaults the deadline: without one, the controller does not report progress.
  const reportsProgress = typeof valueAt(object, 'spec', 'progressDeadlineSeconds') === 'number'
  const isRolledOut = progressing?.status === 'True' && progressing.reason === 'NewReplicaSetAvailable'
  if (reportsProgress && !isRolledOut) return inProgress('ReplicaSet not Available')
  if (conditionOf(object, 'Available')?.status !== 'True') return inProgress('Deployment not Available')
  return current(`Deployment is available. Replicas: ${replicas}`)
}
