import {
  copyValue,
  equalValues,
  isMap,
  parseJsonPointer,
  type FieldStep,
  type KubeObject,
  type KubeValue,
} from '../resources/index.ts'
import { managedFieldsOf, ownsField } from './managed-fields.ts'

/** The object without what lies at the pointers (RFC 6901); pointers that lead nowhere, and to `metadata` as a whole, change nothing. */
export function withoutFields(object: KubeObject, pointers: readonly string[]): KubeObject {
  if (pointers.length === 0) return object
  const copy = copyValue(object)
  // From the end of lists to their start: removing an item moves those behind it.
  for (const path of parsePointers(pointers).toReversed()) removeAt(copy, path)
  return copy
}

/**
 * What is sent for an object with ignored fields once something else of it must be written: an ignored field that differs in the cluster keeps
 * the value it has there. Where another manager has applied it, it is left out and stays that manager's; otherwise the live value is sent, for
 * a field that an apply leaves out would be removed (fluxcd/pkg ssa, drift ignore rules).
 */
export function adoptIgnoredFields(
  object: KubeObject,
  live: KubeObject,
  pointers: readonly string[],
  fieldManager: string,
): KubeObject {
  const copy = copyValue(object)
  for (const path of parsePointers(pointers).toReversed()) {
    const wanted = valueAtPath(copy, path)
    const found = valueAtPath(live, path)
    if (wanted === undefined || equalValues(wanted, found)) continue
    if (found === undefined || isAppliedByOthers(live, path, fieldManager)) removeAt(copy, path)
    else setAt(copy, path, copyValue(found))
  }
  return copy
}

/** What identifies an object is not ignored: without it, nothing could be compared or sent. */
const identity = new Set(['apiVersion', 'kind', 'metadata'])

function parsePointers(pointers: readonly string[]): readonly string[][] {
  return pointers
    .map(parseJsonPointer)
    .filter((path) => path !== undefined)
    .filter((path) => path.length > 1 || (path.length === 1 && !identity.has(path[0] ?? '')))
    .filter((path) => !(path[0] === 'metadata' && (path[1] === 'name' || path[1] === 'namespace')))
    .toSorted((a, b) => comparePaths(a, b))
}

function comparePaths(a: readonly string[], b: readonly string[]): number {
  for (let at = 0; at < Math.min(a.length, b.length); at++) {
    const [left = '', right = ''] = [a[at], b[at]]
    if (left === right) continue
    const isIndex = /^\d+$/.test(left) && /^\d+$/.test(right)
    if (isIndex) return Number(left) - Number(right)
    return left < right ? -1 : 1
  }
  return a.length - b.length
}

function childOf(value: KubeValue | undefined, part: string): KubeValue | undefined {
  if (Array.isArray(value)) return /^\d+$/.test(part) ? value[Number(part)] : undefined
  return isMap(value) && Object.hasOwn(value, part) ? value[part] : undefined
}

function valueAtPath(object: KubeValue, path: readonly string[]): KubeValue | undefined {
  return path.reduce<KubeValue | undefined>(childOf, object)
}

function removeAt(object: KubeObject, path: readonly string[]): void {
  const parent = valueAtPath(object, path.slice(0, -1))
  const last = path.at(-1) ?? ''
  if (Array.isArray(parent)) {
    if (/^\d+$/.test(last) && Number(last) < parent.length) parent.splice(Number(last), 1)
  } else if (isMap(parent)) delete parent[last]
}

function setAt(object: KubeObject, path: readonly string[], value: KubeValue): void {
  const parent = valueAtPath(object, path.slice(0, -1))
  const last = path.at(-1) ?? ''
  if (Array.isArray(parent)) parent[Number(last)] = value
  else if (isMap(parent)) parent[last] = value
}

function isAppliedByOthers(live: KubeObject, path: readonly string[], fieldManager: string): boolean {
  const steps = stepsOf(live, path)
  return managedFieldsOf(live).some(
    (entry) =>
      entry.operation === 'Apply' &&
      entry.manager !== fieldManager &&
      entry.fieldsV1 !== undefined &&
      ownsField(entry.fieldsV1, steps),
  )
}

function stepsOf(object: KubeValue, path: readonly string[]): readonly FieldStep[] {
  const steps: FieldStep[] = []
  let value: KubeValue | undefined = object
  for (const part of path) {
    const next: KubeValue | undefined = childOf(value, part)
    steps.push(Array.isArray(value) ? { item: next ?? null, index: Number(part) } : { field: part })
    value = next
  }
  return steps
}
