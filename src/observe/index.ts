/**
 * What is known of the clusters, for pages, the API and metrics: read from the state store alone, so that a cluster which does not answer delays nobody and
 * is shown as stale. The one exception is a look at a single object and what it consists of, on request and with a deadline.
 * @module
 */
export { readClusterHealth, readOneClusterHealth, type ClusterHealth, type ObserveDeps } from './clusters.ts'
export { type CommitCluster, type CommitObject, type CommitProgress, type Stages } from './commit-cluster.ts'
export { traceCommit, type CommitTrace } from './commits.ts'
export { deliveryOutcomes, type Delivery, type DeliveryOutcome } from './delivery.ts'
export { readDrift, type DriftedApplication, type DriftOverview } from './drift.ts'
export {
  readApplication,
  type LiveApplication,
  type LiveEvent,
  type LiveNode,
  type LiveRelease,
} from './live-application.ts'
export type { PublicObject } from './public-object.ts'
export { describeSuspended, relationsOf, type ChainLink, type Relations, type Relative } from './relations.ts'
export { matrixOf, type MatrixFilter, type MatrixPage, type MatrixRow } from './matrix.ts'
export {
  conditionOf,
  heldOf,
  heldText,
  idOfSummary,
  objectStates,
  stateOf,
  type ObjectHead,
  type ObjectState,
} from '../reconcile/index.ts'
export { forgeCommitUrl } from './forge-link.ts'
export { findHeads, readHeads, type ClusterHeads } from './heads.ts'
export {
  matchesFilter,
  pageOf,
  readCluster,
  readClusters,
  type ObjectFilter,
  type ObservedCluster,
  type ObservedObject,
} from './objects.ts'
export { changesOf, countRecord, isQuiet, listRuns, repositoryOf, type RunFilter } from './runs.ts'
export { metricsText, type MetricsInput } from './metrics-text.ts'
export { countRun, readCounters, type RunCounters, type RunEnd } from './run-counters.ts'
export { traceOf } from './trace.ts'
