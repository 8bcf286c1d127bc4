import type { HelmReleaseStatus, ReleaseAction } from '../../api/index.ts'
import { EngineError } from '../../base/index.ts'
import type { Release, Values } from '../../helm/index.ts'
import { applyStaged, formatKey, keyOf } from '../../kube/index.ts'
import { scalarText, type KubeObject } from '../../resources/index.ts'
import { parseDocuments } from '../../yaml/index.ts'
import type { RunContext, StepControl } from '../context.ts'
import { emitEvent, saveStatus, type Attempt } from './attempt.ts'
import { buildRelease } from './build.ts'
import type { ResolvedChart } from './chart.ts'
import { rollbackTarget } from './decision-input.ts'
import type { HookContext } from './hooks.ts'
import { releaseNamespaceOf } from './names.ts'
import { deleteReleaseObjects, releaseObjects } from './objects.ts'
import { label } from './origin.ts'
import { performRelease, type Operation } from './perform.ts'
import { snapshotOf } from './snapshot.ts'
import { recordSnapshot, withCondition, withoutConditions } from './status.ts'
import type { ReleaseStorage, StoredRelease } from './storage.ts'
import { actionTimeoutMs } from './timeouts.ts'

/** What an action works on. `stored` are the releases in storage, newest first. */
export interface ActionRequest {
  readonly ctx: RunContext
  readonly attempt: Attempt
  readonly chart: ResolvedChart
  readonly values: Values
  readonly storage: ReleaseStorage
  readonly stored: readonly StoredRelease[]
  readonly control: StepControl
}

/** `done`: look at the state again. `waiting`: the run's time is over, the next run goes on. */
export type ActionResult = { readonly state: 'done' | 'waiting'; readonly message: string }

const done: ActionResult = { state: 'done', message: '' }

/**
 * Installs. Clears history first, so that nothing is ever rolled back across an install.
 * Conditions: Released InstallSucceeded or InstallFailed; Remediated removed. Event with the same reason. Counter: installFailures.
 */
export async function install(request: ActionRequest): Promise<ActionResult> {
  const { ctx, attempt } = request
  const { object } = attempt
  await createTargetNamespace(request)
  const version = (request.stored[0]?.release.version ?? 0) + 1
  const built = await buildRelease(ctx, attempt.client, {
    object,
    chart: request.chart,
    values: request.values,
    operation: 'install',
    version,
    firstDeployed: undefined,
  })
  attempt.renderedAt = ctx.deps.clock.now()
  await applyCrds(request, built.crds, object.spec.install?.crds ?? 'Create')
  const stored = await request.storage.create(built.release)
  await record(request, stored.release, 'install', { history: [] })
  return await perform(request, 'install', stored, undefined)
}

/**
 * Upgrades to a new revision from the last one that was deployed.
 * Conditions: Released UpgradeSucceeded or UpgradeFailed; Remediated removed. Event with the same reason. Counter: upgradeFailures.
 */
export async function upgrade(request: ActionRequest): Promise<ActionResult> {
  const { ctx, attempt } = request
  const { object } = attempt
  const latest = request.stored[0]?.release
  if (latest === undefined)
    throw new EngineError('there is no release to upgrade', { code: 'release-missing', disposition: 'bug' })
  const isUnmanaged = (object.status?.history ?? []).every((snapshot) => snapshot.version !== latest.version)
  const built = await buildRelease(ctx, attempt.client, {
    object,
    chart: request.chart,
    values: request.values,
    operation: 'upgrade',
    version: latest.version + 1,
    firstDeployed: latest.info.first_deployed,
  })
  attempt.renderedAt = ctx.deps.clock.now()
  await applyCrds(request, built.crds, object.spec.upgrade?.crds ?? 'Create')
  const stored = await request.storage.create(built.release)
  await record(request, stored.release, 'upgrade', isUnmanaged ? { history: [] } : {})
  return await perform(request, 'upgrade', stored, previousOf(request.stored))
}

/** Goes on with a pending release of ours that a step was cut off in. Everything in it can be repeated. */
export async function carryOn(request: ActionRequest): Promise<ActionResult> {
  const stored = request.stored[0]
  if (stored === undefined) return done
  const operation = stored.release.info.status.replace('pending-', '') as Operation
  return await perform(
    request,
    operation,
    stored,
    operation === 'install' ? undefined : previousOf(request.stored.slice(1)),
  )
}

/** Marks a pending release that somebody else left behind as failed. Condition: Released PendingRelease False. Event with that reason. */
export async function unlock(request: ActionRequest): Promise<ActionResult> {
  const { ctx, attempt, storage } = request
  const stored = request.stored[0]
  if (stored === undefined) return done
  const { release } = stored
  const description = `Release unlocked from stale '${release.info.status}' state`
  await storage.update(stored, { ...release, info: { ...release.info, status: 'failed', description } })
  const message = `Unlocked Helm release ${nameOf(release)} in ${release.info.status} state`
  await saveStatus(
    ctx,
    attempt,
    withCondition(
      attempt.object,
      attempt.object.status ?? {},
      'Released',
      'False',
      'PendingRelease',
      message,
      ctx.deps.clock.now(),
    ),
  )
  emitEvent(ctx, attempt, 'error', 'PendingRelease', message)
  return done
}

