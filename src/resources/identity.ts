import { sourceText } from './source-text.ts'
import { isMap, type KubeObject, scalarText } from './object.ts'

/** Group, version and kind of an object; the core group is ''. */
export interface Gvk {
  readonly group: string
  readonly version: string
  readonly kind: string
}

/** What identifies an object in a cluster, whatever version it is written in. The namespace of a cluster-scoped object is ''. */
export interface ObjectId {
  readonly group: string
  readonly kind: string
  readonly namespace: string
  readonly name: string
}

/** Splits `apps/v1` into group and version; `v1` has the group ''. Only the first slash separates. */
export function parseApiVersion(apiVersion: string): { group: string; version: string } {
  const slash = apiVersion.indexOf('/')
  return slash < 0
    ? { group: '', version: apiVersion }
    : { group: apiVersion.slice(0, slash), version: apiVersion.slice(slash + 1) }
}

/** `group/version`, or `version` for the core group. */
export function formatApiVersion(gvk: Pick<Gvk, 'group' | 'version'>): string {
  return gvk.group === '' ? gvk.version : `${gvk.group}/${gvk.version}`
}

/** Group, version and kind of `object`; parts that are missing are ''. */
export function gvkOf(object: KubeObject): Gvk {
  return { ...parseApiVersion(scalarText(object['apiVersion'])), kind: scalarText(object['kind']) }
}

/** `metadata.<field>` as text; '' where it is missing. */
export function metaText(object: KubeObject, field: string): string {
  const metadata = object['metadata']
  return isMap(metadata) && metadata[field] !== null ? sourceText(metadata, field) : ''
}

/** `metadata.name`, '' where it is missing. */
export function nameOf(object: KubeObject): string {
  return metaText(object, 'name')
}

/** `metadata.namespace`, '' where it is missing. */
export function namespaceOf(object: KubeObject): string {
  return metaText(object, 'namespace')
}

/** Group, kind, namespace and name as the object itself states them. */
export function objectIdOf(object: KubeObject): ObjectId {
  const { group, kind } = gvkOf(object)
  return { group, kind, namespace: namespaceOf(object), name: nameOf(object) }
}

/** `Kind/namespace/name`, or `Kind/name` without a namespace: how Flux names objects in events and messages (fluxcd/pkg ssa/utils, FmtUnstructured). */
export function formatObject(id: Pick<ObjectId, 'kind' | 'namespace' | 'name'>): string {
  return id.namespace === '' ? `${id.kind}/${id.name}` : `${id.kind}/${id.namespace}/${id.name}`
}

/** Groups and kinds whose names may hold a colon, written as `__` in an inventory id. */
const RBAC_GROUP = 'rbac.authorization.k8s.io'
const RBAC_KINDS: ReadonlySet<string> = new Set(['Role', 'ClusterRole', 'RoleBinding', 'ClusterRoleBinding'])

/**
 * The id of an inventory entry: `<namespace>_<name>_<group>_<kind>`, colons in names of RBAC objects written as `__`
 * (sigs.k8s.io/cli-utils pkg/object, ObjMetadata.String).
 */
export function formatInventoryId(id: ObjectId): string {
  const name = id.group === RBAC_GROUP && RBAC_KINDS.has(id.kind) ? id.name.replaceAll(':', '__') : id.name
  return `${id.namespace}_${name}_${id.group}_${id.kind}`
}

/**
 * The reverse of {@link formatInventoryId}; undefined for a text that is no inventory id: the namespace ends at the first `_`, the kind
 * starts after the last, the group after the next to last, and `__` in what is left stands for a colon.
 */
export function parseInventoryId(text: string): ObjectId | undefined {
  const first = text.indexOf('_')
  const last = text.lastIndexOf('_')
  if (first < 0 || last <= first) return undefined
  const middle = text.slice(first + 1, last)
  const cut = middle.lastIndexOf('_')
  if (cut < 0) return undefined
  return {
    namespace: text.slice(0, first),
    name: middle.slice(0, cut).replaceAll('__', ':'),
    group: middle.slice(cut + 1),
    kind: text.slice(last + 1),
  }
}

/** A key for maps and sets: equal for equal ids, and never equal for different ones. */
export function objectIdKey(id: ObjectId): string {
  return `${id.group}\0${id.kind}\0${id.namespace}\0${id.name}`
}
