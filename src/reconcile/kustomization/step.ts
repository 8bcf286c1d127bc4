import { EngineError, toEngineError } from '../../base/index.ts'
import { annotations, fieldManagers, finalizer, type Kustomization, type KustomizationStatus } from '../../api/index.ts'
import { addFinalizer, endsRun } from '../../kube/index.ts'
import { equalValues, type KubeMap } from '../../resources/index.ts'
import type { RunContext, StepControl } from '../context.ts'
import { describeBlockers } from '../dependencies.ts'
import { describePermanent, rememberDrift } from '../drift-memory.ts'
import { compileHealthExprs } from '../health-exprs.ts'
import { identityOf } from '../identity.ts'
import { compileIgnoreRules } from '../ignore-rules.ts'
import type { NodeRecord, NodeState } from '../job.ts'
import { waitsForApproval } from '../approval/gate.ts'
import { heldRecord, holdChange } from '../safety/hold-back.ts'
import { blockersOf, idOf } from '../world.ts'
import { applyAndPrune } from './apply.ts'
import type { BuiltKustomization } from './build.ts'
import { finalizeKustomization } from './finalize.ts'
import { awaitHealth } from './health.ts'
import { emit, isUnchangedInput, now, store, type Progress } from './progress.ts'
import { noteInputs } from './inputs.ts'
import { hasLostStatus } from './rebuild-inventory.ts'
import { renderKustomization } from './render.ts'
import { finishedStatus, type KustomizationResult } from './status.ts'
import { checkAccess } from './access.ts'

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
  const progress: Progress = {
    stored: object,
    object,
    startedAt: ctx.deps.clock.now(),
    hadLostStatus: hasLostStatus(object),
    unaffectedBy: ctx.world.unaffectedBy(object),
    changes: [],
    unchanged: 0,
  }
  if (object.metadata.deletionTimestamp !== undefined) {
    return record(ctx, progress, ...(await finalizeKustomization(ctx, object, progress.changes)))
  }
  try {
    const held = await addFinalizer(ctx.client, object, finalizer, fieldManagers.kustomizeStatus, {
      signal: ctx.signal,
    })
    if (held === undefined) return record(ctx, progress, 'ready', 'Deleted', 'deleted')
    progress.stored = progress.object = held
    checkAccess(ctx, object)
    const customHealth = compileHealthExprs(object.spec.healthCheckExprs ?? [])
    const ignoredFields = compileIgnoreRules(object.spec.ignore ?? [], 'spec.ignore')
    const blocked = whyBlocked(ctx, object, control)
    if (blocked !== undefined) {
      await saveBlocked(ctx, progress, blocked)
      return record(ctx, progress, 'blocked', 'DependencyNotReady', blocked)
    }
    const built = await render(ctx, progress)
    const client = await identityOf(ctx, object)
    const wasUnchanged = isUnchangedInput(progress)
    // Values from ConfigMaps and Secrets are changes too.
    if (ctx.frozenAt !== undefined && !wasUnchanged)
      return heldRecord(object, ctx.frozenBy ?? { kind: 'window', message: '' }, ctx.deps.clock.now())
    const changes = await applyAndPrune(ctx, progress, built, client, ignoredFields)
    if (wasUnchanged) await emitPermanentDrift(ctx, progress)
    progress.appliedAt = ctx.deps.clock.now()
    await control.applied(changes)
    const health = await awaitHealth(ctx, client, progress, { changes, objects: built.objects, custom: customHealth })
    // How long a check took that found what was there before is no news.
    if (!health.wasHealthy || progress.changes.length > 0 || health.state !== 'healthy')
      progress.object = { ...progress.object, status: { ...progress.object.status, conditions: health.conditions } }
    if (health.state === 'waiting') {
      await save(ctx, progress, { kind: 'waiting', message: health.message, revision: progress.revision ?? '' })
      return record(ctx, progress, 'waiting', 'Progressing', health.message)
    }
    if (health.message !== '' && health.state === 'healthy' && (!health.wasHealthy || progress.changes.length > 0))
      emit(ctx, progress, 'info', 'Progressing', health.message)
    if (health.state === 'failed')
      throw new EngineError(health.message, {
        code: 'health-check-failed',
        reason: 'HealthCheckFailed',
        disposition: 'retry',
      })
    const message = `Applied revision: ${progress.revision}`
    if (await saveApplied(ctx, progress)) emitFinished(ctx, progress)
    await noteInputs(ctx, progress)
    return record(ctx, progress, 'ready', 'ReconciliationSucceeded', message)
  } catch (caught) {
    const error = toEngineError(caught)
    if (error.code === waitsForApproval) return await holdChange(ctx, progress.stored, error.message)
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

/** Says which of the differences come back each time, and how to leave them alone. */
async function emitPermanentDrift(ctx: RunContext, progress: Progress): Promise<void> {
  const permanent = await rememberDrift(ctx.deps, idOf(progress.object), progress.changes)
  if (permanent.length > 0) emit(ctx, progress, 'error', 'DriftReturns', describePermanent(permanent, 'spec.ignore'))
}

/** Renders, and notes what the record and the status say about it. */
async function render(ctx: RunContext, progress: Progress): Promise<BuiltKustomization> {
  const { built, inputs } = await renderKustomization(ctx, progress.object, {
    onRevision: (revision, originRevision) => {
      progress.revision = revision
      if (originRevision !== undefined) progress.originRevision = originRevision
    },
    onSource: (digest) => {
      progress.artifacts = { source: digest }
    },
    onDecryption: (decryption) => {
      progress.decryption = decryption
    },
  })
  progress.digest = built.digest
  if (inputs !== undefined) progress.inputs = inputs
  progress.renderedAt = ctx.deps.clock.now()
  return built
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
  if (endsRun(error)) throw error
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
  const { status, metadata } = progress.object
  const ready = status?.conditions?.find((condition) => condition.type === 'Ready')
  const isSaid = ready?.reason === 'DependencyNotReady' && ready.message === message
  const requestedAt = metadata.annotations?.[annotations.requestedAt]
  if (isSaid && (requestedAt === undefined || requestedAt === status?.lastHandledReconcileAt)) return
  await save(ctx, progress, { kind: 'failed', reason: 'DependencyNotReady', message, stalled: false, durationMs: 0 })
  // Whoever asks is answered, but it is no news.
  if (isSaid) return
  emit(ctx, progress, 'info', 'DependencyNotReady', `Dependencies do not meet ready condition: ${message}`)
}

/**
 * The status after a success. One that would say the same as before is not written: looking costs nothing then, at the price of a `.status.history`
 * that counts the looks which found something only. @returns whether there was something to say.
 */
async function saveApplied(ctx: RunContext, progress: Progress): Promise<boolean> {
  const status = finishedStatus(progress.object, applied(ctx, progress), now(ctx))
  const isQuiet = progress.changes.length === 0 && isUnchangedInput(progress)
  if (isQuiet && equalValues(withoutHistory(status), withoutHistory(progress.stored.status))) return false
  await store(ctx, progress, status)
  return true
}

function withoutHistory(status: KustomizationStatus | undefined): KubeMap {
  const { history: _history, ...rest } = status ?? {}
  return JSON.parse(JSON.stringify(rest)) as KubeMap
}

async function save(ctx: RunContext, progress: Progress, result: KustomizationResult): Promise<void> {
  await store(ctx, progress, finishedStatus(progress.object, result, now(ctx)))
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
    { commit_status: 'update' },
  )
}

/** After a success was saved the status equals the input; the number of reconciliations tells whether it did before. */
function isUnchangedBefore(progress: Progress): boolean {
  return (progress.object.status?.history?.[0]?.totalReconciliations ?? 0) > 1
}
