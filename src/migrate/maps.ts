import { isMap, type KubeMap, type KubeObject, type KubeValue } from '../resources/index.ts'

/** A mapping, or an empty one in place of anything else. */
export function mapOf(value: KubeValue | undefined): KubeMap {
  return isMap(value) ? value : {}
}

/** A list, or an empty one in place of anything else. */
export function listOf(value: KubeValue | undefined): readonly KubeValue[] {
  return Array.isArray(value) ? value : []
}

/** Labels or annotations; what is no text is left out. */
export function metaMap(
  object: KubeObject,
  field: 'labels' | 'annotations',
): { readonly [key: string]: string | undefined } {
  const entries = Object.entries(mapOf(mapOf(object['metadata'])[field]))
  return Object.fromEntries(entries.filter((entry): entry is [string, string] => typeof entry[1] === 'string'))
}
