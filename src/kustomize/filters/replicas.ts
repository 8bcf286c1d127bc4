import { type FieldSpec, isSelected } from '../config/field-spec.ts'
import { problem } from '../problems.ts'
import type { ResourceList } from '../resource-list.ts'
import type { ReplicaEntry } from '../types.ts'
import { visitField, writeSlot } from './field-spec.ts'

/** Sets the replica count of the objects that are, or were, called `replica.name` (api/internal/builtins ReplicaCountTransformer). */
export function setReplicas(list: ResourceList, replica: ReplicaEntry, specs: readonly FieldSpec[]): void {
  let found = false
  for (const spec of specs) {
    for (const resource of list.matchingAnyId((id) => id.name === (replica.name ?? '') && isSelected(id, spec))) {
      found = true
      visitField(resource.object, spec, 'scalar', (slot) => writeSlot(slot, replica.count ?? 0))
    }
  }
  if (!found) {
    throw problem(
      'kustomize-replicas-target',
      `resource with name ${replica.name ?? ''} does not match a config with the following kinds: ${specs.map((spec) => spec.kind ?? 'any').join(', ')}`,
      { field: 'replicas' },
    )
  }
}
