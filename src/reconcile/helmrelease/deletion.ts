import { fieldManagers, finalizer } from '../../api/index.ts'
import { toEngineError } from '../../base/index.ts'
import { isNotFound, removeFinalizer } from '../../kube/index.ts'
import type { RunContext, StepControl } from '../context.ts'
import { identityOf } from '../identity.ts'
import type { NodeRecord } from '../job.ts'
import { accountOf } from '../tenancy.ts'
import { editStatus, emitEvent, mark, recordOf, saveStatus, type Attempt } from './attempt.ts'
import { summarize } from './conclude.ts'
import { deleteHelmChart } from './helm-chart.ts'
import { chartText, latestSnapshot, releaseText } from './history.ts'
import { leaseNameOf, lockRelease } from './lock.ts'
import { releaseNameOf } from './names.ts'
import { openStorage, type ActionRequest } from './operation.ts'
import { uninstallRelease } from './uninstall.ts'

/**
 * Deletion of a HelmRelease (helm-controller 1.6, reconcileDelete): uninstalls the release, deletes its HelmChart, lets the object go. A suspended one lets
 * everything stay. A failure keeps the finalizer; the next run goes on.
 */
export async function finalizeHelmRelease(
  ctx: RunContext,
  attempt: Attempt,
  control: StepControl,
): Promise<NodeRecord> {
  if (attempt.object.spec.suspend !== true) {
    const unfinished = await uninstallForGood(ctx, attempt, control)
    if (unfinished !== undefined) return unfinished
    await deleteHelmChart(ctx, attempt)
  }
  const lease = { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', name: leaseNameOf(attempt.object) }
  await ctx.client
    .delete({ ...lease, namespace: attempt.object.metadata.namespace ?? '' }, { signal: ctx.signal })
    .catch((error: unknown) => {
      if (!isNotFound(error)) throw error
    })
  await removeFinalizer(ctx.client, attempt.stored, finalizer, fieldManagers.helmStatus, { signal: ctx.signal })
  ctx.world.remove(attempt.object)
  return recordOf(ctx, attempt, 'ready', 'Deleted', 'deleted')
}

/** Undefined when nothing of the release is left, or nothing can be done about it. */
async function uninstallForGood(
  ctx: RunContext,
  attempt: Attempt,
  control: StepControl,
): Promise<NodeRecord | undefined> {
  const { status } = attempt.object
  // Never installed, or uninstalled by an earlier step.
  if ((status?.storageNamespace ?? '') === '') return undefined
  try {
    attempt.client = await identityOf(ctx, attempt.object)
    if (!(await hasIdentity(ctx, attempt))) return undefined
  } catch (caught) {
    const error = toEngineError(caught)
    // The Secret of spec.kubeConfig is gone: nothing can be done about the release any more.
    if (isNotFound(error) || error.code === 'kubeconfig-missing') return undefined
    return await failed(ctx, attempt, `failed to build a client to uninstall the release: ${error.message}`)
  }
  return await withLock(ctx, attempt, control)
}

async function withLock(ctx: RunContext, attempt: Attempt, control: StepControl): Promise<NodeRecord | undefined> {
  const lock = await lockRelease(ctx, attempt.object)
  if (typeof lock === 'string') return recordOf(ctx, attempt, 'waiting', 'Progressing', lock)
  try {
    const outcome = await uninstallTarget(ctx, attempt, lock, control)
    if (outcome === undefined) return undefined
    if (outcome.state === 'waiting') {
      await saveStatus(ctx, attempt)
      return recordOf(ctx, attempt, 'waiting', 'Progressing', outcome.message)
    }
    await saveStatus(ctx, attempt, true)
    return recordOf(ctx, attempt, 'failed', 'UninstallFailed', outcome.message)
  } finally {
    await lock.release()
  }
}

/** What an uninstall could not finish. */
type Unfinished = { readonly state: 'waiting' | 'failed'; readonly message: string }

/**
 * Uninstalls the release that the status names, as it was made last: for deletion, and where the spec points at another one now
 * (helm-controller 1.6, Uninstall).
 * Condition: Released UninstallSucceeded False, or UninstallFailed. Event with the same reason.
 */
export async function uninstallTarget(
  ctx: RunContext,
  attempt: Attempt,
  lock: ActionRequest['lock'],
  control: StepControl,
): Promise<Unfinished | undefined> {
  const latest = latestSnapshot(attempt.object.status?.history)
  if (latest === undefined) return undefined
  const namespace = attempt.object.status?.storageNamespace ?? ''
  const name = latest.name === '' ? releaseNameOf(attempt.object) : latest.name
  const storage = openStorage(ctx, attempt, namespace, name)
  attempt.storage = storage
  const request: ActionRequest = { ctx, attempt, storage, lock, control }
  const outcome = await uninstallRelease(request, 'uninstall')
  if (outcome.state === 'waiting') return outcome
  const subject = `release ${releaseText(latest)} with chart ${chartText(latest)}`
  if (outcome.state === 'failed') {
    const message = `Helm uninstall failed for ${subject}: ${outcome.error.message.trim()}`
    editStatus(attempt, (status) => ({ ...status, failures: (status.failures ?? 0) + 1 }))
    mark(ctx, attempt, 'Released', 'False', 'UninstallFailed', message)
    emitEvent(ctx, attempt, 'error', 'UninstallFailed', message, latest)
    summarize(request)
    return { state: 'failed', message }
  }
  if (outcome.state === 'absent') {
    const message =
      outcome.release === undefined
        ? `Release ${releaseText(latest)} was not found, assuming it is uninstalled`
        : `Release ${releaseText(latest)} was already uninstalled`
    mark(ctx, attempt, 'Released', 'False', 'UninstallSucceeded', message)
  } else {
    const message = `Helm uninstall succeeded for ${subject}`
    mark(ctx, attempt, 'Released', 'False', 'UninstallSucceeded', message)
    emitEvent(ctx, attempt, 'info', 'UninstallSucceeded', message, latest)
  }
  editStatus(attempt, (status) => {
    const next = { ...status, history: [] }
    delete next.inventory
    delete next.storageNamespace
    return next
  })
  summarize(request)
  return undefined
}

/** A service account that is gone (its namespace is being deleted) cannot uninstall anything any more. */
async function hasIdentity(ctx: RunContext, attempt: Attempt): Promise<boolean> {
  const { spec, metadata } = attempt.object
  if (spec.kubeConfig !== undefined) return true
  const name = accountOf(ctx, attempt.object)
  if (name === '') return true
  const key = { apiVersion: 'v1', kind: 'ServiceAccount', namespace: metadata.namespace ?? '', name }
  return (await ctx.client.get(key, { metadataOnly: true, signal: ctx.signal })) !== undefined
}

async function failed(ctx: RunContext, attempt: Attempt, message: string): Promise<NodeRecord> {
  mark(ctx, attempt, 'Ready', 'False', 'UninstallFailed', message)
  await saveStatus(ctx, attempt, true)
  return recordOf(ctx, attempt, 'failed', 'UninstallFailed', message)
}
