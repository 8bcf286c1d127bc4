import { copyValue } from './copy-value.ts'
import { getKey, isMap, type KubeMap, type KubeValue, setKey } from './object.ts'

/** Applies a JSON merge patch (RFC 7386): mappings merge, null removes, anything else replaces. Neither argument is changed. */
export function mergePatch(target: KubeValue | undefined, patch: KubeValue): KubeValue {
  if (!isMap(patch)) return copyValue(patch)
  const result: KubeMap = isMap(target) ? { ...target } : {}
  for (const key of Object.keys(patch)) {
    const value = patch[key] as KubeValue
    if (value === null) delete result[key]
    else setKey(result, key, mergePatch(getKey(result, key), value))
  }
  return result
}
