import type { HelmRepository } from '../../api/index.ts'
import { createDirectReader, type KubeClient } from '../../kube/index.ts'
import type { KubeObject } from '../../resources/index.ts'
import type { RunContext } from '../context.ts'
import { createHelmRun } from '../helmrelease/shared.ts'
import { createIdentities, type Identities } from '../identity.ts'
import { createSources } from '../source/index.ts'
import { createWorld, idOf, sourceKinds, type Managed, type Workload, type World } from '../world.ts'
import { closedClient, sideClient, withoutCredentials } from './clients.ts'
import { hiddenPaths, rememberUnwritten, type FindUnwritten } from './hidden-spec.ts'
import { layeredBlobs } from './layered-blobs.ts'
import type { LocalCommits } from './local-commits.ts'
import { markedSources } from './source-error.ts'
import { refuseForOutside, sourcesOfSide } from './side-sources.ts'
import type { ChangeRef } from './types.ts'

/** The cluster as one of the two commits would have it. */
export interface Side {
  readonly name: 'base' | 'head'
  /** A context like a run's: its world, sources and clients are those of this side, and nothing can be written. */
  readonly ctx: RunContext
  /** ConfigMaps and Secrets that this side renders, by `Kind/namespace/name`; undefined for one that it deletes. Replaced as a whole. */
  configs: ReadonlyMap<string, KubeObject | undefined>
  /** The same, and objects of ours, as everybody may read them, where a secret takes part on either side: whether they are equal on both is told by these. */
  shown: ReadonlyMap<string, KubeObject>
  /** Workloads into which their parents put secrets, with the placeholders of the twin; the world has them with the others. */
  twins: ReadonlyMap<string, Workload>
  /** Objects of ours as this side renders them, by id: what else they have in the cluster is not in Git. Replaced as a whole. */
  written: ReadonlyMap<string, KubeObject>
  readonly findUnwritten: FindUnwritten
  /** Ids of sources that have lost what they must not log in with. */
  readonly stripped: Set<string>
  /** Ids of sources that are as the cluster has them, with secrets that their parents put into their specs. Replaced as a whole. */
  filled: ReadonlySet<string>
}

/** Both sides, and what they were made of. */
export interface Sides {
  /** The context of the plan, with the world as the cluster has it. */
  readonly ctx: RunContext
  readonly live: World
  readonly base: Side
  readonly head: Side
  readonly change: ChangeRef
  /** Where the commits are, if they are in a working copy. */
  readonly local?: LocalCommits | undefined
}

/** Makes both sides, as the cluster is now but for the commits of the repository that the change is about. */
export function createSides(given: RunContext, change: ChangeRef, local?: LocalCommits): Sides {
  // Whoever has a working copy may ask whom he likes on his own machine; his sources still have no Secret.
  const isOutside = change.secrets === 'withheld' && local === undefined
  const ctx: RunContext = { ...given, deps: { ...given.deps, blobs: layeredBlobs(given.deps.blobs) } }
  const live = ctx.world
  const findUnwritten = rememberUnwritten()
  const make = (name: Side['name']): Side => {
    const world = copyWorld(live)
    // The other entry is what head renders, where it does.
    const isNew = name === 'head' && local?.entry?.base.length === 0
    for (const object of isNew ? local.entry.head : []) world.update(object)
    const configs = (): Side['configs'] => side.configs
    const { deps, client, events, signal, locks } = ctx
    const from: KubeClient = isOutside ? withoutCredentials(client) : client
    const stripped = new Set<string>()
    const given = sourcesOfSide({ name, change, live, client, stripped, local })
    const made = { deps, client: from, world, events, signal, locks, skipsLocked: false, given }
    const admitRepository = (repository: HelmRepository): void => refuseForOutside({ live, change }, world, repository)
    const sources = markedSources(createSources({ ...made, ...(isOutside ? { admitRepository } : {}) }), {
      world,
      hasSecrets: (source) => side.filled.has(idOf(source)),
    })
    const side: Side = {
      name,
      configs: new Map(),
      shown: new Map(),
      twins: new Map(),
      written: new Map(),
      findUnwritten,
      stripped,
      filled: new Set(),
      ctx: {
        ...ctx,
        client: sideClient(client, configs, change),
        identities: change.live === 'denied' ? closedIdentities(client) : createIdentities({ deps, client, signal }),
        world,
        sources,
        live: createDirectReader(),
        helm: createHelmRun(false, signal),
        claims: new Map(),
      },
    }
    return side
  }
  return { ctx, live, base: make('base'), head: make('head'), change, local }
}

function closedIdentities(client: KubeClient): Identities {
  const closed = closedClient(client)
  return { of: () => Promise.resolve(closed), clusterOf: () => closed.cluster }
}

/** Values of an application that only the cluster has, on one side. */
export function hiddenOf(live: World, side: Side, object: Workload): readonly (readonly string[])[] {
  const id = idOf(object)
  const known = live.get(id)
  const isWorkload = known?.kind === 'Kustomization' || known?.kind === 'HelmRelease'
  return hiddenPaths(object, isWorkload ? known : undefined, side.written.get(id), side.findUnwritten)
}

/** Our objects of a world. */
export function managedOf(world: World): readonly Managed[] {
  return [...sourceKinds, 'Kustomization' as const, 'HelmRelease' as const].flatMap((kind): readonly Managed[] =>
    world.ofKind(kind),
  )
}

function copyWorld(world: World): World {
  const objects = new Map(managedOf(world).map((object) => [idOf(object), object]))
  return createWorld(objects, { withoutSpec: world.withoutSpec, serves: world.serves })
}
