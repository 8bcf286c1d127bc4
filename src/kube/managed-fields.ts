import { isMap, type FieldStep, type KubeMap, type KubeObject, type KubeValue } from '../resources/index.ts'
import type { JsonPatchOperation } from './client-types.ts'
import { resourceVersionOf } from './object-key.ts'
import { metadataMap } from './policies.ts'

/** One entry of `metadata.managedFields`. */
export interface ManagedFieldsEntry {
  readonly manager: string
  readonly operation: 'Apply' | 'Update'
  readonly apiVersion: string
  readonly subresource?: string
  readonly time?: string
  readonly fieldsType?: string
  /** Trie of owned fields: `f:name`, `k:{"key":"value"}`, `v:value`, `.` for the item itself. */
  readonly fieldsV1?: KubeMap
}

/** A field manager whose fields are taken over: every manager whose name starts with `prefix`. */
export interface ReplacedManager {
  readonly prefix: string
  readonly operations: readonly ('Apply' | 'Update')[]
}

/** Annotations and labels of kubectl and of Flux v1 that an apply removes. */
const legacyAnnotations = ['kubectl.kubernetes.io/last-applied-configuration', 'fluxcd.io/sync-checksum']
const legacyLabels = ['fluxcd.io/sync-gc-mark']

/** The entries of an object. */
export function managedFieldsOf(object: KubeObject): readonly ManagedFieldsEntry[] {
  const metadata = object['metadata']
  const entries = isMap(metadata) ? metadata['managedFields'] : undefined
  return Array.isArray(entries) ? (entries as unknown as ManagedFieldsEntry[]) : []
}

/** The managers that `fieldManager` replaces: kubectl's, what was there before the first apply, its own former client-side updates, and the operator's list. */
export function replacedManagers(fieldManager: string, overrides: readonly string[] = []): readonly ReplacedManager[] {
  return [
    { prefix: 'kubectl', operations: ['Apply', 'Update'] },
    { prefix: 'before-first-apply', operations: ['Update'] },
    { prefix: fieldManager, operations: ['Update'] },
    ...overrides.map((prefix) => ({ prefix, operations: ['Apply', 'Update'] as const })),
  ]
}

/**
 * The JSON patch that makes `fieldManager` the owner of what the replaced managers own, and removes the legacy metadata, or undefined
 * where there is nothing to do. After it, an apply removes the fields that those tools had added (fluxcd/pkg ssa 0.83, cleanupMetadata
 * and PatchReplaceFieldsManagers). It carries the resource version, so that it fails when somebody else writes in between.
 */
export function takeOverPatch(
  live: KubeObject,
  fieldManager: string,
  group: string,
  managers: readonly ReplacedManager[],
): readonly JsonPatchOperation[] | undefined {
  const patch: JsonPatchOperation[] = []
  const annotations = metadataMap(live, 'annotations')
  const labels = metadataMap(live, 'labels')
  for (const key of [`${group}/checksum`, ...legacyAnnotations]) {
    if (key in annotations) patch.push({ op: 'remove', path: `/metadata/annotations/${escapePointer(key)}` })
  }
  for (const key of legacyLabels) {
    if (key in labels) patch.push({ op: 'remove', path: `/metadata/labels/${escapePointer(key)}` })
  }
  const entries = foldManagers(managedFieldsOf(live), fieldManager, managers)
  if (entries) patch.push({ op: 'replace', path: '/metadata/managedFields', value: entries })
  if (patch.length === 0) return undefined
  return [...patch, { op: 'replace', path: '/metadata/resourceVersion', value: resourceVersionOf(live) }]
}

/**
 * The JSON patch that turns what Helm's client-side updates own into fields of `fieldManager`'s server-side apply; undefined where there is nothing to do (Helm v4
 * pkg/kube, upgradeClientSideFieldManager). `helm` itself counts too, so that a release of the command line can be gone on with.
 */
export function foldClientSideFields(
  live: KubeObject,
  fieldManager: string,
): readonly JsonPatchOperation[] | undefined {
  const entries = foldManagers(managedFieldsOf(live), fieldManager, [
    { prefix: fieldManager, operations: ['Update'] },
    { prefix: 'helm', operations: ['Update'] },
  ])
  if (entries === undefined) return undefined
  return [
    { op: 'replace', path: '/metadata/managedFields', value: entries },
    { op: 'replace', path: '/metadata/resourceVersion', value: resourceVersionOf(live) },
  ]
}

