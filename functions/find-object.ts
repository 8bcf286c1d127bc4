import { EngineError } from '../src/base/index.ts'
import {
  idOfSummary,
  readCluster,
  readOneClusterHealth,
  stateOf,
  type ObservedCluster,
  type ObservedObject,
} from '../src/observe/index.ts'
import {
  readHistory,
  windowStates,
  type HistoryEntry,
  type ObjectSummary,
  type WindowState,
} from '../src/reconcile/index.ts'
import type { FunctionDeps } from './deps.ts'
import type { ObjectTarget } from './look.ts'
import { observeDeps } from './observe-deps.ts'

/** An object of the store, and what else is known of its cluster. Throws EngineError `cluster-unknown`, `not-found`. */
export async function findObject(
  deps: FunctionDeps,
  key: ObjectTarget,
): Promise<{ readonly object: ObservedObject; readonly observed: ObservedCluster }> {
  findCluster(deps, key.cluster)
  const health = await readOneClusterHealth(observeDeps(deps), key.cluster)
  const observed = await readCluster(deps, health)
  const id = idOfSummary(key)
  const summary = observed.lookup(id)
  if (summary === undefined) throw notFound(`no run has seen ${id} in the cluster ${key.cluster}`)
  return { object: { cluster: key.cluster, summary, state: stateOf(summary, observed.lookup) }, observed }
}

/** Checks that the configuration has a cluster. Throws EngineError `cluster-unknown`. */
export function findCluster(deps: Pick<FunctionDeps, 'config'>, cluster: string): void {
  const known = deps.config.clusters.map((one) => one.name)
  if (known.includes(cluster)) return
  throw new EngineError(`there is no cluster ${cluster}; known are ${known.join(', ')}`, { code: 'cluster-unknown' })
}

/** The error for what is not there, or may not be seen. */
export function notFound(message: string): EngineError {
  return new EngineError(message, { code: 'not-found' })
}

/** What runs did to an object, newest first, older than the run `before` where it is given; at most `limit`. Where only an older version has noted anything, what its summary has. */
export async function historyOf(
  deps: Pick<FunctionDeps, 'state'>,
  { cluster, summary }: ObservedObject,
  page: { readonly limit: number; readonly before?: string | undefined },
): Promise<readonly HistoryEntry[]> {
  const history = await readHistory(deps.state, cluster, idOfSummary(summary), page)
  if (history.length > 0 || page.before !== undefined) return history
  return summary.outcomes.slice(0, page.limit).map(asEntry)
}

function asEntry(outcome: ObjectSummary['outcomes'][number]): HistoryEntry {
  return { ...outcome, receivedAt: outcome.at, changes: [] }
}

/** The windows that are about an object, and whether they are open now. */
export function windowsOf(
  deps: Pick<FunctionDeps, 'config' | 'clock'>,
  { cluster, summary }: ObservedObject,
): readonly WindowState[] {
  const { kind, namespace, name, windows } = summary
  if (kind !== 'Kustomization' && kind !== 'HelmRelease') return []
  return windowStates(deps.config.settings.windows ?? [], { cluster, kind, namespace, name }, windows, deps.clock.now())
}
