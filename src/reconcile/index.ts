/**
 * Brings clusters to what Git says: one job on one cluster at a time, as a graph of short steps that can be cut off anywhere and run again.
 * Wires sources, kustomize, helm and kube together; nothing below it knows of the others. Behaviour and formats follow Flux 2.9.
 * @module
 */
export { createClusterLease, type ClusterLease } from './cluster-lease.ts'
export { createCaches, type CoordinatorCaches } from './caches.ts'
export { explainReleaseValues, type ExplainedValue } from './helmrelease/explain-values.ts'
export type * from './job.ts'
export { findHooks, webhookPath, type HookEntry } from './receiver/hook-index.ts'
export { openReceiver, wakeResources, type OpenReceiver, type WakeResult } from './receiver/wake.ts'
export { runJob } from './run.ts'
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
