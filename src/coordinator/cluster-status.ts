import type { Json } from '../base/index.ts'
import type { StateStore } from '../ports/index.ts'

/** What is known of a cluster's API server, for those who read: in the state store under `clusters/<name>`. */
export interface ClusterStatus {
  readonly cluster: string
  /** Milliseconds since 1970 of the last answer. */
  readonly lastSeenAt?: number
  /** Since when it does not answer. */
  readonly failingSince?: number
  readonly error?: { readonly code: string; readonly message: string }
  /** When it is asked again. */
  readonly retryAt?: number
}

/** An answer that is news only after this time is not written down each time. */
const refreshMs = 30_000

/** Keeps the status of one cluster. Best effort: what cannot be written is seen by the next run. */
export interface ClusterStatusKeeper {
  seen(now: number): Promise<void>
  failed(failure: Required<Pick<ClusterStatus, 'failingSince' | 'error' | 'retryAt'>>): Promise<void>
}

/** See {@link ClusterStatusKeeper}. Reads what an earlier instance has left once. */
export function createClusterStatusKeeper(state: StateStore, cluster: string): ClusterStatusKeeper {
  const key = `clusters/${cluster}`
  let known: ClusterStatus | undefined
  const load = async (): Promise<ClusterStatus> =>
    (known ??= ((await state.get(key)) as unknown as ClusterStatus | undefined) ?? { cluster })
  const save = async (status: ClusterStatus): Promise<void> => {
    known = status
    await state.put(key, JSON.parse(JSON.stringify(status)) as Json)
  }
  return {
    seen: async (now) => {
      const { lastSeenAt = 0, failingSince } = await load()
      if (failingSince === undefined && now - lastSeenAt < refreshMs) return
      await save({ cluster, lastSeenAt: now })
    },
    failed: async (failure) => {
      const { lastSeenAt } = await load()
      await save({ cluster, ...(lastSeenAt === undefined ? {} : { lastSeenAt }), ...failure })
    },
  }
}
