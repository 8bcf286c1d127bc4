import { current, inProgress, textAt, type HealthRule } from './health.ts'

/** A namespace can be used once it is active. One that an apply has just created may lack its phase for a moment. */
export const namespaceHealth: HealthRule = (object) => {
  const phase = textAt(object, ['status', 'phase'])
  return phase === 'Active'
    ? current('Namespace is active')
    : inProgress(`Namespace phase: ${phase === '' ? 'not set' : phase}`)
}
