import { compareByteOrder } from '../base/index.ts'

/**
 * JSON as Go's encoding/json writes it: characters that mean something in HTML are escaped, which `generic-hmac` signs. Fields stand in the order in which they were
 * given; fields that are undefined are left out.
 */
export function goJson(value: unknown): string {
  return JSON.stringify(value).replace(
    /[<>&\u2028\u2029]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}

/** A map with its keys in Go's order for JSON, that of their bytes. */
export function sortedMap(map: { readonly [key: string]: string }): { [key: string]: string } {
  return Object.fromEntries(sortedEntries(map))
}

/** The entries of a map by their keys. Flux walks maps in chance order where lists are made of them; here the order is always the same. */
export function sortedEntries(map: { readonly [key: string]: string }): readonly (readonly [string, string])[] {
  return Object.entries(map).sort(([a], [b]) => compareByteOrder(a, b))
}

/** A value of a query or a form as Go's net/url escapes it. */
export function queryEscape(text: string): string {
  return encodeURIComponent(text)
    .replace(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`)
    .replaceAll('%20', '+')
}
