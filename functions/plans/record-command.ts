import { recordAction, type ActionResult } from '../action-log.ts'
import type { FunctionDeps } from '../deps.ts'
import type { LookFacts } from './plan-record.ts'
import type { PlanRecord } from './records.ts'

/** A command of a comment, and what became of it. */
interface FollowedCommand {
  readonly action: 'plan' | 'apply'
  /** Login of its author at the forge; empty where the comment is gone. */
  readonly by: string
  readonly outcome: ActionResult
  /** Left out: the plan that was reported when it came. */
  readonly plan?: string
  readonly reason?: string
  readonly run?: string
}

/** Puts a command into the record of actions, also one that was refused. */
export function recordCommand(
  look: Pick<LookFacts, 'target' | 'pull'> & {
    readonly deps: FunctionDeps
    readonly latest: Pick<PlanRecord, 'id'> | undefined
  },
  { by, plan = look.latest?.id, ...entry }: FollowedCommand,
): void {
  const { deps, target, pull } = look
  const name = by === '' ? 'somebody' : by
  recordAction(deps, {
    ...entry,
    actor: `${name} (${target.owner}/${target.name}#${pull.number})`,
    how: 'comment',
    ...(plan === undefined ? {} : { target: { plan } }),
  })
}
