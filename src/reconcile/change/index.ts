/**
 * Plans of changes: what the two commits of a pull request make of a cluster's applications, and what applying the second one would do. Nothing is written.
 * @module
 */
export { changeInput, changeJob, type PlanChange } from './change-job.ts'
export { desiredOf, type DesiredState } from './desired.ts'
export type { LocalCommits } from './local-commits.ts'
export { planChange } from './plan-change.ts'
export * from './plan-part.ts'
export type { ChangeJob, ChangePlan, ChangeRef, RenderedSide, SideObject } from './types.ts'
