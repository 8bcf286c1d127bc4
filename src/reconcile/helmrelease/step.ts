import { annotations, fieldManagers, finalizer, type HelmRelease } from '../../api/index.ts'
import { EngineError, toEngineError } from '../../base/index.ts'
import { configDigest } from '../../helm/index.ts'
import { addFinalizer, endsRun, type KubeClient } from '../../kube/index.ts'
import type { RunContext, StepControl } from '../context.ts'
import { describeBlockers } from '../dependencies.ts'
import { identityOf } from '../identity.ts'
import type { NodeRecord } from '../job.ts'
import { blockersOf, idOf } from '../world.ts'
import { waitsForApproval } from '../approval/gate.ts'
import { holdChange } from '../safety/hold-back.ts'
import { approveRelease } from './approve.ts'
import { converge, type ConvergeRequest } from './atomic.ts'
import { editStatus, emitEvent, mark, recordOf, saveStatus, type Attempt } from './attempt.ts'
import { resolveChart, type ResolvedChart } from './chart.ts'
import { compileHealthChecks } from './custom-health.ts'
import { finalizeHelmRelease, uninstallTarget } from './deletion.ts'
import { mustResetFailures } from './failures.ts'
import { lockRelease } from './lock.ts'
import { releaseNameOf, storageNamespaceOf } from './names.ts'
import { openStorage } from './operation.ts'
import { isForceRequested, isResetRequested } from './requests.ts'
import { conditionOf, reconciling, withoutConditions, withoutFailures } from './status.ts'
import { refuseUnsupported } from './support.ts'
import { targetChange } from './target.ts'
import { leaveUndecided } from './undecided.ts'
import { composeValues } from './values.ts'

/**
 * One run of a HelmRelease: chart, values, then as many actions as it takes to make the release as wanted (helm-controller 1.6, reconcileRelease).
 *
 * Effects: the release's objects and Secrets, the HelmChart object, status (conditions Released, TestSuccess, Remediated, Drifted, Ready, Reconciling, Stalled; history; counters), events.
 * Never rejects for what is wrong with the object; rejects with an EngineError when the cluster cannot be reached.
 */
export async function stepHelmRelease(ctx: RunContext, object: HelmRelease, control: StepControl): Promise<NodeRecord> {
  const attempt: Attempt = {
    stored: object,
    object,
    client: ctx.client,
    startedAt: ctx.deps.clock.now(),
    changes: [],
  }
  try {
    if (object.metadata.deletionTimestamp !== undefined) return await finalizeHelmRelease(ctx, attempt, control)
    const held = await addFinalizer(ctx.client, object, finalizer, fieldManagers.helmStatus, { signal: ctx.signal })
    if (held === undefined) return recordOf(ctx, attempt, 'ready', 'Deleted', 'deleted')
    attempt.stored = attempt.object = held
    refuseUnsupported(ctx, object)
    const custom = compileHealthChecks(object.spec.healthCheckExprs)
    if (custom !== undefined) attempt.customHealth = custom
    const blocked = whyBlocked(ctx, object, control)
    if (blocked !== undefined) return await saveBlocked(ctx, attempt, blocked)
    return await reconcile(ctx, attempt, control)
  } catch (caught) {
    const error = toEngineError(caught)
    if (error.code === waitsForApproval) return await holdChange(ctx, attempt.stored, error.message)
    return await fail(ctx, attempt, error)
  }
}

async function reconcile(ctx: RunContext, attempt: Attempt, control: StepControl): Promise<NodeRecord> {
  const chart = await resolveChart(ctx, attempt)
  const values = await composeValues(ctx.client, attempt.object, ctx.signal)
  attempt.sourceRevision = chart.sourceRevision
  attempt.chartVersion = chart.version
  attempt.appVersion = chart.chart.metadata.appVersion
  attempt.configDigest = configDigest(values)
  if (chart.ociDigest !== undefined) attempt.ociDigest = chart.ociDigest
  attempt.client = await releaseClient(ctx, attempt.object)
  const storage = openStorage(ctx, attempt, storageNamespaceOf(attempt.object), releaseNameOf(attempt.object))
  const request: ConvergeRequest = { ctx, attempt, chart, values, storage, control }
  // What is left behind is deleted, so the new release must be approved before.
  if (targetChange(attempt.object, chart.chart.metadata.name) !== undefined) await approveRelease(request, 'install')
  const moved = await leaveOldTarget(ctx, attempt, chart, control)
  if (moved !== undefined) return moved
  noteAttempt(attempt, chart)
  return await converge(request)
}

/** The client for the release and its objects. @throws EngineError of {@link identityOf}, with reason `RESTClientError`. */
async function releaseClient(ctx: RunContext, object: HelmRelease): Promise<KubeClient> {
  try {
    return await identityOf(ctx, object)
  } catch (caught) {
    const { message, code, disposition } = toEngineError(caught)
    if (disposition === 'bug') throw caught
    throw new EngineError(message, { code, disposition, reason: 'RESTClientError', cause: caught })
  }
}

