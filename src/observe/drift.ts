import { mapLimit } from '../base/index.ts'
import { readDriftNotes, type DriftNote } from '../reconcile/index.ts'
import { readClusterHealth, type ClusterHealth, type ObserveDeps } from './clusters.ts'
import { readCluster } from './objects.ts'

/** Clusters that are read at the same time. */
const concurrency = 4

/** An application of a cluster that differs from what Git says. */
export interface DriftedApplication {
  readonly cluster: string
  /** Id of the Kustomization or HelmRelease. */
  readonly id: string
  readonly differences: readonly DriftNote[]
}

/** What differs on all clusters, as far as looks have noted it. */
export interface DriftOverview {
  readonly applications: readonly DriftedApplication[]
  /** Clusters with more drifted applications than are read. */
  readonly omitted: readonly string[]
  readonly stale: readonly ClusterHealth[]
  /** Clusters that no run has looked at yet. */
  readonly unseen: readonly string[]
}

/**
 * What the last look at each application has found that somebody else changed, in the order of the configuration, then of names. What is known of applications that are gone is left
 * out. Asks no cluster.
 */
export async function readDrift(deps: ObserveDeps, only?: string): Promise<DriftOverview> {
  const health = (await readClusterHealth(deps)).filter(({ cluster }) => only === undefined || cluster === only)
  const perCluster = await mapLimit(health, concurrency, async (one) => {
    const { notes, omitted } = await readDriftNotes(deps.state, one.cluster)
    const { lookup } = notes.length === 0 ? { lookup: () => undefined } : await readCluster(deps, one)
    const known = notes.filter(({ owner }) => lookup(owner) !== undefined)
    const applications = [...Map.groupBy(known, ({ owner }) => owner)].map(([id, differences]) => ({
      cluster: one.cluster,
      id,
      differences,
    }))
    return { applications, omitted, one }
  })
  return {
    applications: perCluster.flatMap(({ applications }) => applications),
    omitted: perCluster.filter(({ omitted }) => omitted).map(({ one }) => one.cluster),
    stale: health.filter((one) => one.health === 'stale'),
    unseen: health.filter((one) => one.health === 'unknown').map(({ cluster }) => cluster),
  }
}
