import {
  createHash,
  createHmac,
  createPublicKey,
  generateKeyPairSync,
  randomBytes,
  X509Certificate,
  type JsonWebKey,
} from 'node:crypto'
import { createServer } from 'node:http'
import type { HttpClient } from '../../src/ports/index.ts'
import { createNodeHttpClient } from '../../src/platforms/node/http.ts'
import { awsBucketAnswer, azureBlobAnswer, gcsAnswer, type FakeAnswer, type FakeObjects } from './bucket-fakes.ts'
import {
  checkedJwt,
  listen,
  readRequest,
  redirected,
  signatureProblem,
  signingKey,
  type Jwt,
  type ReceivedRequest,
} from './signed-requests.ts'

/** The public keys of a cluster's tokens, as the API server shows them (`/openid/v1/jwks`). */
export interface TokenKeys {
  readonly keys: readonly JsonWebKey[]
}

/** The clouds on loopback. They check every signature and token; what they give out is good for what it was given for only. */
export interface CloudFakes {
  /** Leads the hosts of the clouds to the fakes, 127.0.0.1 to itself, and nothing else anywhere. */
  readonly http: HttpClient
  readonly origin: string
  readonly requests: ReceivedRequest[]
  /** Content of `bucket` at AWS, `bucket` at Google, `container` at Azure. */
  readonly aws: FakeObjects
  readonly gcs: FakeObjects
  readonly azure: FakeObjects
  readonly names: typeof cloudNames
  /** Secrets that must show up nowhere. */
  readonly secrets: readonly string[]
  /** Tokens by what they are for. */
  readonly tokens: { readonly gcp: string; readonly aks: string }
  /** The deployment's own credentials, as its settings. */
  readonly settings: { readonly [name: string]: string }
  readonly googleServiceAccount: string
  readonly accountKey: string
  readonly sas: string
  readonly ldap: { readonly username: string; readonly password: string }
  trustAzureCertificate(pem: string): void
  /** Answers the next requests to a host like this. */
  failNext(host: string, ...answers: FakeAnswer[]): void
  close(): Promise<void>
}

export const cloudNames = {
  role: 'arn:aws:iam::111122223333:role/reader',
  googleProvider: 'projects/123/locations/global/workloadIdentityPools/pool/providers/cluster',
  googleAccount: 'reader@project.iam.gserviceaccount.com',
  tenantId: 'tenant-1',
  clientId: 'client-1',
  ecr: '111122223333.dkr.ecr.eu-west-1.amazonaws.com',
  publicEcr: 'public.ecr.aws',
  gar: 'europe-docker.pkg.dev',
  acr: 'team.azurecr.io',
  devOps: 'dev.azure.com',
  eks: 'arn:aws:eks:eu-west-1:111122223333:cluster/production',
  gke: 'projects/project/locations/europe-west1/clusters/production',
  aks: '/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/group/providers/Microsoft.ContainerService/managedClusters/production',
  codeCommit: 'git-codecommit.eu-west-1.amazonaws.com',
  blobs: 'account.blob.core.windows.net',
} as const

const devstorage = 'https://www.googleapis.com/auth/devstorage.read_only'
const cloudPlatform = 'https://www.googleapis.com/auth/cloud-platform'

/**
 * Starts them.
 *
 * @param options.tokenKeys checks the tokens of the cluster's service accounts.
 * @param options.git origin of a Git server without login that stands behind the Git services of the clouds.
 * @param options.registry `host:port` of a registry without login that stands behind all registries of the clouds.
 */
