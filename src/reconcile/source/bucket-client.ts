import type { Bucket } from '../../api/index.ts'
import { EngineError } from '../../base/index.ts'
import {
  azureAuthority,
  fetchAzureToken,
  fetchGcpToken,
  fetchLdapCredentials,
  parseGcpCredentials,
  type AwsCredentials,
  type AzureCredentials,
  type CloudDeps,
} from '../../cloud/index.ts'
import type { HttpRequest } from '../../ports/index.ts'
import {
  createAzureClient,
  createGcsClient,
  createS3Client,
  proxyOfSecret,
  secretText,
  tlsOfSecret,
  type AzureAccess,
  type BucketClient,
  type BucketDeps,
  type SecretData,
} from '../../sources/index.ts'
import { cloudLogins, cloudRequest } from './cloud.ts'
import type { SourceContext } from './index.ts'
import { deadlineOf } from './refresh-source.ts'
import { readSecret } from './secret.ts'

/** What the credentials of a Bucket are made of. */
interface BucketCredentials {
  readonly ctx: SourceContext
  readonly deps: BucketDeps
  readonly object: Bucket
  readonly secret: SecretData | undefined
  readonly proxy: HttpRequest['proxy'] | undefined
}

const reason = 'AuthenticationFailed'
const storageScope = 'https://storage.azure.com/.default'
const gcsScope = 'https://www.googleapis.com/auth/devstorage.read_only'

/**
 * The client of a Bucket with its credentials, certificates and proxy (source-controller 1.9, setupCredentials and createBucketProvider).
 *
 * @throws EngineError reason `AuthenticationFailed`, `InvalidSTSConfiguration`; no message carries a value of a Secret.
 */
export async function bucketClient(ctx: SourceContext, deps: BucketDeps, object: Bucket): Promise<BucketClient> {
  const { spec, metadata } = object
  const namespace = metadata.namespace ?? ''
  const secret = await readSecret(ctx, namespace, spec.secretRef, 'secretRef')
  const proxy = proxyOfSecret(await readSecret(ctx, namespace, spec.proxySecretRef, 'proxySecretRef'))
  const given: BucketCredentials = { ctx, deps, object, secret, proxy }
  switch (spec.provider) {
    case 'gcp':
      return gcsClient(given)
    case 'azure':
      return azureClient(given)
    default:
      return s3Client(given)
  }
}

async function s3Client(given: BucketCredentials): Promise<BucketClient> {
  const { ctx, deps, object, proxy } = given
  const { spec, metadata } = object
  const tls = tlsOfSecret(await readSecret(ctx, metadata.namespace ?? '', spec.certSecretRef, 'certSecretRef'))
  checkSts(object)
  return createS3Client(deps, {
    bucket: spec.bucketName,
    endpoint: spec.endpoint,
    region: spec.region,
    insecure: spec.insecure === true,
    credentials: await s3Credentials(given),
    transport: { ...transportOf(proxy), ...(tls === undefined || spec.insecure === true ? {} : { tls }) },
  })
}

/** A Secret's keys, a cloud's login, those of an STS, or none. */
async function s3Credentials(given: BucketCredentials): Promise<AwsCredentials | undefined> {
  const { ctx, object, secret } = given
  const { spec, metadata } = object
  if (secret !== undefined) {
    requireFields(object, secret, ['accesskey', 'secretkey'])
    const [accessKeyId, secretAccessKey] = [secretText(secret, 'accesskey'), secretText(secret, 'secretkey')]
    return accessKeyId === '' || secretAccessKey === '' ? undefined : { accessKeyId, secretAccessKey }
  }
  if (spec.provider === 'aws') {
    const user = userOf(given)
    const request = await cloudRequest(ctx, user)
    return cloudLogins(ctx).aws({ ...request, region: spec.region, stsEndpoint: spec.sts?.endpoint })
  }
  if (spec.sts === undefined) return undefined
  const namespace = metadata.namespace ?? ''
  const login = await readSecret(ctx, namespace, spec.sts.secretRef, 'sts.secretRef')
  const tls = tlsOfSecret(await readSecret(ctx, namespace, spec.sts.certSecretRef, 'sts.certSecretRef'))
  const [username, password] = [secretText(login, 'username'), secretText(login, 'password')]
  if (login !== undefined && (username === '' || password === ''))
    throw unusable(
      `invalid '${spec.sts.secretRef?.name}' secret data for 'ldap' STS provider: required fields username, password`,
    )
  return fetchLdapCredentials({ ...cloudDeps(given), tls }, { endpoint: spec.sts.endpoint, username, password })
}

async function gcsClient(given: BucketCredentials): Promise<BucketClient> {
  const { ctx, deps, object, secret, proxy } = given
  const options = { bucket: object.spec.bucketName, transport: transportOf(proxy) }
  if (secret === undefined) {
    const request = await cloudRequest(ctx, userOf(given))
    const logins = cloudLogins(ctx)
    return createGcsClient(deps, { ...options, token: async () => (await logins.gcp(request)).token })
  }
  requireFields(object, secret, ['serviceaccount'])
  const why = (text: string): Error => unusable(`'serviceaccount' of the Secret cannot be used: ${text}`)
  const credentials = parseGcpCredentials(secretText(secret, 'serviceaccount'), why)
  const token = once(() => fetchGcpToken(cloudDeps(given), credentials, { scope: gcsScope, unusable: why }))
  return createGcsClient(deps, { ...options, token })
}

