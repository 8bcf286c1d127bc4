import { toEngineError, type EngineError } from '../../base/index.ts'
import type { RunContext } from '../context.ts'
import { identityOf } from '../identity.ts'
import type { NodeRecord } from '../job.ts'
import { editStatus, recordOf, saveStatus, type Attempt } from './attempt.ts'
import { latestSnapshot } from './history.ts'
import { releaseNameOf, storageNamespaceOf } from './names.ts'
import { openStorage, timeoutMsOf } from './operation.ts'
import type { OperationMark } from './operation-mark.ts'
import { concernsRun, passes } from './passing-errors.ts'
import { observe } from './snapshot.ts'
import { isCutOff } from './state.ts'
import { progressing, reconciling } from './status.ts'
import type { ReleaseStorage } from './storage.ts'

/**
 * Where an error that passes leaves an operation on the release undecided: the node waits, and the same job goes on with it soon. It is no failure, and
 * nobody is told of one, until the timeout of the operation has passed since it began. Undefined: the error is to be dealt with as any other.
 *
 * Effects: the status, with what is waited for.
 */
export async function leaveUndecided(
  ctx: RunContext,
  attempt: Attempt,
  error: EngineError,
): Promise<NodeRecord | undefined> {
  if (!passes(error)) return undefined
  const mark = await undecidedMark(ctx, attempt)
  if (mark === undefined) return undefined
  const now = ctx.deps.clock.now()
  if (now >= mark.startedAt + timeoutMsOf(attempt.object, mark.operation)) return undefined
  const isRelease = mark.operation === 'install' || mark.operation === 'upgrade'
  // One that has ended says in its conditions how.
  const edit = isRelease && mark.finished === undefined ? progressing : reconciling
  editStatus(attempt, (status) => edit(attempt.object, status, error.message, now))
  await saveStatus(ctx, attempt)
  return recordOf(ctx, attempt, 'waiting', 'Progressing', error.message)
}

/** The mark of an operation that is not finished, or of which the status as it is written does not say yet how it ended. */
async function undecidedMark(ctx: RunContext, attempt: Attempt): Promise<OperationMark | undefined> {
  try {
    const storage = attempt.storage ?? (await storageOf(ctx, attempt))
    const stored = await storage.latest()
    if (stored === undefined) return undefined
    const history = attempt.stored.status?.history ?? []
    const observed = observe(stored.release, latestSnapshot(history)?.ociDigest)
    return isCutOff(stored.mark, observed, history) ? stored.mark : undefined
  } catch (caught) {
    if (concernsRun(caught) || toEngineError(caught).disposition === 'bug') throw caught
    // Without the release nothing can be said of it: what went wrong first counts.
    return undefined
  }
}

/** The storage of the release that the status names, else of the one that is wanted: for errors that came before it was opened. */
async function storageOf(ctx: RunContext, attempt: Attempt): Promise<ReleaseStorage> {
  const { object } = attempt
  attempt.client = await identityOf(ctx, object)
  const name = latestSnapshot(object.status?.history)?.name ?? ''
  const namespace = object.status?.storageNamespace ?? ''
  return openStorage(
    ctx,
    attempt,
    namespace === '' ? storageNamespaceOf(object) : namespace,
    name === '' ? releaseNameOf(object) : name,
  )
}
