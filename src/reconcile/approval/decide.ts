import type { LastRecord, PlannedRecord, WaitRecord } from './records.ts'
import type { ApplicationDigest, ApprovalNote, DigestPart } from './types.ts'

/** A plan that is known of an application, and who approved it. */
export interface KnownPlan {
  readonly planned: PlannedRecord
  readonly approved?: ApprovalNote | undefined
}

/** What is known when it is decided. */
export interface ApprovalQuestion {
  /** What is about to be applied. `live` is empty where live objects are not compared. */
  readonly now: ApplicationDigest
  readonly last?: LastRecord | undefined
  readonly wait?: WaitRecord | undefined
  readonly plans: readonly KnownPlan[]
}

/** Whether what is about to be applied is what was approved. */
export type ApprovalVerdict =
  | { readonly kind: 'approved'; readonly at: number; readonly plan?: string; readonly note?: ApprovalNote }
  /**
   * `from`: the plan that was approved last, else the one that was made last after a merge, else the one that was made last. `changed`: what differs from it, where it may be compared with. `pending`: a plan after the merge says the
   * same, and nobody has approved it yet.
   */
  | {
      readonly kind: 'differs'
      readonly changed: readonly DigestPart[]
      readonly from?: KnownPlan
      readonly pending?: PlannedRecord
    }

const compared: readonly DigestPart[] = ['desired', 'artifacts']

/**
 * Decides whether what is about to be applied was approved: it was let through already, somebody has approved exactly this, or a plan that says the same. A plan from before what was let through last counts no more, so that
 * going back to what was approved once needs to be approved again.
 *
 * With plans of pull requests that nobody has approved nothing is compared: digests hold the values of secrets, people read the verdict, and whoever proposes what waits with a guess in it would see there whether it is right.
 */
export function decideApproval({ now, last, wait, plans }: ApprovalQuestion): ApprovalVerdict {
  if (last !== undefined && isSame(now, last)) return { kind: 'approved', at: last.approvedAt, ...planOf(last) }
  const note = wait?.approved
  if (wait !== undefined && note !== undefined && isSame(now, wait)) return { kind: 'approved', at: note.at, note }
  const since = last?.approvedAt ?? 0
  const same = plans.filter(({ planned }) => isSame(now, planned))
  for (const { planned, approved } of newest(same)) {
    if (approved === undefined || approved.at < since) continue
    return { kind: 'approved', at: approved.at, plan: planned.plan, note: approved }
  }
  const pending = newest(same).find((plan) => plan.approved === undefined && isComparable(plan))?.planned
  const from =
    newest(plans.filter(({ approved }) => approved !== undefined))[0] ??
    newest(plans.filter(isComparable))[0] ??
    newest(plans)[0]
  const isCompared = from !== undefined && isComparable(from)
  const changed = isCompared ? compared.filter((part) => from.planned[part] !== now[part]) : []
  return {
    kind: 'differs',
    changed,
    ...(from === undefined ? {} : { from }),
    ...(pending === undefined ? {} : { pending }),
  }
}

/** Whether people may read how a plan differs from what waits: somebody has approved it, or it is of what was merged. A proposal is neither. */
function isComparable({ planned, approved }: KnownPlan): boolean {
  return approved !== undefined || planned.afterMerge === true
}

/** Whether two digests say the same of what is wanted and of what it is made from. */
export function isSame(a: ApplicationDigest, b: ApplicationDigest): boolean {
  return compared.every((part) => a[part] === b[part])
}

function planOf({ plan }: LastRecord): { readonly plan?: string } {
  return plan === undefined ? {} : { plan }
}

function newest(plans: readonly KnownPlan[]): readonly KnownPlan[] {
  return plans.toSorted((a, b) => timeOf(b) - timeOf(a))
}

function timeOf({ planned, approved }: KnownPlan): number {
  return approved?.at ?? planned.at
}

const namesOfParts: { readonly [part in DigestPart]: string } = {
  desired: 'the wanted objects',
  artifacts: 'charts and artifacts',
  live: 'the live objects',
}

/** What comes after the reason why something waits: `replanned`, a new plan is made of it; `cannot`, why none can be; nothing where none is wanted. */
export interface DifferenceNext {
  readonly cluster: string
  readonly replanned?: true
  readonly cannot?: string
}

/** The sentence that says why something waits, and what ends it. Holds nothing of others but numbers and ids. */
export function differenceText(
  verdict: Extract<ApprovalVerdict, { kind: 'differs' }>,
  { cluster, replanned, cannot }: DifferenceNext,
): string {
  const { pending } = verdict
  const byHand = `comment /apply ${cluster} on the pull request, or sluice approve waiting --cluster ${cluster}`
  if (pending !== undefined) return `waits for approval of ${afterMergeText(pending, cluster)}`
  const next =
    replanned === true
      ? 'a new plan is made; to approve it'
      : cannot === undefined
        ? 'to approve it'
        : `no new plan can be made, ${cannot}; to approve it`
  return `waits for approval: ${reasonText(verdict)}; ${next}: ${byHand}`
}

/** Why something waits, without what ends it. */
export function reasonText({ from, changed }: Extract<ApprovalVerdict, { kind: 'differs' }>): string {
  if (from === undefined) return 'there is no plan of it'
  if (!isComparable(from)) return `no plan of it is approved; the last one is ${planName(from.planned, 'that')}`
  const what = changed.map((part) => namesOfParts[part]).join(' and ')
  if (from.approved === undefined) return `differs from ${planName(from.planned)} in ${what}`
  return what === ''
    ? `${planName(from.planned)} was approved before what was applied last`
    : `differs in ${what} from what was approved with ${planName(from.planned)}`
}

/**
 * The pull request that has brought what waits, as far as plans tell: of the plan that was approved last and is not applied yet, else of the plan that was made last. Undefined where all are older than what is applied.
 */
export function broughtBy({ last, plans }: Pick<ApprovalQuestion, 'last' | 'plans'>): number | undefined {
  const since = last?.approvedAt ?? 0
  const open = newest(plans.filter((plan) => timeOf(plan) > since))
  const found = open.find(({ approved }) => approved !== undefined) ?? open[0]
  return found?.planned.pullRequest
}

function afterMergeText({ plan, pullRequest }: PlannedRecord, cluster: string): string {
  const onPull = pullRequest === undefined ? '' : `comment /apply ${cluster} on pull request #${pullRequest}, or `
  return `plan ${plan}, which was made after the merge and says the same: ${onPull}sluice approve plan ${plan}`
}

function planName({ pullRequest, plan, afterMerge }: PlannedRecord, what = 'the plan'): string {
  if (afterMerge === true) return `plan ${plan} (made after the merge)`
  return pullRequest === undefined ? `plan ${plan}` : `${what} of pull request #${pullRequest}`
}
