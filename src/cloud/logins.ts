import { sha256Hex, type EgressPolicy } from '../base/index.ts'
import type { Clock, HttpClient, HttpRequest, ServiceAccountIdentity } from '../ports/index.ts'
import type { AwsCredentials } from './aws-sign.ts'
import { assumeAwsRole, checkStsEndpoint } from './aws-sts.ts'
import { azureAuthority, fetchAzureToken, type AzureToken } from './azure.ts'
import { exchangeGcpToken, fetchGcpToken, gcpScope, type GcpToken } from './gcp.ts'
import { createLoginCache, type LoginCache } from './login-cache.ts'
import {
  annotationOf,
  gcpAudience,
  loginFailure,
  ownAwsLogin,
  ownAzureLogin,
  ownGcpLogin,
  type ReadSetting,
} from './login-settings.ts'
import { cloudError, type CloudDeps } from './request.ts'

/** Who asks for a login. */
export interface CloudRequest {
  /** Undefined: the deployment itself, with the credentials of its configuration. */
  readonly serviceAccount?: ServiceAccountIdentity | undefined
  readonly proxy?: HttpRequest['proxy'] | undefined
  readonly signal: AbortSignal
}

/** What a request for credentials of AWS says besides. */
export interface AwsLoginRequest extends CloudRequest {
  /** Where to ask; default: the deployment's. */
  readonly region?: string | undefined
  readonly stsEndpoint?: string | undefined
}

/**
 * Logs in at the clouds. Credentials are kept in memory until five minutes before they end.
 *
 * All methods throw EngineError `cloud-login-failed` with reason `AuthenticationFailed`; no message carries a credential or a token.
 */
export interface CloudLogins {
  aws(request: AwsLoginRequest): Promise<AwsCredentials>
  gcp(request: CloudRequest): Promise<GcpToken>
  /** A token of Microsoft Entra ID for a scope (`https://storage.azure.com/.default`). */
  azure(request: CloudRequest, scope: string): Promise<AzureToken>
  /** What asking a service of a cloud in the name of `request` needs. */
  deps(request: CloudRequest): CloudDeps
}

/** What making them needs. */
export interface CloudLoginDeps {
  readonly http: HttpClient
  readonly egress: EgressPolicy
  readonly clock: Clock
  /**
   * Reads a setting of the deployment when it is used, so that what is rotated is found: `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, `AWS_SESSION_TOKEN`, `AWS_REGION`, or `AWS_ROLE_ARN` with
   * `AWS_WEB_IDENTITY_TOKEN`; `GOOGLE_CREDENTIALS` (a credentials file's text) and `GKE_CLUSTER`; `AZURE_TENANT_ID`, `AZURE_CLIENT_ID`, and one of `AZURE_CLIENT_SECRET`, `AZURE_CLIENT_CERTIFICATE`
   * (PEM) and `AZURE_FEDERATED_TOKEN`; `AZURE_AUTHORITY_HOST`.
   */
  read(name: string): string | undefined
}

/** Makes the logins of a deployment. */
export function createCloudLogins(deps: CloudLoginDeps): CloudLogins {
  const read = (name: string): string => deps.read(name)?.trim() ?? ''
  const once = createLoginCache(deps.clock)
  const cloudDeps = (request: CloudRequest): CloudDeps => ({
    http: deps.http,
    egress: deps.egress,
    now: () => deps.clock.now(),
    signal: request.signal,
    failure: loginFailure,
    proxy: request.proxy,
  })
  return {
    deps: cloudDeps,
    aws: (request) => loginAws({ read, once, deps: cloudDeps(request) }, request),
    gcp: (request) => loginGcp({ read, once, deps: cloudDeps(request) }, request),
    azure: (request, scope) => loginAzure({ read, once, deps: cloudDeps(request) }, request, scope),
  }
}

interface Login {
  readonly read: ReadSetting
  readonly once: LoginCache
  readonly deps: CloudDeps
}

async function loginAws({ read, once, deps }: Login, request: AwsLoginRequest): Promise<AwsCredentials> {
  const { serviceAccount, stsEndpoint: endpoint, region = '', proxy } = request
  if (endpoint !== undefined) checkStsEndpoint(deps, endpoint)
  if (serviceAccount === undefined) {
    const own = ownAwsLogin(read)
    if (own.kind === 'credentials') return own.credentials
    const used = region || read('AWS_REGION')
    const proof = { kind: 'token' as const, token: own.token }
    return once(['aws', own.role, used, endpoint, proxy], own.token, () =>
      assumeAwsRole(deps, { role: own.role, region: used, session: 'sluice', endpoint, proof }),
    )
  }
  const role = annotationOf(
    serviceAccount,
    'eks.amazonaws.com/role-arn',
    /^arn:aws[\w-]*:iam::\d{1,30}:role\/\S{1,200}$/,
  )
  if (region === '')
    throw cloudError(deps, 'an AWS region is required for authenticating with a service account; set spec.region')
  const { namespace, name, token } = serviceAccount
  const session = `${name}.${namespace}.${region}.fluxcd.io`
  return once(['aws', namespace, name, role, region, endpoint, proxy], '', async () => {
    const proof = { kind: 'token' as const, token: await token('sts.amazonaws.com') }
    return assumeAwsRole(deps, { role, region, session, endpoint, proof })
  })
}

async function loginGcp({ read, once, deps }: Login, request: CloudRequest): Promise<GcpToken> {
  const { serviceAccount, proxy } = request
  if (serviceAccount === undefined) {
    const { credentials, setting, unusable } = ownGcpLogin(read)
    return once(['gcp', proxy], setting, () => fetchGcpToken(deps, credentials, { scope: gcpScope, unusable }))
  }
  const { audience, tokenAudience } = gcpAudience(serviceAccount, read('GKE_CLUSTER'))
  const email = 'iam.gke.io/gcp-service-account'
  const impersonate =
    (serviceAccount.annotations[email] ?? '') === ''
      ? undefined
      : annotationOf(serviceAccount, email, /^[\w-]{1,100}@[\w-]{1,100}\.iam\.gserviceaccount\.com$/)
  const { namespace, name, token } = serviceAccount
  return once(['gcp', namespace, name, audience, impersonate, proxy], '', async () =>
    exchangeGcpToken(deps, { audience, token: await token(tokenAudience), impersonate }),
  )
}

async function loginAzure({ read, once, deps }: Login, request: CloudRequest, scope: string): Promise<AzureToken> {
  const { serviceAccount, proxy } = request
  const authorityHost = read('AZURE_AUTHORITY_HOST') || azureAuthority
  const unusable = (why: string): Error => cloudError(deps, `AZURE_CLIENT_CERTIFICATE cannot be used: ${why}`)
  if (serviceAccount === undefined) {
    const own = { authorityHost, ...ownAzureLogin(read) }
    return once(['azure', scope, proxy], sha256Hex(JSON.stringify(own)), () =>
      fetchAzureToken(deps, own, { scope, unusable }),
    )
  }
  const id = /^[\w.-]{1,128}$/
  const tenantId = annotationOf(serviceAccount, 'azure.workload.identity/tenant-id', id)
  const clientId = annotationOf(serviceAccount, 'azure.workload.identity/client-id', id)
  const { namespace, name, token } = serviceAccount
  return once(['azure', namespace, name, tenantId, clientId, scope, proxy], authorityHost, async () => {
    const proof = { kind: 'federated' as const, token: await token('api://AzureADTokenExchange') }
    return fetchAzureToken(deps, { authorityHost, tenantId, clientId, proof }, { scope, unusable })
  })
}
