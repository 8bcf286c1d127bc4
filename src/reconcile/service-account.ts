import { EngineError } from '../base/index.ts'
import type { ServiceAccountIdentity } from '../ports/index.ts'
import type { IdentityDeps } from './identity.ts'

/** A service account of the cluster of the run. */
export interface ServiceAccountName {
  readonly namespace: string
  readonly name: string
}

/** Seconds that tokens are asked for. */
const tokenSeconds = 3600

/**
 * A service account with its annotations and what has the API server issue its tokens, so that it can log in elsewhere. It is read with the deployment's own identity.
 *
 * @param told what messages begin with, and the condition reason of what goes wrong.
 * @throws EngineError `service-account-missing` (`wait`), `service-account-token-missing` (`retry`).
 */
export async function readServiceAccount(
  ctx: Pick<IdentityDeps, 'client' | 'signal'>,
  account: ServiceAccountName,
  told: { readonly prefix?: string; readonly reason: string },
): Promise<ServiceAccountIdentity & { readonly imagePullSecrets: readonly { readonly name: string }[] }> {
  const { namespace, name } = account
  const found = await ctx.client.get<{
    metadata?: { annotations?: { [key: string]: string } }
    imagePullSecrets?: readonly { name: string }[]
  }>({ apiVersion: 'v1', kind: 'ServiceAccount', namespace, name }, { signal: ctx.signal })
  if (found === undefined) {
    throw new EngineError(
      `${told.prefix ?? ''}failed to get service account '${namespace}/${name}': it does not exist; create it, or correct the name`,
      { code: 'service-account-missing', reason: told.reason, disposition: 'wait' },
    )
  }
  return {
    namespace,
    name,
    annotations: found.metadata?.annotations ?? {},
    imagePullSecrets: found.imagePullSecrets ?? [],
    token: async (audience) => (await requestToken(ctx, account, [audience], told.reason)).token,
  }
}

/** Has the API server issue a token of a service account (TokenRequest). @throws EngineError `service-account-token-missing`, `retry`. */
export async function requestToken(
  ctx: Pick<IdentityDeps, 'client' | 'signal'>,
  account: ServiceAccountName,
  audiences: readonly string[],
  reason: string,
): Promise<{ readonly token: string; readonly expiresAt: number }> {
  const { namespace, name } = account
  const issued = await ctx.client.createSubresource<{ status?: { token?: string; expirationTimestamp?: string } }>(
    { apiVersion: 'v1', kind: 'ServiceAccount', namespace, name },
    'token',
    {
      apiVersion: 'authentication.k8s.io/v1',
      kind: 'TokenRequest',
      spec: { audiences, expirationSeconds: tokenSeconds },
    },
    { signal: ctx.signal },
  )
  const token = issued.status?.token ?? ''
  const expiresAt = Date.parse(issued.status?.expirationTimestamp ?? '')
  if (token === '' || Number.isNaN(expiresAt)) {
    throw new EngineError(`the API server issued no token for the service account ${namespace}/${name}`, {
      code: 'service-account-token-missing',
      reason,
      disposition: 'retry',
    })
  }
  return { token, expiresAt }
}
