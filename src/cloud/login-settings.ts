import { sha256Hex } from '../base/index.ts'
import type { AwsCredentials } from './aws-sign.ts'
import type { AzureCredentials } from './azure.ts'
import { parseGcpCredentials, type GcpCredentials } from './gcp-credentials.ts'
import type { ServiceAccountIdentity } from '../ports/index.ts'
import { cloudError, type CloudFailure } from './request.ts'

/** Reads a setting of the deployment; '' where it is missing. */
export type ReadSetting = (name: string) => string

/** How a login that fails is reported. */
export const loginFailure: CloudFailure = Object.freeze({ code: 'cloud-login-failed', reason: 'AuthenticationFailed' })

/** The deployment's own login at AWS: keys, or a token to take on a role with. @throws EngineError where it has none. */
export function ownAwsLogin(
  read: ReadSetting,
): { kind: 'credentials'; credentials: AwsCredentials } | { kind: 'role'; role: string; token: string } {
  const accessKeyId = read('AWS_ACCESS_KEY_ID')
  const secretAccessKey = read('AWS_SECRET_ACCESS_KEY')
  const sessionToken = read('AWS_SESSION_TOKEN')
  if (accessKeyId !== '' && secretAccessKey !== '') {
    const credentials = { accessKeyId, secretAccessKey, ...(sessionToken === '' ? {} : { sessionToken }) }
    return { kind: 'credentials', credentials }
  }
  const role = read('AWS_ROLE_ARN')
  const token = read('AWS_WEB_IDENTITY_TOKEN')
  if (role !== '' && token !== '') return { kind: 'role', role, token }
  throw noOwnCredentials(
    'AWS',
    'AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_ROLE_ARN and AWS_WEB_IDENTITY_TOKEN',
  )
}

/** The deployment's own login at Microsoft Entra ID. @throws EngineError where it has none. */
export function ownAzureLogin(read: ReadSetting): Omit<AzureCredentials, 'authorityHost'> {
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

/** The deployment's own login at Google. @throws EngineError where it has none. */
export function ownGcpLogin(read: ReadSetting): {
  readonly credentials: GcpCredentials
  /** Of what it was made. */
  readonly setting: string
  readonly unusable: (why: string) => Error
} {
  const text = read('GOOGLE_CREDENTIALS')
  if (text === '') throw noOwnCredentials('Google', 'GOOGLE_CREDENTIALS')
  const unusable = (why: string): Error =>
    cloudError({ failure: loginFailure }, `GOOGLE_CREDENTIALS cannot be used: ${why}`)
  return { credentials: parseGcpCredentials(text, unusable), setting: sha256Hex(text), unusable }
}

/** The pool of a service account's tokens: the one its annotation names, or that of the cluster where it is one of GKE. */
export function gcpAudience(
  account: ServiceAccountIdentity,
  gkeCluster: string,
): { readonly audience: string; readonly tokenAudience: string } {
  const key = 'gcp.auth.fluxcd.io/workload-identity-provider'
  if ((account.annotations[key] ?? '') !== '') {
    const form =
      /^projects\/\d{1,30}\/locations\/global\/workloadIdentityPools\/[^/\s]{1,100}\/providers\/[^/\s]{1,100}$/
    const audience = `//iam.googleapis.com/${annotationOf(account, key, form)}`
    return { audience, tokenAudience: audience }
  }
  const project = /^projects\/([^/\s]{1,200})\/locations\/[^/\s]{1,200}\/clusters\/[^/\s]{1,200}$/.exec(gkeCluster)?.[1]
  if (project === undefined)
    throw cloudError(
      { failure: loginFailure },
      `the service account ${account.namespace}/${account.name} needs the annotation ${key}; in a cluster of GKE, GKE_CLUSTER (projects/<project>/locations/<location>/clusters/<name>) can be set in the deployment instead`,
    )
  const pool = `${project}.svc.id.goog`
  return {
    audience: `identitynamespace:${pool}:https://container.googleapis.com/v1/${gkeCluster}`,
    tokenAudience: pool,
  }
}

/** An annotation of a service account that must be there in the right form. @throws EngineError where it is not. */
export function annotationOf(account: ServiceAccountIdentity, key: string, form: RegExp): string {
  const value = account.annotations[key] ?? ''
  if (form.test(value)) return value
  throw cloudError(
    { failure: loginFailure },
    `the service account ${account.namespace}/${account.name} has ${value === '' ? 'no' : 'no valid'} annotation ${key}`,
  )
}

function noOwnCredentials(cloud: string, settings: string): Error {
  return cloudError(
    { failure: loginFailure },
    `this deployment has no credentials of ${cloud}: set ${settings} in its configuration, or name a service account in spec.serviceAccountName`,
  )
}
