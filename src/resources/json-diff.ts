import type { JsonPatchOperation } from './json-patch.ts'
import { formatJsonPointer } from './json-pointer.ts'
import { equalValues, isMap, type KubeMap, type KubeValue } from './object.ts'

/**
 * The JSON patch (RFC 6902) that turns `before` into `after`: only `add`, `replace` and `remove`. Items of lists of one length are compared by
 * position; a list that got longer or shorter is replaced as a whole.
 */
export function diffJson(before: KubeValue, after: KubeValue, path: readonly string[] = []): JsonPatchOperation[] {
  if (equalValues(before, after)) return []
  if (isMap(before) && isMap(after)) return diffMaps(before, after, path)
  if (Array.isArray(before) && Array.isArray(after) && before.length === after.length)
    return before.flatMap((item, index) => diffJson(item, after[index] as KubeValue, [...path, String(index)]))
  return [{ op: 'replace', path: formatJsonPointer(path), value: after }]
}

function diffMaps(before: KubeMap, after: KubeMap, path: readonly string[]): JsonPatchOperation[] {
  const operations: JsonPatchOperation[] = []
  for (const key of Object.keys(before))
    if (!Object.hasOwn(after, key)) operations.push({ op: 'remove', path: formatJsonPointer([...path, key]) })
  for (const [key, value] of Object.entries(after)) {
    const here = [...path, key]
    if (!Object.hasOwn(before, key)) operations.push({ op: 'add', path: formatJsonPointer(here), value })
    else operations.push(...diffJson(before[key] as KubeValue, value, here))
  }
  return operations
}
