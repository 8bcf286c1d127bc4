/**
 * Kubernetes clusters: a client over the KubeTransport port, discovery, server-side apply in stages, inventory, prune, health,
 * events, leases and status. The only folder that writes to a cluster. Formats and rules are Flux 2.9's (kustomize-controller 1.9,
 * fluxcd/pkg ssa, kstatus); deliberate differences are said where they are.
 * @module
 */
export type { ApplyOptions, ApplyResult, ObjectFailure, Owner } from './apply-types.ts'
export * from './change-set.ts'
export type * from './client-types.ts'
export { createKubeClient, type KubeClientDeps } from './client.ts'
export { abortedError, throwIfAborted } from './deadline.ts'
export { createClusterCache, type ApiResource, type ClusterCache, type DiscoverySnapshot } from './discovery.ts'
export { isConflict, isNotFound } from './errors.ts'
export * from './inventory.ts'
export {
  createDirectReader,
  createLazyReader,
  createPreloadedReader,
  type LiveReader,
  type LiveState,
} from './live-reader.ts'
export { formatKey, keyOf, type KindRef, type ObjectKey, type ObjectOrigin } from './object-key.ts'
export { combineFailures, endsRun } from './apply-error.ts'
export { applyStaged } from './apply.ts'
export { broughtBy } from './brought-by.ts'
export { planStaged, type PlannedChange, type StagedPlan } from './plan-staged.ts'
export { dryRunTransport } from './dry-run-transport.ts'
export {
  managedFieldsOf,
  matchesItem,
  ownsField,
  replacedManagers,
  uniteFields,
  type ManagedFieldsEntry,
} from './managed-fields.ts'
export { computeHealth, type Health, type HealthStatus } from './health/index.ts'
export { keepReason, policiesOf } from './policies.ts'
export { pruneObjects, type PruneOptions, type PruneResult } from './prune.ts'
export {
  checkHealth,
  checkTermination,
  formatFindings,
  type CheckHealthOptions,
  type HealthFinding,
  type HealthReport,
  type HealthTarget,
} from './check-health.ts'
export { emitEvent, type EventCounts, type KubeEvent } from './events.ts'
export { addFinalizer, removeFinalizer } from './finalizers.ts'
export { kubeconfigText, parseKubeconfig, type ClusterConnection, type KubeconfigOptions } from './kubeconfig.ts'
export {
  acquireLease,
  isHeld,
  leaseKind,
  type BusyLease,
  type HeldLease,
  type LeaseObject,
  type LeaseOptions,
} from './lease.ts'
export { detectDrift, type LocalDrift } from './local-drift.ts'
export { foldClientSideFields } from './managed-fields.ts'
export { findPodReasons } from './pod-reasons.ts'
export { normalizeObject } from './normalize.ts'
export type { ObjectLike } from './object-like.ts'
export { patchStatus, type WithStatus } from './status.ts'
