import { EngineError } from '../../base/index.ts'
import type { Kustomization } from '../../api/index.ts'
import type { Settings } from '../settings.ts'

/**
 * Refuses references that the deployment's settings forbid, before anything is read or written.
 *
 * @throws EngineError `cross-namespace-source`.
 */
export function checkAccess(object: Kustomization, settings: Settings): void {
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
