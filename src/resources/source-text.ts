import { getKey, type KubeMap, scalarText } from './object.ts'

/** True when the null at `map[key]` was written as nothing at all (`key:`) rather than `null` or `~`. */
export function hasEmptyText(map: KubeMap, key: string): boolean {
  return map[key] === undefined
}

/** The text of the scalar at `map[key]` as it was written; '' for lists and mappings. */
export function sourceText(map: KubeMap, key: string): string {
  return scalarText(getKey(map, key))
}