/**
 * Goes back to the last good release as a new revision. Conditions: Remediated RollbackSucceeded True, or RollbackFailed False. Event with the same reason.
 */
export async function rollback(request: ActionRequest): Promise<ActionResult> {
  const { ctx, attempt } = request
  const target = rollbackTarget(attempt.object, request.stored)
  const latest = request.stored[0]
  if (target === undefined || latest === undefined) return done
  const now = new Date(ctx.deps.clock.now()).toISOString()
  const release: Release = {
    ...target.release,
    version: latest.release.version + 1,
    info: {
      ...target.release.info,
      first_deployed: latest.release.info.first_deployed ?? now,
      last_deployed: now,
      status: 'pending-rollback',
      description: `Rollback to ${target.release.version}`,
      rollback_revision: target.release.version,
    },
    hooks: target.release.hooks.map((hook) => ({ ...hook, last_run: { phase: '' as const } })),
  }
  const stored = await request.storage.create(release)
  await record(request, release, 'rollback', {})
  return await perform(request, 'rollback', stored, latest.release)
}

/** Uninstalls a release that could not be installed or upgraded, so that the next attempt starts afresh. Condition: Remediated UninstallSucceeded. */
export async function uninstallFailed(request: ActionRequest): Promise<ActionResult> {
  const { ctx, attempt, storage } = request
  const stored = request.stored[0]
  if (stored === undefined) return done
  const { release } = stored
  const objects = await releaseObjects(attempt.client, release, release.manifest, ctx.signal)
  await deleteReleaseObjects(attempt.client, objects, ctx.signal)
  const deleted = new Date(ctx.deps.clock.now()).toISOString()
  const gone: Release = {
    ...release,
    info: { ...release.info, status: 'uninstalled', deleted, description: 'Uninstallation complete' },
  }
  await storage.update(stored, gone)
  const message = `Helm uninstall remediation for release ${nameOf(release)} with chart ${chartOf(release)} succeeded`
  await record(
    request,
    gone,
    'uninstall-remediation',
    withCondition(
      attempt.object,
      attempt.object.status ?? {},
      'Remediated',
      'True',
      'UninstallSucceeded',
      message,
      ctx.deps.clock.now(),
    ),
  )
  emitEvent(ctx, attempt, 'info', 'UninstallSucceeded', message)
  return done
}

async function perform(
  request: ActionRequest,
  operation: Operation,
  stored: StoredRelease,
  previous: Release | undefined,
): Promise<ActionResult> {
  const { ctx, attempt } = request
  const { object } = attempt
  const options: Options = optionsOf(request, operation)
  const hooks: HookContext = {
    client: attempt.client,
    storage: request.storage,
    clock: ctx.deps.clock,
    signal: ctx.signal,
    deadline: ctx.deadline,
    pollMs: ctx.deps.limits.healthPollMs,
  }
  const outcome = await performRelease({
    operation,
    hooks,
    stored,
    previous,
    ...options,
    concurrency: ctx.deps.limits.applyConcurrency,
    giveUpAt: Date.parse(stored.release.info.last_deployed ?? '') + options.timeoutMs,
    onApplied: async (objects) => {
      attempt.appliedAt = ctx.deps.clock.now()
      attempt.changes.push(...objects.map((applied) => ({ object: formatKey(keyOf(applied)), action: 'applied' })))
      await request.control.applied(
        objects.map((applied) => ({ action: 'configured', apiVersion: scalarText(applied['apiVersion']) })),
      )
    },
  })
  if (outcome.state === 'waiting') {
    await record(request, outcome.stored.release, operation, {})
    return { state: 'waiting', message: outcome.message }
  }
  const { release } = outcome.stored
  const title = operation.charAt(0).toUpperCase() + operation.slice(1)
  const failure = outcome.state === 'failed' ? outcome.error : undefined
  const isGood = failure === undefined
  const reason = `${title}${isGood ? 'Succeeded' : 'Failed'}`
  const subject = `Helm ${operation}${operation === 'rollback' ? ` to previous release ${release.namespace}/${release.name}.v${release.info.rollback_revision}` : ''}`
  const message = isGood
    ? `${subject} succeeded for release ${nameOf(release)} with chart ${chartOf(release)}`
    : `${subject} failed for release ${release.namespace}/${release.name} with chart ${chartOf(release)}: ${failure.message}`
  const condition = operation === 'rollback' ? 'Remediated' : 'Released'
  let status: HelmReleaseStatus =
    operation === 'rollback' ? (object.status ?? {}) : withoutConditions(attempt.object.status ?? {}, 'Remediated')
  status = withCondition(
    object,
    { ...attempt.object.status, ...status },
    condition,
    isGood ? 'True' : 'False',
    reason,
    message,
    ctx.deps.clock.now(),
  )
  if (operation !== 'rollback')
    status = { ...status, lastAttemptedReleaseAction: operation, ...(isGood ? {} : counted(status, operation)) }
  if (isGood) await supersede(request, release)
  await record(request, release, operation, status)
  emitEvent(ctx, attempt, isGood ? 'info' : 'error', reason, message)
  return done
}

