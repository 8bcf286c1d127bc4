import { managedFieldsOf, matchesItem, replacedManagers, type ManagedFieldsEntry } from '../../kube/index.ts'
import { isMap, type KubeMap, type KubeObject, type KubeValue } from '../../resources/index.ts'
import { lastApplied, trieOf } from './manifest.ts'

/**
 * What is left of an object when `fieldManager` has taken over the fields of kubectl and then applies a manifest that has the same values but fewer fields: what it owns now, the manifest
 * has not, and nobody else owns either is removed, as the server's apply does it (structured merge diff). An update with this, as a dry-run, shows what the server makes of the gaps. Pure.
 */
export function afterFold(live: KubeObject, manifest: KubeObject, fieldManager: string): KubeObject {
  const managers = replacedManagers(fieldManager)
  const isTaken = ({ manager, operation, subresource = '' }: ManagedFieldsEntry): boolean =>
    subresource === '' &&
    ((manager === fieldManager && operation === 'Apply') ||
      managers.some(({ prefix, operations }) => manager.startsWith(prefix) && operations.includes(operation)))
  const entries = managedFieldsOf(live)
  const taken = trieOf(entries.filter(isTaken))
  const others = trieOf(entries.filter((entry) => !isTaken(entry)))
  const { managedFields: _, ...metadata } = mapOr(live['metadata'])
  const annotations = { ...mapOr(metadata['annotations']) }
  delete annotations[lastApplied]
  const object = { ...live, metadata: { ...metadata, annotations } }
  return mapOr(remove(object, manifest, taken, others))
}

/** The value without what is taken and not wanted; undefined where nothing is left. */
function remove(
  value: KubeValue | undefined,
  wanted: KubeValue | undefined,
  taken: KubeMap,
  others: KubeMap | undefined,
): KubeValue | undefined {
  if (Array.isArray(value)) return removeItems(value, wanted, taken, others)
  if (!isMap(value)) return value
  const result: KubeMap = { ...value }
  for (const [key, child] of Object.entries(taken)) {
    const field = key.slice(2)
    if (!key.startsWith('f:') || !Object.hasOwn(result, field)) continue
    const want = isMap(wanted) ? wanted[field] : undefined
    const other = others !== undefined && Object.hasOwn(others, key) ? mapOr(others[key]) : undefined
    const left = isLeaf(child)
      ? want === undefined && other === undefined
        ? undefined
        : result[field]
      : remove(result[field], want, mapOr(child), other)
    const isEmptied = isMap(left) && Object.keys(left).length === 0 && want === undefined && other === undefined
    if (left === undefined || isEmptied) delete result[field]
    else result[field] = left
  }
  return result
}

function removeItems(
  value: readonly KubeValue[],
  wanted: KubeValue | undefined,
  taken: KubeMap,
  others: KubeMap | undefined,
): KubeValue | undefined {
  const items = value.flatMap((item) => {
    const key = Object.keys(taken).find((one) => matchesItem(one, item))
    if (key === undefined) return [item]
    const otherKey = Object.keys(others ?? {}).find((one) => matchesItem(one, item))
    const other = otherKey === undefined ? undefined : mapOr(others?.[otherKey])
    const want = Array.isArray(wanted) ? wanted.find((one) => isSameItem(key, one, item)) : undefined
    if (want === undefined && other === undefined) return []
    const left = remove(item, want, mapOr(taken[key]), other)
    return left === undefined ? [] : [left]
  })
  return items.length === 0 && wanted === undefined ? undefined : items
}

/** A manifest may leave out a part of the key that has a default (`protocol: TCP`). */
function isSameItem(key: string, wanted: KubeValue, live: KubeValue): boolean {
  if (matchesItem(key, wanted)) return true
  if (!key.startsWith('k:') || !isMap(wanted) || !isMap(live)) return false
  const fields = Object.keys(JSON.parse(key.slice(2)) as KubeMap)
  const given = fields.filter((field) => Object.hasOwn(wanted, field))
  return given.length > 0 && given.every((field) => wanted[field] === live[field])
}

function isLeaf(trie: KubeValue | undefined): boolean {
  return Object.keys(mapOr(trie)).every((key) => key === '.')
}

function mapOr(value: KubeValue | undefined): KubeMap {
  return isMap(value) ? value : {}
}