/** Where the spec points at another release now, the one that was made goes first. Undefined: nothing (more) to leave behind. */
async function leaveOldTarget(
  ctx: RunContext,
  attempt: Attempt,
  chart: ResolvedChart,
  control: StepControl,
): Promise<NodeRecord | undefined> {
  const change = targetChange(attempt.object, chart.chart.metadata.name)
  if (change === undefined) return undefined
  const lock = await lockRelease(ctx, attempt.object)
  if (typeof lock === 'string') return recordOf(ctx, attempt, 'waiting', 'Progressing', lock)
  try {
    ctx.deps.logger.log('info', 'release target changed: uninstalling the old release', {
      object: idOf(attempt.object),
      change,
    })
    const message = `release target configuration changed (${change}): running uninstall for current release`
    editStatus(attempt, (status) => reconciling(attempt.object, status, message, ctx.deps.clock.now()))
    await saveStatus(ctx, attempt)
    const unfinished = await uninstallTarget(ctx, attempt, lock, control)
    if (unfinished === undefined) {
      editStatus(attempt, withoutFailures)
      await saveStatus(ctx, attempt)
      return undefined
    }
    await saveStatus(ctx, attempt)
    return unfinished.state === 'waiting'
      ? recordOf(ctx, attempt, 'waiting', 'Progressing', unfinished.message)
      : recordOf(ctx, attempt, 'failed', 'UninstallFailed', unfinished.message)
  } finally {
    await lock.release()
  }
}

/** What is attempted now, and failures of what was attempted before forgotten where it was something else. */
export function noteAttempt(attempt: Attempt, chart: ResolvedChart): void {
  const { object } = attempt
  const digest = attempt.configDigest ?? ''
  if (mustResetFailures(object, { chartVersion: chart.version, configDigest: digest }))
    editStatus(attempt, withoutFailures)
  editStatus(attempt, (status) => {
    const next = {
      ...status,
      storageNamespace: storageNamespaceOf(object),
      lastAttemptedGeneration: object.metadata.generation ?? 0,
      lastAttemptedRevision: chart.version,
      lastAttemptedConfigDigest: digest,
    }
    delete next.lastAttemptedRevisionDigest
    delete next.lastAttemptedValuesChecksum
    delete next.lastReleaseRevision
    return chart.ociDigest === undefined ? next : { ...next, lastAttemptedRevisionDigest: chart.ociDigest }
  })
}

function whyBlocked(ctx: RunContext, object: HelmRelease, control: StepControl): string | undefined {
  if (control.cycle !== undefined)
    return `dependency cycle: ${control.cycle.join(' -> ')}; remove one of these dependsOn entries`
  const blockers = blockersOf(ctx.world, object)
  return blockers.length === 0 ? undefined : describeBlockers(blockers)
}

async function saveBlocked(ctx: RunContext, attempt: Attempt, message: string): Promise<NodeRecord> {
  const { metadata, status } = attempt.object
  const ready = conditionOf(status, 'Ready')
  const isSaid = ready?.reason === 'DependencyNotReady' && ready.message === message
  const requestedAt = metadata.annotations?.[annotations.requestedAt]
  // A forced action stays asked for until it can be done.
  const isAsked =
    requestedAt !== undefined &&
    requestedAt !== status?.lastHandledReconcileAt &&
    !isForceRequested(attempt.object) &&
    !isResetRequested(attempt.object)
  if (!isSaid || isAsked) {
    mark(ctx, attempt, 'Ready', 'False', 'DependencyNotReady', message)
    mark(ctx, attempt, 'Reconciling', 'True', 'ProgressingWithRetry', message)
    await saveStatus(ctx, attempt, isAsked)
  }
  if (!isSaid)
    emitEvent(ctx, attempt, 'info', 'DependencyNotReady', `dependencies do not meet ready condition: ${message}`)
  return recordOf(ctx, attempt, 'blocked', 'DependencyNotReady', message)
}

/** Reasons that their own action has told already, with an event. */
const told: ReadonlySet<string> = new Set(['InstallFailed', 'UpgradeFailed'])
/** Reasons that only a change of the spec can take away. */
const terminal: ReadonlySet<string> = new Set(['AccessDenied', 'InvalidCELExpression'])

async function fail(ctx: RunContext, attempt: Attempt, error: EngineError): Promise<NodeRecord> {
  if (endsRun(error)) throw error
  const undecided = await leaveUndecided(ctx, attempt, error)
  if (undecided !== undefined) return undecided
  const reason = error.reason ?? 'ReconcileError'
  if (!told.has(reason)) mark(ctx, attempt, 'Ready', 'False', reason, error.message)
  if (terminal.has(reason)) {
    const generation = attempt.object.metadata.generation ?? 0
    editStatus(attempt, (status) => withoutConditions({ ...status, observedGeneration: generation }, 'Reconciling'))
    mark(ctx, attempt, 'Stalled', 'True', reason, error.message)
  } else mark(ctx, attempt, 'Reconciling', 'True', 'ProgressingWithRetry', error.message)
  await saveStatus(ctx, attempt, true)
  if (!told.has(reason)) emitEvent(ctx, attempt, 'error', reason, error.message)
  return recordOf(ctx, attempt, 'failed', reason, error.message)
}
