import { conditionsOf, current, failed, inProgress, type HealthRule } from './health.ts'

/** kstatus, crdConditions. */
export const customResourceDefinitionHealth: HealthRule = (object) => {
  for (const { type, status, reason, message } of conditionsOf(object)) {
    if (type === 'NamesAccepted' && status === 'False') return failed(message)
    if (type !== 'Established') continue
    if (status === 'True') return current('CRD is established')
    if (status === 'False' && reason !== 'Installing') return failed(message)
  }
  return inProgress('Install in progress')
}
