import { EngineError } from '../base/index.ts'
import type { CallOptions, KubeClient } from './client-types.ts'
import { isConflict } from './errors.ts'
import type { ObjectKey } from './object-key.ts'
import { isRepeatable } from './status.ts'

export interface LeaseOptions extends CallOptions {
  readonly namespace: string
  readonly name: string
  /** Unique per run: two runs never have the same. */
  readonly holder: string
  /** Without a renewal the lock is anybody's after this time. */
  readonly durationMs: number
  /** How far the clocks of two holders may be apart. Default 2,000. */
  readonly clockSkewMs?: number
  /** The Lease as it was a while ago, null where there was none: saves the first read. What was written since is noticed. */
  readonly known?: LeaseObject | null | undefined
}

/** A lock that is held. */
export interface HeldLease {
  /** Grows with every acquisition by anybody: what carries a smaller one comes from a holder that has lost the lock. */
  readonly fence: number
  /** Milliseconds since 1970 until which it is held without a further renewal. */
  expiresAt(): number
  /** Prolongs it. @throws EngineError `lease-lost` (`retry`): stop writing at once. */
  renew(): Promise<void>
  /** Gives it up. Does nothing when it was lost. */
  release(): Promise<void>
}

/** Somebody else holds it, until `expiresAt` at most. */
export interface BusyLease {
  readonly heldBy: string
  readonly expiresAt: number
}

/** A Lease as the API has it. */
export interface LeaseObject {
  readonly metadata: { readonly name?: string; readonly resourceVersion?: string; readonly uid?: string }
  readonly spec?: {
    readonly holderIdentity?: string
    readonly leaseDurationSeconds?: number
    readonly acquireTime?: string
    readonly renewTime?: string
    readonly leaseTransitions?: number
  }
}

/** The kind of the locks. */
export const leaseKind = { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease' } as const

/**
 * Takes a lock in the cluster (coordination.k8s.io/v1 Lease, the fields as client-go's leader election writes them), or says who holds it.
 * An expired one is taken over. All writes are bound to the version that was read, so that of several callers one succeeds.
 */
export async function acquireLease(client: KubeClient, options: LeaseOptions): Promise<HeldLease | BusyLease> {
  const key: ObjectKey = {
    ...leaseKind,
    namespace: options.namespace,
    name: options.name,
  }
  for (let round = 0; ; round++) {
    const isKnown = round === 0 && options.known !== undefined
    const found = isKnown
      ? (options.known ?? undefined)
      : await client.get<LeaseObject>(key, { signal: options.signal })
    const now = client.clock.now()
    const isOurs = found?.spec?.holderIdentity === options.holder
    const expiresAt = found ? expiryOf(found) : 0
    if (
      found &&
      !isOurs &&
      (found.spec?.holderIdentity ?? '') !== '' &&
      now <= expiresAt + (options.clockSkewMs ?? 2_000)
    ) {
      // It may have been given back since.
      if (isKnown) continue
      return { heldBy: found.spec?.holderIdentity ?? '', expiresAt }
    }
    // Found with our name: an acquisition whose answer was lost. It counts.
    const fence = isOurs ? (found?.spec?.leaseTransitions ?? 0) : (found?.spec?.leaseTransitions ?? 0) + 1
    const body = leaseBody(key, options, now, fence, found)
    try {
      const written = found
        ? await client.update(body, { signal: options.signal })
        : await client.create(body, { signal: options.signal })
      return holdLease(client, key, options, { fence, lease: written as LeaseObject, renewedAt: now })
    } catch (error) {
      if (!isRepeatable(error) || round >= 5) throw error
    }
  }
}

/** True for a lock that was taken. */
export function isHeld(lease: HeldLease | BusyLease): lease is HeldLease {
  return 'fence' in lease
}

function expiryOf(lease: LeaseObject): number {
  const renewed = Date.parse(lease.spec?.renewTime ?? '')
  return Number.isNaN(renewed) ? 0 : renewed + (lease.spec?.leaseDurationSeconds ?? 0) * 1000
}

function leaseBody(
  key: ObjectKey,
  options: LeaseOptions,
  now: number,
  fence: number,
  found: LeaseObject | undefined,
): LeaseObject & object {
  const time = microTime(now)
  const isOurs = found?.spec?.holderIdentity === options.holder
  return {
    apiVersion: key.apiVersion,
    kind: key.kind,
    metadata: { ...found?.metadata, name: key.name, namespace: key.namespace },
    spec: {
      ...found?.spec,
      holderIdentity: options.holder,
      leaseDurationSeconds: Math.max(1, Math.ceil(options.durationMs / 1000)),
      acquireTime: isOurs ? (found?.spec?.acquireTime ?? time) : time,
      renewTime: time,
      leaseTransitions: fence,
    },
  } as LeaseObject
}

interface Hold {
  readonly fence: number
  readonly lease: LeaseObject
  readonly renewedAt: number
}

function holdLease(client: KubeClient, key: ObjectKey, options: LeaseOptions, first: Hold): HeldLease {
  let hold: Hold | undefined = first
  const write = async (edit: (lease: LeaseObject, now: number) => LeaseObject & object): Promise<void> => {
    for (let round = 0; ; round++) {
      if (!hold) throw lostError(options)
      const now = client.clock.now()
      try {
        const written: LeaseObject = await client.update(edit(hold.lease, now), { signal: options.signal })
        hold = { ...hold, lease: written, renewedAt: now }
        return
      } catch (error) {
        if (!isRepeatable(error) || round >= 5) throw isConflict(error) ? lostError(options) : error
      }
      const found: LeaseObject | undefined = await client.get<LeaseObject>(key, { signal: options.signal })
      const isStillOurs = found?.spec?.holderIdentity === options.holder && found.spec.leaseTransitions === hold.fence
      hold = isStillOurs && found ? { ...hold, lease: found } : undefined
    }
  }
  return {
    fence: first.fence,
    expiresAt: () => (hold ? hold.renewedAt + options.durationMs : 0),
    renew: () => write((lease, now) => leaseBody(key, options, now, first.fence, lease)),
    release: async () => {
      try {
        await write((lease, now) => {
          const body = leaseBody(key, options, now, first.fence, lease)
          return { ...body, spec: { ...body.spec, holderIdentity: '', leaseDurationSeconds: 1 } }
        })
      } catch (error) {
        if (!(error instanceof EngineError) || !['lease-lost', 'kube-not-found'].includes(error.code)) throw error
      }
      hold = undefined
    },
  }
}

/** RFC 3339 with microseconds, as the API's MicroTime wants it. */
function microTime(ms: number): string {
  return new Date(ms).toISOString().replace('Z', '000Z')
}

function lostError(options: LeaseOptions): EngineError {
  return new EngineError(
    `the lock ${options.namespace}/${options.name} was taken over by another run; this one must stop`,
    {
      code: 'lease-lost',
      disposition: 'retry',
    },
  )
}
