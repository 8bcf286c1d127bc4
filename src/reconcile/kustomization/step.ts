import { EngineError, toEngineError } from '../../base/index.ts'
import { fieldManagers, finalizer, groups, type Kustomization, type KustomizationStatus } from '../../api/index.ts'
import {
  addFinalizer,
  applyStaged,
  checkInventorySize,
  effectiveChanges,
  formatChange,
  formatKey,
  inventoryEntries,
  isSameInventory,
  mergeInventory,
  patchStatus,
  pruneObjects,
  staleEntries,
  type Change,
  type ChangeSet,
  type KubeClient,
} from '../../kube/index.ts'
import type { RunContext, StepControl } from '../context.ts'
import { describeBlockers } from '../dependencies.ts'
import { identityOf } from '../identity.ts'
import type { NodeRecord, NodeState, RecordedChange } from '../job.ts'
import { timestamp } from '../timestamp.ts'
import { blockersOf, idOf, sourceKeyOf } from '../world.ts'
import { buildKustomization, cleanPath, type BuiltKustomization } from './build.ts'
import { loadDecryption, type Decryption } from './decrypt.ts'
import { finalizeKustomization } from './finalize.ts'
import { awaitHealth } from './health.ts'
import { finishedStatus, progressingStatus, type KustomizationResult } from './status.ts'
import { refuseUnsupported } from './support.ts'
import { loadVariables } from './variables.ts'

/** What a step has found out so far. The record and the final status are made of it, however the step ends. */
interface Progress {
  /** As the server has it: what status writes are compared with. */
  stored: Kustomization
  /** The same with the parts of the status that are not written yet. */
  object: Kustomization
  readonly startedAt: number
  revision?: string
  originRevision?: string
  digest?: string
  renderedAt?: number
  appliedAt?: number
  /** Knows the values that no message may hold. */
  decryption?: Decryption
  readonly changes: RecordedChange[]
  unchanged: number
}

/**
 * One run of a Kustomization: render, apply, prune, health, in kustomize-controller's order (1.9, reconcile), with two differences: the
 * inventory is written before objects are created, so that nothing is orphaned when the run is cut off, and every error is reported.
 *
 * Effects: objects of the Kustomization, its status (conditions Ready, Reconciling, Stalled, Healthy; inventory; history), events
 * with the reasons of its Ready condition. Whatever was done is in the cluster, so a step that was cut off is simply run again.
 * Never rejects for what is wrong with the object; rejects with an EngineError when the cluster cannot be reached.
 */
export async function stepKustomization(
  ctx: RunContext,
  object: Kustomization,
  control: StepControl,
): Promise<NodeRecord> {
  const progress: Progress = { stored: object, object, startedAt: ctx.deps.clock.now(), changes: [], unchanged: 0 }
  if (object.metadata.deletionTimestamp !== undefined) {
    return record(ctx, progress, ...(await finalizeKustomization(ctx, object, progress.changes)))
  }
  try {
    const held = await addFinalizer(ctx.client, object, finalizer, fieldManagers.kustomizeStatus, {
      signal: ctx.signal,
    })
    if (held === undefined) return record(ctx, progress, 'ready', 'Deleted', 'deleted')
    progress.stored = progress.object = held
    refuseUnsupported(object, ctx.deps.settings)
    const blocked = whyBlocked(ctx, object, control)
    if (blocked !== undefined) {
      await saveBlocked(ctx, progress, blocked)
      return record(ctx, progress, 'blocked', 'DependencyNotReady', blocked)
    }
    const built = await render(ctx, progress)
    const changes = await applyAndPrune(ctx, progress, built, identityOf(ctx, object))
    progress.appliedAt = ctx.deps.clock.now()
    await control.applied(changes)
    const health = await awaitHealth(ctx, progress, changes)
    progress.object = { ...progress.object, status: { ...progress.object.status, conditions: health.conditions } }
    if (health.state === 'waiting') {
      await save(ctx, progress, { kind: 'waiting', message: health.message, revision: progress.revision ?? '' })
      return record(ctx, progress, 'waiting', 'Progressing', health.message)
    }
    if (health.state === 'failed')
      throw new EngineError(health.message, {
        code: 'health-check-failed',
        reason: 'HealthCheckFailed',
        disposition: 'retry',
      })
    const message = `Applied revision: ${progress.revision}`
    await save(ctx, progress, applied(ctx, progress))
    emitFinished(ctx, progress)
    return record(ctx, progress, 'ready', 'ReconciliationSucceeded', message)
  } catch (caught) {
    const error = toEngineError(caught)
    return await fail(ctx, progress, progress.decryption?.redact(error) ?? error)
  }
}

function whyBlocked(ctx: RunContext, object: Kustomization, control: StepControl): string | undefined {
  if (control.cycle !== undefined) {
    return `dependency cycle: ${control.cycle.join(' -> ')}; remove one of these dependsOn entries`
  }
  const blockers = blockersOf(ctx.world, object)
  return blockers.length === 0 ? undefined : describeBlockers(blockers)
}

