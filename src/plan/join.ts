import { compareByteOrder } from '../base/index.ts'
import { sortDangers } from './dangers/find.ts'
import type { PlanDocument, PlannedApplication, UnplannedCluster } from './document.ts'
import type { ChangeInput } from './input.ts'
import { showChange } from './plan.ts'
import type { Shown } from './shown.ts'

/**
 * One plan of the plans of several clusters: each was made on its own, and nothing in one depends on another, so that they are put one behind the other and sorted.
 *
 * @param more `reference` of all of them together, and the clusters that have none.
 */
export function joinPlans(
  change: ChangeInput,
  parts: readonly PlanDocument[],
  more: { readonly reference?: Shown; readonly unplanned?: readonly UnplannedCluster[] } = {},
): PlanDocument {
  const { reference, unplanned = [] } = more
  const omitted = parts.reduce((sum, part) => sum + (part.omitted ?? 0), 0)
  return {
    version: 1,
    change: showChange(change),
    ...(reference === undefined ? {} : { reference }),
    ...(unplanned.length === 0
      ? {}
      : { unplanned: unplanned.toSorted((a, b) => compareByteOrder(a.cluster, b.cluster)) }),
    ...(omitted === 0 ? {} : { omitted }),
    dangers: sortDangers(parts.flatMap(({ dangers }) => dangers)),
    applications: parts
      .flatMap(({ applications }) => applications)
      .toSorted((a, b) => compareByteOrder(placeOf(a), placeOf(b))),
  }
}

function placeOf({ cluster, kind, namespace, name }: PlannedApplication): string {
  return [cluster, kind, namespace, name].join('\0')
}
