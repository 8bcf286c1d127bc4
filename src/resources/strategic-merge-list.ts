import { EngineError } from '../base/index.ts'
import { getKey, isMap, type KubeMap, type KubeValue, scalarText, setKey } from './object.ts'
import type { SchemaNode } from './schema.ts'
import { type Directive, type ListRules, unknownDirective } from './merge-rules.ts'

/** The key that stands for the element itself, in lists of scalars. */
const SELF = ''

/**
 * Merges two lists whose elements are told apart by the schema's merge keys, or by their own value in lists of scalars (kyaml v0.21.1
 * yaml/walk associative_sequence). The odd treatment of elements that lack a key is kyaml's, and kept: such an element replaces everything
 * that stands before it.
 */
export function mergeList(
  target: KubeValue[] | null | undefined,
  patch: KubeValue[] | null | undefined,
  schema: SchemaNode,
  rules: ListRules,
): KubeValue[] | undefined {
  let dest = target
  if (dest === undefined || dest === null) {
    if (patch === undefined || patch === null) return undefined
    dest = patch
  } else {
    if (patch === null) return undefined
    const directive = patch === undefined ? 'merge' : takeListDirective(patch)
    if (directive === 'delete') return undefined
    if (directive === 'replace' && patch) dest = patch
  }
  const keys = schema.mergeKeys ?? []
  if (patch === undefined && isPlain(dest, keys)) return mergeElements(dest, schema, rules)
  const lists = rules.newElements === 'prepend' ? [patch, dest] : [dest, patch]
  const identities = keys.length > 0 ? elementIdentities(lists, keys) : scalarIdentities(lists)
  return setElements({
    dest,
    patch: patch ?? undefined,
    identities,
    keys: keys.length > 0 ? keys : [SELF],
    schema,
    rules,
  })
}

/** True for a list that merging with nothing leaves in its order: mappings that have all keys, no two alike. */
function isPlain(list: readonly KubeValue[], keys: readonly string[]): boolean {
  if (keys.length === 0) return false
  const seen = new Set<string>()
  for (const element of list) {
    if (!isMap(element)) return false
    let identity = ''
    for (const key of keys) {
      const value = getKey(element, key)
      if (value === undefined || value === null || value === '' || typeof value === 'object') return false
      identity += `${scalarText(value)}\0`
    }
    if (seen.has(identity)) return false
    seen.add(identity)
  }
  return true
}

function mergeElements(list: KubeValue[], schema: SchemaNode, rules: ListRules): KubeValue[] {
  for (const element of list) rules.mergeElement(element, undefined, schema.elements)
  return list
}

/** The texts of an element's keys; '' for a key that it lacks. */
function elementIdentities(lists: readonly (KubeValue[] | null | undefined)[], keys: readonly string[]): string[][] {
  const result: string[][] = []
  const seen = new Set<string>()
  for (const list of lists) {
    for (const element of list ?? []) {
      const texts = keys.map((key) => {
        const value = isMap(element) ? getKey(element, key) : undefined
        return value === null ? '' : scalarText(value)
      })
      const id = texts.join('\0')
      if (seen.has(id)) continue
      seen.add(id)
      result.push(texts)
    }
  }
  return result
}

function scalarIdentities(lists: readonly (KubeValue[] | null | undefined)[]): string[][] {
  const seen = new Set<string>()
  for (const list of lists) for (const element of list ?? []) seen.add(scalarText(element))
  return [...seen].map((text) => [text])
}

interface ListMerge {
  dest: KubeValue[]
  patch: KubeValue[] | undefined
  identities: string[][]
  keys: readonly string[]
  schema: SchemaNode
  rules: ListRules
}

function setElements(merge: ListMerge): KubeValue[] | undefined {
  const { keys, schema, rules } = merge
  const identities = keys.length > 1 ? completeIdentities(merge.identities) : merge.identities
  const added: KubeValue[] = []
  const valid = keys.filter((_, index) => identities.some((texts) => texts[index] !== ''))
  const usedKeys = valid.length === 0 ? keys : valid
  for (const identity of identities) {
    const texts =
      valid.length === 0 ? identity : identity.filter((text, index) => text !== '' || valid.includes(keys[index] ?? ''))
    const value = rules.mergeElement(
      findElement(merge.dest, usedKeys, texts),
      merge.patch && findElement(merge.patch, usedKeys, texts),
      schema.elements,
    )
    if (value === undefined || value === null || (isMap(value) && Object.keys(value).length === 0)) {
      // Once per key, as deleting by a text that is '' takes whatever has the key.
      for (let times = 0; times < usedKeys.length; times++) setElement(merge.dest, usedKeys, texts, undefined)
      continue
    }
    if (isMap(value)) {
      usedKeys.forEach((key, index) => {
        const text = texts[index] ?? ''
        if (key !== SELF && text !== '' && getKey(value, key) === undefined) setKey(value, key, text)
      })
    }
    setElement(added, usedKeys, texts, value)
  }
  if (identities.length === 0) return merge.dest
  return rules.newElements === 'prepend'
    ? appendAll(added, merge.dest, usedKeys)
    : appendAll(merge.dest, added, usedKeys)
}

