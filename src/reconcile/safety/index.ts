/**
 * What keeps work from being done: switches of whole clusters, windows, pins, the approval of a first run. `decide.ts` is the one place that decides, for every entry point.
 * @module
 */
export {
  approveCluster,
  describeSuspension,
  readClusterState,
  resumeCluster,
  suspendCluster,
  type ClusterSwitchResult,
} from './cluster-state.ts'
export type { Held } from './decide.ts'
export { isHeldBack } from './hold-back.ts'
export { overrideWindows } from './override.ts'
export { describePin, pinOf, type Pin } from './pin.ts'
export { pinObject, unpinObject, type PinResult } from './pinning.ts'
export { confirmPrune } from './confirm-prune.ts'
export { createWindow, heldWorks, type WindowRule } from './windows.ts'
export { windowStates, type WindowState } from './window-state.ts'
