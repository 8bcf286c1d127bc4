import type { HelmReleaseStatus, ReleaseAction } from '../../api/index.ts'
import { EngineError, formatDuration } from '../../base/index.ts'
import type { Release } from '../../helm/index.ts'
import { formatKey, keyOf } from '../../kube/index.ts'
import type { KubeObject } from '../../resources/index.ts'
import { editStatus, emitEvent, mark, saveStatus } from './attempt.ts'
import { chartText, hasBeenTested, latestSnapshot, putSnapshot, releaseText } from './history.ts'
import { timeoutMsOf, type ActionRequest, type ReleaseRequest } from './operation.ts'
import { finish, type Operation } from './operation-mark.ts'
import { snapshotOf } from './snapshot.ts'
import { progressing, reconciling, summarizeReady, withoutConditions, withoutFailures } from './status.ts'
import type { StoredRelease } from './storage.ts'

/** Notes what is being done, without writing it. Only release actions say that the object is not ready. */
export function markRunning(request: ActionRequest, operation: Operation): void {
  const { ctx, attempt } = request
  const name = operation === 'uninstall-remediation' ? 'uninstall' : operation
  const timeout = formatDuration(timeoutMsOf(attempt.object, operation))
  const message = `Running '${name}' action with timeout of ${timeout}`
  const edit = operation === 'install' || operation === 'upgrade' ? progressing : reconciling
  editStatus(attempt, (status) => edit(attempt.object, status, message, ctx.deps.clock.now()))
}

/** Writes down what is going to be done, before anything is. */
export async function announce(request: ActionRequest, operation: Operation): Promise<void> {
  markRunning(request, operation)
  await saveStatus(request.ctx, request.attempt)
}

/** The start of an install or upgrade in the status: whose remediation is in force from now on; earlier results no longer count. */
export function beginRelease(request: ActionRequest, operation: 'install' | 'upgrade'): void {
  editStatus(request.attempt, (status) => ({
    ...withoutConditions(status, 'TestSuccess', 'Remediated'),
    lastAttemptedReleaseAction: operation,
    ...(operation === 'install' ? { history: [] } : {}),
  }))
}

/** Puts a release into the history, by default as the action that made it. */
export function recordRelease(request: ActionRequest, release: Release, action: ReleaseAction): void {
  const { attempt } = request
  editStatus(attempt, (status) => {
    const history = status.history ?? []
    const known = history.find((other) => other.version === release.version && other.name === release.name)
    const oci = known === undefined ? attempt.ociDigest : known.ociDigest
    return { ...status, history: putSnapshot(history, snapshotOf(release, action, oci)) }
  })
}

/** A release that was written anew without a new action, where the history has it: its digest has changed. */
export function refreshSnapshot(request: ActionRequest, release: Release): void {
  const known = request.attempt.object.status?.history?.find(
    (other) => other.version === release.version && other.name === release.name,
  )
  if (known !== undefined) recordRelease(request, release, known.action ?? 'upgrade')
}

/** An install or upgrade that failed before a release was stored: told, but not counted against the retries. Returns the error. */
export function failedBeforeStored(
  request: ReleaseRequest,
  operation: 'install' | 'upgrade',
  error: EngineError,
): EngineError {
  markFailure(request, operation, error.message)
  return new EngineError(error.message, {
    code: error.code,
    disposition: error.disposition,
    reason: operation === 'install' ? 'InstallFailed' : 'UpgradeFailed',
    cause: error,
  })
}

/** Ends an install or upgrade: the final status of the release, superseded ones, conditions, counters, event. */
export async function concludeRelease(
  request: ReleaseRequest,
  operation: 'install' | 'upgrade',
  stored: StoredRelease,
  problem: string | undefined,
): Promise<void> {
  const { release } = stored
  const title = operation === 'install' ? 'Install' : 'Upgrade'
  const isGood = problem === undefined
  if (isGood) await supersede(request, release.version)
  const description = isGood
    ? `${title} complete`
    : `${operation === 'install' ? 'Release' : 'Upgrade'} ${JSON.stringify(release.name)} failed: ${problem}`
  const info = { ...release.info, status: isGood ? ('deployed' as const) : ('failed' as const), description }
  noteConclusion(request, operation, await finishRelease(request, stored, { ...release, info }, problem))
}

