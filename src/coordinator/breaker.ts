/** Keeps a cluster that does not answer from being asked again and again. Plain state of one coordinator; losing it means one more request. */
export interface Breaker {
  /** Milliseconds to wait before the cluster is asked again; 0: now. Whoever is let through while it counts as dead is the only one until it is known how that ended. */
  enter(now: number): number
  /** The cluster has answered. */
  close(): void
  /** It has not. @returns milliseconds until somebody is let through again. */
  open(now: number): number
  /** When it began not to answer, in milliseconds since 1970; undefined while it does. */
  readonly failingSince: number | undefined
}

/** The first wait, and the longest: a scan comes once a minute and must find it half open. */
const firstWaitMs = 1_000
const maxWaitMs = 50_000

/** A breaker for a cluster that counts as alive. */
export function createBreaker(): Breaker {
  let failingSince: number | undefined
  let failures = 0
  let openUntil = 0
  let isProbing = false
  return {
    get failingSince() {
      return failingSince
    },
    enter: (now) => {
      if (failingSince === undefined) return 0
      if (isProbing) return Math.max(firstWaitMs, openUntil - now)
      if (now < openUntil) return openUntil - now
      isProbing = true
      return 0
    },
    close: () => {
      failingSince = undefined
      failures = 0
      isProbing = false
    },
    open: (now) => {
      failingSince ??= now
      isProbing = false
      // Several that were under way fail together; that is one failure.
      if (now >= openUntil) {
        openUntil = now + Math.min(maxWaitMs, firstWaitMs * 2 ** failures)
        failures += 1
      }
      return openUntil - now
    },
  }
}
