/**
 * What a run saves so that pages, the API and metrics need not ask the cluster: a summary of each of our objects, in shards under `objects/<cluster>/`,
 * and what it did about which commit, under `commits/<sha>/`. Written where it changed, bounded in size, and never a reason for a run to fail.
 * @module
 */
export { commitsIn, pushedCommit } from './revision.ts'
export { createSummaryLog, type SummaryLog } from './log.ts'
export { headsOf, readHead, readHeadShards, type ObjectHead } from './heads.ts'
export {
  conditionOf,
  heldOf,
  heldText,
  idOfSummary,
  objectStates,
  stateOf,
  type Lookup,
  type ObjectState,
} from './object-state.ts'
export { noteFailedPush, noteUnfollowedPush, saveSummaries } from './save.ts'
export { readHistory } from './history.ts'
export { readShards } from './shards.ts'
export type * from './types.ts'
