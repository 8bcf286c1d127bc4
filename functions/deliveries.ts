import { encodeMessage, newRunId, type JobMessage, type RunRequest } from '../src/coordinator/index.ts'
import { EngineError, sha256Hex, toEngineError, type Json } from '../src/base/index.ts'
import type { PushNotice } from '../src/receivers/index.ts'
import type { FunctionDeps } from './deps.ts'

/** As long as GitHub lets a delivery be sent again. */
const deliveryTtlSeconds = 3 * 24 * 3600

/** A request that has not been queued after this time was cut off. */
const abandonedAfterMs = 15_000

/** The run of a push, new or known already. */
export interface AcceptedPush {
  readonly runId: string
  /** True when this delivery had come before. */
  readonly isDuplicate: boolean
}

/**
 * Takes a verified push in and has it queued for every cluster. Deliveries of one id give one run for each ref, also when they come at the same time.
 *
 * Cut off at any line, the push is not lost: the request goes to the outbox before the delivery is known, and leaves it after it is queued
 * for every cluster. What is found in the outbox later is queued again, by the next delivery of the same id or by the schedule; queuing twice
 * does no harm, since a run is done once.
 *
 * Throws EngineError `queue-unavailable` or `state-unavailable`.
 */
export async function acceptPush(deps: FunctionDeps, notice: PushNotice): Promise<AcceptedPush> {
  const request: RunRequest = {
    id: newRunId(deps.clock, deps.random),
    trigger: 'push',
    receivedAt: deps.clock.now(),
    clusters: deps.config.clusters.map((cluster) => cluster.name),
    push: notice,
    ...(notice.actor === undefined ? {} : { actor: notice.actor }),
  }
  // Ids come from outside; hashed, they fit into a key whatever they contain.
  const { provider, deliveryId, ref } = notice
  const key = deliveryId === '' ? undefined : `deliveries/${provider}/${sha256Hex(`${deliveryId}\n${ref}`)}`
  const isFirst = await orUnavailable('state-unavailable', async () => {
    const [, isNew] = await Promise.all([
      deps.state.put(outboxKey(request.id), asJson(request)),
      key === undefined ? true : deps.state.putIfAbsent(key, asJson({ request }), { ttlSeconds: deliveryTtlSeconds }),
    ])
    return isNew
  })
  if (isFirst || key === undefined) {
    await dispatch(deps, request)
    return { runId: request.id, isDuplicate: false }
  }
  return orUnavailable('state-unavailable', async () => {
    const [known] = await Promise.all([deps.state.get(key), deps.state.delete(outboxKey(request.id))])
    // It can only be gone when it expired in between.
    const earlier = known === undefined ? request : (known as unknown as { request: RunRequest }).request
    const [pending, run] = await Promise.all([
      deps.state.get(outboxKey(earlier.id)),
      deps.state.get(`requests/${earlier.id}`),
    ])
    if (pending !== undefined || run === undefined) await dispatch(deps, earlier)
    return { runId: earlier.id, isDuplicate: true }
  })
}

/**
 * Puts one message per cluster into the queue and notes the request, so that it can be asked for. Returns once all of that is durable.
 * Throws EngineError `queue-unavailable`.
 */
export async function dispatch(deps: FunctionDeps, request: RunRequest): Promise<void> {
  const messages = request.clusters.map((cluster) => messageFor(request, cluster))
  await orUnavailable('queue-unavailable', () =>
    Promise.all([deps.runs.putRequest(request), ...messages.map((message) => deps.queue.send(encodeMessage(message)))]),
  )
  if (deps.startEarly !== undefined && request.trigger !== 'scan') {
    for (const message of messages) deps.background(deps.startEarly(message))
  }
  deps.background(deps.state.delete(outboxKey(request.id)))
}

/** Queues what was cut off between being recorded and being queued. Returns how many requests there were. */
export async function dispatchAbandoned(deps: FunctionDeps): Promise<number> {
  const entries = await deps.state.list('outbox/', { limit: 100 })
  const requests = entries.map((entry) => entry.value as unknown as RunRequest)
  const abandoned = requests.filter((request) => deps.clock.now() - request.receivedAt >= abandonedAfterMs)
  for (const request of abandoned) {
    deps.logger.log('warn', 'push queued late', { run: request.id })
    await dispatch(deps, request)
  }
  return abandoned.length
}

function messageFor(request: RunRequest, cluster: string): JobMessage {
  const { id, trigger, receivedAt, push, target, actor, plan, change } = request
  return {
    job: {
      kind: trigger,
      runId: id,
      cluster,
      receivedAt,
      ...(push === undefined ? {} : { push }),
      ...(target === undefined ? {} : { target }),
      ...(actor === undefined ? {} : { actor }),
      ...(plan === undefined ? {} : { plan }),
      ...(change === undefined ? {} : { change }),
    },
  }
}

function outboxKey(runId: string): string {
  return `outbox/${runId}`
}

function asJson(value: unknown): Json {
  return JSON.parse(JSON.stringify(value)) as Json
}

async function orUnavailable<T>(code: 'queue-unavailable' | 'state-unavailable', work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (caught) {
    const error = toEngineError(caught)
    if (error.code === 'queue-unavailable') throw error
    const what = code === 'queue-unavailable' ? 'queued' : 'recorded'
    throw new EngineError(`the request could not be ${what}; send it again`, {
      code,
      disposition: 'retry',
      cause: caught,
    })
  }
}
