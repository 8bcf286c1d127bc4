import type { Permission, PullComment, PullRequest } from '../../src/forges/index.ts'
import { commandOf } from '../../src/receivers/index.ts'
import type { PlanRule } from './config.ts'

/** A comment that asks for a plan, as the forge shows it now. */
export interface PlanCommand {
  readonly id: string
  /** Undefined where it is gone. */
  readonly comment: PullComment | undefined
  readonly permission: Permission
}

/** What is to be done about a pull request. `keep`: what is reported stays. */
export type Decision =
  | { readonly kind: 'end'; readonly state: 'merged' | 'closed' }
  | { readonly kind: 'gate'; readonly forks: 'never' | 'maintainer' }
  | { readonly kind: 'refuse'; readonly by: string; readonly why: string }
  | { readonly kind: 'keep' }
  /** With `attempt` it is planned again although there may be a plan of these commits. */
  | { readonly kind: 'plan'; readonly attempt?: string; readonly askedBy?: string }

/** Those who may have something planned. */
const mayAsk: ReadonlySet<Permission> = new Set(['admin', 'maintain', 'write'])

/** Digits that name a commit. */
const minDigits = 7

/**
 * Decides from what the forge says now. A commit of a fork is planned where the rule allows it, and where it asks for a person, only the very commit that the person has named: the author may push another one at any
 * time.
 *
 * @param known `head`: the commit of the plan that is there, if there is one.
 */
export function decide(
  pull: Pick<PullRequest, 'state' | 'isFork' | 'head'>,
  rule: Pick<PlanRule, 'forks'>,
  known: { readonly head?: string | undefined },
  command?: PlanCommand,
): Decision {
  if (pull.state !== 'open') return { kind: 'end', state: pull.state }
  const { forks = 'never' } = rule
  if (pull.isFork && forks === 'never') return { kind: 'gate', forks }
  const mustName = pull.isFork && forks === 'maintainer'
  if (command !== undefined) return decideCommand(pull.head.commit, command, mustName)
  if (!mustName) return { kind: 'plan' }
  return known.head === pull.head.commit ? { kind: 'keep' } : { kind: 'gate', forks: 'maintainer' }
}

function decideCommand(head: string, { id, comment, permission }: PlanCommand, mustName: boolean): Decision {
  if (comment === undefined) return { kind: 'refuse', by: '', why: 'the comment is gone' }
  const by = comment.author.login
  const refuse = (why: string): Decision => ({ kind: 'refuse', by, why })
  if (comment.isEdited) return refuse('the comment was edited: somebody else may have done it; write a new one')
  const command = commandOf(comment.text)
  if (command?.name !== 'plan') return refuse('the comment asks for no plan')
  if (!mayAsk.has(permission)) return refuse('who may not write to the repository cannot ask for plans')
  const [commit] = command.words
  if (commit === undefined)
    return mustName
      ? refuse(`a commit of a fork is named: /plan ${head.slice(0, 12)}`)
      : { kind: 'plan', attempt: `comment ${id}`, askedBy: by }
  if (!/^[0-9a-f]+$/.test(commit) || commit.length < minDigits || !head.startsWith(commit))
    return refuse(`the commit that the comment names is not the head, which is ${head.slice(0, 12)}`)
  return { kind: 'plan', attempt: `comment ${id}`, askedBy: by }
}
