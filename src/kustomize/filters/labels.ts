import { isMap, type MapSlot, setKey, setSharedKey, shareSlots } from '../../resources/index.ts'
import type { FieldSpec } from '../config/field-spec.ts'
import { problem } from '../problems.ts'
import type { Resource } from '../resource.ts'
import { readSlot, visitField } from './field-spec.ts'

/**
 * Adds texts to the mappings that `specs` name: labels, selectors or annotations (api/filters/labels and annotations). A field that exists
 * but is null is left alone unless its spec creates it.
 */
export function addTexts(
  resource: Resource,
  texts: { readonly [key: string]: string },
  specs: readonly FieldSpec[],
): void {
  if (Object.keys(texts).length === 0) return
  const keys = Object.keys(texts).toSorted()
  const created = new Map<string, MapSlot[]>(keys.map((key) => [key, []]))
  for (const spec of specs) {
    visitField(resource.object, spec, 'mapping', (slot) => {
      const map = readSlot(slot)
      if (map === null) return
      if (!isMap(map))
        throw problem('kustomize-field-path', `'${spec.path}' must be a mapping to take labels or annotations`)
      for (const key of keys) {
        if (Object.hasOwn(map, key)) setSharedKey(map, key, texts[key] ?? '')
        else {
          setKey(map, key, texts[key] ?? '')
          resource.noteWritten(map, [key])
          created.get(key)?.push({ map, key })
        }
      }
    })
  }
  for (const slots of created.values()) shareSlots(slots)
}
