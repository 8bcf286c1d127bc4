import { EngineError } from '../../base/index.ts'
import { acquireLease, isHeld } from '../../kube/index.ts'
import type { HelmRelease } from '../../api/index.ts'
import type { RunContext } from '../context.ts'
import { idOf } from '../world.ts'

/** The lock under which a release is changed. */
export interface ReleaseLock {
  /** Fencing token: grows with every holder. */
  readonly fence: number
  /** To be called between the parts of an operation: prolongs the lock when half of its time is over. @throws EngineError `lease-lost`: stop writing. */
  keep(): Promise<void>
  /** Gives the lock back. What goes wrong is of no consequence: it expires. */
  release(): Promise<void>
}

/** Name of the Lease of a HelmRelease, in its namespace. */
export function leaseNameOf(object: HelmRelease): string {
  return `helmrelease-${object.metadata.name}`
}

/**
 * Takes the lock of a HelmRelease, or says who holds it. It is a Lease of the deployment's own identity, so that two replicas, or two invocations
 * of one function, never change a release at the same time. One that was killed holds it until it expires.
 */
export async function lockRelease(ctx: RunContext, object: HelmRelease): Promise<ReleaseLock | string> {
  const { clock, limits, random } = ctx.deps
  const unique = [...random.bytes(6)].map((byte) => byte.toString(16).padStart(2, '0')).join('')
  const namespace = object.metadata.namespace ?? ''
  const name = leaseNameOf(object)
  const lease = await acquireLease(ctx.client, {
    namespace,
    name,
    known: await ctx.helm.leases.find(ctx.client, namespace, name, ctx.signal),
    holder: `${ctx.job.runId}-${unique}`,
    durationMs: limits.releaseLeaseMs,
    clockSkewMs: Math.min(2_000, limits.releaseLeaseMs / 4),
    signal: ctx.signal,
  })
  if (!isHeld(lease))
    return `run ${lease.heldBy} is working on it until ${new Date(lease.expiresAt).toISOString()} at most`
  return {
    fence: lease.fence,
    keep: async () => {
      if (lease.expiresAt() - clock.now() < limits.releaseLeaseMs / 2) await lease.renew()
    },
    release: async () => {
      try {
        await lease.release()
      } catch (error) {
        if (error instanceof EngineError)
          ctx.deps.logger.log('warn', 'lock not released', { object: idOf(object), code: error.code })
        else throw error
      }
    },
  }
}
