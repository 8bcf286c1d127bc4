import { EngineError, isEngineError } from '../base/index.ts'
import type { Clock, KubeRequest, KubeTransport, Random } from '../ports/index.ts'
import type { RequestCounter } from './client-types.ts'
import { abortedError, startDeadline } from './deadline.ts'
import { statusError, type KubeStatus, type RequestContext } from './errors.ts'
import { decodeJson } from './json.ts'

/** What sending needs; shared by a client and its impersonating copies. */
export interface SendDeps {
  readonly transport: KubeTransport
  readonly clock: Clock
  readonly random: Random
  readonly counter: RequestCounter
  /** Milliseconds for one attempt. */
  readonly requestTimeoutMs: number
  /** Milliseconds for a call with all its repeats. */
  readonly callTimeoutMs: number
  /** The cluster is one that an object names: that it is away concerns this object alone, and has a code of its own. */
  readonly isRemote?: boolean
}

/** A request, and what may be done when its outcome is unknown. */
export interface Call {
  readonly request: Omit<KubeRequest, 'signal'>
  readonly context: RequestContext
  /** True where a second arrival has the same effect as one. */
  readonly isRepeatable: boolean
  /** True where it may change something in the cluster. */
  readonly isWrite: boolean
  readonly signal: AbortSignal | undefined
  /** Statuses that are returned instead of thrown. */
  readonly accept?: readonly number[]
}

/** An answer whose body was read. */
export interface Answer {
  readonly status: number
  readonly text: string
  readonly headers: { get(name: string): string | null }
}

/** Repeats after a dropped connection or a 5xx without Retry-After. Refusals (429) are bounded by the call's deadline alone. */
const maxFaultRepeats = 4
const firstDelayMs = 100
const maxDelayMs = 5_000
/** A Retry-After longer than this is given back to the caller, who can do something else meanwhile. */
const maxRetryAfterMs = 10_000

/**
 * Sends a request, reads the whole answer, and repeats what may be repeated with exponential backoff and jitter.
 *
 * @throws EngineError of {@link statusError}; `cluster-unreachable` (`remote-cluster-unreachable` for a remote cluster); `kube-timeout`; `aborted`.
 */
export async function sendCall(call: Call, deps: SendDeps): Promise<Answer> {
  try {
    return await sendRepeatedly(call, deps)
  } catch (error) {
    throw deps.isRemote === true && isEngineError(error) ? asRemote(error) : error
  }
}

function asRemote(error: EngineError): EngineError {
  if (error.code !== 'cluster-unreachable') return error
  const { disposition, data } = error
  return new EngineError(error.message, { code: 'remote-cluster-unreachable', disposition, data, cause: error })
}

async function sendRepeatedly(call: Call, deps: SendDeps): Promise<Answer> {
  const end = deps.clock.now() + deps.callTimeoutMs
  for (let repeats = 0, faults = 0; ; repeats++) {
    if (repeats > 0) deps.counter.retried++
    const outcome = await attempt(call, deps)
    if ('answer' in outcome) return outcome.answer
    const { error, kind } = outcome
    if (kind === 'final') throw error
    if (kind === 'fault') {
      if (!call.isRepeatable || ++faults > maxFaultRepeats) throw error
    }
    const delay = error.retryAfterMs ?? backoff(repeats, deps.random)
    if (delay > maxRetryAfterMs || deps.clock.now() + delay >= end) throw error
    try {
      await deps.clock.sleep(delay, call.signal)
    } catch {
      throw abortedError(call.signal)
    }
  }
}

/** `refused`: the server did not start on it. `fault`: it may or may not have been done. `final`: no repeat can help. */
type Outcome = { answer: Answer } | { error: EngineError; kind: 'refused' | 'fault' | 'final' }

async function attempt(call: Call, deps: SendDeps): Promise<Outcome> {
  const { counter } = deps
  if (isAborted(call)) return { error: abortedError(call.signal), kind: 'final' }
  counter.total++
  if (call.isWrite) counter.writes++
  const deadline = startDeadline(deps.requestTimeoutMs, call.signal)
  try {
    const response = await deps.transport.send({ ...call.request, signal: deadline.signal })
    const text = await response.text()
    const { status, headers } = response
    if ((status >= 200 && status < 300) || call.accept?.includes(status) === true)
      return { answer: { status, text, headers } }
    return judge(status, text, parseRetryAfter(headers.get('retry-after'), deps.clock), call)
  } catch (error) {
    if (isAborted(call)) return { error: abortedError(call.signal), kind: 'final' }
    if (deadline.isOver()) return { error: timeoutError(call, deps.requestTimeoutMs), kind: 'fault' }
    if (isEngineError(error)) return { error, kind: error.code === 'cluster-unreachable' ? 'fault' : 'final' }
    return { error: unreachable(deps.transport.cluster, error), kind: 'fault' }
  } finally {
    deadline.release()
  }
}

function isAborted(call: Call): boolean {
  return call.signal?.aborted === true
}

/** Turns an error answer into an error, and says whether a repeat can help. */
function judge(status: number, text: string, retryAfterMs: number | undefined, call: Call): Outcome {
  const body = parseStatus(text)
  const seconds = body.details?.retryAfterSeconds
  const after = retryAfterMs ?? (seconds === undefined ? undefined : seconds * 1000)
  const error = statusError(status, body, { ...call.context, retryAfterMs: after })
  if (status === 429) return { error, kind: 'refused' }
  if (status >= 500 && error.code !== 'kube-invalid')
    return { error, kind: status === 503 && retryAfterMs !== undefined ? 'refused' : 'fault' }
  return { error, kind: 'final' }
}

/** The Status of an error answer; where something in between answered (a proxy's page), the start of its text is all there is. */
export function parseStatus(text: string): KubeStatus {
  if (!text.startsWith('{')) return { message: `the answer is no Kubernetes Status: ${text.slice(0, 200).trim()}` }
  try {
    return decodeJson(text) as KubeStatus
  } catch {
    return { message: 'the answer is cut off' }
  }
}

/** Retry-After in milliseconds: seconds, or a date. */
function parseRetryAfter(value: string | null, clock: Clock): number | undefined {
  if (value === null || value === '') return undefined
  const seconds = Number(value)
  if (Number.isFinite(seconds)) return Math.max(0, seconds * 1000)
  const date = Date.parse(value)
  return Number.isNaN(date) ? undefined : Math.max(0, date - clock.now())
}

/** Full jitter: anything between half of the exponential delay and all of it. */
function backoff(repeats: number, random: Random): number {
  const ceiling = Math.min(maxDelayMs, firstDelayMs * 2 ** repeats)
  const share = (random.bytes(1)[0] ?? 0) / 255
  return Math.round(ceiling * (0.5 + share / 2))
}

function timeoutError(call: Call, ms: number): EngineError {
  return new EngineError(`the API server did not answer within ${ms} ms`, {
    code: 'kube-timeout',
    disposition: 'retry',
    data: { verb: call.context.verb },
  })
}

/** The error for a cluster that gave no answer. Transports use the same code. */
export function unreachable(cluster: string, cause: unknown): EngineError {
  const detail = cause instanceof Error ? cause.message : String(cause)
  return new EngineError(`cluster '${cluster}' cannot be reached: ${detail}`, {
    code: 'cluster-unreachable',
    disposition: 'retry',
    data: { cluster },
    cause,
  })
}
