import { getKey, isMap, type KubeMap, type KubeObject, type KubeValue, scalarText } from '../../resources/index.ts'
import { type GvkSelector, isSelected, type NameReference } from '../config/field-spec.ts'
import { findingsOf, problem, problems } from '../problems.ts'
import type { Resource } from '../resource.ts'
import { effectiveNamespace, formatId, NO_NAMESPACE, type ResourceId, writtenGvk } from '../resource-id.ts'
import type { ResourceList } from '../resource-list.ts'
import { readSlot, type Slot, visitField, writeSlot } from './field-spec.ts'

/**
 * Lets fields that hold a name follow the object they mean, when its name (or namespace) has changed (api/filters/nameref). Of several
 * candidates, the one with the same prefixes and suffixes counts. Throws `kustomize-reference-ambiguous` when more than one is left, naming
 * them.
 */
export function fixNameReferences(list: ResourceList, references: readonly NameReference[]): void {
  const index = new CandidateIndex(list.items)
  for (const resource of list.items) {
    const id = resource.originalId()
    let referrer: Referrer | undefined
    for (const { referrers, ...target } of references) {
      for (const spec of referrers) {
        if (!isSelected(id, spec)) continue
        referrer ??= new Referrer(resource, index)
        const fix = new ReferenceFix(referrer, target, spec.path)
        // The field is looked up in the object as it is, whatever the configuration says about its kind.
        try {
          visitField(resource.object, { path: spec.path }, undefined, (slot) => fix.apply(slot))
        } catch (error) {
          throw problems(
            findingsOf(error, {
              object: resource.describe(),
              field: spec.path.replaceAll('/', '.'),
              ...resource.place,
            }).map((one) => ({
              ...one,
              message: `updating name reference in '${spec.path}' field of '${formatId(resource.currentId())}': ${one.message}`,
            })),
          )
        }
      }
    }
  }
}

/** The objects that a reference may mean, found by any of their former names. */
class CandidateIndex {
  readonly items: readonly Resource[]
  readonly byFormerName = new Map<string, Resource[]>()

  constructor(items: readonly Resource[]) {
    this.items = items
    for (const item of items) {
      for (const name of new Set(item.previousIds.map((id) => id.name))) {
        const known = this.byFormerName.get(name)
        if (known) known.push(item)
        else this.byFormerName.set(name, [item])
      }
    }
  }
}

/** An object with references, and which other objects it can see. */
class Referrer {
  readonly resource: Resource
  readonly index: CandidateIndex
  readonly id: ResourceId
  private readonly subjectNamespaces: ReadonlySet<string>
  private groups: { original: Map<string, Set<Resource>>; current: Map<string, Set<Resource>> } | undefined

  constructor(resource: Resource, index: CandidateIndex) {
    this.resource = resource
    this.index = index
    this.id = resource.currentId()
    this.subjectNamespaces = serviceAccountNamespaces(resource.object)
  }

  /** A cluster-scoped object sees everything; others see their namespace, cluster-scoped objects and the namespaces of their subjects. */
  sees(candidate: Resource): boolean {
    if (this.id.clusterScoped) return true
    const id = candidate.currentId()
    return (
      id.clusterScoped ||
      effectiveNamespace(id) === effectiveNamespace(this.id) ||
      this.subjectNamespaces.has(candidate.namespace)
    )
  }

  /** The candidates in `namespace`, as it was first or as it is now; undefined keeps all. */
  inNamespace(namespace: string): (candidate: Resource) => boolean {
    if (this.groups === undefined) {
      this.groups = { original: new Map(), current: new Map() }
      for (const item of this.index.items) {
        if (!this.sees(item)) continue
        addTo(this.groups.original, effectiveNamespace(item.originalId()), item)
        addTo(this.groups.current, effectiveNamespace(item.currentId()), item)
      }
    }
    const group = this.groups.original.get(namespace) ?? this.groups.current.get(namespace)
    return (candidate) => namespace !== NO_NAMESPACE && group?.has(candidate) === true
  }
}

function addTo(groups: Map<string, Set<Resource>>, key: string, item: Resource): void {
  const group = groups.get(key)
  if (group) group.add(item)
  else groups.set(key, new Set([item]))
}

/** Namespaces of the service accounts that a RoleBinding names. */
function serviceAccountNamespaces(object: KubeObject): ReadonlySet<string> {
  const result = new Set<string>()
  const subjects = object['kind'] === 'RoleBinding' ? getKey(object, 'subjects') : undefined
  if (!Array.isArray(subjects)) return result
  for (const subject of subjects) {
    if (!isMap(subject) || getKey(subject, 'kind') !== 'ServiceAccount') continue
    const namespace = getKey(subject, 'namespace')
    if (namespace === undefined) continue
    if (typeof namespace !== 'string')
      throw problem('kustomize-reference-subject', 'the namespace of a subject must be a text', { field: 'subjects' })
    result.add(namespace)
  }
  return result
}

