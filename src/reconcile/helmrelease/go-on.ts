import { toEngineError } from '../../base/index.ts'
import type { Release } from '../../helm/index.ts'
import { inventoryEntryOf } from '../../kube/index.ts'
import type { KubeObject } from '../../resources/index.ts'
import { concludeRelease, concludeRollback, noteApplied, recordRelease } from './conclude.ts'
import { releaseObjects } from './objects.ts'
import { objectsContext, operationContext, type ActionResult, type ReleaseRequest } from './operation.ts'
import { performRelease } from './perform.ts'
import type { ReleaseHead } from './release-index.ts'
import type { StoredRelease } from './storage.ts'

/** Operations that end in a release which is deployed or has failed. */
export type ReleaseOperation = 'install' | 'upgrade' | 'rollback'

/** What distinguishes them. */
interface Course {
  /** Refuses fields that the server does not know, unless the spec says otherwise. */
  readonly validates: boolean
  /** The release before, among older ones (newest first), whose objects this one replaces. */
  previous(older: readonly ReleaseHead[]): ReleaseHead | undefined
  conclude(request: ReleaseRequest, stored: StoredRelease, problem: string | undefined): Promise<void>
}

const courses: { readonly [operation in ReleaseOperation]: Course } = {
  install: {
    validates: true,
    previous: () => undefined,
    conclude: (request, stored, problem) => concludeRelease(request, 'install', stored, problem),
  },
  upgrade: {
    validates: true,
    previous: originOf,
    conclude: (request, stored, problem) => concludeRelease(request, 'upgrade', stored, problem),
  },
  rollback: { validates: false, previous: ([newest]) => newest, conclude: concludeRollback },
}

/** Carries a stored, pending release through to its end: also the one of a step that was cut off. */
export async function goOnWith(
  request: ReleaseRequest,
  operation: ReleaseOperation,
  stored: StoredRelease,
): Promise<ActionResult> {
  const { ctx, attempt, storage } = request
  const { spec } = attempt.object
  const options = spec[operation]
  const course = courses[operation]
  const isLax = operation !== 'rollback' && spec[operation]?.disableOpenAPIValidation === true
  const op = operationContext(request, operation, stored.mark?.startedAt ?? ctx.deps.clock.now(), {
    method: stored.release.apply_method ?? 'csa',
    validate: course.validates && !isLax,
  })
  const older = (await storage.heads()).filter((head) => head.version < stored.release.version)
  const head = course.previous(older)
  const outcome = await performRelease(op, {
    operation,
    stored,
    previous: head === undefined ? undefined : (await storage.read(head.version))?.release,
    disableHooks: options?.disableHooks === true,
    disableWait: options?.disableWait === true,
    disableWaitForJobs: options?.disableWaitForJobs === true,
    replace: operation !== 'install' && spec[operation]?.force === true,
    cleanUp: await freshObjects(request, stored),
    onApplied: (objects) => noteApplied(request, objects),
  })
  if (outcome.state === 'waiting') {
    recordRelease(request, outcome.stored.release, operation)
    return outcome
  }
  await course.conclude(
    request,
    outcome.stored,
    outcome.state === 'failed' ? toEngineError(outcome.error).message : undefined,
  )
  return { state: 'done' }
}

/** What an upgrade starts from, among older releases, newest first: the last deployed one, else the last one at all (Helm v4, prepareUpgrade). */
export function originOf(older: readonly ReleaseHead[]): ReleaseHead | undefined {
  return older.find((head) => head.status === 'deployed') ?? older[0]
}

/** The objects of a release that were not there before the operation, as its mark has them. */
async function freshObjects(request: ReleaseRequest, stored: StoredRelease): Promise<readonly KubeObject[]> {
  const fresh = new Set(stored.mark?.fresh ?? [])
  if (fresh.size === 0) return []
  const { release }: { readonly release: Release } = stored
  const objects = await releaseObjects(objectsContext(request.ctx, request.attempt), release, release.manifest)
  return objects.filter((object) => fresh.has(inventoryEntryOf(object).id))
}
