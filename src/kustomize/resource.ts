import {
  copyValue,
  formatObject,
  isMap,
  type KubeMap,
  type KubeObject,
  type KubeValue,
  metaText,
  objectIdOf,
  type Schema,
  setKey,
  sourceText,
} from '../resources/index.ts'
import type { Origin } from './origin.ts'
import { effectiveNamespace, type ResourceId, resourceIdOf } from './resource-id.ts'
import { noteWrittenKeys } from './written-keys.ts'

/** What a generated ConfigMap or Secret does where one of its name exists already. */
export type Behavior = 'unspecified' | 'create' | 'replace' | 'merge'

/** Where an object was read from. */
export interface SourcePlace {
  readonly file: string
  readonly line: number
}

/**
 * An object on its way through a build, with what has happened to it: former ids, prefixes and suffixes. kustomize keeps these facts in
 * annotations of the object; here they stand beside it, and {@link withBuildAnnotations} shows them to what would see them there. An object
 * of which something is known has a mapping of annotations, if an empty one.
 */
export class Resource {
  object: KubeObject
  readonly schema: Schema
  /** Former ids, the oldest first. Their scope is not known: the namespace says it. */
  previousIds: readonly { readonly name: string; readonly namespace: string; readonly kind: string }[] = []
  prefixes: readonly string[] = []
  suffixes: readonly string[] = []
  /** Of generated objects only. */
  behavior: Behavior | undefined
  needsHash = false
  /** Rendered by a chart: the namespace transformer leaves it alone. */
  helmGenerated = false
  origin: Origin | undefined
  transformations: readonly Origin[] = []
  /** Names of `vars` whose value comes from this object. */
  varNames: readonly string[] = []
  place: SourcePlace | undefined
  /** Some mapping in it may have a fault that matters when it is printed. */
  hasFaults = false
  /** A patch for an object without apiVersion. */
  lacksVersion = false

  constructor(object: KubeObject, schema: Schema) {
    this.object = object
    this.schema = schema
  }

  /** An independent copy. */
  copy(): Resource {
    const result = new Resource(copyValue(this.object), this.schema)
    result.previousIds = this.previousIds
    result.prefixes = this.prefixes
    result.suffixes = this.suffixes
    result.behavior = this.behavior
    result.needsHash = this.needsHash
    result.helmGenerated = this.helmGenerated
    result.origin = this.origin
    result.transformations = this.transformations
    result.varNames = this.varNames
    result.place = this.place
    result.hasFaults = this.hasFaults
    return result
  }

  /** The id as the object states it now. */
  currentId(): ResourceId {
    return resourceIdOf(this.object, this.schema)
  }

  /** Former ids, the oldest first. Group and version are today's. */
  formerIds(): readonly ResourceId[] {
    if (this.previousIds.length === 0) return []
    const { group, version } = this.currentId()
    return this.previousIds.map((id) => ({ ...id, group, version, clusterScoped: false }))
  }

  /** The id that the object had when it was read. */
  originalId(): ResourceId {
    return this.formerIds()[0] ?? this.currentId()
  }

  /** Former ids and the current one. */
  allIds(): readonly ResourceId[] {
    return [...this.formerIds(), this.currentId()]
  }

  /** Remembers the current id as a former one; called before something may change it. */
  rememberId(): void {
    const id = this.currentId()
    // kustomize writes all annotations anew here.
    const annotations = copyValue(this.annotations())
    this.metadata()['annotations'] = annotations
    this.noteWritten(annotations)
    this.previousIds = [...this.previousIds, { name: id.name, namespace: effectiveNamespace(id), kind: id.kind }]
  }

  get name(): string {
    return metaText(this.object, 'name')
  }

  get namespace(): string {
    return metaText(this.object, 'namespace')
  }

  get kind(): string {
    return sourceText(this.object, 'kind')
  }

  setName(name: string): void {
    this.metadata()['name'] = name
  }

  /** Sets `metadata.namespace`; '' removes it. */
  setNamespace(namespace: string): void {
    if (namespace !== '') this.metadata()['namespace'] = namespace
    else if (isMap(this.object['metadata'])) delete this.object['metadata']['namespace']
  }

  /** `metadata.labels` or `metadata.annotations` as texts. */
  texts(field: 'labels' | 'annotations'): { [key: string]: string } {
    const metadata = this.object['metadata']
    return mapTexts(isMap(metadata) ? metadata[field] : undefined)
  }

  /** Replaces `metadata.labels` or `metadata.annotations`; removes the field when nothing is left. */
  setTexts(field: 'labels' | 'annotations', texts: { readonly [key: string]: string }): void {
    const metadata = this.metadata()
    if (Object.keys(texts).length === 0) delete metadata[field]
    else this.noteWritten((metadata[field] = { ...texts }))
  }

  /** Notes that kustomize has written all keys of a mapping of this object. */
  noteWritten(map: KubeMap, keys: Iterable<string> = Object.keys(map)): void {
    if (noteWrittenKeys(map, keys)) this.hasFaults = true
  }

  /** `metadata`, created where it is missing. */
  metadata(): KubeMap {
    const metadata = this.object['metadata']
    if (isMap(metadata)) return metadata
    const created: KubeMap = {}
    this.object['metadata'] = created
    return created
  }

  /** `metadata.annotations`, created where it is missing or something else. */
  annotations(): KubeMap {
    const metadata = this.metadata()
    const annotations = metadata['annotations']
    if (isMap(annotations)) return annotations
    const created: KubeMap = {}
    metadata['annotations'] = created
    return created
  }

  /** `Kind/namespace/name`, for messages. */
  describe(): string {
    return formatObject(objectIdOf(this.object))
  }

  /** True when nothing is left of the object. */
  isEmpty(): boolean {
    return Object.keys(this.object).length === 0
  }
}

/** The values of a mapping as texts; none for anything else. */
export function mapTexts(value: KubeValue | undefined): { [key: string]: string } {
  const result: { [key: string]: string } = {}
  if (isMap(value)) for (const key of Object.keys(value)) setKey(result, key, sourceText(value, key))
  return result
}
