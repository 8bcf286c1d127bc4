import { current, type HealthRule } from './health.ts'

/** Kinds that have nothing to wait for. */
export const alwaysCurrentHealth: HealthRule = () => current('Resource is always ready')
