import { apiVersions, isOwnKind, ownAnnotations, type HelmChart } from '../../api/index.ts'
import { policiesOf } from '../../kube/index.ts'
import {
  gvkOf,
  isMap,
  nameOf,
  namespaceOf,
  type KubeMap,
  type KubeObject,
  type KubeValue,
} from '../../resources/index.ts'
import { isAsWanted, wantedHelmChart } from '../helmrelease/helm-chart.ts'
import { isKept } from '../helmrelease/objects.ts'
import { idOf, isSource, keyOf, sourceKinds, type Managed, type Source, type Workload } from '../world.ts'
import { admittedSource } from './side-sources.ts'
import type { Side, Sides } from './side.ts'
import type { RenderedSide, SideObject } from './types.ts'

/** What one application renders on both sides. Undefined: not known, or the same as the cluster has. */
export interface RenderedPair {
  readonly base: RenderedSide | undefined
  readonly head: RenderedSide | undefined
  /** As each side has the application; undefined where the side does not have it. */
  readonly objects: { readonly base: Workload | undefined; readonly head: Workload | undefined }
  /** Whether objects that are gone from head are deleted. */
  readonly isPruned: boolean
}

/** An object of ours, or one that values are taken from, that a side renders. */
interface Overlaid {
  /** As it is applied; with placeholders where secrets are withheld, and where it is an object of ours. */
  readonly object: KubeObject
  readonly item: SideObject
  readonly pair: RenderedPair
  /** An object of ours with the placeholders of the twin; undefined where no secret is in it. */
  readonly twin: KubeObject | undefined
}

/**
 * Brings both worlds up to what the applications render: children of Kustomizations and releases, sources, and ConfigMaps and Secrets that others take values from. Where the cluster has more than Git says (a field that
 * somebody else has set, what was merged since the base), both sides keep that.
 *
 * @param known ids that an earlier call has put over the worlds; those of this one are added.
 */
export function overlayWorlds(sides: Sides, pairs: Iterable<RenderedPair>, known: Set<string>): void {
  const rendered = { base: new Map<string, Overlaid>(), head: new Map<string, Overlaid>() }
  for (const pair of pairs) {
    if (goesElsewhere(pair)) continue
    collect(rendered.base, pair, pair.base)
    collect(rendered.head, pair, pair.head)
  }
  for (const side of [rendered.base, rendered.head]) for (const id of side.keys()) known.add(id)
  const configs = { base: new Map<string, KubeObject | undefined>(), head: new Map<string, KubeObject | undefined>() }
  const shown = { base: new Map<string, KubeObject>(), head: new Map<string, KubeObject>() }
  const twins = { base: new Map<string, Workload>(), head: new Map<string, Workload>() }
  const written = { base: new Map<string, KubeObject>(), head: new Map<string, KubeObject>() }
  const filled = new Set<string>()
  for (const id of known) {
    const [base, head] = [rendered.base.get(id), rendered.head.get(id)]
    if (base?.item.hasPlaceholders === true || head?.item.hasPlaceholders === true) {
      if (base !== undefined) shown.base.set(id, base.item.shown)
      if (head !== undefined) shown.head.set(id, head.item.shown)
    }
    if (id.startsWith('ConfigMap/') || id.startsWith('Secret/')) {
      if (base !== undefined) configs.base.set(id, base.object)
      if (head !== undefined) configs.head.set(id, head.object)
      else if (base !== undefined) configs.head.set(id, isDeleted(base) ? undefined : base.object)
      continue
    }
    const kept = head ?? (base === undefined || isDeleted(base) ? undefined : base)
    if (base !== undefined) written.base.set(id, base.object)
    if (kept !== undefined) written.head.set(id, kept.object)
    const live = sides.live.get(id)
    if (isKeptSource(live, base, head)) {
      filled.add(id)
      for (const side of [sides.base, sides.head]) put(sides, side, id, live)
      continue
    }
    for (const [name, one] of [['base', base] as const, ['head', head] as const]) {
      const twin = one?.twin === undefined ? undefined : merged(withoutSpec(live), one.twin, undefined)
      if (twin?.kind === 'Kustomization' || twin?.kind === 'HelmRelease') twins[name].set(id, twin)
    }
    if (base?.twin !== undefined || head?.twin !== undefined) {
      put(sides, sides.base, id, base === undefined ? undefined : merged(withoutSpec(live), base.object, undefined))
      put(sides, sides.head, id, kept === undefined ? undefined : merged(withoutSpec(live), kept.object, undefined))
      continue
    }
    put(sides, sides.base, id, base === undefined ? live : merged(live, base.object, undefined))
    if (head !== undefined) put(sides, sides.head, id, merged(live, head.object, base?.object))
    else if (base === undefined) put(sides, sides.head, id, live)
    else put(sides, sides.head, id, isDeleted(base) ? undefined : (live ?? merged(undefined, base.object, undefined)))
  }
  for (const side of [sides.base, sides.head]) {
    side.configs = configs[side.name]
    side.shown = shown[side.name]
    side.twins = twins[side.name]
    side.written = written[side.name]
    side.filled = filled
    putCharts(sides, side)
  }
}

