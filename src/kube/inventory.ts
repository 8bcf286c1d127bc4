import { EngineError } from '../base/index.ts'
import {
  compareForApply,
  formatInventoryId,
  formatApiVersion,
  objectIdOf,
  parseApiVersion,
  parseInventoryId,
  scalarText,
  type KubeObject,
  type ObjectId,
} from '../resources/index.ts'
import type { ChangeSet } from './change-set.ts'
import type { ObjectKey } from './object-key.ts'

/** One entry of `.status.inventory.entries`: identity and API version (without its group) of an object that was applied. */
export interface InventoryEntry {
  readonly id: string
  readonly v: string
}

/** Bytes of entries that an object in etcd can hold beside the rest of a status: its limit is 1.5 MiB, the API server's request limit 3 MiB. */
export const maxInventoryBytes = 1_000_000

/** The entry of an object that is to be applied. */
export function inventoryEntryOf(object: KubeObject): InventoryEntry {
  const { version } = parseApiVersion(scalarText(object['apiVersion']))
  return { id: formatInventoryId(objectIdOf(object)), v: version }
}

/** The inventory of a change set, in its order. Unchanged and skipped objects are listed too, deleted ones are not (kustomize-controller 1.9, inventory.AddChangeSet). */
export function inventoryEntries(changes: ChangeSet): InventoryEntry[] {
  return changes
    .filter((change) => change.action !== 'deleted')
    .map((change) => {
      const { group, version } = parseApiVersion(change.apiVersion)
      return {
        id: formatInventoryId({ group, kind: change.kind, namespace: change.namespace, name: change.name }),
        v: version,
      }
    })
}

/** `entries` and, behind them, those of `more` whose identity is not among them: survivors of a prune, objects of an interrupted run. */
export function mergeInventory(entries: readonly InventoryEntry[], more: readonly InventoryEntry[]): InventoryEntry[] {
  const seen = new Set(entries.map((entry) => entry.id))
  const added = more.filter((entry) => !seen.has(entry.id) && seen.add(entry.id).size > 0)
  return [...entries, ...added]
}

/** Entries of `before` whose identity is not in `after`: what the source no longer has. The version plays no part. */
export function staleEntries(before: readonly InventoryEntry[], after: readonly InventoryEntry[]): InventoryEntry[] {
  const kept = new Set(after.map((entry) => entry.id))
  return before.filter((entry) => !kept.has(entry.id))
}

/** True when both list the same objects in the same versions, in whatever order. */
export function isSameInventory(a: readonly InventoryEntry[], b: readonly InventoryEntry[]): boolean {
  if (a.length !== b.length) return false
  const versions = new Map(a.map((entry) => [entry.id, entry.v]))
  return b.every((entry) => versions.get(entry.id) === entry.v)
}

/** Entries in the order in which their objects are applied; entries that are no inventory ids come last. */
export function sortInventory(entries: readonly InventoryEntry[]): InventoryEntry[] {
  const keyed = entries.map((entry) => ({ entry, id: parseInventoryId(entry.id) }))
  keyed.sort((a, b) => {
    if (!a.id || !b.id) return a.id ? -1 : b.id ? 1 : 0
    return compareForApply(a.id, b.id)
  })
  return keyed.map(({ entry }) => entry)
}

/** The object that an entry stands for, or undefined where the id is malformed. */
export function inventoryKey(entry: InventoryEntry): (ObjectKey & { readonly id: ObjectId }) | undefined {
  const id = parseInventoryId(entry.id)
  if (!id) return undefined
  const apiVersion = formatApiVersion({ group: id.group, version: entry.v })
  return { apiVersion, kind: id.kind, namespace: id.namespace, name: id.name, id }
}

/**
 * Refuses an inventory that the cluster could not store: after the objects are applied it would be too late.
 *
 * @throws EngineError `inventory-too-large` (`stall`).
 */
export function checkInventorySize(entries: readonly InventoryEntry[]): void {
  let bytes = 0
  for (const entry of entries) bytes += entry.id.length + entry.v.length + 18
  if (bytes <= maxInventoryBytes) return
  throw new EngineError(
    `${entries.length} objects make an inventory of ${bytes} bytes, more than the ${maxInventoryBytes} that a status can hold; split them over several Kustomizations`,
    { code: 'inventory-too-large', reason: 'ReconciliationFailed', data: { entries: entries.length, bytes } },
  )
}
