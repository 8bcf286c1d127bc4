import { sha256 } from '@noble/hashes/sha2.js'
import { bytesToHex } from '@noble/hashes/utils.js'
import { isMap, type KubeMap, type KubeObject, type KubeValue, scalarText, setKey } from '../resources/index.ts'

/** Characters of the hash are replaced so that it never spells a word (api/hasher, encode). */
const REPLACEMENTS: { readonly [character: string]: string } = { '0': 'g', '1': 'h', '3': 'k', a: 'm', e: 't' }

/**
 * The suffix that kustomize gives the name of a generated object: ten characters over the content of ConfigMaps and Secrets, or over the
 * whole object for other kinds (api/hasher). The name does not count.
 */
export function contentHash(object: KubeObject): string {
  const hex = bytesToHex(sha256(new TextEncoder().encode(goJson(hashedContent(object)))))
  return hex.slice(0, 10).replace(/[013ae]/g, (character) => REPLACEMENTS[character] ?? character)
}

function hashedContent(object: KubeObject): KubeMap {
  if (object['kind'] === 'ConfigMap') {
    const result: KubeMap = { data: part(object, 'data'), kind: 'ConfigMap', name: '' }
    if (isMap(object['binaryData'])) result['binaryData'] = object['binaryData']
    return result
  }
  if (object['kind'] === 'Secret') {
    const result: KubeMap = { data: part(object, 'data'), kind: 'Secret', name: '', type: part(object, 'type') }
    if (isMap(object['stringData'])) result['stringData'] = object['stringData']
    return result
  }
  return object
}

function part(object: KubeObject, key: string): KubeValue {
  const value = object[key]
  if (value === undefined) return ''
  return typeof value === 'object' && value !== null ? value : scalarText(value)
}

/** JSON as Go prints it: sorted keys, no spaces, and `<`, `>`, `&` and line separators escaped. */
export function goJson(value: KubeValue): string {
  const sorted = (item: KubeValue): unknown => {
    if (Array.isArray(item)) return item.map(sorted)
    if (typeof item === 'bigint') return Number(item)
    if (!isMap(item)) return item
    const result: KubeMap = {}
    for (const key of Object.keys(item).toSorted()) setKey(result, key, sorted(item[key] as KubeValue) as KubeValue)
    return result
  }
  return JSON.stringify(sorted(value)).replace(
    /[<>&\u2028\u2029]|\\b|\\f/g,
    (character) => ESCAPES[character] ?? `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}

/** Go 1.22 and later print the short escapes for backspace and form feed as JavaScript does. */
const ESCAPES: { readonly [character: string]: string } = { '\\b': '\\b', '\\f': '\\f' }
