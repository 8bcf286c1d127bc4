import { sha256Hex, type EgressPolicy } from '../base/index.ts'
import type { Clock, HttpClient, HttpRequest } from '../ports/index.ts'
import type { AwsCredentials } from './aws-sign.ts'
import { assumeAwsRole, checkStsEndpoint, type TemporaryAwsCredentials } from './aws-sts.ts'
import { azureAuthority, fetchAzureToken } from './azure.ts'
import { parseGcpCredentials } from './gcp-credentials.ts'
import { exchangeGcpToken, fetchGcpToken, gcpScope, type GcpToken } from './gcp.ts'
import { cloudError, type CloudDeps, type CloudFailure } from './request.ts'

/** A service account of a cluster that logs in at a cloud. */
export interface CloudServiceAccount {
  readonly namespace: string
  readonly name: string
  /** They name the role, the application or the Google service account to act as. */
  readonly annotations: { readonly [key: string]: string }
  /** Has the cluster issue a token of the account for an audience. */
  token(audience: string): Promise<string>
}

/** Who asks for a login. */
export interface CloudRequest {
  /** Undefined: the deployment itself, with the credentials of its configuration. */
  readonly serviceAccount?: CloudServiceAccount | undefined
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
  azure(request: CloudRequest, scope: string): Promise<{ readonly token: string; readonly expiresAt: number }>
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

const failure: CloudFailure = Object.freeze({ code: 'cloud-login-failed', reason: 'AuthenticationFailed' })

/** Credentials that end in less than this are not used any more. */
const marginMs = 300_000
/** Logins that are kept; the oldest goes when there are more. */
const maxLogins = 500

/** Makes the logins of a deployment. */
export function createCloudLogins(deps: CloudLoginDeps): CloudLogins {
  const known = new Map<string, { readonly value: Promise<Expiring>; readonly setting: string }>()
  const cloudDeps = (request: CloudRequest): CloudDeps => ({
    http: deps.http,
    egress: deps.egress,
    now: () => deps.clock.now(),
    signal: request.signal,
    failure,
    proxy: request.proxy,
  })
  /** Asks once for what several want at the same time, and again when it is about to end or the settings have changed. */
  const once = async <T extends Expiring>(
    key: readonly unknown[],
    setting: string,
    ask: () => Promise<T>,
  ): Promise<T> => {
    const id = sha256Hex(JSON.stringify(key))
    const before = known.get(id)
    if (before?.setting === setting) {
      const value = await before.value.catch(() => undefined)
      if (value !== undefined && value.expiresAt - marginMs > deps.clock.now()) return value as T
    }
    const current = known.get(id)
    // Somebody else has asked meanwhile.
    if (current !== undefined && current !== before && current.setting === setting) return (await current.value) as T
    const value = ask()
    known.delete(id)
    known.set(id, { value, setting })
    for (const oldest of known.keys()) {
      if (known.size <= maxLogins) break
      known.delete(oldest)
    }
    value.catch(() => {
      if (known.get(id)?.value === value) known.delete(id)
    })
    return value
  }
  const read = (name: string): string => deps.read(name)?.trim() ?? ''
  return {
    deps: cloudDeps,
    aws: async (request) => {
      const { serviceAccount, stsEndpoint } = request
      const region = request.region ?? ''
      if (stsEndpoint !== undefined) checkStsEndpoint({ failure }, stsEndpoint)
      const asks = cloudDeps(request)
      if (serviceAccount === undefined) {
        const own = ownAws(read)
        if (own.kind === 'static') return own.credentials
        const used = region || read('AWS_REGION')
        return once(['aws', own.role, used, stsEndpoint, request.proxy], own.token, () =>
          assumeAwsRole(asks, {
            role: own.role,
            region: used,
            session: 'sluice',
            endpoint: stsEndpoint,
            proof: { kind: 'token', token: own.token },
          }),
        )
      }
      const role = annotation(
        serviceAccount,
        'eks.amazonaws.com/role-arn',
        /^arn:aws[\w-]*:iam::\d{1,30}:role\/\S{1,200}$/,
      )
      if (region === '')
        throw cloudError(asks, 'an AWS region is required for authenticating with a service account; set spec.region')
      const key = ['aws', accountKey(serviceAccount), role, region, stsEndpoint, request.proxy]
      return once<TemporaryAwsCredentials>(key, '', async () =>
        assumeAwsRole(asks, {
          role,
          region,
          session: `${serviceAccount.name}.${serviceAccount.namespace}.${region}.fluxcd.io`,
          endpoint: stsEndpoint,
          proof: { kind: 'token', token: await serviceAccount.token('sts.amazonaws.com') },
        }),
      )
    },
    gcp: async (request) => {
      const { serviceAccount } = request
      const asks = cloudDeps(request)
      if (serviceAccount === undefined) {
        const text = read('GOOGLE_CREDENTIALS')
        if (text === '') throw noOwnCredentials('Google', 'GOOGLE_CREDENTIALS')
        const unusable = (why: string): Error => cloudError({ failure }, `GOOGLE_CREDENTIALS cannot be used: ${why}`)
        const credentials = parseGcpCredentials(text, unusable)
        return once(['gcp', request.proxy], sha256Hex(text), () =>
          fetchGcpToken(asks, credentials, { scope: gcpScope, unusable }),
        )
      }
      const { audience, tokenAudience } = gcpAudience(serviceAccount, read('GKE_CLUSTER'))
      const email = 'iam.gke.io/gcp-service-account'
      const impersonate =
        (serviceAccount.annotations[email] ?? '') === ''
          ? undefined
          : annotation(serviceAccount, email, /^[\w-]{1,100}@[\w-]{1,100}\.iam\.gserviceaccount\.com$/)
      return once(['gcp', accountKey(serviceAccount), audience, impersonate, request.proxy], '', async () =>
        exchangeGcpToken(asks, { audience, token: await serviceAccount.token(tokenAudience), impersonate }),
      )
    },
    azure: async (request, scope) => {
      const { serviceAccount } = request
      const asks = cloudDeps(request)
      const authorityHost = read('AZURE_AUTHORITY_HOST') || azureAuthority
      const unusable = (why: string): Error =>
        cloudError({ failure }, `AZURE_CLIENT_CERTIFICATE cannot be used: ${why}`)
      if (serviceAccount === undefined) {
        const own = ownAzure(read)
        const setting = sha256Hex(JSON.stringify(own))
        return once(['azure', scope, request.proxy], setting, () =>
          fetchAzureToken(asks, { authorityHost, ...own }, { scope, unusable }),
        )
      }
      const id = /^[\w.-]{1,128}$/
      const tenantId = annotation(serviceAccount, 'azure.workload.identity/tenant-id', id)
      const clientId = annotation(serviceAccount, 'azure.workload.identity/client-id', id)
      const key = ['azure', accountKey(serviceAccount), tenantId, clientId, scope, request.proxy]
      return once(key, authorityHost, async () => {
        const token = await serviceAccount.token('api://AzureADTokenExchange')
        const proof = { kind: 'federated' as const, token }
        return fetchAzureToken(asks, { authorityHost, tenantId, clientId, proof }, { scope, unusable })
      })
    },
  }
}

interface Expiring {
  readonly expiresAt: number
}

type Read = (name: string) => string

function ownAws(
  read: Read,
): { kind: 'static'; credentials: AwsCredentials } | { kind: 'role'; role: string; token: string } {
  const accessKeyId = read('AWS_ACCESS_KEY_ID')
  const secretAccessKey = read('AWS_SECRET_ACCESS_KEY')
  const sessionToken = read('AWS_SESSION_TOKEN')
  if (accessKeyId !== '' && secretAccessKey !== '') {
    const credentials = { accessKeyId, secretAccessKey, ...(sessionToken === '' ? {} : { sessionToken }) }
    return { kind: 'static', credentials }
  }
  const role = read('AWS_ROLE_ARN')
  const token = read('AWS_WEB_IDENTITY_TOKEN')
  if (role !== '' && token !== '') return { kind: 'role', role, token }
  throw noOwnCredentials(
    'AWS',
    'AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_ROLE_ARN and AWS_WEB_IDENTITY_TOKEN',
  )
}

function ownAzure(read: Read): Pick<Parameters<typeof fetchAzureToken>[1], 'tenantId' | 'clientId' | 'proof'> {
  const tenantId = read('AZURE_TENANT_ID')
  const clientId = read('AZURE_CLIENT_ID')
  const secret = read('AZURE_CLIENT_SECRET')
  const pem = read('AZURE_CLIENT_CERTIFICATE')
  const token = read('AZURE_FEDERATED_TOKEN')
  if (tenantId !== '' && clientId !== '') {
    if (secret !== '') return { tenantId, clientId, proof: { kind: 'secret', secret } }
    if (pem !== '') return { tenantId, clientId, proof: { kind: 'certificate', pem, sendChain: false } }
    if (token !== '') return { tenantId, clientId, proof: { kind: 'federated', token } }
  }
  throw noOwnCredentials(
    'Azure',
    'AZURE_TENANT_ID, AZURE_CLIENT_ID and one of AZURE_CLIENT_SECRET, AZURE_CLIENT_CERTIFICATE, AZURE_FEDERATED_TOKEN',
  )
}

/** The pool of a service account's tokens: the one its annotation names, or that of the cluster where it is one of GKE. */
function gcpAudience(
  account: CloudServiceAccount,
  gkeCluster: string,
): { readonly audience: string; readonly tokenAudience: string } {
  const key = 'gcp.auth.fluxcd.io/workload-identity-provider'
  if ((account.annotations[key] ?? '') !== '') {
    const form =
      /^projects\/\d{1,30}\/locations\/global\/workloadIdentityPools\/[^/\s]{1,100}\/providers\/[^/\s]{1,100}$/
    const audience = `//iam.googleapis.com/${annotation(account, key, form)}`
    return { audience, tokenAudience: audience }
  }
  const project = /^projects\/([^/\s]{1,200})\/locations\/[^/\s]{1,200}\/clusters\/[^/\s]{1,200}$/.exec(gkeCluster)?.[1]
  if (project === undefined)
    throw cloudError(
      { failure },
      `the service account ${account.namespace}/${account.name} needs the annotation ${key}; in a cluster of GKE, GKE_CLUSTER (projects/<project>/locations/<location>/clusters/<name>) can be set in the deployment instead`,
    )
  const pool = `${project}.svc.id.goog`
  return {
    audience: `identitynamespace:${pool}:https://container.googleapis.com/v1/${gkeCluster}`,
    tokenAudience: pool,
  }
}

function annotation(account: CloudServiceAccount, key: string, form: RegExp): string {
  const value = account.annotations[key] ?? ''
  if (form.test(value)) return value
  throw cloudError(
    { failure },
    `the service account ${account.namespace}/${account.name} has ${value === '' ? 'no' : 'no valid'} annotation ${key}`,
  )
}

function accountKey(account: CloudServiceAccount): readonly string[] {
  return [account.namespace, account.name]
}

function noOwnCredentials(cloud: string, settings: string): Error {
  return cloudError(
    { failure },
    `this deployment has no credentials of ${cloud}: set ${settings} in its configuration, or name a service account in spec.serviceAccountName`,
  )
}
