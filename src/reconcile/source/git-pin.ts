import {
  getCondition,
  removeCondition,
  setCondition,
  type GitRepository,
  type GitRepositoryStatus,
} from '../../api/index.ts'
import { EngineError } from '../../base/index.ts'
import { isInHistory, type ResolvedRevision } from '../../sources/index.ts'
import { commitOf, describePin, pinOf, revisionAt } from '../safety/pin.ts'
import { timestamp } from '../timestamp.ts'
import { gitDeps, remoteOf } from './git-request.ts'
import type { SourceContext } from './index.ts'

/** Type of the condition of a pinned GitRepository: what it is pinned to, and where its reference is. */
const pinnedCondition = 'Pinned'

/**
 * The revision that a GitRepository is fetched at: the one its reference has (`head`), or the commit that it is pinned to, which must be part of the history of that.
 *
 * @throws EngineError `pin-invalid`, `pin-unreachable` with reason `PinRefused`.
 */
export async function pinned(
  ctx: SourceContext,
  object: GitRepository,
  head: ResolvedRevision,
): Promise<ResolvedRevision> {
  const pin = pinOf(object)
  if (pin === undefined) return head
  const commit = commitOf(pin.to)
  if (commit === undefined)
    throw new EngineError(`it is pinned to '${pin.to.slice(0, 80)}', which is no commit's whole name`, {
      code: 'pin-invalid',
      reason: 'PinRefused',
      disposition: 'stall',
    })
  if (commit === head.commit) return head
  // What was fetched before was at the reference then.
  const isKnown = commitOf(object.status?.artifact?.revision ?? '') === commit
  if (!isKnown) await refuseOutsider(ctx, object, head.commit, commit)
  return { revision: revisionAt(head.revision, commit), commit }
}

/**
 * A forge gives out any commit that it has, also of forks and of branches that nobody has reviewed; only those that the reference leads to are what the spec allows.
 */
export async function refuseOutsider(
  ctx: SourceContext,
  object: GitRepository,
  head: string,
  commit: string,
): Promise<void> {
  const found = await isInHistory(gitDeps(ctx, object), await remoteOf(ctx, object), { head, commit })
  if (found === 'yes') return
  const why =
    found === 'no'
      ? 'it is not in the history of the reference that the repository follows'
      : found === 'too-far'
        ? 'it is too far back in the history of the reference to be found'
        : 'the server does not tell the history without all files (no partial clone), so it cannot be checked'
  throw new EngineError(`the commit ${commit} is refused: ${why}; unpin it, or pin a commit of that reference`, {
    code: 'pin-unreachable',
    reason: 'PinRefused',
    disposition: 'wait',
  })
}

function messageOf(object: GitRepository, head: ResolvedRevision): string | undefined {
  const pin = pinOf(object)
  return pin === undefined ? undefined : `${describePin(pin)}; the reference is at ${head.revision}`
}

/** Whether the status says of the pin what is to be said. */
export function isPinTold(object: GitRepository, head: ResolvedRevision): boolean {
  return getCondition(object.status?.conditions, pinnedCondition)?.message === messageOf(object, head)
}

/** The status with the condition `Pinned`, or without it. */
export function withPin(
  object: GitRepository,
  status: GitRepositoryStatus,
  head: ResolvedRevision,
  now: number,
): GitRepositoryStatus {
  const message = messageOf(object, head)
  const before = status.conditions ?? []
  const observedGeneration = object.metadata.generation ?? 0
  const conditions =
    message === undefined
      ? removeCondition(before, pinnedCondition)
      : setCondition(
          getCondition(object.status?.conditions, pinnedCondition) === undefined ? before : keepKnown(object, before),
          { type: pinnedCondition, status: 'True', reason: 'Pinned', message, observedGeneration },
          timestamp(now),
        )
  return { ...status, conditions: [...conditions] }
}

/** The conditions with the known one in it, so that the time since when it is pinned stays. */
function keepKnown(
  object: GitRepository,
  conditions: NonNullable<GitRepositoryStatus['conditions']>,
): NonNullable<GitRepositoryStatus['conditions']> {
  const known = getCondition(object.status?.conditions, pinnedCondition)
  const isThere = getCondition(conditions, pinnedCondition) !== undefined
  return known === undefined || isThere ? conditions : [...conditions, known]
}
