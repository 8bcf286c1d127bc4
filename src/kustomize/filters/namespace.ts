import { getKey, isMap, type KubeMap, scalarText } from '../../resources/index.ts'
import type { FieldSpec } from '../config/field-spec.ts'
import { problem } from '../problems.ts'
import type { Resource } from '../resource.ts'
import { formatId, idKey, isClusterScoped, writtenGvk } from '../resource-id.ts'
import type { ResourceList } from '../resource-list.ts'
import { readSlot, visitField, writeSlot, type Slot } from './field-spec.ts'

/** Which subjects of role bindings get the namespace. */
export type SubjectMode = 'defaultOnly' | 'allServiceAccounts' | 'none'

/** Settings of the namespace transformer. */
export interface NamespaceOptions {
  readonly namespace: string
  readonly fieldSpecs: readonly FieldSpec[]
  /** Fill in missing namespaces only. */
  readonly unsetOnly?: boolean
  readonly subjects?: SubjectMode
}

/**
 * Sets the namespace of every namespaced object, of subjects of role bindings, and of the fields that `fieldSpecs` name
 * (api/internal/builtins NamespaceTransformer). Objects rendered by a chart are left alone. Throws `kustomize-id-conflict` when two objects
 * become the same.
 */
export function setNamespaces(list: ResourceList, options: NamespaceOptions): void {
  if (options.namespace === '') return
  for (const resource of list.items) {
    if (resource.isEmpty() || resource.helmGenerated) continue
    resource.rememberId()
    setNamespace(resource, options)
  }
  const known = new Map<string, Resource>()
  for (const resource of list.items) {
    const id = resource.currentId()
    const other = known.get(idKey(id))
    if (other !== undefined) {
      throw problem(
        'kustomize-id-conflict',
        `namespace transformation produces ID conflict: two objects become ${formatId(id)}`,
        {
          object: resource.describe(),
          ...resource.place,
        },
      )
    }
    known.set(idKey(id), resource)
  }
}

/** Sets the namespace of one object and inside it. */
export function setNamespace(resource: Resource, options: NamespaceOptions): void {
  const { object, schema } = resource
  const gvk = writtenGvk(object)
  const set = (slot: Slot): void => {
    const value = readSlot(slot)
    if (value !== null && typeof value === 'object') {
      throw problem('kustomize-field-path', 'namespace field specs must target scalar nodes', {
        object: resource.describe(),
        ...resource.place,
      })
    }
    if (options.unsetOnly === true && value !== null && scalarText(value) !== '') return
    writeSlot(slot, options.namespace)
  }
  if (!isClusterScoped(gvk, schema)) visitField(object, { path: 'metadata/namespace', create: true }, 'scalar', set)
  const isBinding = gvk.kind === 'RoleBinding' || gvk.kind === 'ClusterRoleBinding'
  if (isBinding) setSubjects(resource, options.subjects ?? 'defaultOnly', set)
  for (const spec of options.fieldSpecs) {
    if (spec.path === 'metadata/namespace') continue
    // Only the core Namespace is named after the namespace: other groups have kinds of that name too.
    if (spec.path === 'metadata/name' && object['apiVersion'] !== 'v1') continue
    if (
      isBinding &&
      spec.path === 'subjects/namespace' &&
      (spec.kind === 'RoleBinding' || spec.kind === 'ClusterRoleBinding')
    )
      continue
    visitField(object, spec, 'scalar', set)
  }
}

function setSubjects(resource: Resource, mode: SubjectMode, set: (slot: Slot) => void): void {
  const subjects = getKey(resource.object, 'subjects')
  if (mode === 'none' || subjects === undefined || subjects === null) return
  if (!Array.isArray(subjects)) {
    throw problem('kustomize-field-path', 'subjects must be a list', {
      object: resource.describe(),
      field: 'subjects',
      ...resource.place,
    })
  }
  for (const subject of subjects) {
    if (!isMap(subject)) continue
    const applies =
      mode === 'defaultOnly' ? isText(subject, 'name', 'default') : isText(subject, 'kind', 'ServiceAccount')
    if (applies) set({ container: subject, key: 'namespace' })
  }
}

function isText(map: KubeMap, key: string, text: string): boolean {
  const value = getKey(map, key)
  return value !== undefined && value !== null && scalarText(value) === text
}
