import { annotations, apiVersions, fieldManagers, ownAnnotations, type Kustomization } from '../../api/index.ts'
import { EngineError } from '../../base/index.ts'
import type { ObjectKey } from '../job.ts'
import type { RequestContext } from '../suspension.ts'

/**
 * Says that a prune which a Kustomization holds back is meant: for the revision that it last tried and for no other, so that the next accident is held again.
 *
 * Effects: one PATCH of annotations (with a request for a look). @returns the revision.
 * @throws EngineError `not-found`; `nothing-to-approve` where no prune is held back; those of the client.
 */
export async function confirmPrune(ctx: RequestContext, key: ObjectKey): Promise<string> {
  if (key.kind !== 'Kustomization')
    throw new EngineError(`only a Kustomization holds a prune back; ${key.kind} '${key.name}' does not`, {
      code: 'nothing-to-approve',
      disposition: 'wait',
    })
  const address = { ...key, apiVersion: apiVersions.Kustomization }
  const object = await ctx.client.get<Kustomization>(address, { signal: ctx.signal })
  const name = `Kustomization '${key.namespace}/${key.name}'`
  if (object === undefined) throw new EngineError(`${name} was not found`, { code: 'not-found', disposition: 'wait' })
  const ready = object.status?.conditions?.find((condition) => condition.type === 'Ready')
  const revision = object.status?.lastAttemptedRevision
  const isHeld = ready?.status === 'False' && ready.reason === 'PruneFailed' && /confirm it/.test(ready.message)
  if (!isHeld || revision === undefined)
    throw new EngineError(`${name} holds no prune back`, { code: 'nothing-to-approve', disposition: 'wait' })
  const wanted = {
    [ownAnnotations.confirmPrune]: revision,
    [annotations.requestedAt]: new Date(ctx.clock.now()).toISOString(),
  }
  await ctx.client.patch(
    address,
    { type: 'merge', body: { metadata: { annotations: wanted } } },
    { fieldManager: fieldManagers.operator, signal: ctx.signal },
  )
  return revision
}
