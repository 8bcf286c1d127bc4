import { apiVersions, fieldManagers, type HelmRelease } from '../../api/index.ts'
import { isEngineError } from '../../base/index.ts'
import { patchStatus, type KubeClient } from '../../kube/index.ts'
import {
  createPlanContext,
  planWorkload,
  snapshotOf,
  type EngineDeps,
  type Managed,
  type PlannedNode,
} from '../../reconcile/index.ts'
import type { ReleaseManifests } from './manifests.ts'
import type { FoundRelease } from './releases.ts'

/** What a HelmRelease would do with a release that is there. */
export interface ReleaseProof {
  /** As it is committed: it finds a release that it has not made, and upgrades it once. */
  readonly committed: PlannedNode
  /** With the release in its history: nothing, where chart and values are the same. */
  readonly adopted: PlannedNode
}

/** Plans the HelmRelease of a release both ways. Nothing is written. @throws EngineError when the cluster cannot be reached. */
export async function proveRelease(
  deps: EngineDeps,
  found: FoundRelease,
  manifests: ReleaseManifests,
  signal: AbortSignal,
): Promise<ReleaseProof> {
  const plan = async (release: HelmRelease): Promise<PlannedNode> => {
    const key = { kind: 'HelmRelease', namespace: release.metadata.namespace ?? '', name: release.metadata.name }
    const job = { kind: 'trigger', runId: 'migrate', cluster: deps.cluster.name, receivedAt: deps.clock.now() } as const
    const { ctx } = await createPlanContext(deps, { ...job, target: { object: key }, plan: true }, signal)
    for (const object of [manifests.source, release]) {
      if (object === undefined) continue
      // A dry-run remembers what it would have made, so that what follows can read it.
      const made = await ctx.client.patch<Managed>(
        { apiVersion: object.apiVersion, kind: object.kind, ...keyOf(object) },
        { type: 'apply', body: { ...object, status: undefined }, force: true },
        { fieldManager: fieldManagers.kustomization, signal },
      )
      ctx.world.update({ ...made, apiVersion: object.apiVersion, kind: object.kind, status: object.status } as Managed)
    }
    const stored = ctx.world.get(`HelmRelease/${key.namespace}/${key.name}`)
    return planWorkload(ctx, stored?.kind === 'HelmRelease' ? stored : release)
  }
  const { release } = manifests
  return { committed: await plan(release), adopted: await plan({ ...release, status: statusOf(found) }) }
}

/**
 * Makes the source and the HelmRelease in the cluster, with the release in the history of the HelmRelease as if it had made it: the next run finds it as wanted. Until its history is there the HelmRelease is
 * suspended, so that nobody upgrades it in between. Both are written as a Kustomization would write them, so that the commit that follows changes nothing.
 *
 * Effects: the source, the HelmRelease and its status; nothing of the release.
 */
export async function adoptRelease(
  client: KubeClient,
  found: FoundRelease,
  { source, release }: ReleaseManifests,
  signal: AbortSignal,
): Promise<void> {
  const apply = <T extends object>(
    object: T & { apiVersion: string; kind: string; metadata: HelmRelease['metadata'] },
  ): Promise<T> =>
    client.patch<T>(
      { apiVersion: object.apiVersion, kind: object.kind, ...keyOf(object) },
      { type: 'apply', body: object, force: true },
      { fieldManager: fieldManagers.kustomization, signal },
    )
  if (source !== undefined) await apply(source)
  const held = await apply<HelmRelease>({ ...release, spec: { ...release.spec, suspend: true } })
  const known = { ...held, apiVersion: apiVersions.HelmRelease, kind: 'HelmRelease' as const }
  await patchStatus(client, known, { ...held.status, ...statusOf(found) }, fieldManagers.helmStatus, { signal })
  await apply(release)
}

/** Whether the HelmRelease is there already: whoever made it decides. */
export async function isThere(
  client: KubeClient,
  { release }: ReleaseManifests,
  signal: AbortSignal,
): Promise<boolean> {
  try {
    const key = { apiVersion: apiVersions.HelmRelease, kind: 'HelmRelease', ...keyOf(release) }
    return (await client.get(key, { metadataOnly: true, signal })) !== undefined
  } catch (error) {
    if (isEngineError(error) && error.code === 'kube-kind-unknown') return false
    throw error
  }
}

/** The history of a HelmRelease that had made the release. */
function statusOf({ release, storageNamespace }: FoundRelease): NonNullable<HelmRelease['status']> {
  const action = release.version === 1 ? 'install' : 'upgrade'
  return { history: [snapshotOf(release, action, undefined)], storageNamespace } as NonNullable<HelmRelease['status']>
}

function keyOf({ metadata }: { readonly metadata: HelmRelease['metadata'] }): { namespace: string; name: string } {
  return { namespace: metadata.namespace ?? '', name: metadata.name }
}
