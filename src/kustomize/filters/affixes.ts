import { type FieldSpec, isSelected } from '../config/field-spec.ts'
import type { ResourceList } from '../resource-list.ts'
import { slotText, visitField, writeSlot } from './field-spec.ts'

/** Kinds whose names never get a prefix or suffix. */
const SKIPPED = [
  { kind: 'CustomResourceDefinition' },
  { group: 'apiregistration.k8s.io', kind: 'APIService' },
  { kind: 'Namespace' },
] as const

/** Puts `prefix` before the names of objects (api/internal/builtins PrefixTransformer). An empty one changes nothing. */
export function addPrefix(list: ResourceList, prefix: string, specs: readonly FieldSpec[]): void {
  addAffix(list, specs, prefix, 'prefixes', (name) => prefix + name)
}

/** Puts `suffix` behind the names of objects (SuffixTransformer). */
export function addSuffix(list: ResourceList, suffix: string, specs: readonly FieldSpec[]): void {
  addAffix(list, specs, suffix, 'suffixes', (name) => name + suffix)
}

function addAffix(
  list: ResourceList,
  specs: readonly FieldSpec[],
  affix: string,
  kept: 'prefixes' | 'suffixes',
  change: (name: string) => string,
): void {
  for (const resource of list.items) {
    const id = resource.originalId()
    if (SKIPPED.some((selector) => isSelected(id, selector))) continue
    for (const spec of specs) {
      if (!isSelected(id, spec)) continue
      if (spec.path === 'metadata/name' && affix !== '') {
        resource[kept] = [...resource[kept], affix]
        resource.rememberId()
      }
      visitField(resource.object, spec, 'scalar', (slot) => {
        writeSlot(slot, change(slotText(slot)))
      })
    }
  }
}