export async function startCloudFakes(
  options: { readonly tokenKeys?: TokenKeys; readonly registry?: string | undefined; readonly git?: string } = {},
): Promise<CloudFakes> {
  const secret = (): string => `s3cr3t-${randomBytes(12).toString('hex')}`
  const own = { accessKeyId: 'AKIAOWNOWNOWNOWNOWN1', secretAccessKey: secret() }
  const assumed = { accessKeyId: 'ASIAASSUMEDASSUMED01', secretAccessKey: secret(), sessionToken: secret() }
  const ldapKeys = { accessKeyId: 'LDAPLDAPLDAPLDAPLDAP', secretAccessKey: secret(), sessionToken: secret() }
  const ldap = { username: 'ada', password: secret() }
  const google = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const googleTokens = { own: secret(), federated: secret(), impersonated: secret() }
  const entra = {
    secret: secret(),
    storage: secret(),
    registry: secret(),
    devops: secret(),
    aks: secret(),
    manager: secret(),
  }
  const registryPasswords = {
    ecr: secret(),
    publicEcr: secret(),
    acr: `${jsonPart({})}.${jsonPart({ exp: Date.now() / 1000 + 10_800 })}.${secret()}`,
  }
  const accountKey = Buffer.from(secret()).toString('base64')
  const sas = { sv: '2022-11-02', sp: 'rl', sig: `${secret()}+/=` }
  const certificates: string[] = []
  const [aws, gcs, azure]: [FakeObjects, FakeObjects, FakeObjects] = [new Map(), new Map(), new Map()]
  const accounts = [own, assumed]
  const { tokenKeys } = options

  const ecr = (request: ReceivedRequest, isPublic: boolean): FakeAnswer => {
    const account = accounts.find(({ accessKeyId }) => request.headers['authorization']?.includes(accessKeyId) === true)
    const scope = isPublic ? { service: 'ecr-public', region: 'us-east-1' } : { service: 'ecr', region: 'eu-west-1' }
    const problem = account === undefined ? 'UnrecognizedClientException' : signatureProblem(request, account, scope)
    if (problem !== undefined) return { status: 400, body: JSON.stringify({ __type: problem }) }
    const target = isPublic ? 'SpencerFrontendService' : 'AmazonEC2ContainerRegistry_V20150921'
    if (request.headers['x-amz-target'] !== `${target}.GetAuthorizationToken`)
      return { status: 400, body: '{"__type":"UnknownOperationException"}' }
    const password = isPublic ? registryPasswords.publicEcr : registryPasswords.ecr
    const entry = {
      authorizationToken: Buffer.from(`AWS:${password}`).toString('base64'),
      expiresAt: Date.now() / 1000 + 43_200,
    }
    return json({ authorizationData: isPublic ? entry : [entry] })
  }
  const registry = async (
    request: ReceivedRequest,
    username: string,
    passwords: readonly string[],
  ): Promise<FakeAnswer> => {
    const isRight = passwords.some(
      (one) => request.headers['authorization'] === `Basic ${Buffer.from(`${username}:${one}`).toString('base64')}`,
    )
    if (!isRight) return { status: 401, headers: { 'www-authenticate': 'Basic realm="registry"' }, body: '{}' }
    return forward(`http://${options.registry}`, request)
  }

  const handlers: { readonly [host: string]: (request: ReceivedRequest) => FakeAnswer | Promise<FakeAnswer> } = {
    'sts.eu-west-1.amazonaws.com': (request) => stsAnswer(request, tokenKeys, assumed),
    'sts.us-east-1.amazonaws.com': (request) => stsAnswer(request, tokenKeys, assumed),
    'api.ecr.eu-west-1.amazonaws.com': (request) => ecr(request, false),
    'api.ecr-public.us-east-1.amazonaws.com': (request) => ecr(request, true),
    [cloudNames.ecr]: (request) => registry(request, 'AWS', [registryPasswords.ecr]),
    [cloudNames.publicEcr]: (request) => registry(request, 'AWS', [registryPasswords.publicEcr]),
    [cloudNames.gar]: (request) =>
      registry(request, 'oauth2accesstoken', [googleTokens.own, googleTokens.impersonated]),
    'eks.eu-west-1.amazonaws.com': (request) => {
      const problem = signatureProblem(request, own, { service: 'eks', region: 'eu-west-1' })
      if (problem !== undefined) return { status: 403, body: JSON.stringify({ __type: problem }) }
      const { endpoint, ca } = fakeCluster
      return request.path === '/clusters/production'
        ? json({ cluster: { endpoint, certificateAuthority: { data: Buffer.from(ca).toString('base64') } } })
        : { status: 404, body: '{"__type":"ResourceNotFoundException"}' }
    },
    'container.googleapis.com': (request) =>
      request.headers['authorization'] === `Bearer ${googleTokens.own}` && request.path === `/v1/${cloudNames.gke}`
        ? json({
            endpoint: new URL(fakeCluster.endpoint).host,
            masterAuth: { clusterCaCertificate: Buffer.from(fakeCluster.ca).toString('base64') },
          })
        : { status: 404, body: '{"error":{"status":"NOT_FOUND"}}' },
    'management.azure.com': (request) => managerAnswer(request, entra.manager),
    [cloudNames.devOps]: (request) =>
      request.headers['authorization'] === `Bearer ${entra.devops}`
        ? forward(options.git ?? '', request)
        : { status: 401, body: '' },
    [cloudNames.codeCommit]: (request) =>
      isCodeCommitLogin(request, assumed) || isCodeCommitLogin(request, own)
        ? forward(options.git ?? '', request)
        : { status: 403, body: '' },
    [cloudNames.acr]: (request) =>
      request.path === '/oauth2/exchange'
        ? acrExchange(request, entra.registry, registryPasswords.acr)
        : registry(request, '00000000-0000-0000-0000-000000000000', [registryPasswords.acr]),
    'bucket.s3.dualstack.us-east-1.amazonaws.com': (request) => awsBucketAnswer(request, accounts, aws),
    'bucket.s3.dualstack.eu-west-1.amazonaws.com': (request) => awsBucketAnswer(request, accounts, aws),
    'bucket.s3.eu-west-1.amazonaws.com': (request) => awsBucketAnswer(request, accounts, aws),
    'sts.googleapis.com': (request) => googleExchange(request, tokenKeys, googleTokens.federated),
    'iamcredentials.googleapis.com': (request) => impersonation(request, googleTokens),
    'oauth2.googleapis.com': (request) => {
      const form = new URLSearchParams(request.body)
      const jwt = checkedJwt(form.get('assertion') ?? '', google.publicKey)
      const isRight =
        jwt?.claims['iss'] === cloudNames.googleAccount &&
        [devstorage, cloudPlatform].includes(String(jwt.claims['scope']))
      return isRight
        ? json({ access_token: googleTokens.own, expires_in: 3599 })
        : { status: 400, body: '{"error":"invalid_grant"}' }
    },
    'storage.googleapis.com': (request) =>
      gcsAnswer(request, [googleTokens.own, googleTokens.impersonated], 'bucket', gcs),
    'login.microsoftonline.com': (request) => entraAnswer(request, { entra, tokenKeys, certificates }),
    [cloudNames.blobs]: (request) =>
      azureBlobAnswer(request, { accountKey, sas, tokens: [entra.storage] }, 'container', azure),
    // MinIO's STS, on 127.0.0.1.
    ldap: (request) => {
      const form = new URLSearchParams(request.body)
      const isRight = form.get('LDAPUsername') === ldap.username && form.get('LDAPPassword') === ldap.password
      return isRight
        ? credentialsXml('AssumeRoleWithLDAPIdentity', ldapKeys)
        : { status: 400, body: '<ErrorResponse><Error><Code>InvalidParameterValue</Code></Error></ErrorResponse>' }
    },
  }
  const requests: ReceivedRequest[] = []
  const failures = new Map<string, FakeAnswer[]>()
  const server = createServer((incoming, response) => {
    void readRequest(incoming).then(async (request) => {
      requests.push(request)
      const host = request.host.startsWith('127.0.0.1') ? 'ldap' : request.host
      const answer = failures.get(host)?.shift() ??
        (await handlers[host]?.(request)) ?? { status: 404, body: 'no such host' }
      response.writeHead(answer.status, { ...answer.headers })
      response.end(
        request.method === 'HEAD' ? undefined : Buffer.from(answer.body, isForwarded(host) ? 'latin1' : 'utf8'),
      )
    })
  })
  const origin = await listen(server)
  const client = createNodeHttpClient({ egress: { allowPrivate: true } })
  return {
    http: redirected(client, origin, (host) => Object.hasOwn(handlers, host)),
    origin,
    requests,
    aws,
    gcs,
    azure,
    names: cloudNames,
    secrets: [
      own.secretAccessKey,
      ...[assumed, ldapKeys].flatMap((one) => [one.secretAccessKey, one.sessionToken]),
      ...Object.values(googleTokens),
      ...Object.values(entra),
      ...Object.values(registryPasswords),
      ldap.password,
      accountKey,
      sas.sig,
      encodeURIComponent(sas.sig),
    ],
    settings: {
      AWS_ACCESS_KEY_ID: own.accessKeyId,
      AWS_SECRET_ACCESS_KEY: own.secretAccessKey,
      AZURE_TENANT_ID: cloudNames.tenantId,
      AZURE_CLIENT_ID: cloudNames.clientId,
      AZURE_CLIENT_SECRET: entra.secret,
      GOOGLE_CREDENTIALS: googleCredentials(google.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()),
    },
    googleServiceAccount: googleCredentials(google.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()),
    tokens: { gcp: googleTokens.own, aks: entra.aks },
    accountKey,
    sas: `?${new URLSearchParams(sas).toString()}`,
    ldap,
    trustAzureCertificate: (pem) => void certificates.push(pem),
    failNext: (host, ...answers) => void failures.set(host, answers),
    close: async () => {
      client.close()
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

function isForwarded(host: string): boolean {
  const { ecr, publicEcr, gar, acr, devOps, codeCommit } = cloudNames
  return ([ecr, publicEcr, gar, acr, devOps, codeCommit] as readonly string[]).includes(host)
}

/** Asks a real server; bytes of its answer as characters. */
async function forward(origin: string, request: ReceivedRequest): Promise<FakeAnswer> {
  const { method, path, body } = request
  const kept = ['accept', 'content-type', 'git-protocol'].filter((name) => request.headers[name] !== undefined)
  const response = await fetch(`${origin}${path}`, {
    method,
    headers: Object.fromEntries(kept.map((name) => [name, request.headers[name] ?? ''])),
    ...(body === '' ? {} : { body }),
  })
  const told = ['content-type', 'docker-content-digest'].map((name) => [name, response.headers.get(name) ?? ''])
  return {
    status: response.status,
    body: Buffer.from(await response.arrayBuffer()).toString('latin1'),
    headers: Object.fromEntries(told) as { [name: string]: string },
  }
}

/** Checks the password of CodeCommit: a time, and a signature over host and path of the repository. */
function isCodeCommitLogin(
  request: ReceivedRequest,
  account: { readonly accessKeyId: string; readonly secretAccessKey: string; readonly sessionToken?: string },
): boolean {
  const basic = Buffer.from(request.headers['authorization']?.slice('Basic '.length) ?? '', 'base64').toString()
  const colon = basic.indexOf(':')
  const [username, password] = [basic.slice(0, colon), basic.slice(colon + 1)]
  const { accessKeyId, secretAccessKey, sessionToken } = account
  const time = password.slice(0, 15)
  // The URL of the repository, without what Git appends to it.
  const path = request.path.replace(/\/(?:info\/refs\?.*|git-upload-pack)$/, '')
  const hash = createHash('sha256').update(`GIT\n${path}\n\nhost:${request.host}\n\nhost\n`).digest('hex')
  const scope = [time.slice(0, 8), 'eu-west-1', 'codecommit']
  const text = `AWS4-HMAC-SHA256\n${time}\n${scope.join('/')}/aws4_request\n${hash}`
  const signature = createHmac('sha256', signingKey(secretAccessKey, scope)).update(text).digest('hex')
  return (
    username === (sessionToken === undefined ? accessKeyId : `${accessKeyId}%${sessionToken}`) &&
    password === `${time}Z${signature}`
  )
}

/** The token of a service account, where the cluster has issued it for the audience. */
function accountToken(token: string, keys: TokenKeys | undefined, audience: string): Jwt | undefined {
  for (const key of keys?.keys ?? []) {
    const jwt = checkedJwt(token, createPublicKey({ key, format: 'jwk' }))
    const { aud, sub } = jwt?.claims ?? {}
    const isFor = Array.isArray(aud) ? aud.length === 1 && aud[0] === audience : aud === audience
    if (isFor && String(sub).startsWith('system:serviceaccount:')) return jwt
  }
  return undefined
}

interface TemporaryKeys {
  readonly accessKeyId: string
  readonly secretAccessKey: string
  readonly sessionToken: string
}

function stsAnswer(request: ReceivedRequest, keys: TokenKeys | undefined, given: TemporaryKeys): FakeAnswer {
  const form = new URLSearchParams(request.body)
  const isRight =
    form.get('Action') === 'AssumeRoleWithWebIdentity' &&
    form.get('RoleArn') === cloudNames.role &&
    /^[\w+=,.@-]{2,64}$/.test(form.get('RoleSessionName') ?? '') &&
    accountToken(form.get('WebIdentityToken') ?? '', keys, 'sts.amazonaws.com') !== undefined
  return isRight
    ? credentialsXml('AssumeRoleWithWebIdentity', given)
    : { status: 403, body: '<ErrorResponse><Error><Code>AccessDenied</Code></Error></ErrorResponse>' }
}

function credentialsXml(action: string, keys: TemporaryKeys): FakeAnswer {
  const expiration = new Date(Date.now() + 3_600_000).toISOString()
  return {
    status: 200,
    body: `<${action}Response><${action}Result><Credentials><AccessKeyId>${keys.accessKeyId}</AccessKeyId><SecretAccessKey>${keys.secretAccessKey}</SecretAccessKey><SessionToken>${keys.sessionToken}</SessionToken><Expiration>${expiration}</Expiration></Credentials></${action}Result></${action}Response>`,
  }
}

function googleExchange(request: ReceivedRequest, keys: TokenKeys | undefined, federated: string): FakeAnswer {
  const form = new URLSearchParams(request.body)
  const audience = `//iam.googleapis.com/${cloudNames.googleProvider}`
  const isRight =
    request.path === '/v1/token' &&
    form.get('audience') === audience &&
    form.get('grant_type') === 'urn:ietf:params:oauth:grant-type:token-exchange' &&
    accountToken(form.get('subject_token') ?? '', keys, audience) !== undefined
  return isRight
    ? json({ access_token: federated, expires_in: 3600 })
    : { status: 400, body: '{"error":"invalid_grant"}' }
}

function impersonation(
  request: ReceivedRequest,
  tokens: { readonly federated: string; readonly impersonated: string },
): FakeAnswer {
  const isRight =
    request.headers['authorization'] === `Bearer ${tokens.federated}` &&
    decodeURIComponent(request.path) ===
      `/v1/projects/-/serviceAccounts/${cloudNames.googleAccount}:generateAccessToken`
  return isRight
    ? json({ accessToken: tokens.impersonated, expireTime: new Date(Date.now() + 3_600_000).toISOString() })
    : { status: 403, body: '{"error":{"code":403,"status":"PERMISSION_DENIED"}}' }
}

function entraAnswer(
  request: ReceivedRequest,
  known: {
    readonly entra: {
      readonly secret: string
      readonly storage: string
      readonly registry: string
      readonly devops: string
      readonly aks: string
      readonly manager: string
    }
    readonly tokenKeys: TokenKeys | undefined
    readonly certificates: readonly string[]
  },
): FakeAnswer {
  const { entra, tokenKeys, certificates } = known
  const form = new URLSearchParams(request.body)
  const assertion = form.get('client_assertion') ?? ''
  const isProved =
    form.get('client_secret') === entra.secret ||
    accountToken(assertion, tokenKeys, 'api://AzureADTokenExchange') !== undefined ||
    certificates.some((pem) => {
      const certificate = new X509Certificate(pem)
      const jwt = checkedJwt(assertion, certificate.publicKey)
      return jwt?.header['x5t'] === createHash('sha1').update(certificate.raw).digest('base64url')
    })
  const scopes: { readonly [scope: string]: string } = {
    'https://storage.azure.com/.default': entra.storage,
    'https://containerregistry.azure.net/.default': entra.registry,
    '499b84ac-1321-427f-aa17-267ca6975798/.default': entra.devops,
    '6dae42f8-4368-4678-94ff-3960e28e3630/.default': entra.aks,
    'https://management.azure.com/.default': entra.manager,
  }
  const token = scopes[form.get('scope') ?? '']
  const isRight =
    request.path === `/${cloudNames.tenantId}/oauth2/v2.0/token` &&
    form.get('client_id') === cloudNames.clientId &&
    isProved
  return isRight && token !== undefined
    ? json({ access_token: token, expires_in: 3599 })
    : { status: 401, body: '{"error":"invalid_client"}' }
}

/** The cluster that all clouds describe. */
export const fakeCluster = {
  endpoint: 'https://production.example.com',
  ca: '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n',
} as const

function managerAnswer(request: ReceivedRequest, token: string): FakeAnswer {
  if (request.headers['authorization'] !== `Bearer ${token}`)
    return { status: 401, body: '{"error":{"code":"AuthenticationFailed"}}' }
  const [path] = request.path.split('?')
  if (request.method === 'GET' && path === cloudNames.aks)
    return json({ properties: { aadProfile: { managed: true } } })
  if (request.method !== 'POST' || path !== `${cloudNames.aks}/listClusterUserCredential`)
    return { status: 404, body: '{"error":{"code":"ResourceNotFound"}}' }
  const kubeconfig = (server: string): { readonly value: string } => ({
    value: Buffer.from(
      `apiVersion: v1\nclusters:\n- cluster:\n    certificate-authority-data: ${Buffer.from(fakeCluster.ca).toString('base64')}\n    server: ${server}\n  name: c\n`,
    ).toString('base64'),
  })
  return json({
    kubeconfigs: [kubeconfig(`${fakeCluster.endpoint}:443`), kubeconfig('https://private.example.com:443')],
  })
}

function acrExchange(request: ReceivedRequest, token: string, refreshToken: string): FakeAnswer {
  const form = new URLSearchParams(request.body)
  const isRight =
    form.get('grant_type') === 'access_token' &&
    form.get('service') === cloudNames.acr &&
    form.get('access_token') === token
  return isRight ? json({ refresh_token: refreshToken }) : { status: 401, body: '{}' }
}

function googleCredentials(privateKey: string): string {
  return JSON.stringify({
    type: 'service_account',
    client_email: cloudNames.googleAccount,
    private_key: privateKey,
    private_key_id: 'key-1',
    token_uri: 'https://oauth2.googleapis.com/token',
  })
}

function jsonPart(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url')
}

function json(value: object): FakeAnswer {
  return { status: 200, body: JSON.stringify(value) }
}
