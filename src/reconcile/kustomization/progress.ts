import type { Kustomization, KustomizationStatus } from '../../api/index.ts'
import { fieldManagers, groups } from '../../api/index.ts'
import {
  effectiveChanges,
  formatChange,
  formatDrift,
  formatKey,
  patchStatus,
  type Change,
  type ChangeSet,
  type Owner,
} from '../../kube/index.ts'
import type { RunContext } from '../context.ts'
import type { RecordedChange } from '../job.ts'
import { timestamp } from '../timestamp.ts'
import type { Decryption } from './decrypt.ts'
import type { RecordedInputs } from './inputs.ts'

/** What a step has found out so far. The record and the final status are made of it, however the step ends. */
export interface Progress {
  /** As the server has it: what status writes are compared with. */
  stored: Kustomization
  /** The same with the parts of the status that are not written yet. */
  object: Kustomization
  readonly startedAt: number
  revision?: string
  originRevision?: string
  digest?: string
  /** Digests of what was fetched, by what it is. */
  artifacts?: { readonly [name: string]: string }
  /** Whether it was asked if what is applied was approved. */
  isApproved?: true
  /** What was rendered, see RecordedInputs. */
  inputs?: RecordedInputs
  renderedAt?: number
  appliedAt?: number
  /** Knows the values that no message may hold. */
  decryption?: Decryption
  /** The status was gone when the step began, although the object was worked on before. */
  readonly hadLostStatus: boolean
  /** A revision that was found to change nothing for it, so that it counts as applied. */
  readonly unaffectedBy: string | undefined
  readonly changes: RecordedChange[]
  unchanged: number
}

/** The time now, as status fields have it. */
export function now(ctx: RunContext): string {
  return timestamp(ctx.deps.clock.now())
}

/** Writes a status. Effects: at most one PATCH; the run's world and the progress follow. */
export async function store(ctx: RunContext, progress: Progress, status: KustomizationStatus): Promise<void> {
  progress.stored = await patchStatus(ctx.client, progress.stored, status, fieldManagers.kustomizeStatus, {
    signal: ctx.signal,
  })
  progress.object = progress.stored
  ctx.world.update(progress.stored)
}

/** What a Kustomization's objects carry as owner labels. */
export function ownerOf(object: Kustomization): Owner {
  return {
    kind: 'Kustomization',
    group: groups.kustomize,
    name: object.metadata.name,
    namespace: object.metadata.namespace ?? '',
  }
}

/** True when Git says what it said at the last successful run: whatever has to be written now was changed in the cluster. */
export function isUnchangedInput(progress: Progress): boolean {
  const { metadata, status } = progress.object
  const last = status?.history?.[0]
  return (
    (status?.lastAppliedRevision === progress.revision || progress.unaffectedBy === progress.revision) &&
    status?.observedGeneration === metadata.generation &&
    last?.digest === progress.digest &&
    last?.lastReconciledStatus === 'ReconciliationSucceeded'
  )
}

/** Adds changes to the record. */
export function note(progress: Progress, changes: ChangeSet): void {
  const isDrift = isUnchangedInput(progress)
  for (const change of changes) {
    if (change.action === 'unchanged') {
      progress.unchanged += 1
      continue
    }
    const isWritten = change.action === 'created' || change.action === 'configured'
    progress.changes.push({
      object: formatKey(change),
      action: change.action,
      ...(isDrift && isWritten ? { drift: change.drift ?? [] } : {}),
    })
  }
}

/** An event about the Kustomization, with the revision it is about. */
export function emit(
  ctx: RunContext,
  progress: Progress,
  severity: 'info' | 'error',
  reason: string,
  message: string,
  extra: { readonly [key: string]: string } = {},
): void {
  const metadata = {
    ...(progress.revision === undefined ? {} : { revision: progress.revision }),
    ...(progress.originRevision === undefined ? {} : { originRevision: progress.originRevision }),
    ...extra,
  }
  ctx.events.emit({ object: progress.object, severity, reason, message, controller: 'kustomize-controller', metadata })
}

/** One event for what was applied and, where Git had not changed, one that names the drift. */
export function emitApplied(ctx: RunContext, progress: Progress, changes: ChangeSet): void {
  const written = effectiveChanges(changes)
  if (written.length === 0) return
  if (isUnchangedInput(progress)) emitDrift(ctx, progress, written)
  emit(ctx, progress, 'info', 'Progressing', written.map(formatChange).join('\n'))
}

/** One event that names what differs from what Git says although nothing changed there. */
export function emitDrift(ctx: RunContext, progress: Progress, drifted: ChangeSet): void {
  if (drifted.length === 0) return
  const lines = drifted.map((change) => `${formatKey(change)} drifted: ${describeDrift(change)}`)
  emit(ctx, progress, 'error', 'DriftDetected', lines.join('\n'))
}

function describeDrift(change: Change): string {
  if (change.action === 'created') return 'was deleted'
  if (change.drift === undefined || change.drift.length === 0) return 'was changed'
  return change.drift.map(formatDrift).join(', ')
}

/** One event for what a prune deleted and left alone. */
export function emitPruned(ctx: RunContext, progress: Progress, changes: ChangeSet): void {
  const lines = changes.filter((change) => change.action !== 'unchanged').map(formatChange)
  if (lines.length > 0) emit(ctx, progress, 'info', 'Progressing', lines.join('\n'))
}
