import {
  type Gvk,
  type KubeObject,
  nameOf,
  namespaceOf,
  formatApiVersion,
  parseApiVersion,
  type Schema,
  sourceText,
} from '../resources/index.ts'

/** The namespace that stands for "has none" in ids of cluster-scoped objects (kyaml resid, TotallyNotANamespace). */
export const NO_NAMESPACE = '_non_namespaceable_'

/** What identifies an object during a build: unlike in a cluster, the version counts. */
export interface ResourceId extends Gvk {
  readonly name: string
  /** As written; '' where nothing is written. */
  readonly namespace: string
  readonly clusterScoped: boolean
}

/** Group, version and kind as they are written: kustomize looks at the text, also where a tag such as `!!binary` makes something else of it. */
export function writtenGvk(object: KubeObject): Gvk {
  return { ...parseApiVersion(sourceText(object, 'apiVersion')), kind: sourceText(object, 'kind') }
}

/** The id of an object as it is now. */
export function resourceIdOf(object: KubeObject, schema: Schema): ResourceId {
  const gvk = writtenGvk(object)
  return { ...gvk, name: nameOf(object), namespace: namespaceOf(object), clusterScoped: isClusterScoped(gvk, schema) }
}

/** True for kinds that are known to have no namespace. */
export function isClusterScoped(gvk: Gvk, schema: Schema): boolean {
  return schema.isNamespaced(formatApiVersion(gvk), gvk.kind) === false
}

/** The namespace that counts when ids are compared: `default` where none is written. */
export function effectiveNamespace(id: Pick<ResourceId, 'namespace' | 'clusterScoped'>): string {
  return id.clusterScoped ? NO_NAMESPACE : id.namespace === '' ? 'default' : id.namespace
}

/** True when both have the same group, version, kind and name. */
export function sameGvkn(a: Gvk & { name: string }, b: Gvk & { name: string }): boolean {
  return a.name === b.name && a.kind === b.kind && a.version === b.version && a.group === b.group
}

/** True when both stand for the same object. */
export function sameId(a: ResourceId, b: ResourceId): boolean {
  return sameGvkn(a, b) && effectiveNamespace(a) === effectiveNamespace(b)
}

/** A key for maps: equal exactly where {@link sameId} holds. */
export function idKey(id: ResourceId): string {
  return `${id.group}\0${id.version}\0${id.kind}\0${id.name}\0${effectiveNamespace(id)}`
}

/** `Deployment.v1.apps/name.namespace`: how kustomize prints ids in messages. */
export function formatId(id: Gvk & { name: string; namespace: string }): string {
  const gvk = `${id.kind || '[noKind]'}.${id.version || '[noVer]'}.${id.group || '[noGrp]'}`
  return `${gvk}/${id.name || '[noName]'}.${id.namespace || '[noNs]'}`
}
