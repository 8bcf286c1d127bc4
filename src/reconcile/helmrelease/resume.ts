import { beginRelease, markRunning, noteConclusion, noteRollback } from './conclude.ts'
import { goOnWith } from './go-on.ts'
import { restoreInventory } from './inventory.ts'
import type { ActionResult, ReleaseRequest } from './operation.ts'
import type { StoredRelease } from './storage.ts'
import { goOnTesting, noteTests } from './test-action.ts'
import { uninstallFailed } from './uninstall-remediation.ts'

/**
 * Goes on with an operation of ours that a step was cut off in, or has not had the time for. Its Secret is written first, with our fencing token:
 * whoever held the lock before can then no longer write it. Of one that has ended, only the status is still to be told.
 */
export async function resume(request: ReleaseRequest): Promise<ActionResult> {
  const found = await request.storage.latest()
  if (found?.mark === undefined) return { state: 'done' }
  if (found.mark.finished !== undefined) {
    await noteEnd(request, found)
    return { state: 'done' }
  }
  const stored =
    found.mark.fence === request.lock.fence
      ? found
      : await request.storage.update(found, found.release, { ...found.mark, fence: request.lock.fence })
  return await goOn(request, stored)
}

async function goOn(request: ReleaseRequest, stored: StoredRelease): Promise<ActionResult> {
  switch (stored.mark?.operation) {
    case 'install':
    case 'upgrade':
      await restore(request, stored.mark.operation, stored)
      markRunning(request, stored.mark.operation)
      return await goOnWith(request, stored.mark.operation, stored)
    case 'rollback':
      return await goOnWith(request, 'rollback', stored)
    case 'test':
      return await goOnTesting(request, stored)
    case 'uninstall':
    case 'uninstall-remediation':
      return await uninstallFailed(request)
    case undefined:
      return { state: 'done' }
  }
}

/** What a step that was cut off has not written into the status, of what it did before it stored the release. */
async function restore(
  request: ReleaseRequest,
  operation: 'install' | 'upgrade',
  { release }: StoredRelease,
): Promise<void> {
  beginRelease(request, operation)
  await restoreInventory(request, release)
}

async function noteEnd(request: ReleaseRequest, stored: StoredRelease): Promise<void> {
  switch (stored.mark?.operation) {
    case 'install':
    case 'upgrade':
      await restore(request, stored.mark.operation, stored)
      return noteConclusion(request, stored.mark.operation, stored)
    case 'rollback':
      return noteRollback(request, stored)
    case 'test':
      return noteTests(request, stored, stored.mark.finished?.problem)
    // An uninstalled release has no mark: it is gone, or says by its status what it is.
    case 'uninstall':
    case 'uninstall-remediation':
    case undefined:
  }
}
