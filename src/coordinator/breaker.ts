/** Codes of a run that has failed as a whole because the cluster does not answer: no connection, or one on which nothing comes. */
export const deadCodes: ReadonlySet<string> = new Set(['cluster-unreachable', 'kube-timeout'])

/** Keeps a cluster that does not answer from being asked again and again. Plain state of one coordinator; losing it means one more request. */
export interface Breaker {
  /**
   * Milliseconds to wait before the cluster is asked again; 0: now. Whoever is let through while it counts as dead is the only one until it is known how that ended,
   * and so must `leave` in any case.
   */
  enter(now: number, who: object): number
  /** Whoever was let through has ended. Where that was the only one, and it is still not known whether the cluster answers, the next one is let through. */
  leave(who: object): void
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
  let probe: object | undefined
  return {
    get failingSince() {
      return failingSince
    },
    enter: (now, who) => {
      if (failingSince === undefined) return 0
      if (probe !== undefined) return Math.max(firstWaitMs, openUntil - now)
      if (now < openUntil) return openUntil - now
      probe = who
      return 0
    },
    leave: (who) => {
      if (probe === who) probe = undefined
    },
    close: () => {
      failingSince = undefined
      failures = 0
      probe = undefined
    },
    open: (now) => {
      failingSince ??= now
      probe = undefined
      // Several that were under way fail together; that is one failure.
      if (now >= openUntil) {
        openUntil = now + Math.min(maxWaitMs, firstWaitMs * 2 ** failures)
        failures += 1
      }
      return openUntil - now
    },
  }
}
