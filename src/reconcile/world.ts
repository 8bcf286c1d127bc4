import {
  apiVersions,
  labels,
  ownAnnotations,
  type Bucket,
  type ExternalArtifact,
  type GitRepository,
  type HelmChart,
  type HelmRelease,
  type HelmRepository,
  type Kustomization,
  type OciRepository,
} from '../api/index.ts'
import { isEngineError } from '../base/index.ts'
import type { KubeClient } from '../kube/index.ts'
import { matchesLabels, parseLabelSelector } from '../resources/index.ts'
import { findBlockers, parseDependsOn, type Blocker, type DependencyRef, type DependencyView } from './dependencies.ts'
import type { ObjectKey } from './job.ts'
import type { JobLocks } from './object-locks.ts'
import { commitOf, pinOf } from './safety/pin.ts'

/** Kinds that a run renders and applies. */
export type Workload = Kustomization | HelmRelease
/** Kinds that a run fetches. */
export type Source = GitRepository | OciRepository | HelmRepository | HelmChart | Bucket | ExternalArtifact
/** Every object of ours that a run reads. */
export type Managed = Workload | Source

/** Kinds that every job looks at. */
const commonKinds = [
  'GitRepository',
  'HelmChart',
  'Kustomization',
  'HelmRelease',
] as const satisfies readonly Managed['kind'][]

/** Kinds that many clusters have none of, and that a push to Git concerns only where something refers to them. */
const rareKinds = [
  'OCIRepository',
  'HelmRepository',
  'Bucket',
  'ExternalArtifact',
] as const satisfies readonly Managed['kind'][]

const listedKinds = [...commonKinds, ...rareKinds] as const

/** Our objects of one cluster as a run sees them; kept up to date with what the run itself writes. */
export interface World {
  get(id: string): Managed | undefined
  /** Whether runs work on an object (`watchLabelSelector`). What is not served is only read. */
  readonly serves: (object: { readonly metadata: { readonly labels?: { readonly [key: string]: string } } }) => boolean
  /** Objects without a spec, which the CRDs let exist: nothing can be done about them, and nothing else sees them. */
  readonly withoutSpec: readonly ObjectKey[]
  ofKind<K extends Managed['kind']>(kind: K): readonly Extract<Managed, { kind: K }>[]
  update(object: Managed): void
  remove(object: Managed): void
  /** Says that a revision of its source changes nothing for a Kustomization that has applied another one. */
  noteUnaffected(id: string, revision: string): void
  /** What was said of the Kustomization in this way. */
  unaffectedBy(object: Kustomization): string | undefined
  /** The revision that a Kustomization has applied, or need not apply. */
  appliedRevision(object: Kustomization): string | undefined
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

/**
 * Lists our kinds in all namespaces, one request (or page) each. A kind whose CRD is missing counts as having no objects.
 * `referenced` leaves out kinds of sources that nothing refers to; `selector` says which objects are served (see {@link World.serves}); `repositories` are GitRepositories that were listed already.
 *
 * @throws EngineError `label-selector-invalid`, and those of the cluster.
 */
export async function loadWorld(
  client: KubeClient,
  namespaces: readonly string[],
  scope: 'all' | 'referenced',
  signal: AbortSignal,
  { selector = '', repositories }: { readonly selector?: string; readonly repositories?: readonly Managed[] } = {},
): Promise<World> {
  const serves = servedBy(selector)
  const objects = new Map<string, Managed>()
  const withoutSpec: ObjectKey[] = []
  const load = async (kinds: readonly (typeof listedKinds)[number][]): Promise<void> => {
    await Promise.all(
      kinds.map(async (kind) => {
        const isKnown = kind === 'GitRepository' && repositories !== undefined
        for (const object of isKnown ? repositories : await listKind(client, kind, namespaces, signal)) {
          if (hasSpec(object)) objects.set(idOf(object), object)
          else if (serves(object)) withoutSpec.push(keyOf(object))
        }
      }),
    )
  }
  await load(scope === 'all' ? listedKinds : commonKinds)
  if (scope === 'referenced') {
    const referenced = new Set([...objects.values()].flatMap(sourceKindsOf))
    await load(rareKinds.filter((kind) => referenced.has(kind)))
  }
  return createWorld(objects, { withoutSpec, serves })
}

/** The GitRepositories in all namespaces that have a spec. @throws EngineError of the cluster. */
export async function listRepositories(
  client: KubeClient,
  namespaces: readonly string[],
  signal: AbortSignal,
): Promise<readonly GitRepository[]> {
  const found = await listKind(client, 'GitRepository', namespaces, signal)
  return found.filter((object): object is GitRepository => object.kind === 'GitRepository' && hasSpec(object))
}

/** Which objects a label selector means. @throws EngineError `label-selector-invalid`. */
export function servedBy(selector: string): World['serves'] {
  const requirements = parseLabelSelector(selector)
  return (object) => matchesLabels(requirements, object.metadata.labels ?? {})
}

function hasSpec(object: { readonly spec?: unknown }): boolean {
  return typeof object.spec === 'object' && object.spec !== null
}

/** Kinds of the sources that an object names. */
function sourceKindsOf(object: Managed): readonly string[] {
  const keys = isSource(object) ? [originOf(object)] : [sourceKeyOf(object), artifactKeyOf(object)]
  return keys.flatMap((key) => (key === undefined ? [] : [key.kind]))
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
        if (!hasSpec(object)) continue
        const isNewer =
          known?.metadata.generation !== object.metadata.generation ||
          known?.metadata.deletionTimestamp !== object.metadata.deletionTimestamp
        if (isNewer) world.update(object)
      }
    }),
  )
  return fresh
}

