import { readCluster, readDrift, readOneClusterHealth, relationsOf } from '../src/observe/index.ts'
import { applicationPage, clusterPage, driftPage, type WaitingList } from '../src/ui/index.ts'
import type { AccessTarget } from './access/roles.ts'
import { noticeOf } from './actions/notice.ts'
import { offerFor } from './actions/offer.ts'
import { waitingOn } from './approvals.ts'
import { csrfToken } from './csrf.ts'
import type { FunctionDeps } from './deps.ts'
import { findCluster, findObject, historyOf, windowsOf } from './find-object.ts'
import { lookInto } from './look.ts'
import { observeDeps } from './observe-deps.ts'

type View = Parameters<typeof applicationPage>[0]
type Page = ReturnType<typeof applicationPage>
type Query = { readonly [name: string]: string }

/** Runs that are listed of one application. */
const maxHistory = 50

/** The page of one application. Throws EngineError `cluster-unknown`, `not-found`. */
export async function showApplication(deps: FunctionDeps, view: View, request: Request, key: Query): Promise<Page> {
  const { cluster = '', kind = '', namespace = '', name = '' } = key
  const target = { cluster, kind, namespace, name }
  const { object, observed } = await findObject(deps, target)
  const { summary } = object
  const isLive = new URL(request.url).searchParams.get('live') === 'true'
  const [history, look, offer, notice] = await Promise.all([
    historyOf(deps, object, { limit: maxHistory }),
    isLive ? lookInto(deps, target) : undefined,
    offerFor(deps, request, target),
    noticeOf(deps, request),
  ])
  return applicationPage(view, {
    object,
    health: observed.health,
    relations: relationsOf(observed, summary),
    history,
    windows: windowsOf(deps, object),
    look,
    offer,
    mayFetch: summary.source !== undefined && deps.reader?.mayDo('reconcile', { cluster, ...summary.source }) === true,
    notice,
  })
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
