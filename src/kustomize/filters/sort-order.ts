import { compareText, formatApiVersion, kindRanks, KUSTOMIZE_FIRST, KUSTOMIZE_LAST } from '../../resources/index.ts'
import { problem } from '../problems.ts'
import { formatId, type ResourceId } from '../resource-id.ts'
import type { ResourceList } from '../resource-list.ts'
import type { SortOptions } from '../types.ts'

/** Puts the objects into kustomize's legacy order, or leaves them as they are with `fifo` (api/internal/builtins SortOrderTransformer). */
export function sortResources(list: ResourceList, options: SortOptions): void {
  const order = options.order ?? ''
  if (order !== 'legacy' && order !== 'fifo') {
    throw problem('kustomize-sort-order', "the field 'sortOptions.order' must be one of [fifo, legacy]", {
      field: 'sortOptions.order',
    })
  }
  if (order === 'fifo') {
    if (options.legacySortOptions === undefined) return
    throw problem(
      'kustomize-sort-order',
      "'sortOptions.legacySortOptions' is set but the selected sort order is 'fifo', not 'legacy'",
      {
        field: 'sortOptions.legacySortOptions',
      },
    )
  }
  const ranks = kindRanks(
    options.legacySortOptions ? (options.legacySortOptions.orderFirst ?? []) : KUSTOMIZE_FIRST,
    options.legacySortOptions ? (options.legacySortOptions.orderLast ?? []) : KUSTOMIZE_LAST,
  )
  const keyed = list.items.map((item) => {
    const id = item.currentId()
    return { item, id, rank: ranks.get(id.kind) ?? 0, type: typeKey(id), name: nameKey(id) }
  })
  keyed.sort((a, b) => {
    if (a.type === b.type) return compareText(a.name, b.name)
    if (a.rank !== b.rank) return a.rank - b.rank
    // Of two kinds called Namespace, the core one comes first.
    const reversed = a.id.kind === 'Namespace' && b.id.kind === 'Namespace' && (a.id.group === '' || b.id.group === '')
    return reversed ? compareText(b.type, a.type) : compareText(a.type, b.type)
  })
  list.items = keyed.map(({ item }) => item)
}

function typeKey(id: ResourceId): string {
  return `${id.group || '~G'}_${id.version || '~V'}_${id.kind || '~K'}`
}

function nameKey(id: ResourceId): string {
  const gvk = formatId({ ...id, name: '-', namespace: '-' }).split('/', 1)[0] ?? formatApiVersion(id)
  return `${gvk}|${id.namespace || '~X'}|${id.name || '~N'}`
}
