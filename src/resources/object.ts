/** A value inside a Kubernetes object: JSON, with `bigint` for integers that a double cannot hold. */
export type KubeValue = null | boolean | number | bigint | string | KubeValue[] | { [key: string]: KubeValue }

/** A mapping inside a Kubernetes object. */
export type KubeMap = { [key: string]: KubeValue }

/** A Kubernetes object as plain data. `apiVersion`, `kind` and `metadata` may be missing or malformed in what users wrote. */
export type KubeObject = KubeMap

/** True for a mapping (neither null nor a list). */
export function isMap(value: KubeValue | undefined): value is KubeMap {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** Sets `map[key]` as an own property, also for the key `__proto__`. */
export function setKey(map: KubeMap, key: string, value: KubeValue): void {
  if (key === '__proto__')
    Object.defineProperty(map, key, { value, enumerable: true, configurable: true, writable: true })
  else map[key] = value
}

/** `map[key]` where it is an own property. */
export function getKey(map: KubeMap, key: string): KubeValue | undefined {
  return Object.hasOwn(map, key) ? map[key] : undefined
}

/** True when both values are the same JSON; the order of keys does not count, `1` equals `1n`. */
export function equalValues(a: KubeValue | undefined, b: KubeValue | undefined): boolean {
  if (a === b) return true
  if (typeof a === 'bigint' || typeof b === 'bigint') {
    // Mixed comparison is exact in JavaScript: 2n == 2, and never throws.
    return typeof a !== 'object' && typeof a !== 'string' && typeof b !== 'string' && a == b
  }
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false
  if (Array.isArray(a)) {
    return Array.isArray(b) && a.length === b.length && a.every((item, index) => equalValues(item, b[index]))
  }
  if (Array.isArray(b)) return false
  const keys = Object.keys(a)
  if (keys.length !== Object.keys(b).length) return false
  return keys.every((key) => Object.hasOwn(b, key) && equalValues(a[key], b[key]))
}

/**
 * The text that a scalar has in YAML; '' for lists and mappings. Numbers print as Go prints them (`1e+06` stays a matter of the printer:
 * integers below 1e21 are plain digits here).
 */
export function scalarText(value: KubeValue | undefined): string {
  if (value === undefined || value === null) return value === null ? 'null' : ''
  if (typeof value === 'object') return ''
  return String(value)
}
