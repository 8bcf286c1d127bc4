import { EngineError, toEngineError } from '../../base/index.ts'
import { fieldManagers } from '../../api/index.ts'
import { isRefusal } from '../tenancy.ts'
import { beginRelease, failedBeforeStored, setStatus } from './conclude.ts'
import { goOnWith } from './go-on.ts'
import { releaseNamespaceOf } from './names.ts'
import { findExisting } from './objects.ts'
import { operationContext, type ActionResult, type ReleaseRequest } from './operation.ts'
import { leavesUndecided } from './passing-errors.ts'
import { prepareRelease } from './prepare.ts'
import type { StoredRelease } from './storage.ts'

/**
 * Installs (helm-controller 1.6, Install). Clears the history first, so that nothing is ever rolled back across an install.
 *
 * Conditions: Released InstallSucceeded or InstallFailed; TestSuccess AwaitingTests where tests are on; Remediated removed. Event with the same reason.
 * Counters: failures, and installFailures once a release was stored.
 *
 * @throws EngineError with reason `InstallFailed` when nothing was stored: templates, values, kinds, size, ownership; `tenancy-refused`, which is no failed install.
 * An error that leaves undecided passes through, and is noted as `postponed` where it keeps the install from being begun.
 */
export async function install(request: ReleaseRequest): Promise<ActionResult> {
  beginRelease(request, 'install')
  const startedAt = request.ctx.deps.clock.now()
  let stored: StoredRelease
  try {
    stored = await storeInstall(request, startedAt)
  } catch (caught) {
    const error = toEngineError(caught)
    if (leavesUndecided(error)) request.attempt.postponed = 'install'
    if (leavesUndecided(error) || isRefusal(error)) throw error
    throw failedBeforeStored(request, 'install', error)
  }
  return await goOnWith(request, 'install', stored)
}

/** Everything up to the stored, pending release. */
async function storeInstall(request: ReleaseRequest, startedAt: number): Promise<StoredRelease> {
  const { ctx, attempt, storage } = request
  const { object, client } = attempt
  const options = object.spec.install
  const replaced = await checkName(request)
  const method = options?.serverSideApply === false ? 'csa' : 'ssa'
  const namespace = releaseNamespaceOf(object)
  const { prepared, objects } = await prepareRelease(request, {
    operation: 'install',
    version: replaced + 1,
    namespace,
    current: undefined,
    applyMethod: method,
  })
  if (options?.disableTakeOwnership === true)
    await findExisting(client, objects, {
      mustOwn: prepared.release,
      concurrency: ctx.deps.limits.applyConcurrency,
      signal: ctx.signal,
    }).catch((error: unknown) => {
      throw prefixed('unable to continue with install', error)
    })
  await createTargetNamespace(request)
  if (replaced > 0) await supersedeReplaced(request)
  const op = operationContext(request, 'install', startedAt, { method, validate: true })
  return await storage.create(prepared, op.newMark())
}

/**
 * A name whose history is still in storage can only be used again with `install.replace`, and only where that release is gone or has failed (Helm v4,
 * availableName). Returns the version that is replaced, 0 for none.
 */
async function checkName(request: ReleaseRequest): Promise<number> {
  const last = (await request.storage.heads())[0]
  if (last === undefined) return 0
  const isFree = last.status === 'uninstalled' || last.status === 'failed'
  if (request.attempt.object.spec.install?.replace === true && isFree) return last.version
  throw new EngineError(
    'release name check failed: cannot reuse a name that is still in use; set spec.install.replace, or delete the old release',
    { code: 'release-name-in-use', disposition: 'retry' },
  )
}

async function supersedeReplaced(request: ReleaseRequest): Promise<void> {
  const last = await request.storage.latest()
  if (last !== undefined) await setStatus(request, last, 'superseded')
}

async function createTargetNamespace(request: ReleaseRequest): Promise<void> {
  const { attempt, ctx } = request
  const { spec } = attempt.object
  if (spec.install?.createNamespace !== true || spec.targetNamespace === undefined) return
  const name = releaseNamespaceOf(attempt.object)
  const body = { apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels: { name } } }
  try {
    await attempt.client.create(body, { fieldManager: fieldManagers.helm, signal: ctx.signal })
  } catch (error) {
    if (!(error instanceof EngineError) || error.code !== 'kube-already-exists') throw error
  }
}

/** An error with words in front of it. */
export function prefixed(words: string, error: unknown): EngineError {
  const cause = toEngineError(error)
  return new EngineError(`${words}: ${cause.message}`, { code: cause.code, disposition: cause.disposition, cause })
}
