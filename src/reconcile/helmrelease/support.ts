import type { HelmRelease } from '../../api/index.ts'
import { EngineError } from '../../base/index.ts'
import type { Settings } from '../settings.ts'
import { admit, type TenancyContext } from '../tenancy.ts'

/**
 * Refuses what a HelmRelease asks for and this engine cannot do yet, and what the tenant's policy or, for objects of the platform, the deployment's settings forbid, before anything is written.
 *
 * @throws EngineError naming the field and what to do.
 */
export function refuseUnsupported(
  ctx: TenancyContext & { readonly deps: { readonly settings: Pick<Settings, 'noCrossNamespaceRefs'> } },
  object: HelmRelease,
): void {
  const { spec } = object
  const namespace = object.metadata.namespace ?? ''
  const refuse = (field: string): never => {
    throw new EngineError(
      `spec.${field} is not supported yet; remove it, or leave this HelmRelease to Flux's own controller`,
      {
        code: 'helmrelease-field-unsupported',
        reason: 'ReconcileError',
        data: { field },
      },
    )
  }
  if (spec.chart?.kind === 'OCIRepository') return refuse('chart.kind OCIRepository')
  if (admit(ctx, object) !== undefined || spec.chart?.spec.sourceRef === undefined) return
  const { settings } = ctx.deps
  const source = spec.chart.spec.sourceRef
  if (settings.noCrossNamespaceRefs && (source.namespace ?? namespace) !== namespace) {
    throw new EngineError(
      `can't access '${source.kind}/${source.namespace}/${source.name}', cross-namespace references have been blocked`,
      {
        code: 'cross-namespace-source',
        reason: 'AccessDenied',
      },
    )
  }
}
