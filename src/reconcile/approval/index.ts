/**
 * What was approved is what is applied: plans are remembered as digests, somebody approves them, and a run compares what it is about to apply. Also the waves in which clusters follow each other. Records are signed with the key of plans: whoever
 * can write to the state store cannot approve.
 * @module
 */
export { approvePlan, listPlanned, notePlanned, type PlannedCluster } from './plans.ts'
export { afterMerges, type AfterMerge, type ChangesPolicy, type ChangesRule } from './policy.ts'
export { isPassed } from './replan.ts'
export { approveWaiting, listWaiting, waitingFor, type WaitingApplication, type WaitingWish } from './waits.ts'
export type {
  ApprovalNote,
  ApprovalStore,
  ApprovalWay,
  ApprovalWish,
  Approved,
  ApprovedCluster,
  DeploymentRequests,
  ReplanReason,
  ReplanWish,
  PlannedPart,
} from './types.ts'
