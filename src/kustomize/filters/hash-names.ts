import { contentHash } from '../hash.ts'
import type { ResourceList } from '../resource-list.ts'

/** Appends the hash of their content to the names of generated objects (api/internal/builtins HashTransformer). */
export function hashNames(list: ResourceList): void {
  for (const resource of list.items) {
    if (!resource.needsHash) continue
    const hash = contentHash(resource.object)
    resource.rememberId()
    resource.setName(`${resource.name}-${hash}`)
  }
}
