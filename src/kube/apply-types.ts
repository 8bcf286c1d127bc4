import type { EngineError } from '../base/index.ts'
import type { KubeObject } from '../resources/index.ts'
import type { ChangeSet } from './change-set.ts'
import type { LiveReader } from './live-reader.ts'
import type { ObjectKey, ObjectOrigin } from './object-key.ts'

/** The custom resource that objects belong to. Its group is the prefix of owner labels and of the per-object policies. */
export interface Owner {
  readonly kind: 'Kustomization' | 'HelmRelease'
  /** `kustomize.toolkit.fluxcd.io`, `helm.toolkit.fluxcd.io`. */
  readonly group: string
  readonly name: string
  readonly namespace: string
}

export interface ApplyOptions {
  /** What is wanted. Objects are not changed. Owner labels are the caller's to set. */
  readonly objects: readonly KubeObject[]
  readonly owner: Owner
  /** `kustomize-controller`, `helm-controller`. */
  readonly fieldManager: string
  /** Recreate objects whose change is refused because fields are immutable (`spec.force`). */
  readonly force?: boolean
  /** How live objects are read. Default: one GET for each that exists. */
  readonly live?: LiveReader
  /**
   * Awaited once, after the first comparison and before the first write, with every object of the apply: those of stages that were
   * not compared yet are `pending`. Save the inventory here, and nothing that is created can be orphaned. Not called when nothing is
   * to be written. When it rejects, nothing is written and the apply rejects with its error.
   */
  readonly beforeWrites?: (plan: ChangeSet) => Promise<void>
  readonly signal?: AbortSignal | undefined
  /** Requests in flight. Default 8. */
  readonly concurrency?: number
  /** `group/Kind` of kinds that are applied before the rest (`--custom-apply-stage-kinds`). */
  readonly customStageKinds?: ReadonlySet<string>
  /** Prefixes of field managers whose fields are taken over besides kubectl's (`--override-manager`). */
  readonly overrideManagers?: readonly string[]
  /** Where an object was written, for messages. */
  readonly originOf?: (object: KubeObject) => ObjectOrigin | undefined
  /** JSON pointers (RFC 6901) of fields of an object whose differences count as none (`spec.ignore`, `driftDetection.ignore`). */
  readonly ignoredFields?: (object: KubeObject) => readonly string[]
  /** Apply what can be applied although other objects of the same stage are refused. Their failures are reported all the same. */
  readonly partial?: boolean
  /**
   * Believe the local comparison where it proves that an object would not change ({@link detectDrift}), and send no dry-run for it.
   * What mutating webhooks might do to it is not seen then.
   */
  readonly trustLocal?: boolean
  /** Keep what each dry-run answered in the plan. */
  readonly keepResults?: boolean
  /** Milliseconds that definitions and classes get to become ready. Default 60,000. */
  readonly stageTimeoutMs?: number
  /** Milliseconds that an object that is recreated gets to disappear. Default 60,000. */
  readonly deleteTimeoutMs?: number
}

/** What went wrong with one object. */
export interface ObjectFailure {
  readonly key: ObjectKey
  readonly phase: 'dry-run' | 'apply' | 'wait' | 'delete'
  /** Its message starts with `Kind/namespace/name`. */
  readonly error: EngineError
  readonly origin?: ObjectOrigin
}

export interface ApplyResult {
  /** What was done, in the order of applying. With errors: what was done before and beside them; objects that were not touched are left out. */
  readonly changes: ChangeSet
  /** Every failure, not only the first. Empty: everything is applied. */
  readonly errors: readonly ObjectFailure[]
}
