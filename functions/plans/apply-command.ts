import { toEngineError } from '../../src/base/index.ts'
import type { Permission, PullComment, PullRequest, PullRequests } from '../../src/forges/index.ts'
import { commandOf } from '../../src/receivers/index.ts'
import { approvePlanNow, approveWaitingNow, type ApprovalOutcome } from '../approvals.ts'
import { holdsChanges, mayApprove } from '../changes-config.ts'
import type { ClusterConfig } from '../config.ts'
import type { FunctionDeps } from '../deps.ts'

/** A comment that asks to apply, as the forge shows it now, and what it is about. */
export interface ApplyRequest {
  readonly repository: string
  readonly pull: Pick<PullRequest, 'number' | 'state' | 'head'>
  /** Undefined where it is gone. */
  readonly comment: PullComment | undefined
  /** What its author may do with the repository. */
  readonly permission: Permission
  /** The plan that is reported on the pull request. */
  readonly plan: { readonly id: string; readonly head: string } | undefined
  /** Plans that were made after the merge, because something waits. */
  readonly replans?: readonly { readonly id: string; readonly clusters: readonly string[] }[]
  /** When the comment came in, milliseconds since 1970: nothing is approved that was planned or began to wait later. Deliveries come again for days, so that the forge's word on when it was written counts where that is earlier. */
  readonly receivedAt: number
}

/** What became of it. */
export type ApplyOutcome =
  | { readonly kind: 'approved'; readonly by: string; readonly outcome: ApprovalOutcome }
  | { readonly kind: 'refused'; readonly by: string; readonly why: string }

/** Whether a comment is a request to apply. */
export function isApply(comment: PullComment | undefined): boolean {
  return comment !== undefined && commandOf(comment.text)?.name === 'apply'
}

/**
 * Does what `/apply [cluster…]` asks for, where its author may: before the merge it approves the plan of the head, so that the merge is applied as planned; after it also what waits on the clusters because of this pull request, and
 * what was planned for that, as it was when the comment was written.
 *
 * Effects: approvals, and runs that take them up. @throws EngineError of the forge, the store and the queue.
 */
export async function applyCommand(
  deps: FunctionDeps,
  pulls: Pick<PullRequests, 'isMember'>,
  request: ApplyRequest,
): Promise<ApplyOutcome> {
  const { comment, permission, pull, plan, repository, replans = [] } = request
  if (comment === undefined) return { kind: 'refused', by: '', why: 'the comment is gone' }
  const by = comment.author.login
  const refuse = (why: string): ApplyOutcome => ({ kind: 'refused', by, why })
  if (comment.isEdited) return refuse('the comment was edited: somebody else may have done it; write a new one')
  const command = commandOf(comment.text)
  if (command?.name !== 'apply') return refuse('the comment does not ask to apply')
  const wanted = clustersOf(deps.config.clusters, command.words)
  if (typeof wanted === 'string') return refuse(wanted)
  const allowed: ClusterConfig[] = []
  for (const cluster of wanted) if (await isApprover(pulls, cluster, by, permission)) allowed.push(cluster)
  const refused = wanted.find((cluster) => !allowed.includes(cluster))
  if (refused !== undefined && (command.words.length > 0 || allowed.length === 0))
    return refuse(`${by} may not approve changes of ${refused.name}`)
  if (pull.state === 'closed') return refuse('the pull request was closed without being merged')
  const isCurrent = plan?.head === pull.head.commit
  if (pull.state === 'open' && !isCurrent)
    return refuse('there is no plan of the head yet; wait for it, or write /plan')
  const clusters = allowed.map(({ name }) => name)
  const seenAt = Math.min(request.receivedAt, comment.createdAt ?? Number.POSITIVE_INFINITY)
  const wish = { by: `${by} (${repository}#${pull.number})`, how: 'command' as const, seenAt }
  const found: ApprovalOutcome['clusters'][number][] = []
  const problems: { readonly code: string; readonly why: string }[] = []
  const attempt = async (work: () => Promise<ApprovalOutcome>, outdated?: string): Promise<void> => {
    try {
      found.push(...(await work()).clusters)
    } catch (caught) {
      const { code, message } = toEngineError(caught)
      if (!refusals.has(code)) throw caught
      problems.push({ code, why: code === 'approval-outdated' ? (outdated ?? message) : message })
    }
  }
  const approve = (id: string, own: readonly string[]): Promise<void> =>
    attempt(() => approvePlanNow(deps, id, { ...wish, clusters: own }), newerPlan)
  // What waits first: an approval of the plan has it looked at anew.
  const of = { repository, pullRequest: pull.number, plan: plan?.id }
  if (pull.state === 'merged') await attempt(() => approveWaitingNow(deps, clusters, { ...wish, of }))
  if (pull.state === 'merged')
    for (const { id, clusters: own } of replans) {
      const meant = own.filter((cluster) => clusters.includes(cluster))
      if (meant.length > 0) await approve(id, meant)
    }
  if (plan !== undefined && isCurrent) await approve(plan.id, clusters)
  // What its author can do something about says more than that there is nothing.
  const telling = problems.find(({ code }) => code === 'approval-outdated') ?? problems[0]
  if (found.length === 0) return refuse(telling?.why ?? 'nothing waits for approval')
  return { kind: 'approved', by, outcome: { clusters: found } }
}

const newerPlan = 'the plan was made after the comment was written; look at it and write /apply again'

/** What is wrong with what is asked for, and not with the deployment. */
const refusals: ReadonlySet<string> = new Set(['nothing-waits', 'approval-outdated', 'plan-unknown', 'approvals-off'])

/** The clusters that are named, or all that hold changes; a text where one cannot be meant. */
function clustersOf(known: readonly ClusterConfig[], words: readonly string[]): readonly ClusterConfig[] | string {
  const holding = known.filter(holdsChanges)
  if (holding.length === 0) return 'no cluster waits for approval here: everything is applied as it is merged'
  const wanted = words.length === 0 ? holding : holding.filter(({ name }) => words.includes(name))
  const names = `clusters that wait for approval are ${holding.map(({ name }) => name).join(', ')}`
  return words.every((word) => wanted.some(({ name }) => name === word))
    ? wanted
    : `the comment names another one; ${names}`
}

async function isApprover(
  pulls: Pick<PullRequests, 'isMember'>,
  cluster: ClusterConfig,
  login: string,
  permission: Permission,
): Promise<boolean> {
  if (mayApprove(cluster, permission)) return true
  for (const group of cluster.changes?.approvers?.groups ?? []) if (await pulls.isMember(login, group)) return true
  return false
}
