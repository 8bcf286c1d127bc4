import type { KubeMap } from '../../resources/index.ts'
import { conditionOf, conditionsOf, current, failed, inProgress, textAt, valueAt, type Health } from './health.ts'

/** Rules that hold for every kind and come before its own (kstatus, checkGenericProperties). Undefined: they do not decide. */
export function genericHealth(object: KubeMap): Health | undefined {
  if (textAt(object, ['metadata', 'deletionTimestamp']) !== '') {
    return { status: 'Terminating', message: 'Resource scheduled for deletion' }
  }
  const generation = valueAt(object, 'metadata', 'generation')
  const observed = valueAt(object, 'status', 'observedGeneration')
  if (typeof generation === 'number' && typeof observed === 'number' && generation !== observed) {
    return inProgress(
      `${textAt(object, ['kind'])} generation is ${generation}, but latest observed generation is ${observed}`,
    )
  }
  for (const condition of conditionsOf(object)) {
    if (condition.status !== 'True') continue
    if (condition.type === 'Reconciling') return inProgress(condition.message)
    if (condition.type === 'Stalled') return failed(condition.message)
  }
  return undefined
}

/** Kinds without rules of their own: the Ready condition where there is one; what has none is current. Never Failed. */
export function readyConditionHealth(object: KubeMap): Health {
  const ready = conditionOf(object, 'Ready')
  if (!ready) return current('Resource is current')
  if (ready.status === 'True') return current('Resource is Ready')
  return inProgress(ready.message === '' ? `Ready is ${ready.status}` : ready.message)
}