/** The final status of the release. Where it failed, the one that was deployed before stays that: it is what the next attempt starts from (Helm v4, performRollback). */
export async function concludeRollback(
  request: ReleaseRequest,
  stored: StoredRelease,
  problem: string | undefined,
): Promise<void> {
  const { release } = stored
  if (problem === undefined) await supersede(request, release.version)
  const info =
    problem === undefined
      ? { ...release.info, status: 'deployed' as const }
      : {
          ...release.info,
          status: 'failed' as const,
          description: `Rollback ${JSON.stringify(release.name)} failed: ${problem}`,
        }
  noteRollback(request, await finishRelease(request, stored, { ...release, info }, problem))
}

/** Says in the status how a rollback ended, whose release is written: also where the step that wrote it was cut off. */
export function noteRollback(request: ReleaseRequest, stored: StoredRelease): void {
  const { ctx, attempt } = request
  const { release } = stored
  const problem = stored.mark?.finished?.problem
  recordRelease(request, release, 'rollback')
  const target = attempt.object.status?.history?.find(
    (snapshot) => snapshot.version === release.info.rollback_revision && snapshot.name === release.name,
  )
  const [to, chart] =
    target === undefined
      ? [`${release.namespace}/${release.name}.v${release.info.rollback_revision}`, '']
      : [releaseText(target), chartText(target)]
  if (problem === undefined) {
    const message = `Helm rollback to previous release ${to} with chart ${chart} succeeded`
    mark(ctx, attempt, 'Remediated', 'True', 'RollbackSucceeded', message)
    emitEvent(ctx, attempt, 'info', 'RollbackSucceeded', message, { ...attempt, ...target })
  } else {
    const message = `Helm rollback to previous release ${to} with chart ${chart} failed: ${problem.trim()}`
    editStatus(attempt, (status) => ({ ...status, failures: (status.failures ?? 0) + 1 }))
    mark(ctx, attempt, 'Remediated', 'False', 'RollbackFailed', message)
    emitEvent(ctx, attempt, 'error', 'RollbackFailed', message, { ...attempt, ...target })
  }
  summarize(request)
}

/**
 * The last write of a release in an operation of ours. Its mark stays, with how it ended: whoever finds that the status does not have it yet says it
 * there, instead of taking the release for somebody else's.
 */
export async function finishRelease(
  request: ActionRequest,
  stored: StoredRelease,
  release: Release,
  problem: string | undefined,
): Promise<StoredRelease> {
  if (stored.mark === undefined)
    throw new EngineError('an operation ends that was not begun', { code: 'no-operation', disposition: 'bug' })
  return await request.storage.update(stored, release, finish(stored.mark, request.ctx.deps.clock.now(), problem))
}

/** Says in the status how an install or upgrade ended, whose release is written: also where the step that wrote it was cut off. */
export function noteConclusion(request: ReleaseRequest, operation: 'install' | 'upgrade', stored: StoredRelease): void {
  const { attempt } = request
  recordRelease(request, stored.release, operation)
  const { startedAt = 0, finished } = stored.mark ?? {}
  const duration = formatDuration(Math.max(0, (finished?.at ?? startedAt) - startedAt))
  editStatus(attempt, (status) => ({ ...status, lastAttemptedReleaseActionDuration: duration }))
  const problem = finished?.problem
  if (problem !== undefined) {
    markFailure(request, operation, problem)
    const counter = operation === 'install' ? 'installFailures' : 'upgradeFailures'
    editStatus(attempt, (status) => ({ ...status, [counter]: (status[counter] ?? 0) + 1 }))
  } else markSuccess(request, operation)
  summarize(request)
}