/** Makes the worlds of both sides ready to be rendered: nothing is pinned in them, and releases have the charts that they ask for. */
export function prepareWorlds(sides: Sides): void {
  for (const side of [sides.base, sides.head]) {
    for (const kind of ['Kustomization', 'HelmRelease'] as const)
      for (const object of side.ctx.world.ofKind(kind)) if (isPinned(object)) side.ctx.world.update(unpinned(object))
    for (const object of side.ctx.world.ofKind('HelmRepository')) put(sides, side, idOf(object), object)
    putCharts(sides, side)
  }
}

/** Objects for another cluster are no objects of this one. */
function goesElsewhere({ objects }: RenderedPair): boolean {
  return [objects.base, objects.head].some((object) => object?.spec.kubeConfig !== undefined)
}

function collect(into: Map<string, Overlaid>, pair: RenderedPair, side: RenderedSide | undefined): void {
  for (const item of side?.items ?? []) {
    const id = overlayId(item.shown)
    if (id === undefined) continue
    // Values are read from real ConfigMaps and Secrets. An object of ours is rendered, and what it makes of a secret must not be told.
    const isConfig = id.startsWith('ConfigMap/') || id.startsWith('Secret/')
    const object = isConfig || !item.hasPlaceholders ? (item.desired ?? item.shown) : item.shown
    into.set(id, {
      object,
      item,
      pair,
      twin: item.hasPlaceholders && !isConfig ? (item.twin ?? item.shown) : undefined,
    })
  }
}

/** A source that the change leaves alone is fetched from where the cluster has it. */
function isKeptSource(live: Managed | undefined, base: Overlaid | undefined, head: Overlaid | undefined): boolean {
  if (live === undefined || !isSource(live) || base?.twin === undefined || head?.twin === undefined) return false
  return JSON.stringify(base.item.shown) === JSON.stringify(head.item.shown)
}

/** What the cluster has in the spec of an object with secrets is not kept: it may be one. */
function withoutSpec(live: Managed | undefined): Managed | undefined {
  return live === undefined ? undefined : ({ ...live, spec: {} } as unknown as Managed)
}

/** `Kind/namespace/name` of what other applications depend on; undefined for anything else. */
function overlayId(object: KubeObject): string | undefined {
  const { group, kind } = gvkOf(object)
  const namespace = namespaceOf(object)
  const isConfig = group === '' && (kind === 'ConfigMap' || kind === 'Secret')
  const kinds: readonly string[] = [...sourceKinds, 'Kustomization', 'HelmRelease']
  const isOurs = isOwnKind(group, kind) && kinds.includes(kind) && isMap(object['spec'])
  return namespace === '' || !(isConfig || isOurs) ? undefined : `${kind}/${namespace}/${nameOf(object)}`
}

function isDeleted({ object, pair }: Overlaid): boolean {
  return pair.isPruned && policiesOf(object, 'kustomize.toolkit.fluxcd.io').prune && !isKept(object)
}

function put({ live, change }: Sides, side: Side, id: string, object: Managed | undefined): void {
  const { world } = side.ctx
  if (object === undefined) {
    const known = world.get(id)
    if (known !== undefined) world.remove(known)
    return
  }
  if (!isSource(object)) {
    world.update(isPinned(object) ? unpinned(object) : object)
    return
  }
  const { source, isStripped } = admittedSource(live, object, change)
  if (isStripped) side.stripped.add(id)
  else side.stripped.delete(id)
  const before = world.get(id)
  world.update(withoutIndex(source, live.get(id)))
  if (before !== undefined && JSON.stringify(before.spec) !== JSON.stringify(source.spec)) forgetSource(side, source)
}

