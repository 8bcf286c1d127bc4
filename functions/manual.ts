import type { RunRequest } from '../src/coordinator/index.ts'
import { idOfKey } from '../src/reconcile/index.ts'
import { viewFor } from './access/view.ts'
import { approvePlanNow, approveWaitingNow } from './approvals.ts'
import { readerOf } from './authorize-reading.ts'
import { withBody } from './body.ts'
import type { FunctionDeps } from './deps.ts'
import { errorResponse, jsonResponse } from './http-errors.ts'
import { authorizeTrigger, operatorOf, type Caller } from './trigger/authorize-trigger.ts'
import { checkWish, clustersFor, recordTrigger } from './trigger/check-wish.ts'
import { followRun, streamFormat, streamResponse, type RunProgress } from './trigger/follow-run.ts'
import { perform } from './trigger/perform.ts'
import { isOfChanges, objectsOf, parseTrigger, type TriggerWish } from './trigger/trigger-request.ts'

const maxTriggerBytes = 64 * 1024
const maxListed = 200
/** Seconds that a streamed answer goes on where nobody says how long. */
const defaultStreamSeconds = 300

/**
 * `POST /trigger` with a bearer token or a signature: reconciles now. `{}` asks for everything everywhere. Answers 202 with the run's id, or with `wait`
 * the finished run (200), or 504 with the run as it is when the time is up. Asked by Accept for `application/x-ndjson` or `text/event-stream`, it answers at once
 * and tells how the run goes. With `plan` nothing is written: the run's changes are those that one would make. Other actions: `suspend` (answered with 200 when it
 * is done), `resume`, `retry`, `pin`, `unpin` and `approve`, which are followed by a run.
 */
export async function handleTrigger(deps: FunctionDeps, request: Request): Promise<Response> {
  const authorizeBody = await authorizeTrigger(deps, request.headers)
  const limits = {
    maxBytes: maxTriggerBytes,
    timeoutMs: deps.config.bodyTimeoutMs,
    budget: deps.bodies,
    clock: deps.clock,
  }
  const { wish, caller } = await withBody(request, limits, async (body) => {
    const proven = await authorizeBody(body)
    const asked = parseTrigger(body)
    return { caller: proven, wish: proven.name === undefined ? asked : { ...asked, actor: proven.name } }
  })
  const known = clustersFor(deps, caller.visitor)
  if (wish.cluster !== undefined && !known.includes(wish.cluster)) {
    return errorResponse('cluster-unknown', `there is no cluster ${wish.cluster}; known are ${known.join(', ')}`)
  }
  const clusters = wish.cluster === undefined ? known : [wish.cluster]
  await checkWish(deps, caller, wish, clusters)
  const action = wish.action ?? 'reconcile'
  const asked = { wish, caller, clusters }
  if (isOfChanges(wish)) return approveChanges(deps, asked)
  const { outcome, run } = await perform(deps, wish, clusters, wish.actor ?? `trigger (${caller.by})`)
  deps.logger.log('info', 'trigger received', { action, by: caller.by, actor: wish.actor, clusters: clusters.length })
  recordTrigger(deps, { ...asked, outcome, ...(run === undefined ? {} : { run: run.id }) })
  if (run === undefined) return jsonResponse(200, { action, results: outcome?.results ?? [] })
  const seen = caller.visitor === undefined ? deps : viewFor(deps, readerOf(caller.visitor))
  const format = streamFormat(request)
  if (format !== undefined) {
    const seconds = wish.wait ?? defaultStreamSeconds
    return streamResponse(format, accepted(run, followRun(seen, run.id, seconds * 1000)))
  }
  const more = outcome === undefined ? {} : { action: wish.action, results: outcome.results }
  return wish.wait === undefined
    ? jsonResponse(202, { run: run.id, ...more })
    : waitForRun(seen, run.id, wish.wait * 1000, more)
}

/** `approve` of a plan, or of what waits for approval: answered with 202 and the runs that take it up, one for each cluster. */
async function approveChanges(deps: FunctionDeps, asked: Asked): Promise<Response> {
  const { wish, caller, clusters } = asked
  const { planId } = wish
  const by = wish.actor ?? `trigger (${caller.by})`
  const named = objectsOf(wish)
  const outcome =
    planId === undefined
      ? await approveWaitingNow(deps, clusters, {
          by,
          how: 'trigger',
          ...(named.length === 0 ? {} : { applications: named.map(idOfKey) }),
        })
      : await approvePlanNow(deps, planId, { by, how: 'trigger', clusters })
  deps.logger.log('info', 'changes approved', { by, plan: planId, clusters: outcome.clusters.length })
  recordTrigger(deps, { ...asked, outcome: undefined })
  return jsonResponse(202, { action: 'approve', approved: outcome.clusters })
}

interface Asked {
  readonly wish: TriggerWish
  readonly caller: Caller
  readonly clusters: readonly string[]
}

async function* accepted(run: RunRequest, rest: AsyncGenerator<RunProgress>): AsyncGenerator<RunProgress> {
  yield { type: 'accepted', run: run.id, clusters: run.clusters }
  yield* rest
}

/** `GET /runs/<id>` with a bearer token: the run over all of its clusters; streamed, as the trigger is, where Accept asks for it. */
export async function handleRun(deps: FunctionDeps, request: Request, id: string): Promise<Response> {
  const seen = viewFor(deps, readerOf(await operatorOf(deps, request.headers)))
  const run = isRunId(id) ? await seen.runs.get(id) : undefined
  if (run === undefined) return errorResponse('not-found', 'there is no such run')
  const format = streamFormat(request)
  if (format === undefined) return jsonResponse(200, run)
  const asked = Number(new URL(request.url).searchParams.get('wait') ?? defaultStreamSeconds)
  const seconds = Math.min(defaultStreamSeconds, Math.max(0, asked) || 0)
  return streamResponse(format, followRun(seen, id, seconds * 1000))
}

/** `GET /runs` with a bearer token: newest first; `limit` and `before=<id>` page through them. */
export async function handleRuns(deps: FunctionDeps, request: Request): Promise<Response> {
  const seen = viewFor(deps, readerOf(await operatorOf(deps, request.headers)))
  const query = new URL(request.url).searchParams
  const limit = Math.min(maxListed, Math.max(1, Math.trunc(Number(query.get('limit') ?? 20)) || 20))
  const before = query.get('before')
  const runs = await seen.runs.list({ limit, ...(before !== null && isRunId(before) ? { before } : {}) })
  return jsonResponse(200, { runs })
}

async function waitForRun(deps: FunctionDeps, id: string, timeoutMs: number, more: object): Promise<Response> {
  for await (const progress of followRun(deps, id, timeoutMs)) {
    if (progress.type === 'end') return jsonResponse(200, { ...progress.run, ...more })
    if (progress.type !== 'timeout') continue
    const { message, state } = progress
    const records = (await deps.runs.get(id))?.records ?? []
    return jsonResponse(504, { error: { code: 'wait-timeout', message }, run: id, state, records, ...more })
  }
  return errorResponse('not-found', 'there is no such run')
}

function isRunId(id: string): boolean {
  return /^[0-9a-z]{10,64}$/.test(id)
}
