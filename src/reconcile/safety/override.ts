import { annotations, apiVersions, fieldManagers, ownAnnotations } from '../../api/index.ts'
import { EngineError } from '../../base/index.ts'
import type { ObjectKey } from '../job.ts'
import type { RequestContext } from '../suspension.ts'
import { timestamp } from '../timestamp.ts'

/** How long windows are overridden where nobody says: time for what is asked for, and for what goes wrong with it. */
export const defaultOverrideMs = 15 * 60_000

/**
 * Overrides the windows of a Kustomization or HelmRelease for a while: annotations that say until when, who, and why. It is written in the cluster with the rights of whoever
 * asks, and windows of the deployment may forbid it (`override: false`).
 *
 * Effects: one PATCH (with a request for a look). @throws EngineError `override-invalid` for another kind, those of the client.
 */
export async function overrideWindows(
  ctx: RequestContext,
  key: ObjectKey,
  wish: { readonly by: string; readonly reason: string },
): Promise<void> {
  if (key.kind !== 'Kustomization' && key.kind !== 'HelmRelease')
    throw new EngineError(`windows hold Kustomizations and HelmReleases; there are none to override of a ${key.kind}`, {
      code: 'override-invalid',
      disposition: 'wait',
    })
  const now = ctx.clock.now()
  const wanted = {
    [ownAnnotations.overrideUntil]: timestamp(now + defaultOverrideMs),
    [ownAnnotations.overrideBy]: wish.by,
    [ownAnnotations.overrideReason]: wish.reason,
    [annotations.requestedAt]: new Date(now).toISOString(),
  }
  await ctx.client.patch(
    { ...key, apiVersion: apiVersions[key.kind] },
    { type: 'merge', body: { metadata: { annotations: wanted } } },
    { fieldManager: fieldManagers.operator, signal: ctx.signal },
  )
}
