import { planJson, planMarkdown, planSarif } from '../../src/plan/index.ts'
import { EngineError, sluiceVersion } from '../../src/base/index.ts'
import type { PlanHead, PlanView } from '../../src/ui/index.ts'
import type { Reader } from '../authorize-reading.ts'
import type { FunctionDeps } from '../deps.ts'
import { joinedPlan, type JoinDeps, type JoinedPlan } from './joined.ts'
import {
  isPlanId,
  listPlans,
  listPlansOfCommit,
  readPlan,
  readPull,
  readSummary,
  type PlanRecord,
  type PlanSummary,
  type RecordDeps,
} from './records.ts'
import { topicOf } from './replans.ts'
import { summaryOf } from './report.ts'
import { seenDocument } from './seen.ts'

/** Bytes of a plan as Markdown that is downloaded. */
const maxMarkdownBytes = 1 << 20

/** Where records of plans are; undefined where the deployment has no key for them. */
export function recordsOf(deps: FunctionDeps): RecordDeps | undefined {
  const { planKey } = deps.config
  return planKey === undefined ? undefined : { state: deps.state, key: planKey, logger: deps.logger }
}

/** Plans that are looked through for one answer to somebody who sees little of them, and those of one page of the store. */
const maxLooked = 200
const pageSize = 40

/** Where plans are read from. For a reader with a scope they are opened whole, and shown as `seenDocument` says. */
interface Source {
  readonly records: RecordDeps
  readonly join: JoinDeps
  /** Undefined: everything is shown. */
  readonly scoped?: Reader
}

function sourceOf(deps: FunctionDeps): Source | undefined {
  const { clock, config, logger, planSource, reader } = deps
  if (config.planKey === undefined) return undefined
  const { state, runs } = planSource ?? deps
  const records = { state, key: config.planKey, logger }
  const scoped = reader === undefined || reader.seesAll ? {} : { scoped: reader }
  return { records, join: { ...records, runs, clock }, ...scoped }
}

/** Plans, newest first, older than `before` where it is given. @throws EngineError of the store. */
export async function listPlanHeads(
  deps: FunctionDeps,
  options: { readonly limit: number; readonly before?: string },
): Promise<{ readonly plans: readonly PlanHead[]; readonly next?: string }> {
  const source = sourceOf(deps)
  if (source === undefined) return { plans: [] }
  const { records, scoped } = source
  if (scoped !== undefined) return listSeenHeads(source, scoped, options)
  const { plans, next } = await listPlans(records, options)
  const heads = await Promise.all(plans.map(async (plan) => headOf(plan, await currentSummary(records, plan))))
  return { plans: heads, ...(next === undefined ? {} : { next }) }
}

/** The same for a reader with a scope: plans that do something to applications of theirs. */
async function listSeenHeads(
  { records, join }: Source,
  reader: Reader,
  { limit, before }: { readonly limit: number; readonly before?: string },
): Promise<{ readonly plans: readonly PlanHead[]; readonly next?: string }> {
  const found: { readonly head: PlanHead; readonly place: string }[] = []
  let at = before
  // One more than is asked for tells whether there are any.
  for (let looked = 0; looked < maxLooked && found.length <= limit; looked += pageSize) {
    const page = await listPlans(records, { limit: pageSize, ...(at === undefined ? {} : { before: at }) })
    for (const plan of page.plans) {
      if (found.length > limit) break
      const seen = await seenPlan(join, reader, plan)
      if (seen !== undefined) found.push({ head: headOf(plan, seen.summary), place: plan.listedAs })
    }
    if (page.next === undefined) break
    at = page.next
  }
  const last = found.length > limit ? found[limit - 1] : undefined
  return {
    plans: found.slice(0, limit).map(({ head }) => head),
    ...(last === undefined ? {} : { next: last.place }),
  }
}

/** Plans that are named beside a commit. */
const maxOfCommit = 5

/** The plans that a commit belongs to and that may be seen, newest first: it is what they plan, or what brought them. @throws EngineError of the store. */
export async function findPlansOfCommit(deps: FunctionDeps, commit: string): Promise<readonly PlanHead[]> {
  const source = sourceOf(deps)
  if (source === undefined) return []
  const { records, join, scoped } = source
  const plans = await listPlansOfCommit(records, commit, maxOfCommit)
  const heads = await Promise.all(
    plans.map(async (plan) => {
      const seen =
        scoped === undefined ? { summary: await currentSummary(records, plan) } : await seenPlan(join, scoped, plan)
      return seen === undefined ? undefined : headOf(plan, seen.summary)
    }),
  )
  return heads.filter((head) => head !== undefined)
}

async function currentSummary(records: RecordDeps, plan: PlanRecord): Promise<PlanSummary | undefined> {
  const summary = await readSummary(records, plan.id)
  return summary?.run === plan.run ? summary : undefined
}

