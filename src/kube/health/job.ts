import { conditionOf, current, failed, inProgress, intAt, textAt, valueAt, type HealthRule } from './health.ts'

/** Flux's rule for Jobs (fluxcd/pkg runtime, statusreaders): unlike kstatus, a Job is waited for until it ends; a suspended one is not. */
export const jobHealth: HealthRule = (object) => {
  const parallelism = intAt(object, ['spec', 'parallelism'], 1)
  const completions = intAt(object, ['spec', 'completions'], parallelism)
  const succeeded = intAt(object, ['status', 'succeeded'], 0)
  const failures = intAt(object, ['status', 'failed'], 0)
  const active = intAt(object, ['status', 'active'], 0)
  if (valueAt(object, 'spec', 'suspend') === true) return current('Job is suspended')
  if (conditionOf(object, 'Complete')?.status === 'True')
    return current(`Job Completed. succeeded: ${succeeded}/${completions}`)
  const failure = conditionOf(object, 'Failed')
  if (failure?.status === 'True') {
    return failed(
      `Job Failed. failed: ${failures}/${completions}${failure.message === '' ? '' : `: ${failure.message}`}`,
    )
  }
  if (textAt(object, ['status', 'startTime']) === '') return inProgress('Job not started')
  return inProgress(`Job in progress. success:${succeeded}, active: ${active}, failed: ${failures}`)
}
