import type { HelmRelease } from '../../api/index.ts'
import type { Release } from '../../helm/index.ts'
import type { KubeClient } from '../../kube/index.ts'
import type { KubeObject } from '../../resources/index.ts'
import type { RunContext } from '../context.ts'
import { admitRendered, tenantOfObject } from '../tenancy.ts'

/**
 * Refuses a release with objects or hooks that the tenant of its HelmRelease may not have: one that was just rendered, and one from storage, where others may have written.
 *
 * @throws EngineError `tenancy-refused`, `release-manifest-invalid`, `kube-kind-unknown`.
 */
export async function admitRelease(
  ctx: RunContext,
  attempt: { readonly object: HelmRelease; readonly client: KubeClient },
  release: Release,
): Promise<void> {
  if (tenantOfObject(ctx, attempt.object) === undefined) return
  const objects = [release.manifest, ...release.hooks.map((hook) => hook.manifest)].flatMap((manifest) =>
    ctx.helm.manifests.read(release, manifest),
  )
  await admitObjects(ctx, attempt, objects, release.namespace)
}

/** The same for objects that belong to no release, such as definitions. */
export async function admitObjects(
  ctx: RunContext,
  { object, client }: { readonly object: HelmRelease; readonly client: KubeClient },
  objects: readonly KubeObject[],
  namespace: string,
): Promise<void> {
  await admitRendered(ctx, object, { objects, client, defaultNamespace: namespace })
}
