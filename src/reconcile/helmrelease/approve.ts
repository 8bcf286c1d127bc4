import type { KubeObject } from '../../resources/index.ts'
import { emitEvent } from './attempt.ts'
import type { ConvergeRequest } from './atomic.ts'
import { fixedEnvironment } from '../change/fixed-environment.ts'
import { createPlaceholders } from '../change/placeholders.ts'
import { notePlaceholders } from '../change/side-options.ts'
import { idOf } from '../world.ts'
import { buildRelease, type BuildRequest } from './build.ts'
import { originOf } from './go-on.ts'
import { releaseNamespaceOf } from './names.ts'
import { releaseObjects } from './objects.ts'
import { objectsContext } from './operation.ts'
import { applyMethod } from './upgrade.ts'

/**
 * Asks, once in a step, whether what an install or upgrade would make was approved. For that it is rendered once more than without a policy for changes.
 *
 * @throws EngineError `waits-for-approval`, and of the renderer.
 */
export async function approveRelease(request: ConvergeRequest, operation: 'install' | 'upgrade'): Promise<void> {
  const { ctx, attempt, chart } = request
  if (ctx.approvals === undefined || attempt.isApproved === true) return
  const objects = await wantedObjects(request, operation)
  const difference = await ctx.approvals.check(attempt.stored, chart.sourceRevision, {
    objects,
    artifacts: { chart: chart.digest },
  })
  attempt.isApproved = true
  if (difference !== undefined) emitEvent(ctx, attempt, 'info', 'NotAsApproved', difference)
}

/** The objects of the release as it would be stored, those of hooks included: what they do follows from the same values. */
async function wantedObjects(
  { ctx, attempt, chart, values, storage }: ConvergeRequest,
  operation: 'install' | 'upgrade',
): Promise<readonly KubeObject[]> {
  const { object, client } = attempt
  const last = operation === 'upgrade' ? await storage.latest() : undefined
  const origin = originOf(await storage.heads())
  const before = last && ((origin && (await storage.read(origin.version))?.release) ?? last.release)
  const isClientSide = object.spec.install?.serverSideApply === false
  const { planKey } = ctx.deps
  // What a plan has rendered, with the same in place of what is random.
  const noted = planKey && notePlaceholders(createPlaceholders(planKey), 'applied')
  const environment = noted && fixedEnvironment('applied', idOf(object), noted)
  const build: BuildRequest = {
    object,
    chart,
    values,
    operation,
    version: (last?.release.version ?? 0) + 1,
    namespace: before?.namespace ?? releaseNamespaceOf(object),
    current: before,
    applyMethod:
      last === undefined
        ? isClientSide
          ? 'csa'
          : 'ssa'
        : applyMethod(object.spec.upgrade?.serverSideApply ?? 'auto', last.release),
  }
  const release = await buildRelease(ctx, client, build, environment)
  const manifests = [release.manifest, ...release.hooks.map(({ manifest }) => manifest)]
  const lists = await Promise.all(
    manifests.map((manifest) => releaseObjects(objectsContext(ctx, attempt), release, manifest)),
  )
  return lists.flat()
}