async function azureClient(given: BucketCredentials): Promise<BucketClient> {
  const { deps, object, proxy } = given
  const { bucketName: container, endpoint } = object.spec
  return createAzureClient(deps, {
    container,
    endpoint,
    access: await azureAccess(given),
    transport: transportOf(proxy),
  })
}

/** How to get at a container, looked for in the order of source-controller's client (internal/bucket/azure NewClient). */
async function azureAccess(given: BucketCredentials): Promise<AzureAccess> {
  const { ctx, object, secret } = given
  if (secret === undefined) {
    const request = await cloudRequest(ctx, userOf(given))
    const logins = cloudLogins(ctx)
    return { kind: 'token', token: async () => (await logins.azure(request, storageScope)).token }
  }
  const field = (name: string): string => secretText(secret, name)
  const credentials = azureCredentials(field)
  if (credentials !== undefined) {
    const why = (text: string): Error => unusable(`'clientCertificate' of the Secret cannot be used: ${text}`)
    const token = once(() => fetchAzureToken(cloudDeps(given), credentials, { scope: storageScope, unusable: why }))
    return { kind: 'token', token }
  }
  if (field('clientId') !== '')
    throw unusable(
      'a managed identity (clientId alone) is only there on a machine of Azure; leave secretRef out and name a service account in spec.serviceAccountName, or give tenantId and clientSecret',
    )
  if (field('accountKey') !== '') return { kind: 'account-key', key: field('accountKey') }
  if (field('sasKey') !== '') return { kind: 'sas', query: field('sasKey').trim() }
  if (field('authorityHost') !== '')
    throw unusable(
      "'authorityHost' alone does not say who logs in, and the deployment's own credentials go to its own authority only; leave secretRef out",
    )
  throw unusable(
    `invalid '${object.spec.secretRef?.name}' secret data: requires a 'clientId' or 'accountKey' field, a combination of 'tenantId', 'clientId' and 'clientSecret', or 'tenantId', 'clientId' and 'clientCertificate'`,
  )
}

function azureCredentials(field: (name: string) => string): AzureCredentials | undefined {
  const tenantId = field('tenantId').trim()
  const clientId = field('clientId').trim()
  if (tenantId === '' || clientId === '') return undefined
  const authorityHost = field('authorityHost').trim() || azureAuthority
  const secret = field('clientSecret')
  if (secret !== '') return { authorityHost, tenantId, clientId, proof: { kind: 'secret', secret } }
  const pem = field('clientCertificate')
  if (pem === '') return undefined
  if (field('clientCertificatePassword') !== '' || !pem.includes('-----BEGIN'))
    throw unusable(
      'clientCertificate must be PEM without a password; PKCS#12 and encrypted keys are not supported: convert it with openssl',
    )
  const sendChain = ['1', 'true'].includes(field('clientCertificateSendChain').toLowerCase())
  return { authorityHost, tenantId, clientId, proof: { kind: 'certificate', pem, sendChain } }
}

/** What the CRD's rules say already, for a cluster whose CRD does not (minio.ValidateSTSProvider). */
function checkSts(object: Bucket): void {
  const { provider = 'generic', sts } = object.spec
  if (sts === undefined) return
  const invalid = (message: string): Error =>
    new EngineError(message, { code: 'bucket-sts-invalid', reason: 'InvalidSTSConfiguration' })
  if (sts.provider !== (provider === 'aws' ? 'aws' : 'ldap'))
    throw invalid(`STS provider '${sts.provider}' is not supported for '${provider}' bucket provider`)
  for (const field of ['secretRef', 'certSecretRef'] as const) {
    if (provider === 'aws' && sts[field] !== undefined)
      throw invalid(`spec.sts.${field} is not required for the '${sts.provider}' STS provider`)
  }
}

function requireFields(object: Bucket, secret: SecretData, names: readonly string[]): void {
  if (names.every((name) => secret[name] !== undefined)) return
  const list = names.map((name) => `'${name}'`).join(' and ')
  throw unusable(`invalid '${object.spec.secretRef?.name}' secret data: required fields ${list}`)
}

function userOf({ ctx, object, proxy }: BucketCredentials) {
  const { serviceAccountName, timeout } = object.spec
  const namespace = object.metadata.namespace ?? ''
  return { namespace, serviceAccountName, proxy, signal: deadlineOf(ctx, timeout) }
}

/** For credentials that are the tenant's own: nothing is kept between runs. */
function cloudDeps({ ctx, deps, object, proxy }: BucketCredentials): CloudDeps {
  return {
    http: deps.http,
    egress: deps.egress,
    now: () => deps.clock.now(),
    signal: deadlineOf(ctx, object.spec.timeout),
    failure: { code: 'bucket-login-failed', reason },
    proxy,
  }
}

/** One token for all requests of a run. */
function once(fetch: () => Promise<{ readonly token: string }>): () => Promise<string> {
  let token: Promise<{ readonly token: string }> | undefined
  return async () => {
    token ??= fetch()
    return (await token).token
  }
}

function transportOf(proxy: HttpRequest['proxy'] | undefined): { readonly proxy?: NonNullable<HttpRequest['proxy']> } {
  return proxy === undefined ? {} : { proxy }
}

function unusable(message: string): EngineError {
  return new EngineError(message, { code: 'bucket-credentials', reason, disposition: 'retry' })
}
