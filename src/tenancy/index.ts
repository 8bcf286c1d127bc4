/**
 * Tenancy: who may do what, as a policy outside the tenants' reach, and one pure function that judges an object of ours with all that it would do. Every refusal names its rule. Pure.
 * @module
 */
export { evaluate, tenantOf, type RenderedObject, type TenancyRequest, type Verdict } from './evaluate.ts'
export {
  defaultIdentity,
  parsePolicy,
  readPolicy,
  unusablePolicy,
  type PodSecurityLevel,
  type Tenant,
  type TenantIdentity,
  type TenantPolicy,
} from './policy.ts'
export { roomFor, type RoomOptions } from './manifests.ts'
export { matchesName } from './patterns.ts'
export type { Given, Subject } from './references.ts'
export { rules, type Refusal, type RuleName } from './rules.ts'
