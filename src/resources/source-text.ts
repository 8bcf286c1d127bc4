import { getKey, type KubeMap, type KubeValue, scalarText } from './object.ts'

/** Texts of scalars that their values do not show, by key of the mapping that holds them. */
const TEXTS: unique symbol = Symbol('source texts')

/** What is wrong with a mapping. */
const FAULT: unique symbol = Symbol('fault')

/** Keys of the scalars that were written in quotes or as a block. */
const QUOTED: unique symbol = Symbol('quoted scalars')

interface Noted {
  [QUOTED]?: Set<string>
  [FAULT]?: MapFault
  [TEXTS]?: Map<string, { readonly value: unknown; readonly text: string }>
}

/**
 * Notes how the scalar at `map[key]` was written, where its value does not say: `key:` and `key: null` are the same value, `1.10` and `1.1`
 * too. Tools that work on YAML text (kustomize) tell them apart. The note is no part of the value: it is neither compared, printed nor listed,
 * and holds only as long as the value stays.
 */
export function noteSourceText(map: KubeMap, key: string, text: string): void {
  const noted = map as Noted
  let texts = noted[TEXTS]
  if (texts === undefined) {
    texts = new Map()
    Object.defineProperty(map, TEXTS, { value: texts, enumerable: false })
  }
  texts.set(key, { value: getKey(map, key), text })
}

/** The text of the scalar at `map[key]` as it was written; '' for lists and mappings. */
export function sourceText(map: KubeMap, key: string): string {
  const value = getKey(map, key)
  const note = (map as Noted)[TEXTS]?.get(key)
  return note !== undefined && Object.is(note.value, value) ? note.text : scalarText(value)
}

/** True when the null at `map[key]` was written as nothing at all (`key:`) rather than `null` or `~`. */
export function hasEmptyText(map: KubeMap, key: string): boolean {
  return getKey(map, key) === null && sourceText(map, key) === ''
}

/** Notes that the text at `map[key]` was written in quotes or as a block: what is merged into its place becomes text, too (kyaml, FieldSetter). */
export function noteQuoted(map: KubeMap, key: string): void {
  const noted = map as Noted
  if (noted[QUOTED] === undefined) Object.defineProperty(map, QUOTED, { value: new Set(), enumerable: false })
  noted[QUOTED]?.add(key)
}

/** True for a text at `map[key]` that was written in quotes or as a block. */
export function isQuoted(map: KubeMap, key: string): boolean {
  return (map as Noted)[QUOTED]?.has(key) === true && typeof getKey(map, key) === 'string'
}

/** What is wrong with a mapping, though it could be read. */
export interface MapFault {
  readonly code: string
  readonly message: string
  readonly file?: string
  readonly line?: number
}

/** Notes what is wrong with a mapping: it matters only when the mapping is printed. The first note counts. */
export function noteFault(map: KubeMap, fault: MapFault): void {
  if ((map as Noted)[FAULT] === undefined) Object.defineProperty(map, FAULT, { value: fault, enumerable: false })
}

/**
 * The first fault that is noted in a value, or a number that JSON has no form for; undefined where there is none. The mapping `except`
 * itself may hold keys that are not text.
 */
export function findFault(value: KubeValue, except?: KubeMap): MapFault | undefined {
  if (typeof value === 'number' && !Number.isFinite(value)) {
    const name = Number.isNaN(value) ? 'NaN' : value > 0 ? '+Inf' : '-Inf'
    return { code: 'yaml-not-json', message: `json: unsupported value: ${name}; write it as text, in quotes` }
  }
  if (typeof value !== 'object' || value === null) return undefined
  if (!Array.isArray(value)) {
    const fault = (value as Noted)[FAULT]
    if (fault !== undefined && !(value === except && fault.code === 'yaml-key-not-text')) return fault
  }
  for (const item of Array.isArray(value) ? value : Object.values(value)) {
    const found = findFault(item)
    if (found !== undefined) return found
  }
  return undefined
}

/** Gives `to[key]` the text of `from[key]`, where both are the same scalar. */
export function copySourceText(from: KubeMap, to: KubeMap, key: string): void {
  const value = getKey(from, key)
  const isScalar = value !== undefined && (value === null || typeof value !== 'object')
  if (!isScalar || !Object.is(value, getKey(to, key))) return
  const text = sourceText(from, key)
  if (text !== sourceText(to, key)) noteSourceText(to, key, text)
}

/** Gives a copy of a mapping the notes of the original. */
export function copySourceTexts(from: KubeMap, to: KubeMap): void {
  const fault = (from as Noted)[FAULT]
  if (fault !== undefined) noteFault(to, fault)
  const quoted = (from as Noted)[QUOTED]
  if (quoted !== undefined) for (const key of quoted) noteQuoted(to, key)
  const texts = (from as Noted)[TEXTS]
  if (texts !== undefined) for (const [key, { text }] of texts) noteSourceText(to, key, text)
}
