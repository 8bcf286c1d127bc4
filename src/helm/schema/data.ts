import { GoInt, type GoMap, type Value } from '../../template/index.ts'

/** JSON's types, in the order in which errors name several. */
export const TYPES = ['null', 'boolean', 'number', 'integer', 'string', 'array', 'object'] as const

/** A value's type in JSON Schema; undefined for what JSON does not have. */
export function jsonType(value: Value): (typeof TYPES)[number] | undefined {
  if (value === null || value === undefined) return 'null'
  switch (typeof value) {
    case 'boolean':
    case 'string':
      return typeof value as 'boolean' | 'string'
    case 'number':
      return Number.isFinite(value) ? 'number' : undefined
    default:
  }
  if (value instanceof Map) return 'object'
  if (Array.isArray(value)) return 'array'
  return value instanceof GoInt ? 'number' : undefined
}

/** A number's value; integers beyond 2^53 lose precision. */
export function numberOf(value: Value): number | undefined {
  return typeof value === 'number' ? value : value instanceof GoInt ? value.toNumber() : undefined
}

/** True where a value equals plain JSON: numbers by value, objects whatever the order of their keys. */
export function equalsJson(value: Value, json: unknown): boolean {
  if (value instanceof Map) return isObject(json) && equalObject(value, json)
  if (Array.isArray(value)) {
    return (
      Array.isArray(json) && json.length === value.length && value.every((item, index) => equalsJson(item, json[index]))
    )
  }
  const number = numberOf(value)
  return number === undefined ? (value ?? null) === json : number === json
}

function equalObject(value: GoMap, json: { readonly [key: string]: unknown }): boolean {
  const keys = Object.keys(json)
  return keys.length === value.size && keys.every((key) => value.has(key) && equalsJson(value.get(key), json[key]))
}

function isObject(json: unknown): json is { readonly [key: string]: unknown } {
  return typeof json === 'object' && json !== null && !Array.isArray(json)
}

/** A text that two values share exactly when they are equal. */
export function fingerprint(value: Value): string {
  if (value instanceof Map) {
    const members = [...value].map(([key, item]) => `${JSON.stringify(key)}:${fingerprint(item)}`)
    return `{${members.sort().join(',')}}`
  }
  if (Array.isArray(value)) return `[${value.map(fingerprint).join(',')}]`
  if (value instanceof GoInt) return String(value)
  return JSON.stringify(value ?? null)
}
