/**
 * One coordinator per cluster: takes a few jobs at a time, merges those that ask for the same, lets a newer one take the place of an older one, is fair between sources, puts off what a dead cluster
 * cannot do, says what happens after a failure, and keeps the records of runs. What to merge, what comes next and when to try again are pure decisions; durability is the queue's, from which a
 * message disappears only after its record is stored. The same code runs in a Durable Object and in a Node process.
 * @module
 */
export type { AbortOutcome } from './abort.ts'
export { deadCodes } from './breaker.ts'
export { createClusterStatusKeeper, type ClusterStatus, type ClusterStatusKeeper } from './cluster-status.ts'
export { createCoordinator, type Coordinator, type CoordinatorDeps, type SubmitResult } from './coordinator.ts'
export { decideAfterFailure, maxAttempts, mergeKey, pickNext, type FailureDecision } from './decide.ts'
export { handleDeadLetter, handleMessage, type ConsumerDeps, type CoordinatorClient } from './handle-message.ts'
export { clusterOfMessage, encodeMessage, messageVersion, parseMessage, type JobMessage } from './message.ts'
export { newRunId, runIdTime } from './run-id.ts'
export { createRunStore, isFinal, type Run, type RunRequest, type RunStore, type StoredRecord } from './run-store.ts'
