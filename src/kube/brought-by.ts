import { parseApiVersion, type KubeObject } from '../resources/index.ts'
import { keyOf } from './object-key.ts'
import { servedKinds } from './stage-wait.ts'

/**
 * Tells, for objects of one apply, which of them cannot be looked at before the apply has begun: those in a namespace, or of a kind, that the
 * apply itself brings. The answer says what brings it, undefined where nothing does.
 */
export function broughtBy(all: readonly KubeObject[]): (object: KubeObject) => 'namespace' | 'kind' | undefined {
  const ofKind = (kind: string): readonly KubeObject[] => all.filter((object) => keyOf(object).kind === kind)
  const namespaces = new Set(ofKind('Namespace').map((object) => keyOf(object).name))
  const kinds = new Set(
    ofKind('CustomResourceDefinition')
      .flatMap(servedKinds)
      .map((kind) => `${parseApiVersion(kind.apiVersion).group}/${kind.kind}`),
  )
  return (object) => {
    const key = keyOf(object)
    if (kinds.has(`${parseApiVersion(key.apiVersion).group}/${key.kind}`)) return 'kind'
    return namespaces.has(key.namespace ?? '') ? 'namespace' : undefined
  }
}
