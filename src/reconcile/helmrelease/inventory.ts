import { chartCrds, type Release } from '../../helm/index.ts'
import { inventoryEntryOf, type InventoryEntry } from '../../kube/index.ts'
import type { KubeObject } from '../../resources/index.ts'
import { editStatus } from './attempt.ts'
import { readDefinitions } from './crds.ts'
import { releaseObjects } from './objects.ts'
import { objectsContext, type ActionRequest, type ReleaseRequest } from './operation.ts'

/** Sets the inventory: the objects of the manifest, then the definitions of the chart (helm-controller 1.6, inventory). */
export function setInventory(
  request: ActionRequest,
  objects: readonly KubeObject[],
  definitions: readonly KubeObject[],
): void {
  const isHook = (object: KubeObject): boolean => {
    const metadata = object['metadata'] as { annotations?: { [key: string]: unknown } } | undefined
    return metadata?.annotations?.['helm.sh/hook'] !== undefined
  }
  const entries: InventoryEntry[] = [...objects.filter((object) => !isHook(object)), ...definitions].map(
    inventoryEntryOf,
  )
  editStatus(request.attempt, (status) => ({ ...status, inventory: { entries } }))
}

/** Sets the inventory for a release of the chart that a step which was cut off has stored: its status may not have it. */
export async function restoreInventory(request: ReleaseRequest, release: Release): Promise<void> {
  const { ctx, attempt, chart, values } = request
  const objects = await releaseObjects(objectsContext(ctx, attempt), release, release.manifest)
  setInventory(request, objects, readDefinitions(chartCrds(chart.chart, values)).definitions)
}