/** Fixes one kind of reference in one object. */
class ReferenceFix {
  private readonly referrer: Referrer
  private readonly target: GvkSelector
  private readonly roleRef: GvkSelector | undefined

  constructor(referrer: Referrer, target: GvkSelector, path: string) {
    this.referrer = referrer
    this.target = target
    this.roleRef = path.endsWith('roleRef/name') ? roleRefOf(referrer.resource.object) : undefined
  }

  apply(slot: Slot): void {
    const value = readSlot(slot)
    if (value === null) return
    if (Array.isArray(value)) value.forEach((item, key) => this.applyToItem(item, { container: value, key }))
    else if (isMap(value)) this.fixMapping(value)
    else this.fixText(slot, value)
  }

  private applyToItem(item: KubeValue, slot: Slot): void {
    if (isMap(item)) this.fixMapping(item)
    else if (item !== null && !Array.isArray(item)) this.fixText(slot, item)
  }

  private fixText(slot: Slot, value: KubeValue): void {
    const name = scalarText(value)
    const referral = this.find(name, undefined)
    if (referral !== undefined && referral.name !== name) writeSlot(slot, referral.name)
  }

  /** A mapping with `name` and perhaps `namespace`: both follow. */
  private fixMapping(map: KubeMap): void {
    const value = getKey(map, 'name')
    if (value === undefined) throw problem('kustomize-reference-config', "path config error; no 'name' field in node")
    const name = scalarText(value)
    const namespace = getKey(map, 'namespace')
    const referral = this.find(
      name,
      namespace === undefined ? undefined : this.referrer.inNamespace(scalarText(namespace)),
      true,
    )
    if (referral === undefined || (referral.name === name && referral.namespace === '')) return
    map['name'] = referral.name
    if (referral.namespace !== '') map['namespace'] = referral.namespace
  }

  private find(
    name: string,
    filter: ((candidate: Resource) => boolean) | undefined,
    namespaceCounts = false,
  ): Resource | undefined {
    const { referrer, target, roleRef } = this
    let candidates = (referrer.index.byFormerName.get(name) ?? []).filter(
      (one) =>
        referrer.sees(one) &&
        (filter === undefined || filter(one)) &&
        hadKind(one, target) &&
        (roleRef === undefined || hadKind(one, roleRef)) &&
        isReachable(referrer.id, one),
    )
    if (candidates.length === 1) return candidates[0]
    candidates = candidates.filter((one) => sameAffixes(referrer.resource, one, true))
    if (candidates.length > 1) candidates = candidates.filter((one) => sameAffixes(referrer.resource, one, false))
    const first = candidates[0]
    if (first === undefined) return undefined
    const alike = candidates.every(
      (one) => one.name === first.name && (!namespaceCounts || one.namespace === first.namespace),
    )
    if (alike) return first
    throw problem(
      'kustomize-reference-ambiguous',
      `found multiple possible referrals for ${JSON.stringify(name)}: ${candidates.map((one) => formatId(one.currentId())).join(', ')}`,
    )
  }
}

function hadKind(candidate: Resource, selector: GvkSelector): boolean {
  const { group, version } = writtenGvk(candidate.object)
  return candidate.previousIds.some((id) => isSelected({ group, version, kind: id.kind }, selector))
}

/** Service accounts may be meant from other namespaces. */
function isReachable(referrer: ResourceId, candidate: Resource): boolean {
  if (referrer.clusterScoped || candidate.kind === 'ServiceAccount') return true
  const id = candidate.currentId()
  return id.clusterScoped || effectiveNamespace(id) === effectiveNamespace(referrer)
}

function roleRefOf(object: KubeObject): GvkSelector | undefined {
  const roleRef = getKey(object, 'roleRef')
  if (!isMap(roleRef)) return undefined
  const group = getKey(roleRef, 'apiGroup')
  const kind = getKey(roleRef, 'kind')
  if (group === undefined || kind === undefined) return undefined
  return { group: scalarText(group), kind: scalarText(kind) }
}

/** True when the names were made in the same layers: one list of prefixes ends with the other. With `lenient`, none fits any. */
function sameAffixes(a: Resource, b: Resource, lenient: boolean): boolean {
  return sameEnding(a.prefixes, b.prefixes, lenient) && sameEnding(a.suffixes, b.suffixes, lenient)
}

function sameEnding(a: readonly string[], b: readonly string[], lenient: boolean): boolean {
  const [short, long] = a.length > b.length ? [b, a] : [a, b]
  if (short.length === 0) return lenient || long.length === 0
  return short.every((text, index) => text === long[index + long.length - short.length])
}
