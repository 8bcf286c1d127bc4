import { current, inProgress, textAt, type HealthRule } from './health.ts'

/** kstatus, pvcConditions. */
export const persistentVolumeClaimHealth: HealthRule = (object) => {
  const phase = textAt(object, ['status', 'phase'], 'unknown')
  return phase === 'Bound' ? current('PVC is Bound') : inProgress(`PVC is not Bound. phase: ${phase}`)
}
