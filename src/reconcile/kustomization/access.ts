import { EngineError } from '../../base/index.ts'
import type { Kustomization } from '../../api/index.ts'
import { admit, type TenancyContext } from '../tenancy.ts'
import type { Settings } from '../settings.ts'

/**
 * Refuses what the tenant's policy forbids, or, for objects of the platform, references that the deployment's settings forbid, before anything is read or written.
 *
 * @throws EngineError `cross-namespace-source`, `tenancy-refused`.
 */
export function checkAccess(
  ctx: TenancyContext & { readonly deps: { readonly settings: Pick<Settings, 'noCrossNamespaceRefs'> } },
  object: Kustomization,
): void {
  if (admit(ctx, object) !== undefined) return
  const { settings } = ctx.deps
  const { spec } = object
  const namespace = object.metadata.namespace ?? ''
  const sourceNamespace = spec.sourceRef.namespace ?? namespace
  if (settings.noCrossNamespaceRefs && sourceNamespace !== namespace) {
    throw new EngineError(
      `can't access '${spec.sourceRef.kind}/${sourceNamespace}/${spec.sourceRef.name}', cross-namespace references have been blocked`,
      { code: 'cross-namespace-source', reason: 'AccessDenied' },
    )
  }
}