function markSuccess(request: ReleaseRequest, operation: 'install' | 'upgrade'): void {
  const { ctx, attempt } = request
  const { spec } = attempt.object
  const latest = latestSnapshot(attempt.object.status?.history)
  if (latest === undefined) return
  const reason = operation === 'install' ? 'InstallSucceeded' : 'UpgradeSucceeded'
  const message = `Helm ${operation} succeeded for release ${releaseText(latest)} with chart ${chartText(latest)}`
  mark(ctx, attempt, 'Released', 'True', reason, message)
  if (spec.test?.enable === true && !hasBeenTested(latest)) {
    const pending = `Helm release ${releaseText(latest)} with chart ${chartText(latest)} is awaiting tests`
    mark(ctx, attempt, 'TestSuccess', 'Unknown', 'AwaitingTests', pending)
  }
  if (spec[operation]?.strategy?.name === 'RetryOnFailure') editStatus(attempt, withoutFailures)
  emitEvent(ctx, attempt, 'info', reason, message, latest)
}

function markFailure(request: ReleaseRequest, operation: 'install' | 'upgrade', problem: string): void {
  const { ctx, attempt, storage, chart } = request
  const reason = operation === 'install' ? 'InstallFailed' : 'UpgradeFailed'
  const namespace = attempt.object.spec.targetNamespace ?? attempt.object.metadata.namespace
  const message = `Helm ${operation} failed for release ${namespace}/${storage.name} with chart ${chart.chart.metadata.name}@${chart.version}: ${problem.trim()}`
  editStatus(attempt, (status) => ({ ...status, failures: (status.failures ?? 0) + 1 }))
  mark(ctx, attempt, 'Released', 'False', reason, message)
  emitEvent(ctx, attempt, 'error', reason, message)
  summarize(request)
}

/** The Ready condition as the sum of the others. */
export function summarize(request: ActionRequest): void {
  const { ctx, attempt } = request
  editStatus(attempt, (status: HelmReleaseStatus) => summarizeReady(attempt.object, status, ctx.deps.clock.now()))
}

/** Releases that were deployed before `version` become superseded. */
export async function supersede(request: ActionRequest, version: number): Promise<void> {
  const { storage } = request
  for (const head of await storage.heads()) {
    if (head.version === version || head.status !== 'deployed') continue
    const older = await storage.read(head.version)
    if (older === undefined) continue
    await setStatus(request, older, 'superseded')
  }
}

/** Writes another status of a release that is not ours to go on with, and notes it where the history has the release. */
export async function setStatus(
  request: ActionRequest,
  stored: StoredRelease,
  status: 'superseded' | 'failed',
  description: string = stored.release.info.description,
): Promise<StoredRelease> {
  const info = { ...stored.release.info, status, description }
  const written = await request.storage.update(stored, { ...stored.release, info })
  refreshSnapshot(request, written.release)
  return written
}

/**
 * Makes room for one more release: the oldest beyond `maxHistory` go, but never the one that was deployed last (Helm v4 pkg/storage, removeLeastRecent).
 */
export async function makeRoom(request: ActionRequest): Promise<void> {
  const { storage, attempt } = request
  const maxHistory = attempt.object.spec.maxHistory ?? 5
  if (maxHistory <= 0) return
  const heads = await storage.heads()
  const lastDeployed = heads.find((head) => head.status === 'deployed')
  let excess = heads.length - (maxHistory - 1)
  for (const head of heads.toReversed()) {
    if (excess <= 0) return
    if (head.version === lastDeployed?.version) continue
    await storage.remove(head)
    excess -= 1
  }
}

/** Notes objects that an operation wrote, in the run's record, and tells the run that they are there. */
export async function noteApplied(request: ActionRequest, objects: readonly KubeObject[]): Promise<void> {
  const { ctx, attempt, control } = request
  attempt.appliedAt = ctx.deps.clock.now()
  attempt.changes.push(...objects.map((object) => ({ object: formatKey(keyOf(object)), action: 'applied' })))
  await control.applied(objects.map((object) => ({ action: 'configured', ...keyOf(object) })))
}
