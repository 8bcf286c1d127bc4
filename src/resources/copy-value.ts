import { type KubeMap, type KubeValue, setKey } from './object.ts'
import { copySourceTexts } from './source-text.ts'

/** An independent copy of `value`, with what is noted about its text. */
export function copyValue<T extends KubeValue>(value: T): T {
  return copy(value) as T
}

function copy(value: KubeValue): KubeValue {
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) return value.map(copy)
  const result: KubeMap = {}
  for (const key of Object.keys(value)) setKey(result, key, copy(value[key] as KubeValue))
  copySourceTexts(value, result)
  return result
}
