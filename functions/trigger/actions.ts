import { apiVersions } from '../../src/api/index.ts'
import { EngineError, toEngineError } from '../../src/base/index.ts'
import type { KubeClient } from '../../src/kube/index.ts'
import {
  approveCluster,
  confirmPrune,
  defaultSettings,
  overrideWindows,
  parseUntil,
  pinObject,
  requestReconciliation,
  resumeCluster,
  resumeObject,
  suspendCluster,
  suspendObject,
  unpinObject,
  type ObjectKey,
  type RequestContext,
  type SuspendResult,
} from '../../src/reconcile/index.ts'
import { clusterClient } from '../cluster-client.ts'
import type { FunctionDeps } from '../deps.ts'
import { isOfCluster, objectsOf, type TriggerWish } from './trigger-request.ts'

/** What an action did in one cluster. */
export interface ActionResult extends Partial<Omit<SuspendResult, 'object'>> {
  readonly cluster: string
  readonly object: ObjectKey
  readonly error?: { readonly code: string; readonly message: string }
}

/** What became of an action everywhere. */
export interface ActionOutcome {
  readonly results: readonly ActionResult[]
  /** Objects that a run is to look at now. */
  readonly objects: readonly ObjectKey[]
}

/** Deadline of everything that one action sends to one cluster. */
const actionTimeoutMs = 20_000

/**
 * Does what a trigger asks for besides a run: `suspend` and `resume`, the requests of `retry` and `force`. In every cluster of the wish; one that
 * has no such object, or cannot be reached, has its error in the results.
 *
 * @throws EngineError of the first failure where nothing could be done anywhere; `not-found` where there is nothing to retry.
 */
export async function act(
  deps: FunctionDeps,
  wish: TriggerWish,
  clusters: readonly string[],
  actor: string,
): Promise<ActionOutcome> {
  const until = wish.until === undefined ? undefined : parseUntil(wish.until, deps.clock.now())
  const work = async (ctx: RequestContext, object: ObjectKey): Promise<Partial<ActionResult>> => {
    switch (wish.action ?? 'reconcile') {
      case 'suspend':
        return suspendObject(ctx, object, { by: actor, reason: wish.reason, until })
      case 'resume':
        return resumeObject(ctx, object, actor)
      case 'retry':
        // Only a HelmRelease remembers failures that would keep a run from trying again.
        if (object.kind === 'HelmRelease') await requestReconciliation(ctx, object, { reset: true })
        return {}
      case 'pin':
        return pinObject(ctx, object, { to: wish.revision ?? '', by: actor, reason: wish.reason, until })
      case 'unpin':
        return unpinObject(ctx, object, actor)
      case 'approve':
        await confirmPrune(ctx, object)
        return {}
      case 'reconcile':
        if (wish.override !== undefined) await overrideWindows(ctx, object, { by: actor, reason: wish.override })
        if (wish.force === true) await requestReconciliation(ctx, object, { force: true })
        return {}
    }
  }
  const ofCluster = isOfCluster(wish)
    ? (ctx: RequestContext) => switchCluster(deps, ctx, wish, { actor, until })
    : undefined
  const perCluster = await Promise.all(clusters.map((cluster) => inCluster(deps, wish, cluster, ofCluster ?? work)))
  const results = perCluster.flat()
  const done = results.filter((result) => result.error === undefined)
  const [first] = results
  if (first === undefined) {
    throw new EngineError('there is nothing to retry: no object has failed', { code: 'not-found', disposition: 'wait' })
  }
  if (done.length === 0 && first.error !== undefined)
    throw new EngineError(first.error.message, { code: first.error.code })
  const keys = new Map(done.map(({ object }) => [`${object.kind}/${object.namespace}/${object.name}`, object]))
  return { results, objects: [...keys.values()] }
}

