import { EngineError } from '../../src/base/index.ts'
import {
  openManifests,
  type ManifestFile,
  type OpenManifests,
  type StoredApplication,
  type StoredSide,
} from '../../src/reconcile/index.ts'
import type { FunctionDeps } from '../deps.ts'
import { isPlanId, readPlan, type PlanRecord, type RecordDeps } from '../plans/records.ts'

/** The two commits. */
export const manifestSides = ['base', 'head'] as const
export type ManifestSideName = (typeof manifestSides)[number]

/** What one cluster has of a plan's manifests, as a reader may see it. */
export interface ClusterManifests {
  readonly cluster: string
  /** `missing`: the cluster has not stored them yet, or they are gone. `forged`: what is stored is not what was; nothing of it is shown. */
  readonly state: 'stored' | 'missing' | 'forged'
  readonly applications: readonly StoredApplication[]
  readonly omitted: readonly string[]
  readonly omittedCount: number
  readonly read: (side: StoredSide) => Promise<readonly ManifestFile[]>
}

/** The manifests of a plan. */
export interface PlanManifests {
  readonly plan: PlanRecord
  readonly clusters: readonly ClusterManifests[]
}

/** Everything that the clusters have stored of a plan's manifests. @throws EngineError of the store. */
export async function readAllManifests(records: RecordDeps, plan: PlanRecord): Promise<readonly ClusterManifests[]> {
  return Promise.all(
    plan.clusters.map(async (cluster): Promise<ClusterManifests> => {
      const of = { plan: plan.id, cluster, run: plan.run }
      const stored = await openManifests(records.state, records.key, of)
      if (stored.kind === 'manifests') return opened(cluster, stored.manifests)
      if (stored.kind === 'forged')
        records.logger.log('error', 'manifests of a plan are not ours', { plan: plan.id, cluster })
      return nothingOf(cluster, stored.kind === 'forged' ? 'forged' : 'missing')
    }),
  )
}

function opened(cluster: string, { index, read }: OpenManifests): ClusterManifests {
  const { applications, omitted, omittedCount } = index
  return { cluster, state: 'stored', applications, omitted, omittedCount, read }
}

function nothingOf(cluster: string, state: 'missing' | 'forged'): ClusterManifests {
  return {
    cluster,
    state,
    applications: [],
    omitted: [],
    omittedCount: 0,
    read: () => Promise.reject(noManifests()),
  }
}

/**
 * The manifests of a plan as its reader may see them: applications of theirs alone, as in the plan. Undefined where there are none for them, where the plan has none, and where there is no plan.
 *
 * @throws EngineError of the store.
 */
export async function findManifests(deps: FunctionDeps, id: string): Promise<PlanManifests | undefined> {
  const { config, logger, reader } = deps
  if (config.planKey === undefined || !isPlanId(id)) return undefined
  const { state } = deps.planSource ?? deps
  const records = { state, key: config.planKey, logger }
  const plan = await readPlan(records, id)
  if (plan?.change.manifests !== true) return undefined
  if (reader === undefined || reader.seesAll) return { plan, clusters: await readAllManifests(records, plan) }
  const clusters = plan.clusters.filter((cluster) => reader.maySee({ cluster }))
  const seen = (await readAllManifests(records, { ...plan, clusters })).map((one) => {
    if (reader.seesWhole(one.cluster)) return one
    const applications = one.applications.filter(({ kind, namespace, name }) =>
      reader.maySee({ cluster: one.cluster, kind, namespace, name }),
    )
    const omitted = one.omitted.filter((label) => isSeen(reader, one.cluster, label))
    return { ...one, applications, omitted, omittedCount: omitted.length }
  })
  const isNothing = seen.every(({ applications, omitted }) => applications.length === 0 && omitted.length === 0)
  return isNothing ? undefined : { plan, clusters: seen }
}

function isSeen(reader: NonNullable<FunctionDeps['reader']>, cluster: string, label: string): boolean {
  const [kind = '', namespace = '', name = ''] = label.split('/')
  return reader.maySee({ cluster, kind, namespace, name })
}

/** Names one application of a plan. */
export interface ManifestTarget {
  readonly cluster: string
  readonly kind: string
  readonly namespace: string
  readonly name: string
}

/** An application among those that a reader may see, with a way to its texts. */
export function findApplication(
  { clusters }: PlanManifests,
  { cluster, kind, namespace, name }: ManifestTarget,
): { readonly application: StoredApplication; readonly read: ClusterManifests['read'] } | undefined {
  const found = clusters.find((one) => one.cluster === cluster)
  const application = found?.applications.find(
    (one) => one.kind === kind && one.namespace === namespace && one.name === name,
  )
  return found === undefined || application === undefined ? undefined : { application, read: found.read }
}

/** One answer for all that is not there or not to be seen. */
export function noManifests(): EngineError {
  return new EngineError('there are no such manifests', { code: 'not-found' })
}
