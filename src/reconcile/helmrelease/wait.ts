import { EngineError } from '../../base/index.ts'
import {
  checkHealth,
  computeHealth,
  formatFindings,
  type CheckHealthOptions,
  type Health,
  type HealthReport,
  type KubeClient,
  type ObjectKey,
} from '../../kube/index.ts'
import type { Clock } from '../../ports/index.ts'
import type { KubeObject } from '../../resources/index.ts'
import type { AppliedObject } from './apply-objects.ts'
import { legacyHealth } from './legacy-health.ts'
import { hasOrigin, type ObjectWatch } from './object-watch.ts'
import { keyOfObject, mapOf } from './objects.ts'

/** What waiting needs. */
export interface WaitContext {
  readonly client: KubeClient
  readonly watch: ObjectWatch
  readonly clock: Clock
  readonly signal: AbortSignal
  /** Milliseconds since 1970 after which this run waits for nothing any more: the next one goes on. */
  readonly deadline: number
  /** Milliseconds since 1970 at which the operation gives up. */
  readonly giveUpAt: number
  readonly pollMs: number
  readonly concurrency: number
  /** `poller`: Flux's, which fails early. `legacy`: Helm 3's readiness, which only ever waits. */
  readonly strategy: 'poller' | 'legacy'
  /** Health of kinds with rules of their own (`spec.healthCheckExprs`). */
  readonly custom?: (object: KubeObject, now: number) => Health | undefined
  /** Called before something is waited for that takes longer than a moment: the status says then what is being done. Costs nothing where it does already. */
  readonly announce: () => Promise<void>
  /** Called between two looks: keeps the lock. @throws EngineError `lease-lost`. */
  readonly keep: () => Promise<void>
}

/** Longest time between two looks at everything, with the reasons of Pods. */
const fullLookMs = 5_000
/** What is healthy by then was never said to be waited for. */
const quietMs = 1_000

/**
 * Waits until applied objects are healthy. Woken by watches; a full look, which also asks Pods for reasons, every five seconds.
 *
 * @returns what is missing when the run's time is over, undefined when all is well.
 * @throws EngineError `release-unhealthy` when something has failed (`poller`), `release-timeout`.
 */
export async function awaitHealthy(
  ctx: WaitContext,
  applied: readonly AppliedObject[],
  waitForJobs: boolean,
): Promise<string | undefined> {
  const { clock } = ctx
  let open = applied.filter(
    ({ object, live }) => !isPaused(object) && (waitForJobs || object['kind'] !== 'Job') && !isHealthy(ctx, live),
  )
  if (open.length === 0) return undefined
  const watched = open.filter(({ object }) => hasOrigin(object))
  const following = ctx.watch.follow(
    ctx.client,
    watched.map(({ object }) => keyOfObject(object)),
  )
  try {
    let nextLook = clock.now() + fullLookMs
    const announceAt = clock.now() + quietMs
    for (;;) {
      const { changes } = following
      const seen = new Map(watched.map((one) => [one, newer(one.live, following.get(keyOfObject(one.object)))]))
      const news = [...seen.values()].filter((live) => live !== undefined)
      open = open.filter((one) => !isHealthy(ctx, seen.get(one)))
      const hasFailed = ctx.strategy === 'poller' && news.some((live) => healthOf(ctx, live).status === 'Failed')
      const mustRead = open.some((one) => !watched.includes(one) || !following.isWatched(keyOfObject(one.object)))
      const isOver = clock.now() >= Math.min(ctx.deadline, ctx.giveUpAt)
      if (open.length > 0 && (hasFailed || mustRead || isOver || clock.now() >= nextLook)) {
        const report = await lookAt(ctx, open)
        if (report.ready) return undefined
        if (ctx.strategy === 'poller' && report.failed.length > 0)
          throw new EngineError(`resources not ready: ${formatFindings(report.failed)}`, {
            code: 'release-unhealthy',
            disposition: 'retry',
          })
        const missing = formatFindings([...report.failed, ...report.notReady])
        if (clock.now() >= ctx.giveUpAt)
          throw new EngineError(`timeout waiting for: ${missing}`, { code: 'release-timeout', disposition: 'retry' })
        if (clock.now() + ctx.pollMs >= ctx.deadline) return `waiting for ${missing}`
        nextLook = clock.now() + fullLookMs
      }
      if (open.length === 0) return undefined
      await ctx.keep()
      if (clock.now() >= announceAt) await ctx.announce()
      const next = clock.now() < announceAt ? Math.min(announceAt, nextLook) : nextLook
      const until = Math.min(ctx.deadline, ctx.giveUpAt, mustRead ? clock.now() + ctx.pollMs : next)
      await following.changed(changes, Math.max(1, until - clock.now()))
      if (ctx.signal.aborted) throw new EngineError('stopped while waiting', { code: 'aborted', disposition: 'retry' })
    }
  } finally {
    following.close()
  }
}

/** The watched object when it is the applied one, or a later version of it. */
function newer(applied: KubeObject, watched: KubeObject | undefined): KubeObject | undefined {
  if (watched === undefined) return undefined
  const [a, b] = [mapOf(applied['metadata']), mapOf(watched['metadata'])]
  if (a['uid'] !== b['uid'] || Number(b['generation'] ?? 0) < Number(a['generation'] ?? 0)) return undefined
  return watched
}

function isHealthy(ctx: WaitContext, live: KubeObject | undefined): boolean {
  return live !== undefined && healthOf(ctx, live).status === 'Current'
}

function healthOf(ctx: WaitContext, live: KubeObject): Health {
  const now = ctx.clock.now()
  const own = ctx.custom?.(live, now)
  if (own !== undefined) return own
  return ctx.strategy === 'legacy' ? legacyHealth(live) : computeHealth(live, now)
}

/** Reads the objects that are open, in the same words as Flux's health checks. */
async function lookAt(ctx: WaitContext, open: readonly AppliedObject[]): Promise<HealthReport> {
  const options: CheckHealthOptions = {
    targets: open.map(({ object, live }) => ({ key: keyOfApplied(object, live), desired: object })),
    budgetMs: 0,
    concurrency: ctx.concurrency,
    custom: (live) => healthOf(ctx, live),
    signal: ctx.signal,
  }
  return await checkHealth(ctx.client, options)
}

/** An object that the server has named is found under that name. */
function keyOfApplied(object: KubeObject, live: KubeObject): ObjectKey {
  return { ...keyOfObject(object), name: keyOfObject(live).name }
}

function isPaused(object: KubeObject): boolean {
  return object['kind'] === 'Deployment' && mapOf(object['spec'])['paused'] === true
}
