import { getKey, type KubeMap, scalarText } from './object.ts'

/** Texts of scalars that their values do not show, by key of the mapping that holds them. */
const TEXTS: unique symbol = Symbol('source texts')

interface Noted {
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

/** Gives a copy of a mapping the notes of the original. */
export function copySourceTexts(from: KubeMap, to: KubeMap): void {
  const texts = (from as Noted)[TEXTS]
  if (texts !== undefined) for (const [key, { text }] of texts) noteSourceText(to, key, text)
}
