import type { KubeMap } from './object.ts'

/** True when the null at `map[key]` was written as nothing at all (`key:`) rather than `null` or `~`. */
export function hasEmptyText(map: KubeMap, key: string): boolean {
  return map[key] === undefined
}
