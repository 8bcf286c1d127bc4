import { apiVersions } from '../../api/index.ts'
import { EngineError, isEngineError } from '../../base/index.ts'
import type { KubeClient } from '../../kube/index.ts'
import type { ObjectKey } from '../../reconcile/index.ts'
import type { KubeObject } from '../../resources/index.ts'
import type { CliKind } from '../target/kinds.ts'

/** Objects of one kind. A kind whose definition is not installed has none. */
export async function listKind(
  client: KubeClient,
  kind: CliKind,
  options: { readonly namespace?: string | undefined; readonly labelSelector?: string },
): Promise<readonly KubeObject[]> {
  try {
    const { items } = await client.list<KubeObject>({ apiVersion: apiVersions[kind], kind }, options)
    return items
  } catch (error) {
    if (isEngineError(error) && (error.code === 'kube-kind-unknown' || error.code === 'kube-not-found')) return []
    throw error
  }
}

/** One object. @throws EngineError `not-found`. */
export async function readObject(client: KubeClient, key: ObjectKey & { readonly kind: CliKind }): Promise<KubeObject> {
  const object = await client.get<KubeObject>({ ...key, apiVersion: apiVersions[key.kind] })
  if (object !== undefined) return object
  throw new EngineError(`${key.kind} '${key.namespace}/${key.name}' was not found; name its namespace with -n`, {
    code: 'not-found',
    disposition: 'wait',
  })
}
