import { sha256Hex, toEngineError } from '../../src/base/index.ts'
import type { RunRequest, RunStore } from '../../src/coordinator/index.ts'
import { planMarker } from '../../src/plan/index.ts'
import type { Logger, StateStore } from '../../src/ports/index.ts'
import { listPlanned } from '../../src/reconcile/index.ts'
import { holdsChanges } from '../changes-config.ts'
import type { Config } from '../config.ts'
import { eachInTurn } from '../in-turn.ts'
import { branchState, syncBranch, type BranchOf } from '../manifests/sync.ts'
import { contextOf, planTargetOf, type PlanTarget } from './config.ts'
import { openTarget, type PlanForgeDeps } from './forge.ts'
import { joinedPlan } from './joined.ts'
import {
  readPlan,
  readPull,
  readSummary,
  saveSummary,
  type PlanRecord,
  type PullRecord,
  type RecordDeps,
} from './records.ts'
import { replansReport, type MadeReplan } from './replan-report.ts'
import { currentReplans, replannedPull, topicOf, type Replan } from './replans.ts'
import {
  otherReport,
  planReport,
  runningReport,
  summaryOf,
  supersededReport,
  type Report,
  type ReportContext,
} from './report.ts'

/** What telling forges of plans needs. */
export interface PlanReportDeps extends PlanForgeDeps {
  readonly config: Pick<Config, 'plans' | 'planKey' | 'settings' | 'privateHosts' | 'clusters'>
  /** Shared by all clusters. */
  readonly state: StateStore
  readonly runs: RunStore
  readonly logger: Logger
  /** Lets telling go on after its cause. */
  readonly background: (work: Promise<void>) => void
  /** Has a pull request planned again whose stored plan is not the one that was made. */
  readonly again: (pull: PullRecord) => Promise<void>
  /** The same for what was planned after a merge. */
  readonly replanAgain: (plan: Replan) => Promise<void>
}

/** Tells forges of plans. */
export interface PlanReports {
  /** The same store of runs; when a plan has come to its end somewhere, it is told. */
  readonly runs: RunStore
  /** Tells what is known of a pull request now, by its key, or by the topic of its plans after the merge (see `topicOf`). Never rejects: what could not be told is told by {@link retry}. */
  readonly tell: (topic: string) => Promise<void>
  /** Ends the check of a plan whose place a newer one has taken. Never rejects. */
  readonly endSuperseded: (plan: PlanRecord) => Promise<void>
  /** Tells what could not be told before, and which clusters have said nothing for too long: a part of it at a time, so that each gets its turn. */
  readonly retry: () => Promise<void>
}

const pendingSeconds = 24 * 3600
/** A plan is made again once in this time, however often its record is changed. */
const againSeconds = 300
/** Rounds after which a plan that keeps changing is left to its next change. */
const maxRounds = 5
/** Pull requests that the schedule tells of again at a time. */
const maxRetried = 50

/** Notes that a pull request is to be told of until that is done. @throws EngineError of the store. */
export async function notePending(state: StateStore, pull: string): Promise<void> {
  await state.put(`plans/pending/${pull}`, true, { ttlSeconds: pendingSeconds })
}

/**
 * Comments and checks of plans. As with statuses of pushes, what is told is made from the records alone, and who tells looks again afterwards and goes on while the records say something else by then: so what stands in
 * the end is what the records say in the end, although clusters tell at the same time. What is being told is noted in the state store until it is done.
 */
export function createPlanReports(deps: PlanReportDeps): PlanReports {
  const { config, runs, state, logger } = deps
  const { plans = [], planKey } = config
  if (planKey === undefined || (plans.length === 0 && !config.clusters.some(holdsChanges)))
    return { runs, tell: nothing, endSuperseded: nothing, retry: nothing }
  const records: RecordDeps = { state, key: planKey, logger }
  // Who is told of here already is looked at again at the end.
  const telling = new Map<string, { isWanted: boolean }>()
  const tell = async (pull: string): Promise<void> => {
    const other = telling.get(pull)
    if (other !== undefined) {
      other.isWanted = true
      return
    }
    const own = { isWanted: true }
    telling.set(pull, own)
    try {
      while (own.isWanted) {
        own.isWanted = false
        await tellPull(deps, records, pull)
        if (await tellBranch(deps, records, pull)) own.isWanted = true
      }
    } catch (error) {
      logger.log('warn', 'plan not told', { pull, error: toEngineError(error).message })
    } finally {
      telling.delete(pull)
    }
  }
  const tellRun = async (id: string): Promise<void> => {
    const request = (await state.get(`requests/${id}`)) as unknown as RunRequest | undefined
    const plan = request?.change === undefined ? undefined : await readPlan(records, request.change.plan)
    if (plan !== undefined) await tell(topicOf(plan))
  }
  return {
    runs: {
      ...runs,
      putRecord: async (record) => {
        await runs.putRecord(record)
        const isUnderWay = record.error === undefined && ['queued', 'running'].includes(record.state)
        if (record.trigger === 'trigger' && !isUnderWay) deps.background(tellRun(record.id))
      },
    },
    tell,
    endSuperseded: async (plan) => {
      try {
        const pull = await readPull(records, plan.pull)
        const target = pull && targetOf(deps, pull)
        if (target !== undefined)
          await openTarget(deps, target).reportCheck(supersededReport(plan, contextFor(deps, target, plan.id)))
      } catch (error) {
        logger.log('info', 'superseded plan not ended', { plan: plan.id, error: toEngineError(error).message })
      }
    },
    retry: () =>
      eachInTurn(deps, { prefix: 'plans/pending/', limit: maxRetried }, (key) => tell(key.split('/').at(-1) ?? '')),
  }
}

