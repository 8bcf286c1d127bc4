import {
  getKey,
  isMap,
  type KubeMap,
  type KubeObject,
  type KubeValue,
  scalarText,
  setKey,
  setSharedKey,
  sourceText,
  splitPath,
} from '../../resources/index.ts'
import { type FieldSpec, isSelected } from '../config/field-spec.ts'
import { problem } from '../problems.ts'
import { writtenGvk } from '../resource-id.ts'

/** A field found by a path: read it, or write it in place. */
export interface Slot {
  readonly container: KubeMap | KubeValue[]
  readonly key: string | number
}

/** What a slot holds. */
export function readSlot(slot: Slot): KubeValue {
  const { container, key } = slot
  return (Array.isArray(container) ? container[key as number] : getKey(container, key as string)) ?? null
}

/** The text of the scalar in a slot, as it was written; '' for null, lists and mappings. */
export function slotText(slot: Slot): string {
  const { container, key } = slot
  if (readSlot(slot) === null) return ''
  return Array.isArray(container) ? scalarText(container[key as number]) : sourceText(container, key as string)
}

/** Replaces what a slot holds. */
export function writeSlot(slot: Slot, value: KubeValue): void {
  const { container, key } = slot
  if (Array.isArray(container)) container[key as number] = value
  else if (Object.hasOwn(container, key) && (value === null || typeof value !== 'object'))
    setSharedKey(container, key as string, value)
  else setKey(container, key as string, value)
}

/** What to create where the last field of a path is missing; undefined creates nothing. */
export type Create = 'scalar' | 'mapping' | undefined

/**
 * Calls `visit` on every field of `object` that `spec` names; lists on the way are gone through. With `spec.create` and a kind to create,
 * missing mappings on the way are created (and nulls replaced), but nothing below a list that is missing
 * (api/filters/fieldspec). Throws `kustomize-field-path` where a scalar stands in the way.
 */
export function visitField(object: KubeObject, spec: FieldSpec, create: Create, visit: (slot: Slot) => void): void {
  if (!isSelected(writtenGvk(object), spec)) return
  const path = splitPath(spec.path, '/')
  const walk = (value: KubeValue, depth: number): void => {
    if (value === null) return
    if (Array.isArray(value)) {
      for (const [index, item] of value.entries()) {
        if (depth === path.length) visit({ container: value, key: index })
        else walk(item, depth)
      }
      return
    }
    if (!isMap(value)) {
      throw problem(
        'kustomize-field-path',
        `considering field '${spec.path}': expected a list or mapping before '${path[depth] ?? ''}'`,
      )
    }
    const slot = step(value, path, depth, spec, create)
    if (slot === undefined) return
    if (depth + 1 === path.length) visit(slot)
    else walk(readSlot(slot), depth + 1)
  }
  walk(object, 0)
}

function step(map: KubeMap, path: readonly string[], depth: number, spec: FieldSpec, create: Create): Slot | undefined {
  const part = path[depth] ?? ''
  const isList = part.endsWith('[]')
  const name = isList ? part.slice(0, -2) : part
  if (name === '')
    throw problem('kustomize-field-path', `considering field '${spec.path}': cannot set or create an empty field name`)
  const isLast = depth + 1 === path.length
  const creates = spec.create === true && create !== undefined && !isList
  let value = getKey(map, name)
  if (value === undefined) {
    if (!creates) return undefined
    value = isLast && create === 'scalar' ? null : {}
    setKey(map, name, value)
  } else if (value === null) {
    if (isList) setKey(map, name, [])
    else if (creates && !(isLast && create === 'scalar')) setKey(map, name, {})
  }
  return { container: map, key: name }
}
