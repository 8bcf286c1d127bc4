import {
  createPlanContext,
  idOfKey,
  planNodes,
  wouldChange,
  type EngineDeps,
  type ObjectKey,
  type PlannedNode,
  type World,
} from '../../reconcile/index.ts'
import { isReady } from './survey.ts'

/** What a first run of Sluice would find. */
export interface Proof {
  readonly nodes: readonly PlannedNode[]
  /** Nodes whose objects would change. */
  readonly changed: readonly PlannedNode[]
  /** Nodes that would fail although they are Ready now. */
  readonly broken: readonly PlannedNode[]
  /** Nodes that would fail, and are not Ready now either. */
  readonly failing: readonly PlannedNode[]
  /** Objects that were compared and stay as they are. */
  readonly unchanged: number
  readonly world: World
  /** Settings that it takes besides those that were given: Flux allows what Sluice refuses unless it is told otherwise. */
  readonly needs: { readonly noRemoteBases?: false }
}

/**
 * Plans every object of a cluster, or those that are named, as the first run would work on them: renders and dry-runs, and compares releases with what Helm's storage and the
 * history of their HelmReleases say. That a node would change nothing also proves the hand-over: its objects have their fields under the names under which Sluice writes,
 * its inventory has them all, its release is the one that its history names.
 *
 * Effects: none; nothing is written, to the cluster or anywhere else. `mayRemoteBases`: Flux allows them, so what fails for want of them is planned again with them.
 */
export async function proveUnchanged(
  deps: EngineDeps,
  options: {
    readonly objects?: readonly ObjectKey[] | undefined
    readonly mayRemoteBases: boolean
    readonly signal: AbortSignal
  },
): Promise<Proof> {
  const { world, nodes: first } = await plan(deps, options.objects, options.signal)
  const failed = first.filter(isFailed)
  let nodes = first
  let needs: Proof['needs'] = {}
  if (failed.length > 0 && options.mayRemoteBases && deps.settings.noRemoteBases) {
    const relaxed = { ...deps, settings: { ...deps.settings, noRemoteBases: false } }
    const again = await plan(
      relaxed,
      failed.map(({ record }) => record),
      options.signal,
    )
    const better = new Map(again.nodes.filter((node) => !isFailed(node)).map((node) => [idOfKey(node.record), node]))
    if (better.size > 0) needs = { noRemoteBases: false }
    nodes = first.map((node) => better.get(idOfKey(node.record)) ?? node)
  }
  const bad = nodes.filter(isFailed)
  const wasReady = ({ record }: PlannedNode): boolean => {
    const object = world.get(idOfKey(record))
    return object === undefined || isReady(object)
  }
  return {
    nodes,
    changed: nodes.filter((node) => !isFailed(node) && wouldChange(node)),
    broken: bad.filter(wasReady),
    failing: bad.filter((node) => !wasReady(node)),
    unchanged: nodes.reduce((sum, { record }) => sum + record.unchanged, 0),
    world,
    needs,
  }
}

async function plan(
  deps: EngineDeps,
  objects: readonly ObjectKey[] | undefined,
  signal: AbortSignal,
): Promise<{ readonly world: World; readonly nodes: readonly PlannedNode[] }> {
  const target = objects === undefined ? 'cluster' : { objects }
  const job = { kind: 'trigger', runId: 'migrate', cluster: deps.cluster.name, receivedAt: deps.clock.now() } as const
  const { ctx } = await createPlanContext(deps, { ...job, target, plan: true }, signal)
  return { world: ctx.world, nodes: await planNodes(ctx) }
}

function isFailed({ record }: PlannedNode): boolean {
  return record.state === 'failed'
}