async function render(ctx: RunContext, progress: Progress): Promise<BuiltKustomization> {
  const source = await ctx.sources.artifact(sourceKeyOf(progress.object))
  progress.revision = source.revision
  const origin = source.metadata?.['org.opencontainers.image.revision']
  if (origin !== undefined) progress.originRevision = origin
  progress.decryption = await loadDecryption(ctx, progress.object)
  const variables = await loadVariables(ctx.client, progress.object, ctx.signal)
  const id = idOf(progress.object)
  await source.prefetch(ctx.deps.caches.reads.get(id) ?? [cleanPath(progress.object.spec.path ?? '')], ctx.signal)
  const built = await buildKustomization(progress.object, source.files, variables, {
    strictSubstitution: ctx.deps.settings.strictSubstitution,
    signal: ctx.signal,
    decryption: progress.decryption,
  }).catch((error: unknown) => {
    throw withReason(toEngineError(error), 'BuildFailed')
  })
  ctx.deps.caches.reads.set(id, built.reads.directories)
  progress.digest = built.digest
  progress.renderedAt = ctx.deps.clock.now()
  return built
}

async function applyAndPrune(
  ctx: RunContext,
  progress: Progress,
  built: BuiltKustomization,
  client: KubeClient,
): Promise<ChangeSet> {
  const before = progress.object.status?.inventory?.entries ?? []
  const result = await applyStaged(client, {
    objects: built.objects,
    owner: ownerOf(progress.object),
    fieldManager: fieldManagers.kustomization,
    force: progress.object.spec.force === true,
    live: ctx.live,
    trustLocal: ctx.isBulk,
    concurrency: ctx.deps.limits.applyConcurrency,
    signal: ctx.signal,
    beforeWrites: async (planned) => {
      const entries = mergeInventory(inventoryEntries(planned), before)
      checkInventorySize(entries)
      if (isSameInventory(entries, before)) return
      const status = progressingStatus(progress.object, `Applying revision ${progress.revision}`, now(ctx))
      await store(ctx, progress, { ...status, inventory: { entries }, lastAttemptedRevision: progress.revision ?? '' })
    },
  })
  note(progress, result.changes)
  emitApplied(ctx, progress, result.changes)
  if (result.errors.length > 0) {
    const message = result.errors.map((failure) => failure.error.message).join('\n')
    throw new EngineError(message, { code: 'apply-failed', reason: 'ReconciliationFailed', disposition: 'retry' })
  }
  const wanted = inventoryEntries(result.changes)
  const stale = progress.object.spec.prune ? staleEntries(before, wanted) : []
  if (stale.length === 0) {
    progress.object = { ...progress.object, status: { ...progress.object.status, inventory: { entries: wanted } } }
    return result.changes
  }
  const pruned = await pruneObjects(client, {
    entries: stale,
    keep: wanted,
    owner: ownerOf(progress.object),
    signal: ctx.signal,
  })
  note(progress, pruned.changes)
  emitPruned(ctx, progress, pruned.changes)
  const entries = mergeInventory(wanted, pruned.survivors)
  progress.object = { ...progress.object, status: { ...progress.object.status, inventory: { entries } } }
  if (pruned.errors.length > 0) {
    const message = pruned.errors.map((failure) => failure.error.message).join('\n')
    throw new EngineError(message, { code: 'prune-failed', reason: 'PruneFailed', disposition: 'retry' })
  }
  return [...result.changes, ...pruned.changes]
}

/** True when Git says what it said at the last successful run: whatever has to be written now was changed in the cluster. */
function isUnchangedInput(progress: Progress): boolean {
  const { metadata, status } = progress.object
  const last = status?.history?.[0]
  return (
    status?.lastAppliedRevision === progress.revision &&
    status?.observedGeneration === metadata.generation &&
    last?.digest === progress.digest &&
    last?.lastReconciledStatus === 'ReconciliationSucceeded'
  )
}

function note(progress: Progress, changes: ChangeSet): void {
  const isDrift = isUnchangedInput(progress)
  for (const change of changes) {
    if (change.action === 'unchanged') progress.unchanged += 1
    else {
      const drift =
        isDrift && (change.action === 'created' || change.action === 'configured') ? (change.drift ?? []) : undefined
      progress.changes.push({
        object: formatKey(change),
        action: change.action,
        ...(drift === undefined ? {} : { drift }),
      })
    }
  }
}

function applied(ctx: RunContext, progress: Progress): KustomizationResult {
  return {
    kind: 'applied',
    revision: progress.revision ?? '',
    digest: progress.digest ?? '',
    durationMs: ctx.deps.clock.now() - progress.startedAt,
    ...(progress.originRevision === undefined ? {} : { originRevision: progress.originRevision }),
  }
}

async function fail(ctx: RunContext, progress: Progress, error: EngineError): Promise<NodeRecord> {
  if (error.code === 'cluster-unreachable' || error.code === 'aborted') throw error
  const reason = error.reason ?? 'ReconciliationFailed'
  await save(ctx, progress, {
    kind: 'failed',
    reason,
    message: error.message,
    stalled:
      error.disposition === 'stall' &&
      (reason === 'AccessDenied' || reason === 'InvalidCELExpression' || reason === 'FeatureGateDisabled'),
    durationMs: ctx.deps.clock.now() - progress.startedAt,
    ...(progress.revision === undefined ? {} : { revision: progress.revision }),
    ...(progress.digest === undefined ? {} : { digest: progress.digest }),
  })
  emit(ctx, progress, 'error', reason, error.message)
  return record(ctx, progress, 'failed', reason, error.message)
}

