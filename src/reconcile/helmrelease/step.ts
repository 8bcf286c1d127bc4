import { fieldManagers, finalizer, type HelmRelease, type HelmReleaseStatus } from '../../api/index.ts'
import { EngineError, toEngineError } from '../../base/index.ts'
import { configDigest, type Values } from '../../helm/index.ts'
import { addFinalizer } from '../../kube/index.ts'
import type { RunContext, StepControl } from '../context.ts'
import { describeBlockers } from '../dependencies.ts'
import { identityOf } from '../identity.ts'
import type { NodeRecord } from '../job.ts'
import { blockersOf } from '../world.ts'
import { emitEvent, recordOf, saveStatus, type Attempt } from './attempt.ts'
import { resolveChart, type ResolvedChart } from './chart.ts'
import { decide, type Decision } from './decide.ts'
import { decisionInput } from './decision-input.ts'
import { correctDrift } from './drift.ts'
import { releaseNameOf, storageNamespaceOf } from './names.ts'
import {
  carryOn,
  install,
  rollback,
  unlock,
  upgrade,
  uninstallFailed,
  type ActionRequest,
  type ActionResult,
} from './actions.ts'
import { observe } from './snapshot.ts'
import { determineState, type DesiredRelease } from './state.ts'
import { progressing, summarizeReady, withCondition, withoutConditions } from './status.ts'
import { createReleaseStorage, type StoredRelease } from './storage.ts'
import { refuseUnsupported } from './support.ts'
import { uninstallDeleted } from './uninstall.ts'
import { composeValues } from './values.ts'

/** Actions that one step takes at most: unlock, upgrade, remediation and what follows from them. */
const maxActions = 5

/**
 * One run of a HelmRelease: chart, values, then as many actions as it takes to make the release as wanted, after helm-controller 1.6's atomic
 * release. Each action leaves the release in Helm's storage, so a step that was cut off is gone on with by the next one.
 *
 * Effects: the release's objects and Secrets, the HelmChart object, status (conditions Released, Remediated, Drifted, Ready, Reconciling, Stalled; history; counters), events.
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
    attempt.client = await identityOf(ctx, object)
    if (object.metadata.deletionTimestamp !== undefined) return await uninstallDeleted(ctx, attempt)
    const held = await addFinalizer(ctx.client, object, finalizer, fieldManagers.helmStatus, { signal: ctx.signal })
    if (held === undefined) return recordOf(ctx, attempt, 'ready', 'Deleted', 'deleted')
    attempt.stored = attempt.object = held
    refuseUnsupported(object, ctx.deps.settings)
    const blocked = whyBlocked(ctx, object, control)
    if (blocked !== undefined) return await saveBlocked(ctx, attempt, blocked)
    const chart = await resolveChart(ctx, attempt.object)
    const values = await composeValues(ctx.client, attempt.object, ctx.signal)
    attempt.sourceRevision = chart.sourceRevision
    attempt.chartVersion = chart.version
    attempt.configDigest = configDigest(values)
    return await converge(ctx, attempt, chart, values, control)
  } catch (caught) {
    return await fail(ctx, attempt, toEngineError(caught))
  }
}

function whyBlocked(ctx: RunContext, object: HelmRelease, control: StepControl): string | undefined {
  if (control.cycle !== undefined)
    return `dependency cycle: ${control.cycle.join(' -> ')}; remove one of these dependsOn entries`
  const blockers = blockersOf(ctx.world, object)
  return blockers.length === 0 ? undefined : describeBlockers(blockers)
}

async function converge(
  ctx: RunContext,
  attempt: Attempt,
  chart: ResolvedChart,
  values: Values,
  control: StepControl,
): Promise<NodeRecord> {
  const { object } = attempt
  const storage = createReleaseStorage(attempt.client, storageNamespaceOf(object), releaseNameOf(object), ctx.signal)
  resetCounters(attempt)
  let isForced = isForceRequested(object)
  let announced = false
  for (let round = 0; round < maxActions; round++) {
    const stored = await storage.list()
    const state = determineState(
      stored[0] === undefined ? undefined : observe(stored[0].release),
      attempt.object.status?.history ?? [],
      desiredOf(attempt, chart),
    )
    const decision = decide(state, decisionInput(attempt.object, stored, isForced))
    if (decision.action === 'error')
      throw new EngineError(decision.message, {
        code: 'release-state-unknown',
        reason: 'StateError',
        disposition: 'retry',
      })
    if (decision.action === 'stall') return await stall(ctx, attempt, decision)
    if (decision.action === 'none') return await settle(ctx, attempt, control, stored[0])
    if (!announced) await announce(ctx, attempt, decision)
    announced = true
    isForced = false
    const request: ActionRequest = { ctx, attempt, chart, values, storage, stored, control }
    const result = await act(request, decision)
    if (result.state === 'waiting') {
      await saveStatus(
        ctx,
        attempt,
        progressing(attempt.object, attempt.object.status ?? {}, result.message, ctx.deps.clock.now()),
      )
      return recordOf(ctx, attempt, 'waiting', 'Progressing', result.message)
    }
  }
  throw new EngineError(`the release did not settle after ${maxActions} actions`, {
    code: 'release-never-settles',
    reason: 'ReconcileError',
    disposition: 'retry',
  })
}

async function act(request: ActionRequest, decision: Decision): Promise<ActionResult> {
  switch (decision.action) {
    case 'install':
      return await install(request)
    case 'upgrade':
      return await upgrade(request)
    case 'resume':
      return await carryOn(request)
    case 'unlock':
      return await unlock(request)
    case 'rollback':
      return await rollback(request)
    case 'uninstall':
      return await uninstallFailed(request)
    default:
      throw new EngineError(`action '${decision.action}' is not supported yet`, {
        code: 'release-action-unsupported',
        reason: 'ReconcileError',
      })
  }
}

/** Counters start again whenever something changed that could make a difference (helm-controller 1.6, failure reset). */
function resetCounters(attempt: Attempt): void {
  const { status, metadata } = attempt.object
  const resetAt = metadata.annotations?.['reconcile.fluxcd.io/resetAt']
  const isReset =
    resetAt !== undefined &&
    resetAt === metadata.annotations?.['reconcile.fluxcd.io/requestedAt'] &&
    resetAt !== status?.lastHandledResetAt
  const isSame =
    status?.lastAttemptedGeneration === metadata.generation &&
    status?.lastAttemptedRevision === attempt.chartVersion &&
    status?.lastAttemptedConfigDigest === attempt.configDigest
  if (isSame && !isReset) return
  const next: HelmReleaseStatus = { ...status }
  delete next.failures
  delete next.installFailures
  delete next.upgradeFailures
  attempt.object = { ...attempt.object, status: next }
}