async function nothing(): Promise<void> {
  // Without rules nobody is told.
}

/** Tells until what the forge knows is what the records say. @throws EngineError where the forge does not take it. */
async function tellPull(deps: PlanReportDeps, records: RecordDeps, pull: string): Promise<void> {
  const { state } = deps
  const toldKey = `plans/told/${pull}`
  let told: string | undefined
  for (let round = 0; round < maxRounds; round++) {
    const made = await makeReport(deps, records, pull)
    const now = made === undefined ? '' : sha256Hex(JSON.stringify(made.report))
    // Another process may have told the same; what it was cut off in is not noted as told.
    if (now === told || (told === undefined && now !== '' && (await state.get(toldKey)) === now)) {
      if (made?.report.isSettled === true) await state.delete(`plans/pending/${pull}`)
      return
    }
    if (made === undefined) return state.delete(`plans/pending/${pull}`)
    await notePending(state, pull)
    await state.delete(toldKey)
    await send(deps, made)
    if (made.plan !== undefined) await noteTold(deps, records, made.plan)
    await state.put(toldKey, now, { ttlSeconds: pendingSeconds })
    told = now
  }
}

interface Made {
  readonly report: Report
  /** Where it is told; undefined where no pull request is known, and then a page alone shows it. */
  readonly place?: { readonly target: PlanTarget; readonly number: number; readonly marker: string }
  /** A plan that is told as a whole, or as far as it will come, for the first time. */
  readonly plan?: { readonly record: PlanRecord; readonly plannedAt: number | undefined }
}

async function makeReport(deps: PlanReportDeps, records: RecordDeps, key: string): Promise<Made | undefined> {
  const merged = replannedPull(key)
  if (merged !== undefined) return makeReplansReport(deps, records, merged)
  const pull = await readPull(records, key)
  const target = pull && targetOf(deps, pull)
  if (pull?.latest === undefined || target === undefined) return undefined
  const { latest, number } = pull
  const place = { target, number, marker: markerOf(contextOf(target.rule)) }
  if (latest.kind !== 'plan') return { report: otherReport(latest, contextFor(deps, target)), place }
  const plan = await readPlan(records, latest.plan)
  if (plan === undefined) return undefined
  const joined = await joinedPlan({ ...records, runs: deps.runs, clock: deps.clock }, plan)
  const branch = await branchState(records, { target, key, pull, plan: { record: plan, joined } })
  const context = withManifests(contextFor(deps, target, plan.id), plan, branch.line)
  if (joined.isForged && (await deps.state.putIfAbsent(`plans/again/${key}`, true, { ttlSeconds: againSeconds })))
    await deps.again(pull)
  const report = joined.isPending ? runningReport(plan, context) : planReport(plan, joined.document, context)
  const made = { report: { ...report, isSettled: (report.isSettled || joined.isOver) && !branch.isDue }, place }
  if (joined.isPending) return made
  const toldAt = await toldAtOf(records, plan)
  await saveSummary(records, plan.id, {
    ...summaryOf(plan, joined.document),
    ...(toldAt === undefined ? {} : { toldAt }),
  })
  return toldAt === undefined ? { ...made, plan: { record: plan, plannedAt: joined.plannedAt } } : made
}

