import {
  equalValues,
  formatSteps,
  isMap,
  scalarText,
  type FieldStep,
  type KubeMap,
  type KubeObject,
  type KubeValue,
} from '../resources/index.ts'
import type { DriftPath } from './change-set.ts'
import { managedFieldsOf, managerOf, matchesItem } from './managed-fields.ts'

/** `unchanged` is proven. `unknown` says nothing: a dry-run must tell; `suspects` are the fields for which it could not be proven. */
export type LocalDrift =
  { readonly verdict: 'unchanged' } | { readonly verdict: 'unknown'; readonly suspects: readonly DriftPath[] }

/**
 * Compares an object with the live one without asking the server, by what server-side apply itself goes by: when our manager owns
 * exactly the fields of `desired` and the live values of all of them are those of `desired`, applying it again changes nothing. Anything
 * else (a field more or less, another notation of a quantity, another order, another API version) is `unknown`. Pure and
 * conservative. `desired` is normalised as for an apply.
 */
export function detectDrift(desired: KubeObject, live: KubeObject, fieldManager: string): LocalDrift {
  const own = managedFieldsOf(live).find(
    (entry) => entry.manager === fieldManager && entry.operation === 'Apply' && (entry.subresource ?? '') === '',
  )
  const suspects: DriftPath[] = []
  const suspect: Suspect = (steps, change) => {
    const manager = change === 'add' ? undefined : managerOf(live, steps)
    suspects.push({ path: formatSteps(steps), change, ...(manager === undefined ? {} : { manager }) })
  }
  if (!own?.fieldsV1 || own.apiVersion !== scalarText(desired['apiVersion'])) {
    suspect([{ field: 'metadata' }, { field: 'managedFields' }], 'replace')
  } else {
    compareMap(own.fieldsV1, trackedPart(desired), live, [], suspect)
  }
  return suspects.length === 0 ? { verdict: 'unchanged' } : { verdict: 'unknown', suspects }
}

type Suspect = (steps: readonly FieldStep[], change: DriftPath['change']) => void

/** The fields that server-side apply keeps track of: an object's identity is not among them. */
function trackedPart(desired: KubeObject): KubeMap {
  const result: KubeMap = { ...desired }
  delete result['apiVersion']
  delete result['kind']
  const metadata = isMap(desired['metadata']) ? { ...desired['metadata'] } : {}
  for (const field of ['name', 'namespace', 'creationTimestamp']) delete metadata[field]
  if (Object.keys(metadata).length === 0) delete result['metadata']
  else result['metadata'] = metadata
  return result
}

function compareValue(
  trie: KubeMap,
  wanted: KubeValue,
  live: KubeValue | undefined,
  steps: readonly FieldStep[],
  suspect: Suspect,
): void {
  const keys = Object.keys(trie).filter((key) => key !== '.')
  if (keys.length === 0) {
    // A scalar, or a list or map that is owned as a whole.
    if (!equalValues(wanted, live)) suspect(steps, live === undefined ? 'add' : 'replace')
    return
  }
  if (isMap(wanted) && isMap(live)) return compareMap(trie, wanted, live, steps, suspect)
  if (Array.isArray(wanted) && Array.isArray(live)) return compareList(trie, wanted, live, steps, suspect)
  suspect(steps, live === undefined ? 'add' : 'replace')
}

function compareMap(
  trie: KubeMap,
  wanted: KubeMap,
  live: KubeMap,
  steps: readonly FieldStep[],
  suspect: Suspect,
): void {
  for (const [field, value] of Object.entries(wanted)) {
    const next = trie[`f:${field}`]
    const path = [...steps, { field }]
    const found = Object.hasOwn(live, field) ? live[field] : undefined
    if (isMap(next)) compareValue(next, value, found, path, suspect)
    else suspect(path, found === undefined ? 'add' : 'replace')
  }
  for (const key of Object.keys(trie)) {
    if (key === '.') continue
    const field = key.slice(2)
    if (!key.startsWith('f:') || !Object.hasOwn(wanted, field)) suspect([...steps, { field }], 'remove')
  }
}

/** An item of a list with the part of its merge key that the server fills in (`protocol: TCP` of a port), for finding it. */
function withKeyDefaults(item: KubeValue): KubeValue {
  return isMap(item) && item['protocol'] === undefined ? { ...item, protocol: 'TCP' } : item
}

/** Lists whose items are merged by key (`k:`) or are a set (`v:`). */
function compareList(
  trie: KubeMap,
  wanted: readonly KubeValue[],
  live: readonly KubeValue[],
  steps: readonly FieldStep[],
  suspect: Suspect,
): void {
  const used = new Set<string>()
  let lastPosition = -1
  wanted.forEach((item, index) => {
    const path = [...steps, { item, index }]
    const keyed = withKeyDefaults(item)
    const key = Object.keys(trie).find((candidate) => !used.has(candidate) && matchesItem(candidate, keyed))
    const next = key === undefined ? undefined : trie[key]
    if (key === undefined || !isMap(next)) return suspect(path, 'add')
    used.add(key)
    const position = live.findIndex((candidate) => matchesItem(key, candidate))
    if (position < 0) return suspect(path, 'add')
    // The order of the items that are ours must be that of the list.
    if (position <= lastPosition) suspect(path, 'replace')
    lastPosition = position
    compareValue(next, item, live[position], path, suspect)
  })
  for (const key of Object.keys(trie)) {
    if (key !== '.' && !used.has(key)) suspect([...steps, { field: key }], 'remove')
  }
}
