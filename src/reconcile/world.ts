import {
  apiVersions,
  labels,
  ownAnnotations,
  type GitRepository,
  type HelmChart,
  type HelmRelease,
  type Kustomization,
} from '../api/index.ts'
import { isEngineError } from '../base/index.ts'
import type { KubeClient } from '../kube/index.ts'
import { findBlockers, parseDependsOn, type Blocker, type DependencyRef, type DependencyView } from './dependencies.ts'
import type { ObjectKey } from './job.ts'

/** Kinds that a run renders and applies. */
export type Workload = Kustomization | HelmRelease
/** Kinds that a run fetches. More follow as their sources are built. */
export type Source = GitRepository
/** Every object of ours that a run reads. */
export type Managed = Workload | Source | HelmChart

const listedKinds = ['GitRepository', 'HelmChart', 'Kustomization', 'HelmRelease'] as const

/** Our objects of one cluster as a run sees them; kept up to date with what the run itself writes. */
export interface World {
  get(id: string): Managed | undefined
  ofKind<K extends Managed['kind']>(kind: K): readonly Extract<Managed, { kind: K }>[]
  update(object: Managed): void
  remove(object: Managed): void
}

/** `Kind/namespace/name`. */
export function idOf(object: {
  readonly kind: string
  readonly metadata: { readonly name: string; readonly namespace?: string }
}): string {
  return `${object.kind}/${object.metadata.namespace ?? ''}/${object.metadata.name}`
}

/** The id of a key. */
export function idOfKey(key: ObjectKey): string {
  return `${key.kind}/${key.namespace}/${key.name}`
}

/** Lists our kinds in all namespaces, one request (or page) each. A kind whose CRD is missing counts as having no objects. */
export async function loadWorld(
  client: KubeClient,
  namespaces: readonly string[],
  signal: AbortSignal,
): Promise<World> {
  const objects = new Map<string, Managed>()
  await Promise.all(
    listedKinds.map(async (kind) => {
      for (const object of await listKind(client, kind, namespaces, signal)) objects.set(idOf(object), object)
    }),
  )
  return createWorld(objects)
}

/** Lists our kinds again into an existing world; returns the ids that are new. Used after a run has applied objects of ours. */
export async function reloadWorld(
  client: KubeClient,
  world: World,
  namespaces: readonly string[],
  signal: AbortSignal,
): Promise<readonly string[]> {
  const fresh: string[] = []
  await Promise.all(
    listedKinds.map(async (kind) => {
      for (const object of await listKind(client, kind, namespaces, signal)) {
        const id = idOf(object)
        const known = world.get(id)
        if (known === undefined) fresh.push(id)
        const isNewer =
          known?.metadata.generation !== object.metadata.generation ||
          known?.metadata.deletionTimestamp !== object.metadata.deletionTimestamp
        if (isNewer) world.update(object)
      }
    }),
  )
  return fresh
}

/** A world of the given objects. */
export function createWorld(objects: Map<string, Managed>): World {
  return {
    get: (id) => objects.get(id),
    ofKind: <K extends Managed['kind']>(kind: K) =>
      [...objects.values()].filter((object) => object.kind === kind) as Extract<Managed, { kind: K }>[],
    update: (object) => objects.set(idOf(object), object),
    remove: (object) => objects.delete(idOf(object)),
  }
}

async function listKind(
  client: KubeClient,
  kind: (typeof listedKinds)[number],
  namespaces: readonly string[],
  signal: AbortSignal,
): Promise<readonly Managed[]> {
  try {
    const scopes: readonly { namespace?: string }[] =
      namespaces.length === 0 ? [{}] : namespaces.map((namespace) => ({ namespace }))
    const lists = await Promise.all(
      scopes.map((scope) => client.list<Managed>({ apiVersion: apiVersions[kind], kind }, { ...scope, signal })),
    )
    return lists.flatMap((list) =>
      list.items.map((item) => ({ ...item, apiVersion: apiVersions[kind], kind }) as Managed),
    )
  } catch (error) {
    if (isEngineError(error) && (error.code === 'kube-not-found' || error.code === 'kube-kind-unknown')) return []
    throw error
  }
}

/** The id of the Kustomization that applied an object, from its owner labels. */
export function parentOf(object: Managed): string | undefined {
  const name = object.metadata.labels?.[labels.kustomizeName]
  const namespace = object.metadata.labels?.[labels.kustomizeNamespace]
  return name === undefined || namespace === undefined ? undefined : `Kustomization/${namespace}/${name}`
}

/** `spec.dependsOn` as ids, where a dependency has the kind of its dependant, and behind them those of the annotation, which may be of any kind. */
export function dependenciesOf(object: Workload): readonly DependencyRef[] {
  const more = object.metadata.annotations?.[ownAnnotations.dependsOn]
  const references = (object.spec.dependsOn ?? []).map((reference) => ({
    id: `${object.kind}/${reference.namespace ?? object.metadata.namespace ?? ''}/${reference.name}`,
    ...(reference.readyExpr === undefined ? {} : { readyExpr: reference.readyExpr }),
  }))
  return more === undefined ? references : [...references, ...parseDependsOn(more, object.metadata.namespace ?? '')]
}

/** The source that a Kustomization, or the chart of a HelmRelease, comes from. Undefined for a release of a `chartRef`. */
export function sourceKeyOf(object: Workload): ObjectKey | undefined {
  const namespace = object.metadata.namespace ?? ''
  const reference = object.kind === 'Kustomization' ? object.spec.sourceRef : object.spec.chart?.spec.sourceRef
  if (reference === undefined) return undefined
  return { kind: reference.kind, namespace: reference.namespace ?? namespace, name: reference.name }
}

/** What keeps an object from starting, from its `dependsOn`. */
export function blockersOf(world: World, object: Workload): readonly Blocker[] {
  const source = sourceKeyOf(object)
  return findBlockers(
    {
      source: source === undefined ? undefined : idOfKey(source),
      sourceRevision: source && revisionOf(world, source),
      object,
    },
    dependenciesOf(object),
    (id) => viewOf(world.get(id)),
  )
}

/** The revision a source has now. */
export function revisionOf(world: World, source: ObjectKey): string | undefined {
  const object = world.get(idOfKey(source))
  return object !== undefined && 'artifact' in (object.status ?? {})
    ? (object as GitRepository).status?.artifact?.revision
    : undefined
}

function viewOf(object: Managed | undefined): DependencyView | undefined {
  if (object === undefined || (object.kind !== 'Kustomization' && object.kind !== 'HelmRelease')) return undefined
  const ready = object.status?.conditions?.find((condition) => condition.type === 'Ready')
  const source = object.kind === 'Kustomization' ? sourceKeyOf(object) : undefined
  return {
    id: idOf(object),
    generation: object.metadata.generation ?? 0,
    observedGeneration: object.status?.observedGeneration ?? -1,
    ready: ready?.status,
    message: ready?.message ?? '',
    suspended: object.spec.suspend === true,
    source: source === undefined ? undefined : idOfKey(source),
    appliedRevision: object.kind === 'Kustomization' ? object.status?.lastAppliedRevision : undefined,
    object,
  }
}
