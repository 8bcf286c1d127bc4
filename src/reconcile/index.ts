/**
 * Brings clusters to what Git says: one job on one cluster at a time, as a graph of short steps that can be cut off anywhere and run again.
 * Wires sources, kustomize, helm and kube together; nothing below it knows of the others. Behaviour and formats follow Flux 2.9.
 * @module
 */
export * from './approval/index.ts'
export { createClusterLease, type ClusterLease } from './cluster-lease.ts'
export * from './change/index.ts'
export { createCaches, type CoordinatorCaches } from './caches.ts'
export * from './forge/pull-requests.ts'
export { explainReleaseValues, type ExplainedValue } from './helmrelease/explain-values.ts'
export { releaseNameOf, releaseNamespaceOf, storageNamespaceOf } from './helmrelease/names.ts'
export { snapshotOf, verifySnapshot } from './helmrelease/snapshot.ts'
export type * from './job.ts'
export { findHooks, webhookPath, type HookEntry } from './receiver/hook-index.ts'
export { openReceiver, wakeResources, type OpenReceiver, type WakeResult } from './receiver/wake.ts'
export { createPlanContext, planNodes, planWorkload } from './plan/plan-job.ts'
export { countChanges, wouldChange, type PlannedNode } from './plan/planned-node.ts'
export type { PlannedDifference, PlannedObject } from './plan/differences.ts'
export { buildLocalFiles, planLocalFiles, type LocalBuild, type LocalSource } from './plan/local.ts'
export { requestReconciliation, type RequestedReconciliation, type ReconcileRequest } from './request.ts'
export { runJob } from './run.ts'
export * from './safety/index.ts'
export {
  parseUntil,
  resumeObject,
  suspendableKinds,
  suspendObject,
  type RequestContext,
  type SuspendResult,
  type SuspendWish,
} from './suspension.ts'
export {
  artifactKeyOf,
  blockersOf,
  createWorld,
  servedBy,
  idOf,
  idOfKey,
  isSource,
  keyOf,
  loadWorld,
  originOf,
  parentOf,
  sourceKeyOf,
  type Managed,
  type Source,
  type Workload,
  type World,
} from './world.ts'
export { admit, loadPolicy, policyKey, usualPolicy } from './tenancy.ts'
export { defaultLimits, defaultSettings, type Limits, type Settings } from './settings.ts'
export {
  commitsIn,
  pushedCommit,
  readShards,
  type CommitNode,
  type CommitNote,
  type ObjectSummary,
  type Outcome,
} from './summary/index.ts'
