import { compareByteOrder } from '../../base/index.ts'

/** What {@link goJson} prints. Objects are Go structs: their members print in the order they have. Maps are Go maps: sorted keys. `undefined` members are left out. */
export type GoJson =
  | undefined
  | null
  | boolean
  | number
  | bigint
  | string
  | readonly GoJson[]
  | ReadonlyMap<string, GoJson>
  | { readonly [key: string]: GoJson }

/**
 * JSON to the byte as Go's encoding/json writes it: no spaces, `<`, `>`, `&`, U+2028 and U+2029 escaped, keys of maps in byte order, floats in
 * the shortest form (which is JavaScript's).
 */
export function goJson(value: GoJson): string {
  const parts: string[] = []
  write(value, parts)
  return parts.join('')
}

function write(value: GoJson, out: string[]): void {
  if (value === null || value === undefined) out.push('null')
  else if (typeof value === 'string') out.push(goJsonString(value))
  else if (typeof value === 'number') out.push(Object.is(value, -0) ? '-0' : String(value))
  else if (typeof value !== 'object') out.push(String(value))
  else if (isList(value)) writeList(value, out)
  else if (value instanceof Map) writeMembers(sorted(value as ReadonlyMap<string, GoJson>), out)
  else writeMembers(Object.entries(value), out)
}

function isList(value: object): value is readonly GoJson[] {
  return Array.isArray(value)
}

function writeList(list: readonly GoJson[], out: string[]): void {
  out.push('[')
  list.forEach((item, index) => {
    if (index > 0) out.push(',')
    write(item, out)
  })
  out.push(']')
}

function writeMembers(members: readonly (readonly [string, GoJson])[], out: string[]): void {
  let separator = '{'
  for (const [key, value] of members) {
    if (value === undefined) continue
    out.push(separator, goJsonString(key), ':')
    separator = ','
    write(value, out)
  }
  out.push(separator === '{' ? '{}' : '}')
}

function sorted(map: ReadonlyMap<string, GoJson>): (readonly [string, GoJson])[] {
  return [...map].sort(([a], [b]) => compareByteOrder(a, b))
}

/** A text as a JSON string. */
export function goJsonString(text: string): string {
  const quoted = JSON.stringify(text.isWellFormed() ? text : text.toWellFormed())
  return /[<>&\u2028\u2029]/.test(quoted) ? quoted.replace(/[<>&\u2028\u2029]/g, escapeUnit) : quoted
}

function escapeUnit(unit: string): string {
  return `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`
}