function counted(status: HelmReleaseStatus, operation: 'install' | 'upgrade'): HelmReleaseStatus {
  const key = operation === 'install' ? 'installFailures' : 'upgradeFailures'
  return { failures: (status.failures ?? 0) + 1, [key]: (status[key] ?? 0) + 1 }
}

/** Releases that were deployed before become superseded, and the oldest beyond `maxHistory` go. */
async function supersede(request: ActionRequest, release: Release): Promise<void> {
  const older = request.stored.filter((other) => other.release.version < release.version)
  for (const other of older) {
    if (other.release.info.status === 'deployed')
      await request.storage.update(other, { ...other.release, info: { ...other.release.info, status: 'superseded' } })
  }
  const maxHistory = request.attempt.object.spec.maxHistory ?? 5
  if (maxHistory <= 0) return
  for (const other of older.slice(maxHistory - 1)) await request.storage.remove(other)
}

/** Writes the snapshot of a release, and whatever else changed, into the status. */
async function record(
  request: ActionRequest,
  release: Release,
  action: ReleaseAction,
  status: HelmReleaseStatus,
): Promise<void> {
  const { ctx, attempt } = request
  const merged: HelmReleaseStatus = { ...attempt.object.status, ...status }
  await saveStatus(ctx, attempt, {
    ...merged,
    history: recordSnapshot(merged.history ?? [], snapshotOf(release, action)),
  })
}

interface Options {
  readonly timeoutMs: number
  readonly disableHooks: boolean
  readonly disableWait: boolean
  readonly disableWaitForJobs: boolean
  readonly cleanupOnFail: boolean
}

function optionsOf(request: ActionRequest, operation: Operation): Options {
  const { spec } = request.attempt.object
  const action = spec[operation]
  return {
    timeoutMs: actionTimeoutMs(request.attempt.object, action),
    disableHooks: action?.disableHooks === true,
    disableWait: action?.disableWait === true,
    disableWaitForJobs: action?.disableWaitForJobs === true,
    cleanupOnFail: operation !== 'install' && (spec[operation as 'upgrade' | 'rollback']?.cleanupOnFail ?? false),
  }
}

/** Helm starts an upgrade from the last deployed release, or the last one at all. */
function previousOf(stored: readonly StoredRelease[]): Release | undefined {
  return (stored.find((other) => other.release.info.status === 'deployed') ?? stored[0])?.release
}

async function createTargetNamespace(request: ActionRequest): Promise<void> {
  const { attempt, ctx } = request
  const { spec } = attempt.object
  if (spec.install?.createNamespace !== true || spec.targetNamespace === undefined) return
  const name = releaseNamespaceOf(attempt.object)
  const key = { apiVersion: 'v1', kind: 'Namespace', name }
  if ((await attempt.client.get(key, { metadataOnly: true, signal: ctx.signal })) !== undefined) return
  await attempt.client.patch(
    key,
    { type: 'apply', body: { apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels: { name } } }, force: true },
    { fieldManager: 'helm-controller', signal: ctx.signal },
  )
}

/** Definitions of the chart's `crds/`: created, or created and replaced, before anything else; never deleted. */
async function applyCrds(
  request: ActionRequest,
  text: string,
  policy: 'Skip' | 'Create' | 'CreateReplace',
): Promise<void> {
  const { attempt, ctx } = request
  if (policy === 'Skip' || text.trim() === '') return
  const { object } = attempt
  const origin = {
    'helm.toolkit.fluxcd.io/name': object.metadata.name,
    'helm.toolkit.fluxcd.io/namespace': object.metadata.namespace ?? '',
  }
  const definitions = parseDocuments(text, { dialect: 'sigs' })
    .documents.filter((document) => !document.empty)
    .map((document) => label(document.value as KubeObject, origin, {}))
    .filter((definition) => definition['kind'] === 'CustomResourceDefinition')
  const wanted: KubeObject[] = []
  for (const definition of definitions) {
    const isThere =
      policy === 'Create' &&
      (await attempt.client.get(keyOf(definition), { metadataOnly: true, signal: ctx.signal })) !== undefined
    if (!isThere) wanted.push(definition)
  }
  if (wanted.length === 0) return
  const owner = {
    kind: 'HelmRelease' as const,
    group: 'helm.toolkit.fluxcd.io',
    name: object.metadata.name,
    namespace: object.metadata.namespace ?? '',
  }
  const result = await applyStaged(attempt.client, {
    objects: wanted,
    owner,
    fieldManager: 'helm-controller',
    signal: ctx.signal,
  })
  if (result.errors.length > 0) {
    throw new EngineError(result.errors.map((failure) => failure.error.message).join('\n'), {
      code: 'crds-failed',
      reason: 'InstallFailed',
      disposition: 'retry',
    })
  }
}

function nameOf(release: Release): string {
  return `${release.namespace}/${release.name}.v${release.version}`
}

function chartOf(release: Release): string {
  return `${release.chart?.metadata?.name ?? ''}@${release.chart?.metadata?.version ?? ''}`
}
