import { EngineError, isEngineError, sha256Hex } from '../base/index.ts'
import type { ClusterAccessRequest, KubeConnection } from '../ports/index.ts'
import type { IdentityDeps } from './identity.ts'
import { readServiceAccount, requestToken } from './service-account.ts'

const reason = 'ReconciliationFailed'

/** The access that a ConfigMap describes. Logging in is a step of its own: it is done only when the last login is over or the ConfigMap changed. */
export interface ConfigMapAccess {
  readonly digest: string
  logIn(): Promise<{ readonly connection: KubeConnection; readonly renewAt: number }>
}

/** The share of a login's life after which it is renewed. */
const renewShare = 0.8

/**
 * The access of a `spec.kubeConfig.configMapRef` (kustomize-controller 1.9): keys `provider`, `cluster`, `address`, `ca.crt`, `audiences`,
 * `serviceAccountName`. `generic` logs in with a token that the cluster of the object issues for the service account; the clouds exchange such a
 * token behind the port `clusterAccess`.
 *
 * @throws EngineError `kubeconfig-missing`, `kubeconfig-invalid` naming the key, `kubeconfig-provider-unsupported`.
 */
export async function configMapConnection(
  ctx: IdentityDeps,
  id: string,
  namespace: string,
  name: string,
): Promise<ConfigMapAccess> {
  const key = { apiVersion: 'v1', kind: 'ConfigMap', namespace, name }
  const found = await ctx.client.get<{ data?: { [key: string]: string } }>(key, { signal: ctx.signal })
  if (found === undefined) {
    throw new EngineError(`spec.kubeConfig: the ConfigMap '${name}' was not found in namespace '${namespace}'`, {
      code: 'kubeconfig-missing',
      reason: 'ReconciliationFailed',
      disposition: 'wait',
    })
  }
  const data = found.data ?? {}
  const provider = data['provider'] ?? ''
  const account = data['serviceAccountName'] ?? ctx.deps.settings.defaultKubeConfigServiceAccount
  const digest = sha256Hex(JSON.stringify([namespace, data, account]))
  if (provider === 'generic') return { digest, logIn: () => logInGeneric(ctx, id, namespace, data, account) }
  if (provider === 'aws' || provider === 'azure' || provider === 'gcp')
    return { digest, logIn: () => logInCloud(ctx, id, namespace, data, account, provider) }
  throw invalid(name, `its key 'provider' must be aws, azure, gcp or generic, not '${provider}'`)
}

type Login = ReturnType<ConfigMapAccess['logIn']>

async function logInGeneric(
  ctx: IdentityDeps,
  id: string,
  namespace: string,
  data: { readonly [key: string]: string },
  account: string,
): Login {
  const server = httpsAddress(id, data['address'] ?? '')
  if (account === '')
    throw invalid(id, "it needs the key 'serviceAccountName': with the provider generic, a service account logs in")
  const audiences = (data['audiences'] ?? '')
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '')
  const issued = await requestToken(
    ctx,
    { namespace, name: account },
    audiences.length === 0 ? [server] : audiences,
    reason,
  )
  const ca = data['ca.crt']
  return {
    connection: { cluster: id, server, token: issued.token, ...(ca === undefined || ca === '' ? {} : { ca }) },
    renewAt: renewalOf(ctx, issued.expiresAt),
  }
}

async function logInCloud(
  ctx: IdentityDeps,
  id: string,
  namespace: string,
  data: { readonly [key: string]: string },
  account: string,
  provider: ClusterAccessRequest['provider'],
): Login {
  const access = ctx.deps.clusterAccess?.[provider]
  if (access === undefined) {
    throw new EngineError(
      `spec.kubeConfig: the provider '${provider}' of ${id} is not supported by this deployment; use the provider generic, or a Secret with a kubeconfig that holds a token or a client certificate`,
      { code: 'kubeconfig-provider-unsupported', reason: 'ReconciliationFailed', data: { provider } },
    )
  }
  const cluster = data['cluster'] ?? ''
  if (cluster === '') throw invalid(id, `it needs the key 'cluster' with the provider ${provider}`)
  const { address, 'ca.crt': ca } = data
  const serviceAccount =
    account === ''
      ? undefined
      : await readServiceAccount(ctx, { namespace, name: account }, { prefix: 'spec.kubeConfig: ', reason })
  const given = await access({
    provider,
    cluster,
    signal: ctx.signal,
    ...(address === undefined || address === '' ? {} : { address }),
    ...(ca === undefined || ca === '' ? {} : { ca }),
    ...(serviceAccount === undefined ? {} : { serviceAccount }),
  }).catch((error: unknown) => {
    throw accessFailed(id, error)
  })
  return {
    connection: {
      cluster: id,
      server: httpsAddress(id, given.server),
      token: given.token,
      ...(given.ca === undefined ? {} : { ca: given.ca }),
    },
    renewAt: renewalOf(ctx, given.expiresAt),
  }
}

/** What went wrong at a cloud, as Kustomizations and HelmReleases report it. */
function accessFailed(id: string, error: unknown): unknown {
  if (!isEngineError(error) || error.code === 'aborted') return error
  const { code, disposition, data, message } = error
  return new EngineError(`spec.kubeConfig: ${id}: ${message}`, { code, disposition, data, reason, cause: error })
}

function renewalOf(ctx: IdentityDeps, expiresAt: number): number {
  const now = ctx.deps.clock.now()
  return now + (expiresAt - now) * renewShare
}

function httpsAddress(id: string, address: string): string {
  const server = address.includes('://') ? address : `https://${address}`
  if (address !== '' && URL.canParse(server) && new URL(server).protocol === 'https:') return server
  throw invalid(id, "its key 'address' must be the https address of the API server")
}

function invalid(id: string, message: string): EngineError {
  return new EngineError(`spec.kubeConfig: ${id}: ${message}`, {
    code: 'kubeconfig-invalid',
    reason: 'ReconciliationFailed',
  })
}
