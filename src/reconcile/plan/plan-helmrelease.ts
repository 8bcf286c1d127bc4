import { fieldManagers, groups, type HelmRelease } from '../../api/index.ts'
import { toEngineError } from '../../base/index.ts'
import { chartCrds, configDigest, type Release } from '../../helm/index.ts'
import { combineFailures, endsRun, keyOf, planStaged, type StagedPlan } from '../../kube/index.ts'
import type { KubeObject } from '../../resources/index.ts'
import type { RunContext } from '../context.ts'
import { describeBlockers } from '../dependencies.ts'
import { look, type ConvergeRequest } from '../helmrelease/atomic.ts'
import type { Attempt } from '../helmrelease/attempt.ts'
import { admitObjects } from '../helmrelease/admit-release.ts'
import { buildRelease } from '../helmrelease/build.ts'
import { resolveChart } from '../helmrelease/chart.ts'
import { readDefinitions } from '../helmrelease/crds.ts'
import { decide, type ActionName } from '../helmrelease/decide.ts'
import { decisionInput } from '../helmrelease/decision-input.ts'
import { originOf } from '../helmrelease/go-on.ts'
import { releaseNameOf, releaseNamespaceOf, storageNamespaceOf } from '../helmrelease/names.ts'
import { isKept, releaseObjects, removedObjects } from '../helmrelease/objects.ts'
import { objectsContext, openStorage } from '../helmrelease/operation.ts'
import { noteAttempt } from '../helmrelease/step.ts'
import { refuseUnsupported } from '../helmrelease/support.ts'
import { targetChange } from '../helmrelease/target.ts'
import { applyMethod } from '../helmrelease/upgrade.ts'
import { composeValues } from '../helmrelease/values.ts'
import { identityOf } from '../identity.ts'
import { blockersOf } from '../world.ts'
import { describePlanned, plannedAction, type PlannedObject } from './differences.ts'
import { planRedaction, type RedactPlan } from './redaction.ts'
import { plannedNode, type PlannedNode, type PlanOutcome } from './planned-node.ts'

/**
 * What a run of a HelmRelease would do: the action that it would take first, and for an install or upgrade every object of the rendered chart as a
 * dry-run, what would be deleted, and the hooks. Never rejects for what is wrong with the object; rejects when the cluster cannot be reached.
 *
 * `ctx` must be one that writes nothing: the HelmChart that stands for the chart is applied on a client whose every write is a dry-run.
 */
export async function planHelmRelease(ctx: RunContext, object: HelmRelease): Promise<PlannedNode> {
  const startedAt = ctx.deps.clock.now()
  const attempt: Attempt = { stored: object, object, client: ctx.client, startedAt, changes: [] }
  let redact: RedactPlan = (objects) => objects
  const node = (outcome: Omit<PlanOutcome, 'startedAt'>): PlannedNode => {
    const objects = redact(outcome.objects ?? [])
    return plannedNode(object, ctx.deps.clock, { startedAt, revision: attempt.sourceRevision, ...outcome, objects })
  }
  try {
    redact = await planRedaction(ctx.client, object, { signal: ctx.signal })
    refuseUnsupported(ctx, object)
    const request = await prepare(ctx, attempt)
    const notes = notesOf(ctx, object, request)
    const { state } = await look(request)
    const input = await decisionInput(attempt.object, request.storage, true, state.kind === 'Failed')
    const decision = decide(state, input)
    const says = (...more: readonly string[]): string => [...notes, ...more].join('; ')
    switch (decision.action) {
      case 'error':
      case 'stall':
        return node({
          state: 'failed',
          reason: decision.action === 'stall' ? decision.reason : 'StateError',
          message: says(decision.message),
        })
      case 'none':
        return await planInSync(request, (outcome) => node({ ...outcome, message: says('the release is as wanted') }))
      case 'install':
      case 'upgrade':
        return await planRelease(request, decision.action, (outcome) =>
          node({
            ...outcome,
            action: decision.action,
            message: says(...(outcome.message === undefined ? [] : [outcome.message])),
          }),
        )
      default:
        return node({
          state: 'ready',
          reason: 'Planned',
          action: decision.action,
          message: says(describeAction(decision.action, state.reason)),
        })
    }
  } catch (caught) {
    const error = toEngineError(caught)
    if (endsRun(error)) throw caught
    const { message, reason } = error
    return node({ state: 'failed', reason: reason ?? 'ReconcileError', message })
  }
}

/** The same steps as a run's, up to the first action. */
async function prepare(ctx: RunContext, attempt: Attempt): Promise<ConvergeRequest> {
  const chart = await resolveChart(ctx, attempt)
  const values = await composeValues(ctx.client, attempt.object, ctx.signal)
  attempt.sourceRevision = chart.sourceRevision
  attempt.chartVersion = chart.version
  attempt.configDigest = configDigest(values)
  if (chart.ociDigest !== undefined) attempt.ociDigest = chart.ociDigest
  attempt.client = await identityOf(ctx, attempt.object)
  noteAttempt(attempt, chart)
  const storage = openStorage(ctx, attempt, storageNamespaceOf(attempt.object), releaseNameOf(attempt.object))
  const control = { cycle: undefined, applied: () => Promise.resolve() }
  return { ctx, attempt, chart, values, storage, control }
}

function notesOf(ctx: RunContext, object: HelmRelease, { chart }: ConvergeRequest): readonly string[] {
  const blockers = blockersOf(ctx.world, object)
  const change = targetChange(object, chart.chart.metadata.name)
  return [
    ...(object.spec.suspend === true ? ['it is suspended'] : []),
    ...(blockers.length === 0 ? [] : [`a run would wait first: ${describeBlockers(blockers)}`]),
    ...(change === undefined ? [] : [`the current release would be uninstalled first, because its ${change} changes`]),
  ]
}

