import { EngineError } from '../../base/index.ts'
import type { Kustomization } from '../../api/index.ts'
import type { Settings } from '../settings.ts'

/**
 * Refuses what a Kustomization asks for and this engine cannot do yet, and what the deployment's settings forbid, before anything is read or written.
 *
 * @throws EngineError naming the field and what to do.
 */
export function refuseUnsupported(object: Kustomization, settings: Settings): void {
  const { spec } = object
  const namespace = object.metadata.namespace ?? ''
  const refuse = (field: string): never => {
    throw new EngineError(
      `spec.${field} is not supported yet; remove it, or leave this Kustomization to Flux's own controller`,
      {
        code: 'kustomization-field-unsupported',
        reason: 'ReconciliationFailed',
        data: { field },
      },
    )
  }
  const sourceNamespace = spec.sourceRef.namespace ?? namespace
  if (settings.noCrossNamespaceRefs && sourceNamespace !== namespace) {
    throw new EngineError(
      `can't access '${spec.sourceRef.kind}/${sourceNamespace}/${spec.sourceRef.name}', cross-namespace references have been blocked`,
      { code: 'cross-namespace-source', reason: 'AccessDenied' },
    )
  }
}
