import { EngineError } from '../../src/base/index.ts'
import { isFinal } from '../../src/coordinator/index.ts'
import type { ObjectKey } from '../../src/reconcile/index.ts'
import type { Notice } from '../../src/ui/index.ts'
import { findObject } from '../find-object.ts'
import type { ActionTarget } from '../authorize-action.ts'
import type { FunctionDeps } from '../deps.ts'
import type { ActionResult } from '../trigger/actions.ts'
import { perform } from '../trigger/perform.ts'
import type { TriggerWish } from '../trigger/trigger-request.ts'
import { nameOf, type ActionRequest } from './action-request.ts'
import { approvePlanFromPage, approveWaitingFromPage } from './approve.ts'
import { noRevert, revertPlan } from './revert.ts'

/** Kinds that are fetched, not applied. */
const sources: ReadonlySet<string> = new Set([
  'GitRepository',
  'OCIRepository',
  'HelmRepository',
  'HelmChart',
  'Bucket',
])

/**
 * Does what somebody asks for from a page, in the same way as `POST /trigger`.
 *
 * @param by goes into what is written in clusters, and into records of runs.
 * @returns what to say about it.
 * @throws EngineError as `perform`; `not-found` where there is no such run or object; those of `revertPlan`, `approvePlanFromPage` and `approveWaitingFromPage`.
 */
export async function carryOut(deps: FunctionDeps, request: ActionRequest, by: string): Promise<Notice> {
  const { action, target, fields } = request
  if (action === 'revert') {
    if ('plan' in target) return revertPlan(deps, target.plan, by)
    throw noRevert()
  }
  if ('plan' in target) return approvePlanFromPage(deps, target, { seen: fields.seen, by })
  if (action === 'approve' && fields.waiting === 'yes') return approveWaitingFromPage(deps, request, by)
  if (action === 'abort') return abort(deps, target, by)
  const wish: TriggerWish = { ...(await wishFor(deps, request)), actor: by.slice(0, 253) }
  const clusters = 'run' in target ? await clustersOfRun(deps, target.run) : [target.cluster]
  const { outcome, run } = await perform(deps, wish, clusters, by, { looksAfter: true })
  const failed = (outcome?.results ?? []).filter((result) => result.error !== undefined)
  return {
    isProblem: failed.length > 0,
    text: [said(request), ...(outcome?.results ?? []).flatMap(remarks)].join(' '),
    ...(run === undefined ? {} : { run: run.id }),
  }
}

/** The wish of `POST /trigger` that asks for the same. */
async function wishFor(deps: FunctionDeps, { action, target, fields }: ActionRequest): Promise<TriggerWish> {
  const { reason, until, revision, mode } = fields
  const more = { ...(reason === undefined ? {} : { reason }), ...(until === undefined ? {} : { until }) }
  if ('run' in target) return { action: 'retry', run: target.run }
  if (!('kind' in target)) {
    const { cluster } = target as { readonly cluster: string }
    return action === 'suspend'
      ? { action, cluster, all: true, ...more }
      : { action: action as 'reconcile' | 'resume' | 'approve', cluster, all: true }
  }
  const { cluster, kind, namespace, name } = target
  const object = { kind, namespace, name }
  switch (action) {
    case 'suspend':
      return { action, cluster, object, ...more }
    case 'pin':
      if (revision === undefined) throw new EngineError('say what to pin it to', { code: 'request-invalid' })
      return { action, cluster, object, revision, ...more }
    case 'retry':
      return mode === 'force' ? { action: 'reconcile', cluster, object, force: true } : { action, cluster, object }
    case 'reconcile': {
      const source = await sourceOf(deps, { action, target, fields })
      if (source !== undefined) return { cluster, objects: [source, object] }
      return sources.has(kind) ? { cluster, source: object } : { cluster, object }
    }
    default:
      return { action: action as 'resume' | 'unpin' | 'approve', cluster, object }
  }
}

/** The source that is to be fetched too, where a form says so and there is one. */
export async function sourceOf(
  deps: FunctionDeps,
  { action, target, fields }: ActionRequest,
): Promise<ObjectKey | undefined> {
  if (action !== 'reconcile' || fields.source !== 'yes' || !('kind' in target)) return undefined
  const { source } = (await findObject(deps, target)).object.summary
  return source === undefined ? undefined : { kind: source.kind, namespace: source.namespace, name: source.name }
}

async function clustersOfRun(deps: FunctionDeps, id: string): Promise<readonly string[]> {
  const run = await deps.runs.get(id)
  if (run === undefined) throw new EngineError('there is no such run', { code: 'not-found' })
  const known = new Set(deps.config.clusters.map((cluster) => cluster.name))
  return run.clusters.filter((cluster) => known.has(cluster))
}

/** Ends a run in every cluster where it has not ended. */
async function abort(deps: FunctionDeps, target: ActionTarget, by: string): Promise<Notice> {
  const id = 'run' in target ? target.run : ''
  const run = await deps.runs.get(id)
  if (run === undefined) throw new EngineError('there is no such run', { code: 'not-found' })
  const open = run.records.filter((record) => !isFinal(record)).map(({ cluster }) => cluster)
  if (open.length === 0) return { isProblem: false, text: 'It had ended before.' }
  const outcomes = await Promise.all(
    open.map(async (cluster) => ({ cluster, outcome: await deps.coordinatorOf(cluster)?.abort(id, by) })),
  )
  const [merged] = outcomes.flatMap(({ outcome }) => (outcome?.kind === 'merged' ? [outcome.into] : []))
  if (merged !== undefined)
    return { isProblem: true, text: 'Another run does its work together with its own; abort that one.', run: merged }
  const gone = outcomes.filter(({ outcome }) => outcome === undefined || outcome.kind === 'unknown')
  const names = outcomes.map(({ cluster }) => cluster).join(', ')
  return gone.length > 0
    ? { isProblem: true, text: `It could not be ended in ${gone.map(({ cluster }) => cluster).join(', ')}.` }
    : { isProblem: false, text: `Aborted in ${names}. What it had done stays; the next scan goes on from there.` }
}

function said({ action, target, fields }: ActionRequest): string {
  const what = nameOf(target)
  switch (action) {
    case 'reconcile':
      return `Asked for: ${what}.`
    case 'retry':
      return fields.mode === 'force' ? `An upgrade of ${what} is forced.` : `${what} is tried again.`
    case 'suspend':
      return `Suspended: ${what}.`
    case 'resume':
      return `Resumed: ${what}.`
    case 'pin':
      return `Pinned: ${what}.`
    case 'unpin':
      return `No longer pinned: ${what}.`
    default:
      return `Approved: ${what}.`
  }
}

/** What is to be known besides: that nothing changed, that Git will undo it, that it failed somewhere. */
function remarks({ cluster, unchanged, revertedBy, error }: ActionResult): readonly string[] {
  return [
    ...(unchanged === true ? ['It was so already.'] : []),
    ...(revertedBy === undefined ? [] : [`Git says spec.suspend too: ${revertedBy} undoes it with its next apply.`]),
    ...(error === undefined ? [] : [`Not in ${cluster}: ${error.message}.`]),
  ]
}
