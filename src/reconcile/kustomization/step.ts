import { EngineError, isEngineError, parseDuration, toEngineError } from '../../base/index.ts'
import { finalizer, fieldManagers, type Kustomization, type KustomizationStatus } from '../../api/index.ts'
import {
  addFinalizer,
  applyStaged,
  inventoryEntries,
  mergeInventory,
  patchStatus,
  pruneObjects,
  staleEntries,
  type ApplyResult,
  type ChangeSet,
  type InventoryEntry,
  type KubeClient,
} from '../../kube/index.ts'
import type { RunContext } from '../context.ts'
import { describeBlockers, findBlockers } from '../dependencies.ts'
import type { NodeControl } from '../graph.ts'
import type { NodeRecord, RecordedChange } from '../job.ts'
import { buildKustomization } from './build.ts'
import { finalizeKustomization } from './finalize.ts'
import { awaitHealth } from './health.ts'
import { finishedStatus, progressingStatus, type KustomizationResult } from './status.ts'
import { refuseUnsupported } from './support.ts'
import { loadVariables } from './variables.ts'

/** What a step has found out so far; turned into the record and the final status, however it ends. */
interface Progress {
  readonly startedAt: number
  revision?: string
  originRevision?: string
  digest?: string
  renderedAt?: number
  appliedAt?: number
  readonly changes: RecordedChange[]
  unchanged: number
}