/** What is told of plans after a merge: those of a pull request, or of a thread of which none is known. Lists show their summaries in any case. */
async function makeReplansReport(deps: PlanReportDeps, records: RecordDeps, list: string): Promise<Made> {
  const [plans, pull] = await Promise.all([currentReplans(records, list), readPull(records, list)])
  const target = pull && targetOf(deps, pull)
  const store = { state: deps.state, clock: deps.clock, key: records.key }
  const made: MadeReplan[] = []
  for (const plan of plans) {
    const { document, isPending, isOver, isForged } = await joinedPlan({ ...records, ...deps }, plan)
    if (isForged && (await deps.state.putIfAbsent(`plans/again/${plan.id}`, true, { ttlSeconds: againSeconds })))
      await deps.replanAgain(plan)
    if (!isPending) await saveSummary(records, plan.id, summaryOf(plan, document))
    const approved = (await listPlanned(store, plan.id)).flatMap((part) => part.approved ?? [])
    made.push({ plan, document, isPending, isOver, approved, url: pageOf(deps, plan.id) })
  }
  const context = target === undefined ? 'page' : contextOf(target.rule)
  const report = replansReport(made, { context })
  if (target === undefined || pull === undefined) return { report }
  // No context of a rule has a colon: it is not the marker of another one.
  return { report, place: { target, number: pull.number, marker: `${markerOf(context)}:after` } }
}

/** The line that leads to the rendered manifests, where the plan has them. */
function withManifests(context: ReportContext, { change }: PlanRecord, line: string): ReportContext {
  if (change.manifests !== true) return context
  const page = context.url === undefined ? '' : `[Rendered manifests](${context.url}/manifests)`
  const manifests = [line, page].filter((part) => part !== '').join(' · ')
  return manifests === '' ? context : { ...context, manifests }
}

/** Has the branch of a pull request be as its plan is told. @returns whether something has changed that is to be told. @throws EngineError of the store. */
async function tellBranch(deps: PlanReportDeps, records: RecordDeps, key: string): Promise<boolean> {
  const pull = await readPull(records, key)
  const target = pull && targetOf(deps, pull)
  if (pull === undefined || target?.rule.manifests === undefined) return false
  const { latest } = pull
  const plan = latest?.kind === 'plan' ? await readPlan(records, latest.plan) : undefined
  const joined = plan && (await joinedPlan({ ...records, runs: deps.runs, clock: deps.clock }, plan))
  const of: BranchOf = {
    target,
    key,
    pull,
    ...(plan === undefined || joined === undefined ? {} : { plan: { record: plan, joined } }),
  }
  if (!(await branchState(records, of)).isDue) return false
  await notePending(deps.state, key)
  return syncBranch(deps, records, of)
}

/** When a plan was told first; undefined where it was not, or was made again since. */
async function toldAtOf(records: RecordDeps, { id, run }: PlanRecord): Promise<number | undefined> {
  const summary = await readSummary(records, id)
  return summary?.run === run ? summary.toldAt : undefined
}

/** Notes when a plan was told first, and says what of the time went where: it is what somebody waits for who has opened a pull request. */
async function noteTold(
  { clock, logger }: PlanReportDeps,
  records: RecordDeps,
  { record: plan, plannedAt }: NonNullable<Made['plan']>,
): Promise<void> {
  const summary = await readSummary(records, plan.id)
  const toldAt = clock.now()
  if (summary?.run === plan.run) await saveSummary(records, plan.id, { ...summary, toldAt })
  const { receivedAt = plan.at } = plan
  logger.log('info', 'plan told', {
    plan: plan.id,
    run: plan.run,
    repository: plan.repository,
    number: plan.number,
    ms: toldAt - receivedAt,
    lookedMs: plan.at - receivedAt,
    ...(plannedAt === undefined ? {} : { plannedMs: plannedAt - plan.at, toldMs: toldAt - plannedAt }),
  })
}

function targetOf({ config }: PlanReportDeps, { provider, urls }: PullRecord): PlanTarget | undefined {
  return planTargetOf(config.plans ?? [], provider, urls)
}

function contextFor(deps: PlanReportDeps, { rule }: PlanTarget, plan?: string): ReportContext {
  const context = contextOf(rule)
  return plan === undefined ? { context } : { context, url: pageOf(deps, plan) }
}

function pageOf({ config }: PlanReportDeps, plan: string): string | undefined {
  const { publicUrl } = config.settings
  return publicUrl === undefined ? undefined : `${publicUrl.replace(/\/+$/, '')}/ui/plans/${plan}`
}

async function send(deps: PlanReportDeps, { report, place }: Made): Promise<void> {
  if (place === undefined) return
  const { target, number, marker } = place
  const pulls = openTarget(deps, target)
  const { check, comment } = report
  await Promise.all([
    check === undefined ? undefined : pulls.reportCheck(check),
    (async () => {
      if (comment === undefined) return
      const wish = { marker, ...comment }
      const { outcome } = await pulls.upsertComment(number, wish)
      // Somebody else may have made one at the same time: the second look makes them one.
      if (outcome === 'created') await pulls.upsertComment(number, wish)
    })(),
  ])
}

/** The marker as src/forges names it: within the hidden line that a plan as Markdown begins with. */
function markerOf(context: string): string {
  return planMarker(context).slice('<!-- sluice:'.length, -' -->'.length)
}
