import { toEngineError } from '../src/base/index.ts'
import {
  idOfSummary,
  readApplication,
  readCluster,
  readDrift,
  readOneClusterHealth,
  relationsOf,
  stateOf,
} from '../src/observe/index.ts'
import { readHistory, windowStates, type HistoryEntry, type ObjectSummary } from '../src/reconcile/index.ts'
import { applicationPage, clusterPage, driftPage, type ApplicationView, type WaitingList } from '../src/ui/index.ts'
import type { AccessTarget } from './access/roles.ts'
import { noticeOf } from './actions/notice.ts'
import { offerFor } from './actions/offer.ts'
import { findCluster, noObject } from './api/routes.ts'
import { waitingOn } from './approvals.ts'
import { clusterClient } from './cluster-client.ts'
import { csrfToken } from './csrf.ts'
import type { FunctionDeps } from './deps.ts'
import { observeDeps } from './observe-deps.ts'

type View = Parameters<typeof applicationPage>[0]
type Page = ReturnType<typeof applicationPage>
type Query = { readonly [name: string]: string }

/** Runs that are listed of one application. */
const maxHistory = 50
/** Deadline of one request to a cluster that somebody looks into; the look as a whole has its own. */
const requestTimeoutMs = 4_000

/** The page of one application. Throws EngineError `cluster-unknown`, `not-found`. */
export async function showApplication(deps: FunctionDeps, view: View, request: Request, key: Query): Promise<Page> {
  const { cluster = '', kind = '', namespace = '', name = '' } = key
  findCluster(deps, cluster)
  const target = { cluster, kind, namespace, name }
  const health = await readOneClusterHealth(observeDeps(deps), cluster)
  const observed = await readCluster(deps, health)
  const id = idOfSummary(target)
  const summary = observed.lookup(id)
  if (summary === undefined) throw noObject(cluster, id)
  const isLive = new URL(request.url).searchParams.get('live') === 'true'
  const [history, look, offer, notice] = await Promise.all([
    readHistory(deps.state, cluster, id, maxHistory),
    isLive ? lookInto(deps, target) : undefined,
    offerFor(deps, request, target),
    noticeOf(deps, request),
  ])
  return applicationPage(view, {
    object: { cluster, summary, state: stateOf(summary, observed.lookup) },
    health,
    relations: relationsOf(observed, summary),
    history: history.length > 0 ? history : summary.outcomes.map(asEntry),
    windows: windowsOf(deps, target, summary),
    look,
    offer,
    mayFetch: summary.source !== undefined && deps.reader?.mayDo('reconcile', { cluster, ...summary.source }) === true,
    notice,
  })
}

/** What runs of an older version have left. */
function asEntry(outcome: ObjectSummary['outcomes'][number]): HistoryEntry {
  return { ...outcome, receivedAt: outcome.at, changes: [] }
}

function windowsOf(
  deps: FunctionDeps,
  target: { readonly cluster: string; readonly kind: string; readonly namespace: string; readonly name: string },
  summary: ObjectSummary,
): ApplicationView['windows'] {
  if (target.kind !== 'Kustomization' && target.kind !== 'HelmRelease') return []
  return windowStates(deps.config.settings.windows ?? [], target, summary.windows, deps.clock.now())
}

/** What the cluster itself says, or why it could not be asked. Never rejects. */
async function lookInto(
  deps: FunctionDeps,
  target: { readonly cluster: string; readonly kind: string; readonly namespace: string; readonly name: string },
): Promise<NonNullable<ApplicationView['look']>> {
  const { cluster } = target
  try {
    const clientOf = (name: string): ReturnType<typeof clusterClient> => clusterClient(deps, name, requestTimeoutMs)
    return await readApplication({ clientOf, clock: deps.clock }, cluster, target)
  } catch (caught) {
    const { code, message } = toEngineError(caught)
    deps.logger.log('warn', 'application not read from its cluster', {
      cluster,
      object: idOfSummary(target),
      code,
      error: message,
    })
    // What a transport says may name addresses that are nobody's business.
    const known = ['cluster-slow', 'not-found']
    return { error: { code, message: known.includes(code) ? message : 'the cluster could not be asked' } }
  }
}

/** The page of one cluster. Throws EngineError `cluster-unknown`. */
export async function showCluster(deps: FunctionDeps, view: View, request: Request, cluster: string): Promise<Page> {
  findCluster(deps, cluster)
  const observing = observeDeps(deps)
  const health = await readOneClusterHealth(observing, cluster)
  const [observed, drift, offer, notice, waiting] = await Promise.all([
    readCluster(deps, health),
    readDrift(observing, cluster),
    offerFor(deps, request, { cluster }),
    noticeOf(deps, request),
    waitingListOf(deps, request, cluster),
  ])
  const drifted = drift.applications.reduce((sum, { differences }) => sum + differences.length, 0)
  return clusterPage(view, observed, { offer, notice, drifted, waiting })
}

/** What waits on a cluster, and what of it whoever looks may approve; undefined where the deployment holds nothing. */
async function waitingListOf(deps: FunctionDeps, request: Request, cluster: string): Promise<WaitingList | undefined> {
  const { config, reader } = deps
  if (config.planKey === undefined) return undefined
  const waiting = await waitingOn(deps, [cluster])
  const mayApprove = (target: AccessTarget): boolean => reader?.how === 'session' && reader.mayDo('approve', target)
  const token = reader?.how === 'session' ? await csrfToken(deps, request, 'approve') : ''
  return {
    rows: waiting.map(({ application, revision, since, message, plan }) => {
      const [kind = '', namespace = '', name = ''] = application.split('/')
      return {
        application,
        revision,
        since,
        message,
        ...(plan === undefined ? {} : { plan }),
        mayApprove: mayApprove({ cluster, kind, namespace, name }),
      }
    }),
    mayApproveAll: mayApprove({ cluster }),
    offer: { tokenOf: () => token },
  }
}

/** The page of what differs from Git. Throws EngineError `cluster-unknown`. */
export async function showDrift(deps: FunctionDeps, view: View, query: Query): Promise<Page> {
  const { cluster, page } = query
  if (cluster !== undefined) findCluster(deps, cluster)
  const overview = await readDrift(observeDeps(deps), cluster)
  return driftPage(view, overview, { cluster, page: Math.trunc(Number(page ?? 1)) || 1 })
}
