import { isMap, type KubeObject, setKey } from '../../resources/index.ts'
import type { FieldSpec } from '../config/field-spec.ts'
import { problem } from '../problems.ts'
import { readSlot, visitField } from './field-spec.ts'

/**
 * Adds texts to the mappings that `specs` name: labels, selectors or annotations (api/filters/labels and annotations). A field that exists
 * but is null is left alone unless its spec creates it.
 */
export function addTexts(
  object: KubeObject,
  texts: { readonly [key: string]: string },
  specs: readonly FieldSpec[],
): void {
  if (Object.keys(texts).length === 0) return
  const keys = Object.keys(texts).toSorted()
  for (const spec of specs) {
    visitField(object, spec, 'mapping', (slot) => {
      const map = readSlot(slot)
      if (map === null) return
      if (!isMap(map))
        throw problem('kustomize-field-path', `'${spec.path}' must be a mapping to take labels or annotations`)
      for (const key of keys) setKey(map, key, texts[key] ?? '')
    })
  }
}
