/**
 * Plans of changes: what the two commits of a pull request make of a cluster's applications, and what applying the second one would do. Nothing is written.
 * @module
 */
export { changeInput, changeJob, type PlanChange } from './change-job.ts'
export { desiredOf, type DesiredState } from './desired.ts'
export type { LocalCommits } from './local-commits.ts'
export {
  manifestText,
  openManifests,
  saveManifests,
  type ManifestIndex,
  type OpenManifests,
  type StoredApplication,
  type StoredManifests,
  type StoredSide,
} from './manifest-store.ts'
export type { ApplicationManifests, ManifestFile, ManifestSide } from './manifests.ts'
export { planChange } from './plan-change.ts'
export * from './plan-part.ts'
export type { ChangeJob, ChangePlan, ChangeRef, RenderedSide, SideObject } from './types.ts'
