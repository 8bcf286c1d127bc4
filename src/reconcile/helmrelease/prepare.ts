import { isEngineError } from '../../base/index.ts'
import { chartCrds, type Release } from '../../helm/index.ts'
import type { KubeObject } from '../../resources/index.ts'
import { buildRelease, type BuildRequest } from './build.ts'
import { announce, markRunning } from './conclude.ts'
import { applyDefinitions, readDefinitions } from './crds.ts'
import { setInventory } from './inventory.ts'
import { releaseObjects } from './objects.ts'
import { objectsContext, type ReleaseRequest } from './operation.ts'
import type { PreparedRelease } from './storage.ts'

/** A release that is rendered and fits into its Secret, with its objects. Nothing of it is written yet. */
export interface ReadyRelease {
  readonly prepared: PreparedRelease
  readonly objects: readonly KubeObject[]
}

/**
 * Renders a release, applies the definitions of its chart, and sets the inventory and what is being done in the status. It is written before definitions
 * are applied; where there are none, before something is waited for: everything that the next step needs after a cut is in the release's mark. Helm applies `crds/`
 * before it renders, because templates may ask for those kinds; here the render comes first where it can, so that a release that does not
 * render or is too large leaves nothing behind.
 *
 * @throws EngineError of the renderer, `release-too-large`, `crds-failed`, `kube-kind-unknown`.
 */
export async function prepareRelease(
  request: ReleaseRequest,
  build: Pick<BuildRequest, 'operation' | 'version' | 'namespace' | 'current' | 'applyMethod'>,
): Promise<ReadyRelease> {
  const { ctx, attempt, chart, values, storage } = request
  const { object, client } = attempt
  const { operation, applyMethod } = build
  const policy = object.spec[operation]?.crds ?? 'Create'
  const found = readDefinitions(chartCrds(chart.chart, values))
  const mayApply = policy !== 'Skip' && found.definitions.length > 0
  const render = async (): Promise<PreparedRelease> =>
    await storage.prepare(await buildRelease(ctx, client, { ...build, object, chart, values }))
  let prepared: PreparedRelease | undefined
  try {
    prepared = await render()
  } catch (error) {
    // It may be for want of the definitions that it does not render.
    if (!mayApply || !isEngineError(error) || error.code === 'release-too-large') throw error
  }
  const objectsOf = (release: Release): Promise<readonly KubeObject[]> =>
    releaseObjects(objectsContext(ctx, attempt), release, release.manifest)
  let objects: readonly KubeObject[] | undefined
  if (prepared !== undefined && !mayApply) {
    objects = await objectsOf(prepared.release)
    setInventory(request, objects, found.definitions)
  }
  attempt.renderedAt = ctx.deps.clock.now()
  if (mayApply) await announce(request, operation)
  else markRunning(request, operation)
  const wasApplied = await applyDefinitions(request, found, policy, applyMethod)
  if (wasApplied || prepared === undefined) {
    ctx.helm.forgetCapabilities(client)
    prepared = await render()
    objects = undefined
  }
  objects ??= await objectsOf(prepared.release)
  if (mayApply) setInventory(request, objects, found.definitions)
  return { prepared, objects }
}
