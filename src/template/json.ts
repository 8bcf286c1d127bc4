import type { Json } from '../base/index.ts'
import { GoInt } from './int.ts'
import { toWellFormed, fromBytes } from './text.ts'
import { GoObject, isNil, type Value } from './value.ts'

/**
 * JSON-like data as template values: objects become Maps, numbers stay float64, text is made valid Unicode. `undefined`
 * members are left out.
 */
export function fromJson(value: Json | undefined): Value {
  if (typeof value === 'string') return toWellFormed(value)
  if (value === undefined || value === null) return null
  if (typeof value !== 'object') return value
  if (Array.isArray(value)) return value.map(fromJson)
  const map = new Map<string, Value>()
  for (const [key, item] of Object.entries(value)) if (item !== undefined) map.set(toWellFormed(key), fromJson(item))
  return map
}

/**
 * A template value as plain data: Maps become objects (keys sorted by nobody: the printer decides), integers numbers
 * (bigints where a number is not exact), structs objects of their fields, []byte text.
 */
export function toPlain(value: Value): unknown {
  if (isNil(value)) return null
  if (typeof value !== 'object') return value
  if (value instanceof GoInt) return value.n
  if (Array.isArray(value)) return value.map(toPlain)
  if (value instanceof Map) return Object.fromEntries([...value].map(([key, item]) => [key, toPlain(item)]))
  if (value instanceof Uint8Array) return fromBytes(value)
  if (value instanceof GoObject) {
    return Object.fromEntries([...value.fields].map(([key, item]) => [key, toPlain(item)]))
  }
  return null
}
