import { EngineError, isEngineError, printUrl } from '../base/index.ts'
import type { Clock } from '../ports/index.ts'
import type { RequestDeps, SourceRequest, SourceResponse } from './request.ts'
import { drain, readBody, retryAfterMs, sendRequest } from './request.ts'

/** What fetching needs besides sending. */
export interface FetchDeps extends RequestDeps {
  readonly clock: Clock
}

/** How a fetch is repeated and what its failures are called. */
export interface FetchOptions {
  /** Tries in all. Default 4. */
  readonly attempts?: number
  /** Condition reason of failures other than a refused login. */
  readonly reason: string
  /** Statuses besides 2xx that are answers, not failures. */
  readonly accept?: readonly number[]
  /** Condition reason of 401 and 403. Default `AuthenticationFailed`. */
  readonly deniedReason?: string
}

const firstPauseMs = 200

/** A server that asks for more patience than this is tried again by the next run. */
const maxPauseMs = 10_000

/**
 * Sends a request that may be repeated (GET and HEAD, or one whose body may be sent twice), again after 429, 5xx and lost connections with growing pauses, or after as long as the server
 * asks for. Answers with a status of 2xx or one of `accept`.
 *
 * @throws EngineError `source-denied` (401, 403), `source-not-found` (404), `source-unavailable` (`retry`), `source-refused` for other statuses.
 */
export async function fetchSource(
  deps: FetchDeps,
  request: SourceRequest,
  options: FetchOptions,
): Promise<SourceResponse> {
  const attempts = options.attempts ?? 4
  for (let attempt = 1; ; attempt++) {
    const outcome = await sendOnce(deps, request, options)
    if (!isEngineError(outcome)) return outcome
    const pause = outcome.retryAfterMs ?? firstPauseMs * 2 ** (attempt - 1)
    if (outcome.disposition !== 'retry' || attempt >= attempts || pause > maxPauseMs || request.signal.aborted)
      throw outcome
    await pauseFor(deps.clock, pause, request.signal, outcome)
  }
}

/**
 * Fetches a whole body, at most `maxBytes`. A body that breaks off is fetched again like a failed request.
 *
 * @throws as {@link fetchSource}; `response-too-large`.
 */
export async function fetchBytes(
  deps: FetchDeps,
  request: SourceRequest,
  options: FetchOptions & { readonly maxBytes: number },
): Promise<{ readonly response: SourceResponse; readonly bytes: Uint8Array }> {
  return withRetries(deps, request, options, async () => {
    const response = await fetchSource(deps, request, options)
    return { response, bytes: await readBody(response, options.maxBytes) }
  })
}

/** Runs `work`, which reads a body, again where the body broke off. */
export async function withRetries<T>(
  deps: FetchDeps,
  request: SourceRequest,
  options: FetchOptions,
  work: () => Promise<T>,
): Promise<T> {
  const attempts = options.attempts ?? 4
  for (let attempt = 1; ; attempt++) {
    try {
      return await work()
    } catch (caught) {
      if (isEngineError(caught)) throw caught
      const error = new EngineError(
        `the answer of ${printUrl(request.url)} ${request.signal.aborted ? 'did not end in time' : 'broke off'}`,
        { code: 'source-unavailable', disposition: 'retry', reason: options.reason, cause: caught },
      )
      if (attempt >= attempts || request.signal.aborted) throw error
      await pauseFor(deps.clock, firstPauseMs * 2 ** (attempt - 1), request.signal, error)
    }
  }
}

async function sendOnce(
  deps: FetchDeps,
  request: SourceRequest,
  options: FetchOptions,
): Promise<SourceResponse | EngineError> {
  try {
    const response = await sendRequest(deps, request)
    const { status } = response
    if ((status >= 200 && status < 300) || options.accept?.includes(status) === true) return response
    await drain(response)
    return statusError(response, options, deps.clock.now())
  } catch (error) {
    if (!isEngineError(error)) throw error
    return new EngineError(error.message, {
      code: error.code,
      disposition: error.disposition === 'retry' && error.code !== 'redirect-refused' ? 'retry' : 'stall',
      reason: error.reason ?? options.reason,
      data: error.data,
      cause: error,
    })
  }
}

function statusError(response: SourceResponse, options: FetchOptions, now: number): EngineError {
  const { status } = response
  const at = printUrl(response.url)
  if (status === 401 || status === 403) {
    return new EngineError(`${at} refuses access (status ${status}); check the credentials in the Secret`, {
      code: 'source-denied',
      reason: options.deniedReason ?? 'AuthenticationFailed',
    })
  }
  if (status === 404)
    return new EngineError(`${at} does not exist (status 404)`, { code: 'source-not-found', reason: options.reason })
  const isTransient = status === 429 || status === 408 || status >= 500
  const retryAfter = retryAfterMs(response.headers, now)
  return new EngineError(`${at} answered with status ${status}`, {
    code: isTransient ? 'source-unavailable' : 'source-refused',
    disposition: isTransient ? 'retry' : 'stall',
    reason: options.reason,
    data: { status },
    ...(isTransient && retryAfter !== undefined ? { retryAfterMs: retryAfter } : {}),
  })
}

async function pauseFor(clock: Clock, ms: number, signal: AbortSignal, because: EngineError): Promise<void> {
  try {
    await clock.sleep(ms, signal)
  } catch {
    throw because // The deadline came first: what went wrong before tells more.
  }
}