function describeAction(action: ActionName, reason: string): string {
  return `the next action is ${action} (${reason}); what it does to objects is not planned`
}

type Finish = (outcome: Omit<PlanOutcome, 'startedAt'>) => PlannedNode

/** Nothing to release; where drift is corrected, what differs is put back. */
async function planInSync(request: ConvergeRequest, finish: Finish): Promise<PlannedNode> {
  const { ctx, attempt, storage } = request
  const mode = attempt.object.spec.driftDetection?.mode ?? 'disabled'
  const current = (await storage.latest())?.release
  if (mode === 'disabled' || current === undefined) return finish({ state: 'ready', reason: 'Planned' })
  const objects = await releaseObjects(objectsContext(ctx, attempt), current, current.manifest)
  const plan = await planObjects(request, objects)
  const described = plan.changes.map(describePlanned)
  if (mode === 'enabled') return concluded(plan, described, finish)
  const seen = described.map((one) =>
    one.action === 'unchanged' ? one : { ...one, action: 'skipped', note: 'drift is only reported' },
  )
  return concluded(plan, seen, finish)
}

async function planRelease(
  request: ConvergeRequest,
  operation: 'install' | 'upgrade',
  finish: Finish,
): Promise<PlannedNode> {
  const { ctx, attempt, chart, values, storage } = request
  const { object, client } = attempt
  const last = operation === 'upgrade' ? await storage.latest() : undefined
  const origin = originOf(await storage.heads())
  const before = last && ((origin && (await storage.read(origin.version))?.release) ?? last.release)
  const method =
    last === undefined
      ? object.spec.install?.serverSideApply === false
        ? 'csa'
        : 'ssa'
      : applyMethod(object.spec.upgrade?.serverSideApply ?? 'auto', last.release)
  const release = await buildRelease(ctx, client, {
    object,
    chart,
    values,
    operation,
    version: (last?.release.version ?? 0) + 1,
    namespace: before?.namespace ?? releaseNamespaceOf(object),
    current: before,
    applyMethod: method,
  })
  const objects = await releaseObjects(objectsContext(ctx, attempt), release, release.manifest)
  const definitions = await wantedDefinitions(request, operation)
  await admitObjects(ctx, attempt, definitions, '')
  const plan = await planObjects(request, [...definitions, ...objects, ...targetNamespace(object, operation)])
  const removed =
    before === undefined
      ? []
      : removedObjects(await releaseObjects(objectsContext(ctx, attempt), before, before.manifest), objects)
  const described: PlannedObject[] = [
    ...plan.changes.map(describePlanned),
    ...removed.map((one) =>
      isKept(one) ? plannedAction(one, 'skipped', 'helm.sh/resource-policy: keep') : plannedAction(one, 'deleted'),
    ),
    ...hooksOf(release, object, operation),
  ]
  const note = method === 'csa' ? ', client-side; what differs is shown as a server-side apply would have it' : ''
  const version = `${chart.chart.metadata.name}@${chart.version}`
  return concluded(plan, described, (outcome) =>
    finish({
      ...outcome,
      message: [`${operation} of ${version}${note}`, outcome.message].filter((word) => word !== undefined).join('; '),
    }),
  )
}

function concluded(plan: StagedPlan, objects: readonly PlannedObject[], finish: Finish): PlannedNode {
  const failure = combineFailures(plan.errors)
  return failure === undefined
    ? finish({ state: 'ready', reason: 'Planned', objects })
    : finish({ state: 'failed', reason: 'UpgradeFailed', message: failure.message, objects })
}

function planObjects({ ctx, attempt }: ConvergeRequest, objects: readonly KubeObject[]): Promise<StagedPlan> {
  const { name, namespace = '' } = attempt.object.metadata
  return planStaged(attempt.client, {
    objects,
    owner: { kind: 'HelmRelease', group: groups.helm, name, namespace },
    fieldManager: fieldManagers.helm,
    concurrency: ctx.deps.limits.applyConcurrency,
    signal: ctx.signal,
  })
}

/** Definitions of the chart that the policy applies: new ones, all, or none. */
async function wantedDefinitions(
  { ctx, attempt, chart, values }: ConvergeRequest,
  operation: 'install' | 'upgrade',
): Promise<readonly KubeObject[]> {
  const policy = attempt.object.spec[operation]?.crds ?? 'Create'
  if (policy === 'Skip') return []
  const { definitions } = readDefinitions(chartCrds(chart.chart, values))
  if (policy === 'CreateReplace') return definitions
  const found = await Promise.all(
    definitions.map((one) => attempt.client.get(keyOf(one), { metadataOnly: true, signal: ctx.signal })),
  )
  return definitions.filter((_, index) => found[index] === undefined)
}

/** The namespace that an install creates. */
function targetNamespace(object: HelmRelease, operation: 'install' | 'upgrade'): readonly KubeObject[] {
  if (operation !== 'install' || object.spec.install?.createNamespace !== true) return []
  const name = releaseNamespaceOf(object)
  return [{ apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels: { name } } }]
}

function hooksOf(release: Release, object: HelmRelease, operation: 'install' | 'upgrade'): readonly PlannedObject[] {
  if (object.spec[operation]?.disableHooks === true) return []
  return release.hooks
    .filter((hook) => hook.events.some((event) => event.endsWith(operation)))
    .map((hook) => ({
      object: `${hook.kind}/${release.namespace}/${hook.name}`,
      action: 'hook',
      note: hook.events.filter((event) => event.endsWith(operation)).join(', '),
      differences: [],
    }))
}