/** What was fetched of a source before it was known what the side makes of it, and what is made from sources, counts no more. */
function forgetSource({ ctx: { world, sources } }: Side, source: Source): void {
  sources.forget(keyOf(source))
  for (const chart of world.ofKind('HelmChart')) sources.forget(keyOf(chart))
  for (const one of world.ofKind('GitRepository')) if ((one.spec.include ?? []).length > 0) sources.forget(keyOf(one))
}

/** The index of a repository that a change points somewhere else is not the one that the cluster has: it is looked for again, since nothing is stored under this name. */
function withoutIndex(source: Managed, live: Managed | undefined): Managed {
  if (source.kind !== 'HelmRepository') return source
  if (live?.kind === 'HelmRepository' && live.spec.url === source.spec.url && live.status?.artifact !== undefined)
    return source
  const artifact = { revision: `sha256:${'0'.repeat(64)}`, digest: '', path: '', url: '', lastUpdateTime: '' }
  return { ...source, status: { ...source.status, artifact } }
}

function isPinned({ metadata }: Managed): boolean {
  return metadata.annotations?.[ownAnnotations.pin] !== undefined
}

/** A plan is about what happens once nothing is held any more. */
function unpinned<T extends Managed>(object: T): T {
  const { [ownAnnotations.pin]: _, ...annotations } = object.metadata.annotations ?? {}
  return { ...object, metadata: { ...object.metadata, annotations } }
}

/** What the object in the cluster would be: what Git says over what is there, without what Git said before and says no more. */
function merged(live: Managed | undefined, wanted: KubeObject, before: KubeObject | undefined): Managed {
  const kind = gvkOf(wanted).kind as Managed['kind']
  const spec = mergeOver(live?.spec as KubeValue | undefined, wanted['spec'] ?? {}, before?.['spec'])
  const metadata = mergeOver(ownMetadata(live), ownMetadata(wanted), before && ownMetadata(before)) as KubeMap
  const isSame = live !== undefined && JSON.stringify(spec) === JSON.stringify(live.spec)
  const generation = isSame ? live.metadata.generation : (live?.metadata.generation ?? 0) + 1
  return {
    ...live,
    apiVersion: apiVersions[kind],
    kind,
    metadata: {
      ...live?.metadata,
      ...metadata,
      name: nameOf(wanted),
      namespace: namespaceOf(wanted),
      ...(generation === undefined ? {} : { generation }),
    },
    spec: isSame ? live.spec : spec,
  } as unknown as Managed
}

function ownMetadata(object: Managed | KubeObject | undefined): KubeMap {
  const metadata = (object as KubeObject | undefined)?.['metadata']
  if (!isMap(metadata)) return {}
  const { labels, annotations } = metadata
  return { ...(isMap(labels) ? { labels } : {}), ...(isMap(annotations) ? { annotations } : {}) }
}

/** Mappings field by field; everything else as a whole. */
function mergeOver(live: KubeValue | undefined, wanted: KubeValue, before: KubeValue | undefined): KubeValue {
  if (!isMap(wanted) || !isMap(live)) return wanted
  const result: KubeMap = {}
  for (const [field, value] of Object.entries(live)) {
    const isGone = isMap(before) && Object.hasOwn(before, field) && !Object.hasOwn(wanted, field)
    if (!isGone) result[field] = value
  }
  for (const [field, value] of Object.entries(wanted))
    result[field] = mergeOver(
      Object.hasOwn(live, field) ? live[field] : undefined,
      value,
      isMap(before) && Object.hasOwn(before, field) ? before[field] : undefined,
    )
  return result
}

/** Puts the HelmCharts that the releases of a side ask for into its world, so that nobody has to ask the cluster for them. */
function putCharts({ live }: Sides, side: Side): void {
  const { world } = side.ctx
  for (const release of world.ofKind('HelmRelease')) {
    const wanted = chartOf(release)
    if (wanted === undefined) continue
    const known = live.get(idOf(wanted))
    const chart = known?.kind === 'HelmChart' ? known : undefined
    if (chart !== undefined && isAsWanted(chart, wanted)) world.update(chart)
    else {
      const generation = (chart?.metadata.generation ?? 0) + 1
      world.update({
        ...wanted,
        metadata: { ...chart?.metadata, ...wanted.metadata, generation },
        status: { ...chart?.status, observedGeneration: generation },
      })
    }
  }
}

function chartOf(release: Extract<Managed, { kind: 'HelmRelease' }>): HelmChart | undefined {
  try {
    return wantedHelmChart(release)
  } catch {
    return undefined // An interval that does not parse: rendering says so.
  }
}
