import { getKey, isMap, type KubeMap, type KubeValue, scalarText, setKey, splitFieldPath } from '../resources/index.ts'
import type { Slot } from './filters/field-spec.ts'
import { problem } from './problems.ts'
import { noteWrittenKeys } from './written-keys.ts'

/** `[name=value]` as its two halves; undefined for anything else. */
export function parseElementSelector(part: string): { field: string; value: string } | undefined {
  if (!part.startsWith('[') || !part.endsWith(']')) return undefined
  const inner = part.slice(1, -1)
  const equals = inner.indexOf('=')
  if (equals < 0)
    throw problem('kustomize-field-path', `list path element ${JSON.stringify(part)} must contain fieldName=fieldValue`)
  return { field: inner.slice(0, equals), value: inner.slice(equals + 1) }
}

/** True for a non-negative index. */
export function isIndex(part: string): boolean {
  return /^\+?\d+$/.test(part)
}

/**
 * The value at a field path such as `spec.containers.[name=app].image` or `spec.ports.0`; `-` is the last element (kyaml, PathGetter).
 * Undefined where nothing is; throws `kustomize-field-path` where a part does not fit what is there.
 */
export function lookupField(object: KubeMap, path: string): KubeValue | undefined {
  return lookupParts(object, splitFieldPath(path))
}

/** The same for a path that is split already. */
export function lookupParts(object: KubeMap, parts: readonly string[]): KubeValue | undefined {
  const slot = lookupSlot(object, parts)
  if (slot === undefined) return undefined
  return Array.isArray(slot.container) ? slot.container[slot.key as number] : getKey(slot.container, slot.key as string)
}

/** Where the value at `parts` stands; undefined where nothing is. */
export function lookupSlot(object: KubeMap, parts: readonly string[]): Slot | undefined {
  let current: KubeValue = object
  let slot: Slot | undefined
  for (const raw of parts) {
    const part = raw.trim()
    if (part === '') continue
    if (current === null) return undefined
    slot = stepInto(current, part)
    if (slot === undefined) return undefined
    const next = Array.isArray(slot.container)
      ? slot.container[slot.key as number]
      : getKey(slot.container, slot.key as string)
    if (next === undefined) return undefined
    current = next
  }
  return slot
}

function stepInto(value: KubeValue, part: string): Slot | undefined {
  if (part === '*') throw problem('kustomize-field-path', 'wildcard is not supported in this path')
  if (isIndex(part) || part === '-') {
    const list = listAt(value, part)
    const index = part === '-' ? list.length - 1 : Number(part)
    return index >= 0 && index < list.length ? { container: list, key: index } : undefined
  }
  const selector = parseElementSelector(part)
  if (selector !== undefined) {
    const list = listAt(value, part)
    const index = list.findIndex((item) => elementMatches(item, selector))
    return index < 0 ? undefined : { container: list, key: index }
  }
  if (!isMap(value))
    throw problem('kustomize-field-path', `wrong node kind: expected a mapping to look up ${JSON.stringify(part)}`)
  return Object.hasOwn(value, part) ? { container: value, key: part } : undefined
}

function elementMatches(item: KubeValue, selector: { field: string; value: string }): boolean {
  if (selector.field === '') return scalarText(item) === selector.value
  if (!isMap(item)) return false
  const value = getKey(item, selector.field)
  return value !== undefined && scalarText(value) === selector.value
}

function listAt(value: KubeValue, part: string): KubeValue[] {
  if (!Array.isArray(value))
    throw problem('kustomize-field-path', `wrong node kind: expected a list to look up ${JSON.stringify(part)}`)
  return value
}

/** What to create where a path ends in nothing: an empty scalar, mapping or list. */
export type CreateKind = 'scalar' | 'mapping' | 'list'

/** A field that {@link matchFields} found or made. */
export interface Match extends Slot {
  /** Made just now: it has no type of its own yet. */
  readonly created: boolean
}

/** Finds the elements of a list whose text an expression fits; compiled once per path. */
export type ElementTest = (pattern: string) => (text: string) => boolean

/**
 * Every field that a path fits: `*` stands for all elements of a list, `[field=expression]` for those that a regular expression fits (kyaml,
 * PathMatcher). With `create`, missing fields are made; an element by its selector, an index where it is the next one.
 */
export function matchFields(
  object: KubeMap,
  parts: readonly string[],
  create: CreateKind | undefined,
  test: ElementTest,
): Match[] {
  return matchFrom({ container: [object], key: 0, created: false }, parts, create, test)
}

function matchFrom(slot: Match, parts: readonly string[], create: CreateKind | undefined, test: ElementTest): Match[] {
  const [part, ...rest] = parts
  if (part === undefined) return [slot]
  const value =
    (Array.isArray(slot.container) ? slot.container[slot.key as number] : getKey(slot.container, slot.key as string)) ??
    null
  const descend = (container: KubeMap | KubeValue[], key: string | number, created = false): Match[] =>
    matchFrom({ container, key, created }, rest, create, test)
  if (isIndex(part)) {
    const list = listAt(value, part)
    const index = Number(part)
    const append = index === list.length && create !== undefined
    if (append) list.push(emptyFor(rest[0], create))
    if (index >= list.length)
      throw problem('kustomize-field-path', `index ${part} specified but only ${list.length} elements found`)
    return descend(list, index, append)
  }
  if (part === '*') {
    if (value === null) return []
    return listAt(value, part).flatMap((_, index, list) => descend(list, index))
  }
  const selector = parseElementSelector(part)
  if (selector !== undefined) return matchElements(value, part, selector, { create, test, descend })
  if (value !== null && !isMap(value))
    throw problem('kustomize-field-path', `wrong node kind: expected a mapping to look up ${JSON.stringify(part)}`)
  const map = value ?? {}
  if (getKey(map, part) === undefined) {
    if (create === undefined || value === null) return []
    setKey(map, part, emptyFor(rest[0], create))
    noteWrittenKeys(map, [part])
    return descend(map, part, true)
  }
  return descend(map, part)
}

interface ElementMatch {
  create: CreateKind | undefined
  test: ElementTest
  descend: (container: KubeValue[], key: number, created?: boolean) => Match[]
}

function matchElements(
  value: KubeValue,
  part: string,
  selector: { field: string; value: string },
  how: ElementMatch,
): Match[] {
  if (value === null) return []
  const list = listAt(value, part)
  const fits = how.test(selector.value)
  const find = (): Match[] =>
    list.flatMap((item, index) => {
      if (selector.field === '') return fits(scalarText(item)) ? [{ container: list, key: index, created: false }] : []
      const field = isMap(item) ? getKey(item, selector.field) : undefined
      return field !== undefined && fits(scalarText(field)) ? how.descend(list, index) : []
    })
  const found = find()
  if (found.length > 0 || how.create === undefined) return found
  if (!fits(selector.value)) {
    throw problem(
      'kustomize-field-path',
      `cannot create an element for ${JSON.stringify(part)}: its text would not match the expression`,
    )
  }
  list.push(selector.field === '' ? selector.value : { [selector.field]: selector.value })
  return find()
}

function emptyFor(next: string | undefined, create: CreateKind | undefined): KubeValue {
  if (next === undefined) return create === 'mapping' ? {} : create === 'list' ? [] : ''
  return isIndex(next) || parseElementSelector(next) !== undefined ? [] : {}
}