/** What a reader with a scope may see of a plan; undefined where that is nothing. */
async function seenPlan(
  join: JoinDeps,
  reader: Reader,
  plan: PlanRecord,
): Promise<(JoinedPlan & { readonly summary?: PlanSummary }) | undefined> {
  const clusters = plan.clusters.filter((cluster) => reader.maySee({ cluster }))
  if (clusters.length === 0) return undefined
  const joined = await joinedPlan(join, { ...plan, clusters })
  const document = seenDocument(reader, joined.document)
  if (document === undefined) return undefined
  return { ...joined, document, ...(joined.isPending ? {} : { summary: summaryOf(plan, document) }) }
}

/** A plan with everything that is known of it and may be seen; undefined where there is none. A part that is not the one which was made is planned again. @throws EngineError of the store. */
export async function findPlan(deps: FunctionDeps, id: string): Promise<PlanView | undefined> {
  const source = sourceOf(deps)
  const plan = source === undefined || !isPlanId(id) ? undefined : await readPlan(source.records, id)
  if (source === undefined || plan === undefined) return undefined
  const { records, join, scoped } = source
  const joined = scoped === undefined ? await joinedPlan(join, plan) : await seenPlan(join, scoped, plan)
  if (joined === undefined) return undefined
  if (joined.isForged && plan.state === 'current' && deps.plans !== undefined)
    deps.background(deps.plans.tell(topicOf(plan)))
  const { document, isPending } = joined
  const head = headOf(plan, isPending ? undefined : summaryOf(plan, document))
  const times = await timesOf(records, plan, joined)
  // The repository's own configuration and who was refused are not of an application: who sees a part is told there, at the forge.
  if (scoped !== undefined) return { head, document, isPending, times, problems: [], ...waitingIn(plan, scoped) }
  const { refused } = (await readPull(records, plan.pull)) ?? {}
  return {
    head,
    document,
    isPending,
    times,
    problems: plan.problems,
    ...(refused === undefined ? {} : { refused }),
    ...waitingIn(plan),
  }
}

/** What waited when a plan was asked for after a merge, as far as a reader may see it. */
function waitingIn({ clusters: [cluster = ''], afterMerge }: PlanRecord, reader?: Reader): Pick<PlanView, 'waiting'> {
  if (afterMerge === undefined) return {}
  const isSeen = (application: string): boolean => {
    const [kind = '', namespace = '', name = ''] = application.split('/')
    return reader?.maySee({ cluster, kind, namespace, name }) ?? true
  }
  return { waiting: afterMerge.waiting.filter(({ application }) => isSeen(application)) }
}

/** When a plan reached each stage of its way from the delivery to the forge. */
async function timesOf(
  records: RecordDeps,
  { id, run, receivedAt, at }: PlanRecord,
  { isPending, plannedAt }: JoinedPlan,
): Promise<PlanView['times']> {
  const summary = await readSummary(records, id)
  const toldAt = summary?.run === run ? summary.toldAt : undefined
  return {
    receivedAt: receivedAt ?? at,
    queuedAt: at,
    ...(isPending || plannedAt === undefined ? {} : { plannedAt }),
    ...(toldAt === undefined ? {} : { toldAt }),
  }
}

function headOf(plan: PlanRecord, summary: PlanSummary | undefined): PlanHead {
  const { id, repository, number, title, author, webUrl, isFork, state, run, at, change, mergeCommit, askedBy } = plan
  const { branch, base, head, live, secrets, manifests } = change
  const { clusters, afterMerge } = plan
  return {
    id,
    repository,
    ...(number === undefined ? {} : { number }),
    title,
    author,
    webUrl,
    isFork,
    branch,
    base,
    head,
    state,
    run,
    at,
    live,
    secrets,
    ...(manifests === undefined ? {} : { manifests }),
    ...(mergeCommit === undefined ? {} : { mergeCommit }),
    ...(afterMerge === undefined ? {} : { afterMerge: clusters }),
    ...(askedBy === undefined ? {} : { askedBy }),
    ...(summary === undefined ? {} : { verdict: summary.verdict, touched: summary.touched, dangers: summary.dangers }),
  }
}

/** The forms in which a plan is downloaded. */
export const exportFormats = ['json', 'markdown', 'sarif'] as const
export type ExportFormat = (typeof exportFormats)[number]

/** A plan as a file. @throws EngineError `not-found`, those of the store. */
export async function exportPlan(
  deps: FunctionDeps,
  id: string,
  format: ExportFormat,
): Promise<{ readonly type: string; readonly name: string; readonly body: string }> {
  const found = await findPlan(deps, id)
  if (found === undefined) throw new EngineError('there is no such plan', { code: 'not-found' })
  const { document } = found
  switch (format) {
    case 'json':
      return { type: 'application/json; charset=utf-8', name: `plan-${id}.json`, body: planJson(document) }
    case 'sarif':
      return {
        type: 'application/sarif+json',
        name: `plan-${id}.sarif`,
        body: planSarif(document, { version: sluiceVersion }),
      }
    case 'markdown':
      return {
        type: 'text/markdown; charset=utf-8',
        name: `plan-${id}.md`,
        body: planMarkdown(document, { id: 'export', maxBytes: maxMarkdownBytes }),
      }
  }
}
