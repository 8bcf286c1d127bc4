import { EngineError } from '../../src/base/index.ts'
import { recordAction, type ActionRecord } from '../action-log.ts'
import type { Visitor } from '../access/principal.ts'
import type { AccessTarget } from '../access/roles.ts'
import type { ObjectTarget } from '../authorize-action.ts'
import type { FunctionDeps } from '../deps.ts'
import type { ActionOutcome } from './actions.ts'
import type { Caller } from './authorize-trigger.ts'
import { objectsOf, type TriggerWish } from './trigger-request.ts'

/** Entries that one trigger leaves in the record of actions. */
const maxRecorded = 50

/** Refuses what the token of a trigger may not do, and records that. Who signs, or has a token of an issuer, may do everything. Throws EngineError `not-found`, `forbidden`. */
export async function checkWish(
  deps: FunctionDeps,
  { visitor }: Caller,
  wish: TriggerWish,
  clusters: readonly string[],
): Promise<void> {
  if (visitor === undefined) return
  const places = await placesOf(deps, wish, clusters)
  const action = wish.action ?? 'reconcile'
  // Whatever windows say: that is for those who may approve.
  const isAllowed =
    visitor.mayDo(action, places) && (wish.override === undefined || visitor.hasRole('maintainer', places))
  if (isAllowed) return
  const [first] = objectTargets(wish, clusters)
  recordAction(deps, {
    actor: visitor.name,
    how: 'token',
    action,
    outcome: 'refused',
    ...(first === undefined ? {} : { target: first }),
  })
  if (!places.some((place) => visitor.maySee(place)))
    throw new EngineError('there is nothing here of this name', { code: 'not-found' })
  throw new EngineError(`the token ${visitor.name} may not ${action} this`, { code: 'forbidden' })
}

/** Clusters that a trigger may name at all. */
export function clustersFor({ config }: FunctionDeps, visitor: Visitor | undefined): readonly string[] {
  return config.clusters.map(({ name }) => name).filter((name) => visitor?.maySeePartOf(name) ?? true)
}

async function placesOf(
  deps: FunctionDeps,
  wish: TriggerWish,
  clusters: readonly string[],
): Promise<readonly AccessTarget[]> {
  const named = objectTargets(wish, clusters)
  if (named.length > 0) return named
  if (wish.run === undefined) return clusters.map((cluster) => ({ cluster }))
  const run = await deps.runs.get(wish.run)
  if (run === undefined) throw new EngineError(`there is no run ${wish.run}`, { code: 'not-found' })
  return run.records
    .filter(({ cluster }) => clusters.includes(cluster))
    .flatMap(({ cluster, nodes }): readonly AccessTarget[] =>
      nodes
        .filter(({ state }) => state === 'failed' || state === 'blocked')
        .map(({ kind, namespace, name }) => ({ cluster, kind, namespace, name })),
    )
}

function objectTargets(wish: TriggerWish, clusters: readonly string[]): readonly ObjectTarget[] {
  return clusters.flatMap((cluster) =>
    objectsOf(wish).map(({ kind, namespace, name }) => ({ cluster, kind, namespace, name })),
  )
}

/** Records what a trigger did: each object in each cluster, up to a number of them; one entry for everything everywhere. */
export function recordTrigger(
  deps: FunctionDeps,
  asked: {
    readonly wish: TriggerWish
    readonly caller: Caller
    readonly clusters: readonly string[]
    readonly outcome: ActionOutcome | undefined
    readonly run?: string
  },
): void {
  const { wish, caller, clusters, outcome, run } = asked
  const how = ({ bearer: 'token', signature: 'signature', oidc: 'oidc' } as const)[caller.by]
  const reason = wish.override ?? wish.reason
  const entry = {
    actor: wish.actor ?? `trigger (${caller.by})`,
    how,
    action: wish.plan === true ? ('plan' as const) : (wish.action ?? 'reconcile'),
    ...(reason === undefined ? {} : { reason }),
    ...(run === undefined ? {} : { run }),
  }
  for (const [target, result] of targetsOf(wish, clusters, outcome).slice(0, maxRecorded))
    recordAction(deps, { ...entry, outcome: result, ...(target === undefined ? {} : { target }) })
}

function targetsOf(
  wish: TriggerWish,
  clusters: readonly string[],
  outcome: ActionOutcome | undefined,
): readonly (readonly [ActionRecord['target'], ActionRecord['outcome']])[] {
  if (outcome !== undefined)
    return outcome.results.map(({ cluster, object: { kind, namespace, name }, error }) => [
      namespace === '' ? { cluster } : { cluster, kind, namespace, name },
      error === undefined ? 'done' : 'failed',
    ])
  const named = objectTargets(wish, clusters)
  if (named.length > 0) return named.map((target) => [target, 'done'])
  return wish.cluster === undefined ? [[undefined, 'done']] : [[{ cluster: wish.cluster }, 'done']]
}