function isForceRequested(object: HelmRelease): boolean {
  const annotations = object.metadata.annotations ?? {}
  const requestedAt = annotations['reconcile.fluxcd.io/requestedAt']
  const forceAt = annotations['reconcile.fluxcd.io/forceAt']
  return (
    forceAt !== undefined &&
    forceAt === requestedAt &&
    requestedAt !== object.status?.lastHandledReconcileAt &&
    forceAt !== object.status?.lastHandledForceAt
  )
}

function desiredOf(attempt: Attempt, chart: ResolvedChart): DesiredRelease {
  return {
    chartName: chart.chart.metadata.name,
    chartVersion: chart.version,
    configDigest: attempt.configDigest ?? '',
    testsEnabled: false,
    ignoreTestFailures: false,
    postRenderingChanged: false,
  }
}

/** Status before the action: what is going to be done, and what was attempted, so that a cut leaves a trace. */
async function announce(ctx: RunContext, attempt: Attempt, decision: Decision): Promise<void> {
  const { object } = attempt
  const timeout = object.spec.timeout ?? '5m0s'
  const status: HelmReleaseStatus = {
    ...object.status,
    lastAttemptedGeneration: object.metadata.generation ?? 0,
    lastAttemptedRevision: attempt.chartVersion ?? '',
    lastAttemptedConfigDigest: attempt.configDigest ?? '',
    storageNamespace: storageNamespaceOf(object),
    helmChart: `${object.spec.chart?.spec.sourceRef?.namespace ?? object.metadata.namespace}/${object.metadata.namespace}-${object.metadata.name}`,
  }
  await saveStatus(
    ctx,
    attempt,
    progressing(object, status, `Running '${decision.action}' action with timeout of ${timeout}`, ctx.deps.clock.now()),
  )
}

