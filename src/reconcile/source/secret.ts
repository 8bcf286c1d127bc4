import { EngineError } from '../../base/index.ts'
import type { SecretData } from '../../sources/index.ts'
import type { IdentityDeps } from '../identity.ts'

/**
 * The data of a Secret that an object refers to in `field`. Undefined where it refers to none.
 *
 * @throws EngineError `secret-missing` with reason `AuthenticationFailed`; the object is tried again, because the Secret may come.
 */
export async function readSecret(
  ctx: Pick<IdentityDeps, 'client' | 'signal'>,
  namespace: string,
  reference: { readonly name: string } | undefined,
  field: string,
): Promise<SecretData | undefined> {
  if (reference === undefined) return undefined
  const secret = await ctx.client.get<{ data?: { [key: string]: string } }>(
    { apiVersion: 'v1', kind: 'Secret', namespace, name: reference.name },
    { signal: ctx.signal },
  )
  if (secret === undefined) {
    throw new EngineError(
      `failed to get secret '${namespace}/${reference.name}': it does not exist; create it, or correct spec.${field}`,
      { code: 'secret-missing', reason: 'AuthenticationFailed', disposition: 'retry' },
    )
  }
  const data: { [key: string]: Uint8Array } = {}
  for (const [key, value] of Object.entries(secret.data ?? {}))
    data[key] = Uint8Array.from(atob(value), (char) => char.charCodeAt(0))
  return data
}