/** The entries with those of the replaced managers folded into the Apply entry of `fieldManager`; undefined where none is there. */
export function foldManagers(
  entries: readonly ManagedFieldsEntry[],
  fieldManager: string,
  managers: readonly ReplacedManager[],
): readonly ManagedFieldsEntry[] | undefined {
  let own = entries.find((entry) => isApplyEntryOf(entry, fieldManager))
  const kept: ManagedFieldsEntry[] = []
  let isEdited = false
  for (const entry of entries) {
    if (isApplyEntryOf(entry, fieldManager)) continue
    if (!isReplaced(entry, managers)) {
      kept.push(entry)
      continue
    }
    isEdited = true
    if (own) own = { ...own, fieldsV1: uniteFields(own.fieldsV1 ?? {}, entry.fieldsV1 ?? {}) }
    else own = { ...entry, manager: fieldManager, operation: 'Apply' }
  }
  return isEdited && own ? [...kept, own] : undefined
}

function isApplyEntryOf(entry: ManagedFieldsEntry, fieldManager: string): boolean {
  return entry.manager === fieldManager && entry.operation === 'Apply' && (entry.subresource ?? '') === ''
}

function isReplaced(entry: ManagedFieldsEntry, managers: readonly ReplacedManager[]): boolean {
  if ((entry.subresource ?? '') !== '') return false
  return managers.some(
    (manager) => entry.manager.startsWith(manager.prefix) && manager.operations.includes(entry.operation),
  )
}

/** The union of two field tries. */
export function uniteFields(a: KubeMap, b: KubeMap): KubeMap {
  const result: KubeMap = { ...a }
  for (const [key, value] of Object.entries(b)) {
    const other = result[key]
    result[key] = isMap(other) && isMap(value) ? uniteFields(other, value) : value
  }
  return result
}

/** Who has written a field, and when (RFC 3339) as far as the server has noted it: the time of the manager's last write to any of its fields. */
export interface FieldWriter {
  readonly manager: string
  readonly time?: string
}

/** The name of the manager that owns the field at `path`; the last writer where several do. Undefined where nobody does. */
export function managerOf(object: KubeObject, path: readonly FieldStep[]): string | undefined {
  return writerOf(object, path)?.manager
}

/** The same with the time. */
export function writerOf(object: KubeObject, path: readonly FieldStep[]): FieldWriter | undefined {
  let found: ManagedFieldsEntry | undefined
  for (const entry of managedFieldsOf(object)) {
    if (!entry.fieldsV1 || !ownsField(entry.fieldsV1, path)) continue
    if (!found || (entry.time ?? '') >= (found.time ?? '')) found = entry
  }
  if (found?.manager === undefined) return undefined
  return { manager: found.manager, ...(found.time === undefined ? {} : { time: found.time }) }
}

/** True when a trie holds `path`, or an atomic ancestor of it. */
export function ownsField(trie: KubeMap, path: readonly FieldStep[]): boolean {
  let node: KubeMap = trie
  for (const step of path) {
    const key =
      'field' in step ? `f:${step.field}` : Object.keys(node).find((candidate) => matchesItem(candidate, step.item))
    const next = key === undefined ? undefined : node[key]
    // A leaf above the path: the manager owns the whole value.
    if (!isMap(next)) return node !== trie && Object.keys(node).length === 0
    node = next
  }
  return true
}

/** True when a trie key (`k:{…}`, `v:…`) stands for the list item `item`. */
export function matchesItem(key: string, item: KubeValue): boolean {
  if (key.startsWith('v:')) return key.slice(2) === JSON.stringify(item)
  if (!key.startsWith('k:') || !isMap(item)) return false
  const wanted = JSON.parse(key.slice(2)) as { [field: string]: KubeValue }
  return Object.entries(wanted).every(([field, value]) => item[field] === value)
}

function escapePointer(text: string): string {
  return text.replaceAll('~', '~0').replaceAll('/', '~1')
}
