import type { HelmRelease } from '../../api/index.ts'
import { isEngineError, parseDuration } from '../../base/index.ts'

/** Flux's backoff ends here (`--max-retry-delay`). */
const maxDelayMs = 15 * 60_000

/**
 * Milliseconds after which a release that failed is tried again without any change: `retryInterval` where the last action has strategy
 * `RetryOnFailure`, else the interval, at most a quarter of an hour. One that is stalled looks again at its interval, and finds the same.
 */
export function retryDelayMs(object: HelmRelease, intervalMs: number): number {
  const { status, spec } = object
  if (status?.conditions?.some((condition) => condition.type === 'Stalled' && condition.status === 'True') === true)
    return intervalMs
  const action = status?.lastAttemptedReleaseAction
  const strategy = action === undefined ? undefined : spec[action]?.strategy
  if (strategy?.name !== 'RetryOnFailure') return Math.min(intervalMs, maxDelayMs)
  try {
    return parseDuration(strategy.retryInterval ?? '5m')
  } catch (error) {
    // Its step says what is wrong with it.
    if (!isEngineError(error)) throw error
    return intervalMs
  }
}