/** A blocked node says so once; asking again with the same blockers writes nothing. */
async function saveBlocked(ctx: RunContext, progress: Progress, message: string): Promise<void> {
  const ready = progress.object.status?.conditions?.find((condition) => condition.type === 'Ready')
  if (ready?.reason === 'DependencyNotReady' && ready.message === message) return
  await save(ctx, progress, { kind: 'failed', reason: 'DependencyNotReady', message, stalled: false, durationMs: 0 })
  emit(ctx, progress, 'info', 'DependencyNotReady', `Dependencies do not meet ready condition: ${message}`)
}

async function save(ctx: RunContext, progress: Progress, result: KustomizationResult): Promise<void> {
  await store(ctx, progress, finishedStatus(progress.object, result, now(ctx)))
}

async function store(ctx: RunContext, progress: Progress, status: KustomizationStatus): Promise<void> {
  progress.stored = await patchStatus(ctx.client, progress.stored, status, fieldManagers.kustomizeStatus, {
    signal: ctx.signal,
  })
  progress.object = progress.stored
  ctx.world.update(progress.stored)
}

function ownerOf(object: Kustomization) {
  return {
    kind: 'Kustomization' as const,
    group: groups.kustomize,
    name: object.metadata.name,
    namespace: object.metadata.namespace ?? '',
  }
}

function withReason(error: EngineError, reason: string): EngineError {
  if (error.reason !== undefined || error.disposition === 'retry') return error
  return new EngineError(error.message, {
    code: error.code,
    disposition: error.disposition,
    reason,
    data: error.data,
    cause: error,
  })
}

function now(ctx: RunContext): string {
  return timestamp(ctx.deps.clock.now())
}

function record(ctx: RunContext, progress: Progress, state: NodeState, reason: string, message: string): NodeRecord {
  const { metadata } = progress.object
  return {
    kind: 'Kustomization',
    namespace: metadata.namespace ?? '',
    name: metadata.name,
    state,
    reason,
    message,
    changes: progress.changes,
    unchanged: progress.unchanged,
    ...(progress.revision === undefined ? {} : { revision: progress.revision }),
    timings: {
      startedAt: progress.startedAt,
      finishedAt: ctx.deps.clock.now(),
      ...(progress.renderedAt === undefined ? {} : { renderedAt: progress.renderedAt }),
      ...(progress.appliedAt === undefined ? {} : { appliedAt: progress.appliedAt }),
    },
  }
}

function emit(ctx: RunContext, progress: Progress, severity: 'info' | 'error', reason: string, message: string): void {
  const metadata = {
    ...(progress.revision === undefined ? {} : { revision: progress.revision }),
    ...(progress.originRevision === undefined ? {} : { originRevision: progress.originRevision }),
  }
  ctx.events.emit({ object: progress.object, severity, reason, message, controller: 'kustomize-controller', metadata })
}

/** One event for what was applied and, where Git had not changed, one that names the drift. */
function emitApplied(ctx: RunContext, progress: Progress, changes: ChangeSet): void {
  const written = effectiveChanges(changes)
  if (written.length === 0) return
  if (isUnchangedInput(progress)) {
    const lines = written.map((change) => `${formatKey(change)} drifted: ${describeDrift(change)}`)
    emit(ctx, progress, 'error', 'DriftDetected', lines.join('\n'))
  }
  emit(ctx, progress, 'info', 'Progressing', written.map(formatChange).join('\n'))
}

function describeDrift(change: Change): string {
  if (change.action === 'created') return 'was deleted'
  if (change.drift === undefined || change.drift.length === 0) return 'was changed'
  return change.drift
    .map((found) => (found.manager === undefined ? found.path : `${found.path} (by ${found.manager})`))
    .join(', ')
}

function emitPruned(ctx: RunContext, progress: Progress, changes: ChangeSet): void {
  const lines = changes.filter((change) => change.action !== 'unchanged').map(formatChange)
  if (lines.length > 0) emit(ctx, progress, 'info', 'Progressing', lines.join('\n'))
}

/** Flux reports every successful run; so do we, but only where something happened: silence is what a scan without findings should cost. */
function emitFinished(ctx: RunContext, progress: Progress): void {
  if (isUnchangedBefore(progress) && progress.changes.length === 0) return
  const seconds = (ctx.deps.clock.now() - progress.startedAt) / 1000
  emit(
    ctx,
    progress,
    'info',
    'ReconciliationSucceeded',
    `Reconciliation finished in ${seconds}s, next run in ${progress.object.spec.interval}`,
  )
}

/** After a success was saved the status equals the input; the number of reconciliations tells whether it did before. */
function isUnchangedBefore(progress: Progress): boolean {
  return (progress.object.status?.history?.[0]?.totalReconciliations ?? 0) > 1
}
