import { FunctionError, GoInt, GoObject, typeName, type Value } from '../../template/index.ts'
import type { GoJson } from '../release/go-json.ts'
import { JsonStruct } from './objects.ts'
import { toBase64 } from '../base64.ts'

/**
 * A template value as encoding/json sees it: []byte is base64, structs have their JSON names.
 *
 * @throws FunctionError with Go's message for what JSON cannot hold.
 */
export function toJsonData(value: Value): GoJson {
  if (value === undefined || value === null) return null
  switch (typeof value) {
    case 'number':
      if (!Number.isFinite(value)) throw new FunctionError(`json: unsupported value: ${goFloat(value)}`)
      return value
    case 'object':
      break
    default:
      return value
  }
  if (Array.isArray(value)) return value.map(toJsonData)
  if (value instanceof Map) return new Map([...value].map(([key, item]) => [key, toJsonData(item)] as const))
  if (value instanceof GoInt) return value.toBigInt()
  if (value instanceof Uint8Array) return toBase64(value)
  if (value instanceof GoObject) return structData(value)
  throw new FunctionError(`json: unsupported type: ${typeName(value)}`)
}

function structData(value: GoObject): GoJson {
  if (value instanceof JsonStruct) return Object.fromEntries([...value.toJsonFields()].map(([key, item]) => [key, toJsonData(item)]))
  // Times and other values with a text of their own marshal to that text.
  const text = value.toText?.()
  if (text !== undefined) return text
  return Object.fromEntries([...value.fields].map(([key, item]) => [key, toJsonData(item)]))
}

/** A value that the YAML printer knows: maps, lists and scalars, exact integers as bigints. */
export function toYamlData(value: Value): YamlData {
  return fromJsonData(toJsonData(value))
}

/** What the YAML printer takes. */
export type YamlData = null | boolean | number | bigint | string | YamlData[] | Map<string, YamlData>

function fromJsonData(value: GoJson): YamlData {
  if (value === null || value === undefined) return null
  if (typeof value !== 'object') return typeof value === 'bigint' && isSafe(value) ? Number(value) : value
  if (isList(value)) return value.map(fromJsonData)
  const entries = value instanceof Map ? [...(value as ReadonlyMap<string, GoJson>)] : Object.entries(value)
  return new Map(entries.map(([key, item]) => [key, fromJsonData(item)]))
}

function isList(value: object): value is readonly GoJson[] {
  return Array.isArray(value)
}

function isSafe(value: bigint): boolean {
  return value >= BigInt(Number.MIN_SAFE_INTEGER) && value <= BigInt(Number.MAX_SAFE_INTEGER)
}

function goFloat(value: number): string {
  return Number.isNaN(value) ? 'NaN' : value > 0 ? '+Inf' : '-Inf'
}