/** Reads one of our objects anew, after another job has worked on it. */
export async function refreshObject(
  run: { readonly client: KubeClient; readonly world: World; readonly locks: JobLocks; readonly signal: AbortSignal },
  id: string,
): Promise<void> {
  const { client, world, locks, signal } = run
  const known = world.get(id)
  if (known === undefined) return
  locks.noteSeen(id)
  const key = { apiVersion: apiVersions[known.kind], ...keyOf(known) }
  const found = await client.get<Managed>(key, { signal })
  if (found === undefined || !hasSpec(found)) world.remove(known)
  else world.update(found)
}

/** A world of the given objects. */
export function createWorld(
  objects: Map<string, Managed>,
  { withoutSpec = [], serves = () => true }: Partial<Pick<World, 'withoutSpec' | 'serves'>> = {},
): World {
  const unaffected = new Map<string, string>()
  return {
    get: (id) => objects.get(id),
    withoutSpec,
    serves,
    ofKind: <K extends Managed['kind']>(kind: K) =>
      [...objects.values()].filter((object) => object.kind === kind) as Extract<Managed, { kind: K }>[],
    update: (object) => objects.set(idOf(object), object),
    remove: (object) => objects.delete(idOf(object)),
    noteUnaffected: (id, revision) => void unaffected.set(id, revision),
    unaffectedBy: (object) => unaffected.get(idOf(object)),
    appliedRevision: (object) => unaffected.get(idOf(object)) ?? object.status?.lastAppliedRevision,
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

/**
 * The object whose artifact a workload renders: the source of a Kustomization; of a HelmRelease its `chartRef`, or the HelmChart `<namespace>-<name>` that stands for its
 * `chart` in the namespace of the chart's source (helm-controller 1.6).
 */
export function artifactKeyOf(object: Workload): ObjectKey | undefined {
  if (object.kind === 'Kustomization') return sourceKeyOf(object)
  const namespace = object.metadata.namespace ?? ''
  const { chart, chartRef } = object.spec
  if (chartRef !== undefined)
    return { kind: chartRef.kind, namespace: chartRef.namespace ?? namespace, name: chartRef.name }
  if (chart?.spec.sourceRef === undefined) return undefined
  const { metadata } = object
  return {
    kind: 'HelmChart',
    namespace: chart.spec.sourceRef.namespace ?? namespace,
    name: `${namespace}-${metadata.name}`,
  }
}

/** The source that a source is made from: that of a HelmChart. */
export function originOf(object: Source): ObjectKey | undefined {
  if (object.kind !== 'HelmChart') return undefined
  const { kind, name } = object.spec.sourceRef
  return { kind, namespace: object.metadata.namespace ?? '', name }
}

/** The key of an object. */
export function keyOf(object: Managed): ObjectKey {
  return { kind: object.kind, namespace: object.metadata.namespace ?? '', name: object.metadata.name }
}

/** Kinds of {@link Source}, those that others are made from first. */
export const sourceKinds = [
  'GitRepository',
  'OCIRepository',
  'HelmRepository',
  'Bucket',
  'ExternalArtifact',
  'HelmChart',
] as const satisfies readonly Source['kind'][]

/** Whether an object of ours is a source. */
export function isSource(object: Managed | undefined): object is Source {
  return object !== undefined && (sourceKinds as readonly string[]).includes(object.kind)
}

/** What keeps an object from starting, from its `dependsOn`. */
export function blockersOf(world: World, object: Workload): readonly Blocker[] {
  const source = sourceKeyOf(object)
  return findBlockers(
    {
      source: source === undefined ? undefined : idOfKey(source),
      // One that is pinned is not at the source's revision, and needs nobody else to be.
      sourceRevision: source && pinOf(object) === undefined ? revisionOf(world, source) : undefined,
      object,
    },
    dependenciesOf(object),
    (id) => viewOf(world, world.get(id)),
  )
}

/** The revision a source has now. */
export function revisionOf(world: World, source: ObjectKey): string | undefined {
  const object = world.get(idOfKey(source))
  return isSource(object) ? object.status?.artifact?.revision : undefined
}

/** What a Kustomization counts as having applied: one that is pinned is as far as it is meant to be. */
function countedRevision(world: World, object: Kustomization, source: ObjectKey | undefined): string | undefined {
  const applied = world.appliedRevision(object)
  const pin = pinOf(object)
  const isThere = pin !== undefined && applied !== undefined && commitOf(applied) === pin.to
  return isThere && source !== undefined ? revisionOf(world, source) : applied
}

function viewOf(world: World, object: Managed | undefined): DependencyView | undefined {
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
    appliedRevision: object.kind === 'Kustomization' ? countedRevision(world, object, source) : undefined,
    object,
  }
}
