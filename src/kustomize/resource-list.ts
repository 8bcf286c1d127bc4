import { matchesLabels, parseLabelSelector } from '../resources/index.ts'
import { problem } from './problems.ts'
import { mapTexts, type Resource } from './resource.ts'
import { effectiveNamespace, formatId, idKey, type ResourceId, sameId } from './resource-id.ts'
import { compileSelector } from './selector.ts'
import type { Selector } from './types.ts'

/** The objects of a build in their order. No two have the same current id, except while a transformer is at work. */
export class ResourceList {
  items: Resource[] = []
  /** The objects by id, while nothing but {@link appendAll} changes them. */
  private known: Map<string, Resource> | undefined

  static of(items: Iterable<Resource>): ResourceList {
    const list = new ResourceList()
    list.appendAll(items)
    return list
  }

  /** Appends objects. Throws `kustomize-id-conflict` naming every object that is there already. */
  appendAll(items: Iterable<Resource>): void {
    const known = this.known ?? this.byId()
    for (const item of items) {
      const id = item.currentId()
      const key = idKey(id)
      const other = known.get(key)
      if (other !== undefined) {
        throw problem(
          'kustomize-id-conflict',
          `may not add resource with an already registered id: ${formatId(id)}${other.place ? ` (the other one is at ${other.place.file}:${other.place.line})` : ''}`,
          { object: item.describe(), ...item.place },
        )
      }
      known.set(key, item)
      this.items.push(item)
    }
  }

  /** Runs work that does nothing to this list but append objects: their ids are looked at once only. */
  onlyAppending<T>(work: () => T): T {
    this.known = this.byId()
    try {
      return work()
    } finally {
      this.known = undefined
    }
  }

  private byId(): Map<string, Resource> {
    return new Map(this.items.map((one) => [idKey(one.currentId()), one]))
  }

  /** Adds generated objects: a new one is appended, one with the behavior `merge` or `replace` takes the place of its namesake. */
  absorbAll(items: Iterable<Resource>): void {
    for (const item of items) this.absorb(item)
  }

  private absorb(item: Resource): void {
    const id = item.currentId()
    const matches = this.matchingAnyId((one) => sameId(id, one))
    const old = matches[0]
    const place = { object: item.describe(), ...item.place }
    if (old === undefined) {
      if (item.behavior === 'merge' || item.behavior === 'replace') {
        throw problem(
          'kustomize-merge-target-missing',
          `id ${formatId(id)} does not exist; cannot ${item.behavior}`,
          place,
        )
      }
      this.appendAll([item])
      return
    }
    if (matches.length > 1) {
      throw problem(
        'kustomize-merge-target-ambiguous',
        `found multiple objects that could accept merge of ${formatId(id)}: ${matches.map((one) => one.describe()).join(', ')}`,
        place,
      )
    }
    if (item.behavior !== 'merge' && item.behavior !== 'replace') {
      throw problem(
        'kustomize-id-conflict',
        `id ${formatId(id)} exists; cannot use behavior '${item.behavior ?? 'unspecified'}', behavior must be merge or replace`,
        place,
      )
    }
    const { behavior } = item
    inherit(item, old)
    if (behavior === 'merge') {
      for (const field of ['data', 'binaryData'] as const) mergeData(item, old, field)
      if (old.origin !== undefined) item.origin = old.origin
    }
    this.items[this.items.indexOf(old)] = item
  }

  /** Objects of which an id, current or former, fits. */
  matchingAnyId(fits: (id: ResourceId) => boolean): Resource[] {
    return this.items.filter((one) => one.allIds().some(fits))
  }

  /** The one object that has, or had, this id. Throws `kustomize-target-missing` or `kustomize-target-ambiguous`. */
  getById(id: ResourceId): Resource {
    const matches = this.matchingAnyId((one) => sameId(id, one))
    const match = matches[0]
    if (match === undefined) {
      throw problem(
        'kustomize-target-missing',
        `no matches for Id ${formatId(id)}; failed to find unique target for patch ${formatId(id)}`,
      )
    }
    if (matches.length > 1) {
      throw problem(
        'kustomize-target-ambiguous',
        `multiple matches for Id ${formatId(id)}: ${matches.map((one) => one.describe()).join(', ')}; failed to find unique target for patch ${formatId(id)}`,
      )
    }
    return match
  }

  /** Objects that a selector fits, by their original or current name and namespace. */
  select(selector: Selector): Resource[] {
    const compiled = compileSelector(selector)
    const labels = parseLabelSelector(selector.labelSelector ?? '')
    const annotations = parseLabelSelector(selector.annotationSelector ?? '')
    return this.items.filter((one) => {
      const current = one.currentId()
      const original = one.originalId()
      return (
        (compiled.namespace(effectiveNamespace(original)) || compiled.namespace(effectiveNamespace(current))) &&
        (compiled.name(original.name) || compiled.name(current.name)) &&
        compiled.gvk(current) &&
        (labels.length === 0 || matchesLabels(labels, one.texts('labels'))) &&
        (annotations.length === 0 || matchesLabels(annotations, one.texts('annotations')))
      )
    })
  }

  /** Keeps what `wanted` says. Throws `kustomize-id-conflict` where two objects have become the same by now. */
  keep(wanted: (item: Resource) => boolean): void {
    const items = this.items.filter(wanted)
    this.items = []
    this.appendAll(items)
  }

  /** Drops objects of which nothing is left. */
  dropEmpty(): void {
    this.items = this.items.filter((one) => !one.isEmpty())
  }
}

/** What a merging or replacing object takes over: name, namespace, former ids, and the labels and annotations that it does not set itself. */
function inherit(item: Resource, old: Resource): void {
  item.setTexts('labels', { ...old.texts('labels'), ...item.texts('labels') })
  item.setTexts('annotations', { ...old.texts('annotations'), ...item.texts('annotations') })
  item.setName(old.name)
  item.setNamespace(old.namespace)
  item.previousIds = old.previousIds
  item.prefixes = old.prefixes
  item.suffixes = old.suffixes
  item.needsHash = item.needsHash && old.needsHash
  item.behavior = old.behavior
  if (old.behavior !== undefined) item.annotations()
  item.varNames = old.varNames
}

function mergeData(item: Resource, old: Resource, field: 'data' | 'binaryData'): void {
  const texts = { ...mapTexts(old.object[field]), ...mapTexts(item.object[field]) }
  if (Object.keys(texts).length === 0) delete item.object[field]
  else item.noteWritten((item.object[field] = texts))
}
