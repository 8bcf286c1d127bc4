import { z } from 'zod'
import { EngineError } from '../src/base/index.ts'
import { isFinal, newRunId, type Run, type RunRequest } from '../src/coordinator/index.ts'
import type { TriggerTarget } from '../src/reconcile/index.ts'
import { authorize } from './authorize.ts'
import { withBody } from './body.ts'
import { dispatch } from './deliveries.ts'
import type { FunctionDeps } from './deps.ts'
import { errorResponse, jsonResponse } from './http-errors.ts'

const text = z.string().min(1).max(253)
const objectKey = z.strictObject({ kind: text, namespace: text, name: text })

const triggerRequest = z
  .strictObject({
    /** One cluster; all of them where it is left out. */
    cluster: text.optional(),
    source: objectKey.optional(),
    object: objectKey.optional(),
    all: z.literal(true).optional(),
    /** Seconds to wait for the end of the run. */
    wait: z.number().min(0).max(300).optional(),
    /** Who asks, for the record. */
    actor: text.optional(),
  })
  .refine((request) => [request.source, request.object, request.all].filter((one) => one !== undefined).length <= 1, {
    message: 'name at most one of source, object and all',
  })

const maxTriggerBytes = 64 * 1024
const maxListed = 200

/**
 * `POST /trigger` with a bearer token: reconciles now. `{}` asks for everything everywhere. Answers 202 with the run's id, or with `wait`
 * the finished run (200), or 504 with the run as it is when the time is up.
 */
export async function handleTrigger(deps: FunctionDeps, request: Request): Promise<Response> {
  await authorize(request.headers, deps.config.triggerTokens)
  const limits = {
    maxBytes: maxTriggerBytes,
    timeoutMs: deps.config.bodyTimeoutMs,
    budget: deps.bodies,
    clock: deps.clock,
  }
  const wish = await withBody(request, limits, (body) => Promise.resolve(parseTrigger(body)))
  const known = deps.config.clusters.map((cluster) => cluster.name)
  if (wish.cluster !== undefined && !known.includes(wish.cluster)) {
    return errorResponse('cluster-unknown', `there is no cluster ${wish.cluster}; known are ${known.join(', ')}`)
  }
  const run: RunRequest = {
    id: newRunId(deps.clock, deps.random),
    trigger: 'trigger',
    receivedAt: deps.clock.now(),
    clusters: wish.cluster === undefined ? known : [wish.cluster],
    target: targetOf(wish),
    ...(wish.actor === undefined ? {} : { actor: wish.actor }),
  }
  await dispatch(deps, run)
  deps.logger.log('info', 'trigger received', { run: run.id, clusters: run.clusters.length })
  return wish.wait === undefined ? jsonResponse(202, { run: run.id }) : waitForRun(deps, run.id, wish.wait * 1000)
}

/** `GET /runs/<id>` with a bearer token: the run over all of its clusters. */
export async function handleRun(deps: FunctionDeps, request: Request, id: string): Promise<Response> {
  await authorize(request.headers, deps.config.triggerTokens)
  const run = isRunId(id) ? await deps.runs.get(id) : undefined
  return run === undefined ? errorResponse('not-found', 'there is no such run') : jsonResponse(200, run)
}

/** `GET /runs` with a bearer token: newest first; `limit` and `before=<id>` page through them. */
export async function handleRuns(deps: FunctionDeps, request: Request): Promise<Response> {
  await authorize(request.headers, deps.config.triggerTokens)
  const query = new URL(request.url).searchParams
  const limit = Math.min(maxListed, Math.max(1, Math.trunc(Number(query.get('limit') ?? 20)) || 20))
  const before = query.get('before')
  const runs = await deps.runs.list({ limit, ...(before !== null && isRunId(before) ? { before } : {}) })
  return jsonResponse(200, { runs })
}

function parseTrigger(body: Uint8Array): z.infer<typeof triggerRequest> {
  let value: unknown
  try {
    value = body.length === 0 ? {} : JSON.parse(new TextDecoder().decode(body))
  } catch {
    throw new EngineError('the body is not JSON', { code: 'request-invalid' })
  }
  const result = triggerRequest.safeParse(value)
  if (result.success) return result.data
  const findings = result.error.issues
    .slice(0, 20)
    .map((issue) => [issue.path.join('.'), issue.message].filter(Boolean).join(': '))
  throw new EngineError(findings.join('\n').slice(0, 2000), { code: 'request-invalid' })
}

function targetOf(wish: z.infer<typeof triggerRequest>): TriggerTarget {
  if (wish.source !== undefined) return { source: wish.source }
  if (wish.object !== undefined) return { object: wish.object }
  return 'cluster'
}

async function waitForRun(deps: FunctionDeps, id: string, timeoutMs: number): Promise<Response> {
  const deadline = deps.clock.now() + timeoutMs
  for (let pause = 25; ; pause = Math.min(500, pause * 1.5)) {
    const run = await deps.runs.get(id)
    if (run !== undefined && isFinished(run)) return jsonResponse(200, run)
    if (deps.clock.now() + pause > deadline) {
      const message = `the run has not ended within ${timeoutMs / 1000} seconds; it goes on`
      return jsonResponse(504, {
        error: { code: 'wait-timeout', message },
        run: id,
        state: run?.state ?? 'queued',
        records: run?.records ?? [],
      })
    }
    await deps.clock.sleep(pause)
  }
}

function isFinished(run: Run): boolean {
  return run.records.every(isFinal)
}

function isRunId(id: string): boolean {
  return /^[0-9a-z]{10,64}$/.test(id)
}