/** Identities that agree where both have a text, and agree in at least one, are the same element: both get all texts. */
function completeIdentities(identities: string[][]): string[][] {
  for (let i = 0; i < identities.length; i++) {
    for (let j = 0; j < identities.length; j++) {
      const merged = unite(identities[i] ?? [], identities[j] ?? [])
      if (!merged) continue
      identities[i] = merged
      identities[j] = merged
    }
  }
  return identities
}

function unite(a: readonly string[], b: readonly string[]): string[] | undefined {
  let common = false
  const result: string[] = []
  for (let index = 0; index < a.length; index++) {
    const left = a[index] ?? ''
    const right = b[index] ?? ''
    if (left === right) common = true
    else if (left !== '' && right !== '') return undefined
    result.push(left || right)
  }
  return common ? result : undefined
}

/** The first element that has these texts; keys without a text do not count, unless none has one. */
function findElement(
  list: readonly KubeValue[],
  keys: readonly string[],
  texts: readonly string[],
): KubeValue | undefined {
  const present = keys.filter((_, index) => texts[index] !== '')
  const usedKeys = present.length === 0 ? keys : present
  const usedTexts = present.length === 0 ? texts : texts.filter((text) => text !== '')
  if (usedKeys[0] === SELF) return list.find((element) => scalarText(element) === usedTexts[0])
  return list.find(
    (element) =>
      isMap(element) &&
      usedKeys.every((key, index) => {
        const value = getKey(element, key)
        return value !== undefined && scalarText(value) === usedTexts[index]
      }),
  )
}

/**
 * Replaces the elements that match by `element`, appends it where none matches, or removes them where it is undefined. Nulls and empty
 * mappings are dropped on the way. A text that is '' matches anything that has the key.
 */
function setElement(
  list: KubeValue[],
  keys: readonly string[],
  texts: readonly string[],
  element: KubeValue | undefined,
): void {
  const mapping = keys[0] !== SELF && (texts[0] ?? '') !== ''
  let found = false
  const kept: KubeValue[] = []
  for (const current of list) {
    if (current === null || (isMap(current) && Object.keys(current).length === 0)) continue
    if (!isMap(current) && mapping) {
      kept.push(current)
      continue
    }
    if (!matches(current, keys, texts)) {
      if (texts.length > 0) kept.push(current)
      continue
    }
    found = true
    if (element !== undefined) kept.push(element)
  }
  if (element !== undefined && !found) kept.push(element)
  list.splice(0, list.length, ...kept)
}

function matches(element: KubeValue, keys: readonly string[], texts: readonly string[]): boolean {
  let found = false
  for (let index = 0; index < keys.length; index++) {
    // A key without a text keeps the outcome of the one before.
    if (index < texts.length) found = hasText(element, keys[index] ?? '', texts[index] ?? '')
    if (!found) return false
  }
  return found
}

function hasText(element: KubeValue, key: string, text: string): boolean {
  if (key === SELF) {
    if (typeof element === 'object') throw mixedList()
    return scalarText(element) === text
  }
  if (!isMap(element)) throw mixedList()
  const value = getKey(element, key)
  return value !== undefined && (text === '' || scalarText(value) === text)
}

function mixedList(): EngineError {
  return new EngineError(
    'wrong node kind: a merged list holds both mappings and other values; write all its elements alike',
    {
      code: 'merge-kind-mismatch',
    },
  )
}

/** Sets each element of `source` in `list`, in order. */
function appendAll(list: KubeValue[], source: readonly KubeValue[], keys: readonly string[]): KubeValue[] {
  for (const element of source.slice()) {
    if (keys[0] === SELF) {
      setElement(list, keys, [scalarText(element)], element)
      continue
    }
    const texts: string[] = []
    for (const key of keys) {
      const value = isMap(element) ? getKey(element, key) : undefined
      if (value === undefined) list.push(element)
      else texts.push(scalarText(value))
    }
    if (keys.length > 1) setElement(list, keys, texts, undefined)
    setElement(list, keys, texts, element)
  }
  return list
}

/** Reads the `$patch` element of a list and removes it. It must stand alone in its mapping. */
function takeListDirective(patch: KubeValue[]): Directive {
  const holder = patch.find((element): element is KubeMap => isMap(element) && getKey(element, '$patch') !== undefined)
  if (holder === undefined || Object.keys(holder).length > 1) return 'merge'
  const text = scalarText(holder['$patch'])
  if (text !== 'delete' && text !== 'replace' && text !== 'merge') throw unknownDirective(text)
  setElement(patch, ['$patch'], [text], undefined)
  return text
}
