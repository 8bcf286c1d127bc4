import { toEngineError, type EngineError } from '../../base/index.ts'
import type { RunContext } from '../context.ts'
import { identityOf } from '../identity.ts'
import type { NodeRecord } from '../job.ts'
import { editStatus, recordOf, saveStatus, type Attempt } from './attempt.ts'
import { latestSnapshot } from './history.ts'
import { releaseNameOf, storageNamespaceOf } from './names.ts'
import { openStorage, timeoutMsOf } from './operation.ts'
import type { Operation, OperationMark } from './operation-mark.ts'
import { concernsRun, passes } from './passing-errors.ts'
import { observe } from './snapshot.ts'
import { isCutOff } from './state.ts'
import { conditionOf, progressing, reconciling } from './status.ts'
import type { ReleaseStorage } from './storage.ts'

/** An operation on a release that is not at its end. */
interface Undecided {
  readonly operation: Operation
  /** Milliseconds since 1970. */
  readonly startedAt: number
  /** It has ended, and the conditions say how. */
  readonly isTold: boolean
}

/**
 * Where an error that passes leaves an operation on the release undecided, or keeps an install or upgrade from being begun: the node waits, and the same job
 * goes on with it soon. It is no failure, and nobody is told of one, until the timeout of the operation has passed since it began, or was first meant
 * to. Undefined: the error is to be dealt with as any other.
 *
 * Effects: the status, with what is waited for.
 */
export async function leaveUndecided(
  ctx: RunContext,
  attempt: Attempt,
  error: EngineError,
): Promise<NodeRecord | undefined> {
  if (!passes(error)) return undefined
  const found = await findUndecided(ctx, attempt)
  if (found === undefined) return undefined
  const now = ctx.deps.clock.now()
  if (now >= found.startedAt + timeoutMsOf(attempt.object, found.operation)) return undefined
  const isRelease = found.operation === 'install' || found.operation === 'upgrade'
  const edit = isRelease && !found.isTold ? progressing : reconciling
  editStatus(attempt, (status) => edit(attempt.object, status, error.message, now))
  await saveStatus(ctx, attempt)
  return recordOf(ctx, attempt, 'waiting', 'Progressing', error.message)
}

/** By the mark on the release; where there is none, by what was about to be begun. */
async function findUndecided(ctx: RunContext, attempt: Attempt): Promise<Undecided | undefined> {
  const mark = await undecidedMark(ctx, attempt)
  if (mark !== undefined)
    return { operation: mark.operation, startedAt: mark.startedAt, isTold: mark.finished !== undefined }
  if (attempt.postponed === undefined) return undefined
  return { operation: attempt.postponed, startedAt: meantSince(ctx, attempt), isTold: false }
}

/** Milliseconds since 1970 since when the status that is written says that the object is worked on; now where it does not. */
function meantSince(ctx: RunContext, attempt: Attempt): number {
  const ready = conditionOf(attempt.stored.status, 'Ready')
  const since = ready?.status === 'Unknown' ? Date.parse(ready.lastTransitionTime) : Number.NaN
  return Number.isNaN(since) ? ctx.deps.clock.now() : since
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
