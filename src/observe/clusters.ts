import type { Clock, StateStore } from '../ports/index.ts'

/** What reading needs. Nothing of it asks a cluster. */
export interface ObserveDeps {
  readonly state: StateStore
  readonly clock: Clock
  /** Clusters of the configuration, in its order. */
  readonly clusters: readonly string[]
  /** Milliseconds between two scans: a cluster that was not seen for a few of them is stale. */
  readonly scanIntervalMs: number
}

/** Whether what is known of a cluster is recent: `seen`, `stale` since a time, or `unknown` where nobody has noted anything. */
export interface ClusterHealth {
  readonly cluster: string
  readonly health: 'seen' | 'stale' | 'unknown'
  /** Milliseconds since 1970. */
  readonly lastSeenAt?: number
  readonly staleSince?: number
  readonly error?: { readonly code: string; readonly message: string }
}

/** What is noted of a cluster after each run, under `clusters/<name>`. */
interface ClusterNote {
  readonly lastSeenAt?: unknown
  readonly failingSince?: unknown
  readonly error?: { readonly code?: unknown; readonly message?: unknown }
}

/** Scans that may be missed before a cluster counts as stale, and the shortest time for that. */
const missedScans = 3
const minQuietMs = 180_000

/** The health of every cluster of the configuration. One list. */
export async function readClusterHealth(deps: ObserveDeps): Promise<readonly ClusterHealth[]> {
  const notes = new Map<string, ClusterNote>()
  for (let after: string | undefined; ;) {
    const page = await deps.state.list('clusters/', { limit: 200, ...(after === undefined ? {} : { after }) })
    for (const { key, value } of page) notes.set(key.slice('clusters/'.length), value as ClusterNote)
    if (page.length < 200) break
    after = page.at(-1)?.key
  }
  return deps.clusters.map((cluster) => healthOf(deps, cluster, notes.get(cluster)))
}

/** The health of one cluster. */
export async function readOneClusterHealth(deps: ObserveDeps, cluster: string): Promise<ClusterHealth> {
  return healthOf(deps, cluster, (await deps.state.get(`clusters/${cluster}`)) as ClusterNote | undefined)
}

function healthOf(deps: ObserveDeps, cluster: string, note: ClusterNote | undefined): ClusterHealth {
  if (typeof note !== 'object' || note === null) return { cluster, health: 'unknown' }
  const lastSeenAt = typeof note.lastSeenAt === 'number' && note.lastSeenAt > 0 ? note.lastSeenAt : undefined
  const failingSince = typeof note.failingSince === 'number' ? note.failingSince : undefined
  const quietMs = Math.max(minQuietMs, missedScans * deps.scanIntervalMs)
  const isQuiet = lastSeenAt !== undefined && deps.clock.now() - lastSeenAt > quietMs
  const staleSince = failingSince ?? (isQuiet ? lastSeenAt : undefined)
  const error =
    failingSince !== undefined && typeof note.error?.code === 'string'
      ? { code: note.error.code, message: typeof note.error.message === 'string' ? note.error.message : '' }
      : undefined
  const health = staleSince !== undefined ? 'stale' : lastSeenAt === undefined ? 'unknown' : 'seen'
  return {
    cluster,
    health,
    ...(lastSeenAt === undefined ? {} : { lastSeenAt }),
    ...(staleSince === undefined ? {} : { staleSince }),
    ...(error === undefined ? {} : { error }),
  }
}