async function inCluster(
  deps: FunctionDeps,
  wish: TriggerWish,
  cluster: string,
  work: (ctx: RequestContext, object: ObjectKey) => Promise<Partial<ActionResult>>,
): Promise<readonly ActionResult[]> {
  const signal = AbortSignal.timeout(actionTimeoutMs)
  const failed = (object: ObjectKey, caught: unknown): ActionResult => {
    const { code, message } = toEngineError(caught)
    return { cluster, object, error: { code, message } }
  }
  const nothing = isOfCluster(wish)
    ? { kind: 'Cluster', namespace: '', name: cluster }
    : { kind: '', namespace: '', name: '' }
  try {
    const client = await clusterClient(deps, cluster, { requestTimeoutMs: actionTimeoutMs })
    if (client === undefined)
      throw new EngineError(`there is no connection to a cluster ${cluster}`, { code: 'cluster-unknown' })
    const { clock } = deps
    const logger = deps.logger.with({ cluster })
    const objects = isOfCluster(wish) ? [nothing] : await objectsIn(deps, wish, cluster, client, signal)
    return await Promise.all(
      objects.map(async (object): Promise<ActionResult> => {
        try {
          return { cluster, ...(await work({ client, clock, logger, signal }, object)), object }
        } catch (caught) {
          return failed(object, caught)
        }
      }),
    )
  } catch (caught) {
    return [failed(nothing, caught)]
  }
}

/** The switch of a whole cluster. */
function switchCluster(
  { config }: FunctionDeps,
  ctx: RequestContext,
  { action, reason }: TriggerWish,
  { actor, until }: { readonly actor: string; readonly until: number | undefined },
): Promise<Partial<ActionResult>> {
  const namespace = config.settings.holdNamespace ?? defaultSettings.holdNamespace
  if (action === 'suspend') return suspendCluster(ctx, namespace, { by: actor, reason, until })
  return action === 'resume' ? resumeCluster(ctx, namespace, actor) : approveCluster(ctx, namespace, actor)
}

/** The objects that a wish is about in one cluster: those named; for a retry also those that failed in a run, or all that are not ready. */
async function objectsIn(
  deps: FunctionDeps,
  wish: TriggerWish,
  cluster: string,
  client: KubeClient,
  signal: AbortSignal,
): Promise<readonly ObjectKey[]> {
  const named = objectsOf(wish)
  if (named.length > 0) return named
  if (wish.run !== undefined) {
    const run = await deps.runs.get(wish.run)
    if (run === undefined) throw new EngineError(`there is no run ${wish.run}`, { code: 'not-found' })
    const record = run.records.find((one) => one.cluster === cluster)
    return (record?.nodes ?? [])
      .filter(({ state }) => state === 'failed' || state === 'blocked')
      .map(({ kind, namespace, name }) => ({ kind, namespace, name }))
  }
  const lists = await Promise.all(
    (['Kustomization', 'HelmRelease'] as const).map((kind) => listNotReady(deps, client, kind, signal)),
  )
  return lists.flat()
}

interface WithReady {
  readonly metadata: { readonly name: string; readonly namespace?: string }
  readonly spec?: { readonly suspend?: boolean }
  readonly status?: { readonly conditions?: readonly { readonly type: string; readonly status: string }[] }
}

async function listNotReady(
  deps: FunctionDeps,
  client: KubeClient,
  kind: 'Kustomization' | 'HelmRelease',
  signal: AbortSignal,
): Promise<readonly ObjectKey[]> {
  const namespaces = deps.config.settings.namespaces ?? []
  const scopes = namespaces.length === 0 ? [''] : namespaces
  const lists = await Promise.all(
    scopes.map((namespace) =>
      client.list<WithReady>(
        { apiVersion: apiVersions[kind], kind },
        { ...(namespace === '' ? {} : { namespace }), signal },
      ),
    ),
  )
  return lists
    .flatMap((list) => list.items)
    .filter(({ spec, status }) => {
      const ready = status?.conditions?.find((condition) => condition.type === 'Ready')
      return spec?.suspend !== true && ready?.status === 'False'
    })
    .map(({ metadata }) => ({ kind, namespace: metadata.namespace ?? '', name: metadata.name }))
}