/** The release is as wanted: drift is looked for and corrected where the object asks for it, then the conditions are put in order. */
async function settle(
  ctx: RunContext,
  attempt: Attempt,
  control: StepControl,
  stored: StoredRelease | undefined,
): Promise<NodeRecord> {
  attempt.appliedAt ??= ctx.deps.clock.now()
  await control.applied([])
  if (stored !== undefined) await correctDrift(ctx, attempt, stored)
  const before = attempt.object
  const generation = before.metadata.generation ?? 0
  const requestedAt = before.metadata.annotations?.['reconcile.fluxcd.io/requestedAt']
  const ready = before.status?.conditions?.find((condition) => condition.type === 'Ready')
  const isSettled =
    before.status?.observedGeneration === generation &&
    ready?.status === 'True' &&
    before.status.lastAttemptedRevision === attempt.chartVersion &&
    before.status.lastAttemptedConfigDigest === attempt.configDigest &&
    (requestedAt === undefined || requestedAt === before.status.lastHandledReconcileAt)
  if (!isSettled) {
    const status: HelmReleaseStatus = {
      ...before.status,
      observedGeneration: generation,
      lastAttemptedGeneration: generation,
      lastAttemptedRevision: attempt.chartVersion ?? '',
      lastAttemptedConfigDigest: attempt.configDigest ?? '',
      storageNamespace: storageNamespaceOf(before),
    }
    await saveStatus(
      ctx,
      attempt,
      summarizeReady(
        before,
        withoutConditions(withReleased(ctx, before, status, stored), 'Stalled'),
        ctx.deps.clock.now(),
      ),
      true,
    )
  }
  const message = attempt.object.status?.conditions?.find((condition) => condition.type === 'Ready')?.message ?? ''
  return recordOf(ctx, attempt, 'ready', 'InSync', message)
}

/** A release that is in sync without a Released condition of this generation gets one (after a roll-back to it, or a spec change that changed nothing). */
function withReleased(
  ctx: RunContext,
  object: HelmRelease,
  status: HelmReleaseStatus,
  stored: StoredRelease | undefined,
): HelmReleaseStatus {
  const released = status.conditions?.find((condition) => condition.type === 'Released')
  const cleared = withoutConditions(status, 'Remediated')
  const release = stored?.release
  const message =
    released?.status === 'True' || release === undefined
      ? (released?.message ?? '')
      : `Helm upgrade succeeded for release ${release.namespace}/${release.name}.v${release.version} with chart ${release.chart?.metadata?.name}@${release.chart?.metadata?.version}`
  return withCondition(
    object,
    cleared,
    'Released',
    'True',
    released?.status === 'True' ? released.reason : 'UpgradeSucceeded',
    message,
    ctx.deps.clock.now(),
  )
}

async function stall(
  ctx: RunContext,
  attempt: Attempt,
  decision: Extract<Decision, { action: 'stall' }>,
): Promise<NodeRecord> {
  const now = ctx.deps.clock.now()
  const { object } = attempt
  let status: HelmReleaseStatus = { ...object.status, observedGeneration: object.metadata.generation ?? 0 }
  status = summarizeReady(object, status, now)
  status = withCondition(
    object,
    withoutConditions(status, 'Reconciling'),
    'Stalled',
    'True',
    decision.reason,
    decision.message,
    now,
  )
  await saveStatus(ctx, attempt, status, true)
  return recordOf(ctx, attempt, 'failed', decision.reason, decision.message)
}

async function saveBlocked(ctx: RunContext, attempt: Attempt, message: string): Promise<NodeRecord> {
  const ready = attempt.object.status?.conditions?.find((condition) => condition.type === 'Ready')
  if (ready?.reason !== 'DependencyNotReady' || ready.message !== message) {
    const now = ctx.deps.clock.now()
    let status = withCondition(
      attempt.object,
      attempt.object.status ?? {},
      'Ready',
      'False',
      'DependencyNotReady',
      message,
      now,
    )
    status = withCondition(attempt.object, status, 'Reconciling', 'True', 'ProgressingWithRetry', message, now)
    await saveStatus(ctx, attempt, status)
    emitEvent(ctx, attempt, 'info', 'DependencyNotReady', `dependencies do not meet ready condition: ${message}`)
  }
  return recordOf(ctx, attempt, 'blocked', 'DependencyNotReady', message)
}

async function fail(ctx: RunContext, attempt: Attempt, error: EngineError): Promise<NodeRecord> {
  if (error.code === 'cluster-unreachable' || error.code === 'aborted') throw error
  const now = ctx.deps.clock.now()
  const reason = error.reason ?? 'ReconcileError'
  let status = withCondition(attempt.object, attempt.object.status ?? {}, 'Ready', 'False', reason, error.message, now)
  status =
    reason === 'AccessDenied' || reason === 'InvalidCELExpression'
      ? withCondition(
          attempt.object,
          withoutConditions({ ...status, observedGeneration: attempt.object.metadata.generation ?? 0 }, 'Reconciling'),
          'Stalled',
          'True',
          reason,
          error.message,
          now,
        )
      : withCondition(attempt.object, status, 'Reconciling', 'True', 'ProgressingWithRetry', error.message, now)
  await saveStatus(ctx, attempt, status, true)
  emitEvent(ctx, attempt, 'error', reason, error.message)
  return recordOf(ctx, attempt, 'failed', reason, error.message)
}
