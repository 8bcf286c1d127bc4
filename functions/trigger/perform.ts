import { newRunId, type RunRequest } from '../../src/coordinator/index.ts'
import type { TriggerTarget } from '../../src/reconcile/index.ts'
import { dispatch } from '../deliveries.ts'
import type { FunctionDeps } from '../deps.ts'
import { act, type ActionOutcome } from './actions.ts'
import { isOfCluster, targetOf, type TriggerWish } from './trigger-request.ts'

/** What was done for a wish. */
export interface Performed {
  /** What was done in clusters before any run; undefined for a plain reconciliation. */
  readonly outcome: ActionOutcome | undefined
  /** The run that was queued; a suspension has none. */
  readonly run: RunRequest | undefined
}

/**
 * Does what somebody asks for by hand, whichever way it came: what is to be written in clusters first, then the run that follows is queued.
 *
 * @param clusters names of the configuration.
 * @param options `looksAfter`: a run also follows a suspension. It does nothing to what is suspended, but pages then show that it is.
 * @param by goes into what is written in clusters; `wish.actor` into the record of the run.
 * @throws EngineError as `act` and `dispatch`.
 */
export async function perform(
  deps: FunctionDeps,
  wish: TriggerWish,
  clusters: readonly string[],
  by: string,
  options: { readonly looksAfter?: boolean } = {},
): Promise<Performed> {
  const action = wish.action ?? 'reconcile'
  const isPlain = action === 'reconcile' && wish.force !== true && wish.override === undefined
  const outcome = isPlain ? undefined : await act(deps, wish, clusters, by)
  if (action === 'suspend' && options.looksAfter !== true) return { outcome, run: undefined }
  const isWhole = outcome === undefined || isOfCluster(wish)
  const target: TriggerTarget = isWhole ? targetOf(wish) : { objects: outcome.objects }
  const run: RunRequest = {
    id: newRunId(deps.clock, deps.random),
    trigger: 'trigger',
    receivedAt: deps.clock.now(),
    clusters: outcome === undefined ? clusters : [...new Set(outcome.results.filter(isDone).map((one) => one.cluster))],
    target,
    ...(wish.actor === undefined ? {} : { actor: wish.actor }),
    ...(wish.plan === undefined ? {} : { plan: wish.plan }),
  }
  await dispatch(deps, run)
  return { outcome, run }
}

function isDone(result: { readonly error?: unknown }): boolean {
  return result.error === undefined
}
