import { EngineError } from '../src/base/index.ts'
import type { Clock } from '../src/ports/index.ts'

/** Bytes of request bodies held at the same time by this process or isolate. */
export interface BodyBudget {
  /** Takes `bytes` from the budget; false when they are not there. */
  tryReserve(bytes: number): boolean
  release(bytes: number): void
}

/** A budget of `total` bytes, so that many large bodies at once cannot exhaust the memory. */
export function createBodyBudget(total: number): BodyBudget {
  let left = total
  return {
    tryReserve: (bytes) => {
      if (bytes > left) return false
      left -= bytes
      return true
    },
    release: (bytes) => {
      left += bytes
    },
  }
}

/** Bounds of reading one body. */
export interface BodyLimits {
  readonly maxBytes: number
  readonly timeoutMs: number
  readonly budget: BodyBudget
  readonly clock: Clock
}

/**
 * Reads the body of a request and gives it to `use`; its bytes count against the budget until that is done.
 *
 * Throws EngineError `body-too-large` (before reading anything where Content-Length says so), `body-too-slow` when it has not arrived in
 * time, `body-budget-spent` when too much is being held already.
 */
export async function withBody<T>(
  request: Request,
  limits: BodyLimits,
  use: (body: Uint8Array) => Promise<T>,
): Promise<T> {
  const announced = Number(request.headers.get('content-length') ?? 'NaN')
  if (announced > limits.maxBytes) throw await refuse(request.body, tooLarge(limits.maxBytes))
  if (request.body === null) return use(new Uint8Array())
  let held = 0
  const reserve = (bytes: number): void => {
    if (!limits.budget.tryReserve(bytes)) throw budgetSpent()
    held += bytes
  }
  const reader = request.body.getReader()
  const done = new AbortController()
  const late = limits.clock.sleep(limits.timeoutMs, done.signal).then(() => Promise.reject(tooSlow(limits.timeoutMs)))
  late.catch(() => undefined) // Rejects unseen when the body came in time.
  try {
    const chunks: Uint8Array[] = []
    let size = 0
    for (;;) {
      const { done: isEnd, value } = await Promise.race([reader.read(), late])
      if (isEnd) break
      size += value.length
      if (size > limits.maxBytes) throw tooLarge(limits.maxBytes)
      reserve(value.length)
      chunks.push(value)
    }
    done.abort()
    return await use(concat(chunks, size))
  } catch (error) {
    // Not awaited: cancelling waits for a sender that may never go on.
    reader.cancel().catch(() => undefined)
    throw error
  } finally {
    done.abort()
    limits.budget.release(held)
  }
}

async function refuse(body: ReadableStream<Uint8Array> | null, error: EngineError): Promise<EngineError> {
  await body?.cancel().catch(() => undefined)
  return error
}

function concat(chunks: readonly Uint8Array[], size: number): Uint8Array {
  const only = chunks[0]
  if (chunks.length === 1 && only !== undefined) return only
  const whole = new Uint8Array(size)
  let at = 0
  for (const chunk of chunks) {
    whole.set(chunk, at)
    at += chunk.length
  }
  return whole
}

function tooLarge(maxBytes: number): EngineError {
  return new EngineError(`the body is larger than ${maxBytes} bytes`, { code: 'body-too-large' })
}

function tooSlow(timeoutMs: number): EngineError {
  return new EngineError(`the body did not arrive within ${timeoutMs / 1000} seconds`, {
    code: 'body-too-slow',
    disposition: 'retry',
  })
}

function budgetSpent(): EngineError {
  return new EngineError('too many large requests at the same time; try again', {
    code: 'body-budget-spent',
    disposition: 'retry',
  })
}
