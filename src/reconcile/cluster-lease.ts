import { EngineError } from '../base/index.ts'
import { acquireLease, isHeld, type HeldLease, type KubeClient } from '../kube/index.ts'

/** Keeps the replicas of a deployment from working on one cluster at the same time. */
export interface ClusterLease {
  /**
   * Does `work` while the lock is held; several at a time share it. `lost` aborts when somebody else may have taken it.
   * @throws EngineError `cluster-busy` (`retry`) where another replica has it, and what `work` throws.
   */
  hold<T>(work: (lost: AbortSignal) => Promise<T>, signal: AbortSignal): Promise<T>
}

/** What the lock is made of. */
export interface ClusterLeaseOptions {
  /** Made when the lock is first needed. */
  readonly client: () => Promise<KubeClient>
  /** Namespace of the Lease, which must be there. */
  readonly namespace: string
  /** Unique per process. */
  readonly holder: string
  /** How long a replica that was killed keeps the others away. Default: 15 seconds. */
  readonly durationMs?: number
}

const leaseName = 'sluice'
const defaultDurationMs = 15_000

/** How soon a replica asks again that has found the lock taken. */
const retryAfterMs = 1_000

/** A lock in the cluster itself: a Lease, as leader election of Kubernetes' own controllers has it. It is given back whenever there is nothing to do. */
export function createClusterLease(options: ClusterLeaseOptions): ClusterLease {
  let held: Promise<Held> | undefined
  let users = 0
  const release = async (): Promise<void> => {
    users -= 1
    if (users > 0) return
    const last = held
    held = undefined
    await last?.then((one) => one.end()).catch(() => undefined)
  }
  return {
    hold: async (work, signal) => {
      users += 1
      held ??= take(options, signal)
      const current = held
      try {
        return await work((await current).lost)
      } finally {
        await release()
      }
    },
  }
}

interface Held {
  readonly lost: AbortSignal
  end(): Promise<void>
}

async function take(options: ClusterLeaseOptions, signal: AbortSignal): Promise<Held> {
  const { namespace, holder, durationMs = defaultDurationMs } = options
  const client = await options.client()
  const lease = await acquireLease(client, { namespace, name: leaseName, holder, durationMs, signal })
  if (!isHeld(lease)) {
    throw new EngineError(`another replica (${lease.heldBy}) works on this cluster`, {
      code: 'cluster-busy',
      disposition: 'retry',
      retryAfterMs,
    })
  }
  const lost = new AbortController()
  const ended = new AbortController()
  const renewing = keepRenewing(client, lease, durationMs / 3, ended.signal).catch((error: unknown) =>
    lost.abort(error),
  )
  return {
    lost: lost.signal,
    end: async () => {
      ended.abort()
      await renewing
      if (!lost.signal.aborted) await lease.release()
    },
  }
}

/** Renews until `ended`. Rejects when the lock is lost, or could not be renewed in time. */
async function keepRenewing(client: KubeClient, lease: HeldLease, everyMs: number, ended: AbortSignal): Promise<void> {
  for (;;) {
    await client.clock.sleep(everyMs, ended).catch(() => undefined)
    if (ended.aborted) return
    try {
      await lease.renew()
    } catch (error) {
      if (ended.aborted) return
      // One that fails leaves time for another, as long as the lock is certainly ours.
      if (client.clock.now() + everyMs >= lease.expiresAt() || isLost(error)) throw error
    }
  }
}

function isLost(error: unknown): boolean {
  return error instanceof EngineError && error.code === 'lease-lost'
}
