import { EngineError } from '../../base/index.ts'
import {
  boundPlan,
  countsText,
  parseSeverities,
  planDigest,
  planDocument,
  publicReference,
  type ChangeInput,
  type PlanDocument,
  type PlannedApplication,
} from '../../plan/index.ts'
import { notePlanned, waitingFor, type ApprovalStore } from '../approval/index.ts'
import type { EngineDeps, JobResult, JobSignals, NodeRecord, RunRecord } from '../job.ts'
import { headOf, summarize } from '../run-record.ts'
import { saveManifests } from './manifest-store.ts'
import { savePlanPart } from './plan-part.ts'
import type { ChangeJob, ChangePlan, ChangeRef } from './types.ts'

/** Finds out what a change would do to one cluster. */
export type PlanChange = (deps: EngineDeps, job: ChangeJob, signal: AbortSignal) => Promise<ChangePlan>

/** Bytes of a plan's document: values of the store hold a megabyte, and the rest of the part is small. */
const maxDocumentBytes = 800 * 1024

/**
 * Does a job that plans a change: makes this cluster's part of the plan, and stores it redacted. Nothing is written to the cluster. A newer plan of the same pull request ends it early.
 *
 * Effects: the part in the state store. @throws EngineError when the cluster cannot be reached, or the plan cannot be made as a whole; what is wrong with one application stands in the plan.
 */
export async function changeJob(
  deps: EngineDeps,
  job: ChangeJob,
  signals: JobSignals,
  planChange: PlanChange,
): Promise<JobResult> {
  const startedAt = deps.clock.now()
  const { planKey, state } = deps
  if (planKey === undefined)
    throw new EngineError('changes are planned with a key: set PLAN_KEY', { code: 'plan-key-missing' })
  const { replaced, stop = new AbortController().signal } = signals
  const signal = replaced === undefined ? stop : AbortSignal.any([stop, replaced])
  // The newer plan answers this one too.
  const isReplaced = (): boolean => replaced?.aborted === true && !stop.aborted
  const left: JobResult = { record: { ...headOf(job, startedAt), state: 'running', nodes: [], timings: {} }, left: 1 }
  try {
    const made = await planChange(deps, job, signal)
    if (isReplaced()) return left
    const { change } = job
    const digest = planDigest(made.digests, planKey)
    const input = changeInput(change)
    const whole = planDocument(
      { change: input, applications: made.applications },
      {
        severities: parseSeverities(change.severities ?? {}),
        reference: publicReference(digest, input, planKey),
      },
    )
    const document = boundPlan(whole, maxDocumentBytes)
    const { renders, requests } = made
    const madeAt = deps.clock.now()
    const { runId: run, cluster } = job
    // A merge of what was planned with placeholders cannot be recognised: nothing of it is remembered for approval.
    const store = { state, clock: deps.clock, key: planKey }
    if (change.secrets === 'used') await notePlanned(store, { change, cluster, digests: made.digests })
    // Before the part, whose being there says that this cluster is done.
    if (change.manifests === true)
      await saveManifests(state, planKey, {
        plan: change.plan,
        cluster,
        run,
        madeAt,
        applications: made.manifests ?? [],
      })
    await savePlanPart(state, planKey, { plan: change.plan, cluster, run, madeAt, document, digest, renders, requests })
    if (change.afterMerge === true) await lookAgain(deps, store, job)
    return { record: recordOf(job, document, { startedAt, madeAt }) }
  } catch (caught) {
    if (isReplaced()) return left
    throw caught
  }
}

/** What waits is looked at once more, and says then which plan it waits for. Cut off before it, the job is done again. */
async function lookAgain(deps: EngineDeps, store: ApprovalStore, { change, cluster }: ChangeJob): Promise<void> {
  const objects = await waitingFor(store, change.plan, cluster)
  if (objects.length === 0) return
  await deps.requests?.run({ cluster, objects, delayMs: 0, actor: `plan ${change.plan}` })
}

/** The change as the document names it. */
export function changeInput({ repository, pullRequest, base, head }: ChangeRef): ChangeInput {
  return { repository, ...(pullRequest === undefined ? {} : { pullRequest }), base, head }
}

/** How many requests it took is not told: that depends on what is dry-run with secrets in it, and with it on whether that renders. */
function recordOf(
  job: ChangeJob,
  { applications }: PlanDocument,
  { startedAt, madeAt }: { readonly startedAt: number; readonly madeAt: number },
): RunRecord {
  const nodes = applications
    .filter(({ state }) => state !== 'unaffected')
    .map((application) => nodeOf(application, { startedAt, madeAt }))
  return { ...headOf(job, startedAt), ...summarize(nodes, undefined), finishedAt: madeAt }
}

/** What a run's record says of an application: how much would happen; the plan says what. */
function nodeOf(
  { kind, namespace, name, state, errors, objects, unchanged }: PlannedApplication,
  { startedAt, madeAt }: { readonly startedAt: number; readonly madeAt: number },
): NodeRecord {
  const message = [errors[0]?.message ?? '', countsText(objects)].filter((text) => text !== '').join('; ')
  return {
    kind,
    namespace,
    name,
    state: state === 'failed' ? 'failed' : 'ready',
    reason: state === 'failed' ? 'PlanFailed' : 'Planned',
    message: message === '' ? 'nothing would change' : message,
    changes: [],
    unchanged,
    timings: { startedAt, finishedAt: madeAt },
  }
}
