import { getKey, type KubeMap, type KubeValue, setKey } from './object.ts'

/** Places that hold one and the same scalar, by key of the mapping. */
const SHARED: unique symbol = Symbol('shared slots')

/** A field of a mapping. */
export interface MapSlot {
  readonly map: KubeMap
  readonly key: string
}

interface Sharing {
  [SHARED]?: Map<string, readonly MapSlot[]>
}

/**
 * Ties fields together that were created with one value: writing one of them writes all. kustomize puts the same YAML node into every place
 * that a label transformer creates, so a later change of one place shows in the others. A field that was removed or given another value
 * in between has left the bond, and copies of a mapping never have one.
 */
export function shareSlots(slots: readonly MapSlot[]): void {
  if (slots.length < 2) return
  for (const { map, key } of slots) {
    const sharing = map as Sharing
    if (sharing[SHARED] === undefined) Object.defineProperty(map, SHARED, { value: new Map(), enumerable: false })
    sharing[SHARED]?.set(key, slots)
  }
}

/** Sets a field that exists, and those that are tied to it. */
export function setSharedKey(map: KubeMap, key: string, value: KubeValue): void {
  const slots = (map as Sharing)[SHARED]?.get(key)
  if (slots !== undefined) {
    const old = getKey(map, key)
    for (const other of slots) if (Object.is(getKey(other.map, other.key), old)) setKey(other.map, other.key, value)
  }
  setKey(map, key, value)
}
