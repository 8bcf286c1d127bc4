import {
  createCipheriv,
  createDecipheriv,
  createHash,
  createHmac,
  constants,
  generateKeyPairSync,
  privateDecrypt,
  publicEncrypt,
  randomBytes,
  timingSafeEqual,
  verify,
  X509Certificate,
  type KeyObject,
} from 'node:crypto'
import { createServer, type IncomingMessage, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { HttpClient, HttpRequest } from '../../src/ports/index.ts'
import { createNodeHttpClient } from '../../src/platforms/node/http.ts'

/** A request as a fake received it. */
export interface ReceivedRequest {
  readonly host: string
  readonly method: string
  readonly path: string
  readonly headers: { readonly [name: string]: string }
  readonly body: string
}

type Answer = { readonly status: number; readonly body: string; readonly headers?: { readonly [name: string]: string } }

/** The key services of the clouds on loopback: they check every signature and token and encrypt with keys of their own. */
export interface KeyServiceFakes {
  /** Leads the hosts of the clouds, and `vault.example.com`, to the fakes. */
  readonly http: HttpClient
  readonly requests: readonly ReceivedRequest[]
  readonly origin: string
  readonly vaultToken: string
  readonly aws: { readonly accessKeyId: string; readonly secretAccessKey: string; readonly sessionToken?: string }
  readonly gcpServiceAccount: string
  readonly azure: {
    readonly tenantId: string
    readonly clientId: string
    readonly clientSecret: string
    readonly vaultUrl: string
  }
  /** Trusts a certificate for client assertions. */
  trustAzureCertificate(pem: string): void
  /** The ciphertext of each service, as sops stores it. */
  encrypt: {
    vault(plain: Uint8Array): string
    aws(plain: Uint8Array, context?: { readonly [name: string]: string }): string
    gcp(plain: Uint8Array): string
    azure(plain: Uint8Array): string
  }
  /** The next request is answered like this. */
  failNext(answer: Answer): void
  close(): Promise<void>
}

export const fakeNames = {
  arn: 'arn:aws:kms:eu-west-1:111122223333:key/0d3c7d2e-6b5f-4b47-9a7e-111111111111',
  role: 'arn:aws:iam::111122223333:role/sops',
  gcpKey: 'projects/p/locations/global/keyRings/r/cryptoKeys/k',
  azureKey: { name: 'sops', version: '0123456789abcdef' },
} as const

/** Starts them. */
export async function startKeyServiceFakes(): Promise<KeyServiceFakes> {
  const requests: ReceivedRequest[] = []
  const failures: Answer[] = []
  const vaultToken = `hvs.${randomBytes(12).toString('hex')}`
  const aws = { accessKeyId: 'AKIAFAKEFAKEFAKEFAKE', secretAccessKey: randomBytes(20).toString('hex') }
  const temporary = {
    accessKeyId: 'ASIAFAKEFAKEFAKEFAKE',
    secretAccessKey: randomBytes(20).toString('hex'),
    sessionToken: randomBytes(30).toString('base64'),
  }
  const google = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const googleToken = randomBytes(16).toString('hex')
  const email = 'sops@p.iam.gserviceaccount.com'
  const azure = {
    tenantId: 'tenant-1',
    clientId: 'client-1',
    clientSecret: randomBytes(16).toString('hex'),
    vaultUrl: 'https://team.vault.azure.net',
  }
  const azureToken = randomBytes(16).toString('hex')
  const azureKey = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const azureCertificates: string[] = []
  const box = symmetricBox()

  const handlers: { readonly [host: string]: (request: ReceivedRequest) => Answer } = {
    'vault.example.com': (request) => vaultAnswer(request, vaultToken, box),
    'kms.eu-west-1.amazonaws.com': (request) => kmsAnswer(request, [aws, temporary], box),
    'sts.eu-west-1.amazonaws.com': (request) => stsAnswer(request, aws, temporary),
    'oauth2.googleapis.com': (request) => googleTokenAnswer(request, google.publicKey, email, googleToken),
    'cloudkms.googleapis.com': (request) => googleKmsAnswer(request, googleToken, box),
    'login.microsoftonline.com': (request) => azureTokenAnswer(request, azure, azureCertificates, azureToken),
    'team.vault.azure.net': (request) => keyVaultAnswer(request, azureToken, azureKey.privateKey),
  }
  const server = createServer((incoming, response) => {
    void readRequest(incoming).then((request) => {
      requests.push(request)
      const answer = failures.shift() ?? handlers[request.host]?.(request) ?? { status: 404, body: 'no such host' }
      response.writeHead(answer.status, { 'content-type': 'application/json', ...answer.headers })
      response.end(answer.body)
    })
  })
  const origin = await listen(server)
  const client = createNodeHttpClient({ egress: { allowPrivate: true } })
  return {
    http: redirected(client, origin, Object.keys(handlers)),
    requests,
    origin,
    vaultToken,
    aws,
    azure,
    gcpServiceAccount: JSON.stringify({
      type: 'service_account',
      client_email: email,
      private_key: google.privateKey.export({ type: 'pkcs8', format: 'pem' }),
      private_key_id: 'key-1',
      token_uri: 'https://oauth2.googleapis.com/token',
    }),
    trustAzureCertificate: (pem) => void azureCertificates.push(pem),
    encrypt: {
      vault: (plain) => `vault:v1:${box.seal(plain, '').toString('base64')}`,
      aws: (plain, context = {}) => box.seal(plain, contextText(context)).toString('base64'),
      gcp: (plain) => box.seal(plain, '').toString('base64'),
      azure: (plain) =>
        publicEncrypt(
          { key: azureKey.publicKey, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha256' },
          plain,
        ).toString('base64url'),
    },
    failNext: (answer) => void failures.push(answer),
    close: async () => {
      client.close()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

interface Box {
  seal(plain: Uint8Array, additional: string): Buffer
  /** Throws where the bytes are not ours, or for other additional data. */
  open(sealed: Buffer, additional: string): Buffer
}

function symmetricBox(): Box {
  const key = randomBytes(32)
  return {
    seal: (plain, additional) => {
      const iv = randomBytes(12)
      const cipher = createCipheriv('aes-256-gcm', key, iv).setAAD(Buffer.from(additional))
      const body = Buffer.concat([cipher.update(plain), cipher.final()])
      return Buffer.concat([iv, cipher.getAuthTag(), body])
    },
    open: (sealed, additional) => {
      const decipher = createDecipheriv('aes-256-gcm', key, sealed.subarray(0, 12))
        .setAAD(Buffer.from(additional))
        .setAuthTag(sealed.subarray(12, 28))
      return Buffer.concat([decipher.update(sealed.subarray(28)), decipher.final()])
    },
  }
}

/** An HttpClient to whom the given hosts are the fakes; the Host header stays, because it is signed. */
function redirected(client: HttpClient, origin: string, hosts: readonly string[]): HttpClient {
  return {
    send: (request: HttpRequest) => {
      const url = new URL(request.url)
      if (!hosts.includes(url.hostname)) throw new Error(`a test must not reach ${url.hostname}`)
      return client.send({
        ...request,
        url: `${origin}${url.pathname}${url.search}`,
        headers: { ...request.headers, host: url.host },
      })
    },
  }
}

async function listen(server: Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

async function readRequest(incoming: IncomingMessage): Promise<ReceivedRequest> {
  const chunks: Buffer[] = []
  for await (const chunk of incoming) chunks.push(chunk as Buffer)
  const headers = Object.fromEntries(Object.entries(incoming.headers).map(([name, value]) => [name, String(value)]))
  return {
    host: headers['host'] ?? '',
    method: incoming.method ?? '',
    path: incoming.url ?? '',
    headers,
    body: Buffer.concat(chunks).toString('utf8'),
  }
}

function vaultAnswer(request: ReceivedRequest, token: string, box: Box): Answer {
  if (request.headers['x-vault-token'] !== token) return { status: 403, body: '{"errors":["permission denied"]}' }
  const plainOf = JSON.parse(request.body) as { ciphertext?: string; plaintext?: string }
  if (request.path === '/v1/team/transit/decrypt/sops' && plainOf.ciphertext?.startsWith('vault:v1:') === true) {
    try {
      const plain = box.open(Buffer.from(plainOf.ciphertext.slice('vault:v1:'.length), 'base64'), '')
      return json({ data: { plaintext: plain.toString('base64') } })
    } catch {
      return { status: 400, body: '{"errors":["invalid ciphertext: no prefix"]}' }
    }
  }
  return { status: 404, body: '{"errors":[]}' }
}

function kmsAnswer(
  request: ReceivedRequest,
  accounts: readonly { accessKeyId: string; secretAccessKey: string; sessionToken?: string }[],
  box: Box,
): Answer {
  const account = accounts.find(({ accessKeyId }) => request.headers['authorization']?.includes(accessKeyId) === true)
  const problem = account === undefined ? 'UnrecognizedClientException' : signatureProblem(request, account, 'kms')
  if (problem !== undefined) return { status: 400, body: JSON.stringify({ __type: problem }) }
  if (request.headers['x-amz-target'] !== 'TrentService.Decrypt')
    return { status: 400, body: '{"__type":"UnknownOperation"}' }
  const body = JSON.parse(request.body) as {
    KeyId?: string
    CiphertextBlob?: string
    EncryptionContext?: { [name: string]: string }
  }
  if (body.KeyId !== fakeNames.arn) return { status: 400, body: '{"__type":"com.amazonaws.kms#NotFoundException"}' }
  try {
    const plain = box.open(Buffer.from(body.CiphertextBlob ?? '', 'base64'), contextText(body.EncryptionContext ?? {}))
    return json({ KeyId: body.KeyId, Plaintext: plain.toString('base64') })
  } catch {
    return { status: 400, body: '{"__type":"com.amazonaws.kms#InvalidCiphertextException"}' }
  }
}

function stsAnswer(
  request: ReceivedRequest,
  account: { accessKeyId: string; secretAccessKey: string },
  temporary: { accessKeyId: string; secretAccessKey: string; sessionToken: string },
): Answer {
  const problem = signatureProblem(request, account, 'sts')
  if (problem !== undefined)
    return { status: 403, body: `<ErrorResponse><Error><Code>${problem}</Code></Error></ErrorResponse>` }
  const form = new URLSearchParams(request.body)
  if (form.get('Action') !== 'AssumeRole' || form.get('RoleArn') !== fakeNames.role)
    return { status: 403, body: '<ErrorResponse><Error><Code>AccessDenied</Code></Error></ErrorResponse>' }
  const { accessKeyId, secretAccessKey, sessionToken } = temporary
  return {
    status: 200,
    body: `<AssumeRoleResponse><AssumeRoleResult><Credentials>
      <AccessKeyId>${accessKeyId}</AccessKeyId><SecretAccessKey>${secretAccessKey}</SecretAccessKey>
      <SessionToken>${sessionToken}</SessionToken></Credentials></AssumeRoleResult></AssumeRoleResponse>`,
  }
}

/** Checks Signature Version 4 from what was received, as AWS describes it; the error code where it is wrong. */
function signatureProblem(
  request: ReceivedRequest,
  account: { readonly accessKeyId: string; readonly secretAccessKey: string; readonly sessionToken?: string },
  service: string,
): string | undefined {
  const [, keyId, date, region, scopeService, names, signature] =
    /^AWS4-HMAC-SHA256 Credential=([^/]+)\/(\d{8})\/([^/]+)\/([^/]+)\/aws4_request, ?SignedHeaders=([^,]+), ?Signature=([0-9a-f]{64})$/.exec(
      request.headers['authorization'] ?? '',
    ) ?? []
  if (keyId !== account.accessKeyId || scopeService !== service || region !== 'eu-west-1' || date === undefined)
    return 'IncompleteSignature'
  const time = request.headers['x-amz-date'] ?? ''
  const at = Date.parse(time.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, '$1-$2-$3T$4:$5:$6Z'))
  if (Math.abs(Date.now() - at) > 300_000 || !time.startsWith(date)) return 'RequestExpired'
  if (request.headers['x-amz-security-token'] !== account.sessionToken) return 'InvalidClientTokenId'
  const signed = names?.split(';') ?? []
  const needed = ['host', 'x-amz-date', ...(service === 'kms' ? ['x-amz-target'] : [])]
  if (needed.some((name) => !signed.includes(name))) return 'IncompleteSignature'
  const [path = '/', query = ''] = request.path.split('?')
  const canonical = [
    request.method,
    path,
    query,
    ...signed.map((name) => `${name}:${(request.headers[name] ?? '').trim().replaceAll(/\s+/g, ' ')}`),
    '',
    names,
    createHash('sha256').update(request.body).digest('hex'),
  ].join('\n')
  const scope = `${date}/${region}/${service}/aws4_request`
  const text = ['AWS4-HMAC-SHA256', time, scope, createHash('sha256').update(canonical).digest('hex')].join('\n')
  const key = [date, region, service, 'aws4_request'].reduce<Buffer>(
    (secret, part) => createHmac('sha256', secret).update(part).digest(),
    Buffer.from(`AWS4${account.secretAccessKey}`),
  )
  const wanted = createHmac('sha256', key).update(text).digest()
  return timingSafeEqual(wanted, Buffer.from(signature ?? '', 'hex')) ? undefined : 'SignatureDoesNotMatch'
}

function contextText(context: { readonly [name: string]: string }): string {
  return JSON.stringify(Object.entries(context).toSorted(([a], [b]) => (a < b ? -1 : 1)))
}

interface Jwt {
  readonly header: { readonly [name: string]: unknown }
  readonly claims: { readonly [name: string]: unknown }
}

/** The parts of a token whose signature is right and which is valid now. */
function checkedJwt(token: string, key: KeyObject): Jwt | undefined {
  const [header = '', claims = '', signature = ''] = token.split('.')
  const isRight = verify('sha256', Buffer.from(`${header}.${claims}`), key, Buffer.from(signature, 'base64url'))
  if (!isRight) return undefined
  const jwt: Jwt = {
    header: JSON.parse(Buffer.from(header, 'base64url').toString()) as Jwt['header'],
    claims: JSON.parse(Buffer.from(claims, 'base64url').toString()) as Jwt['claims'],
  }
  const now = Date.now() / 1000
  const { iat, exp } = jwt.claims
  if (typeof iat !== 'number' || typeof exp !== 'number' || iat > now + 60 || exp < now || exp - iat > 3600)
    return undefined
  return jwt.header['alg'] === 'RS256' ? jwt : undefined
}

function googleTokenAnswer(request: ReceivedRequest, key: KeyObject, email: string, token: string): Answer {
  const form = new URLSearchParams(request.body)
  const jwt = checkedJwt(form.get('assertion') ?? '', key)
  const isRight =
    form.get('grant_type') === 'urn:ietf:params:oauth:grant-type:jwt-bearer' &&
    jwt?.claims['iss'] === email &&
    jwt.claims['aud'] === 'https://oauth2.googleapis.com/token' &&
    jwt.claims['scope'] === 'https://www.googleapis.com/auth/cloudkms' &&
    jwt.header['kid'] === 'key-1'
  return isRight ? json({ access_token: token, expires_in: 3599 }) : { status: 400, body: '{"error":"invalid_grant"}' }
}

function googleKmsAnswer(request: ReceivedRequest, token: string, box: Box): Answer {
  if (request.headers['authorization'] !== `Bearer ${token}`)
    return { status: 401, body: '{"error":{"code":401,"status":"UNAUTHENTICATED"}}' }
  if (request.path !== `/v1/${fakeNames.gcpKey}:decrypt`)
    return { status: 404, body: '{"error":{"status":"NOT_FOUND"}}' }
  try {
    const { ciphertext } = JSON.parse(request.body) as { ciphertext: string }
    return json({ plaintext: box.open(Buffer.from(ciphertext, 'base64'), '').toString('base64') })
  } catch {
    return { status: 400, body: '{"error":{"status":"INVALID_ARGUMENT"}}' }
  }
}

function azureTokenAnswer(
  request: ReceivedRequest,
  azure: { readonly tenantId: string; readonly clientId: string; readonly clientSecret: string },
  certificates: readonly string[],
  token: string,
): Answer {
  const form = new URLSearchParams(request.body)
  const refused: Answer = { status: 401, body: '{"error":"invalid_client","error_description":"AADSTS7000215"}' }
  if (request.path !== `/${azure.tenantId}/oauth2/v2.0/token` || form.get('client_id') !== azure.clientId)
    return refused
  if (form.get('scope') !== 'https://vault.azure.net/.default' || form.get('grant_type') !== 'client_credentials')
    return refused
  const isSecretRight = form.get('client_secret') === azure.clientSecret
  const isAssertionRight = certificates.some((pem) => {
    const certificate = new X509Certificate(pem)
    const jwt = checkedJwt(form.get('client_assertion') ?? '', certificate.publicKey)
    return (
      form.get('client_assertion_type') === 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer' &&
      jwt?.header['x5t'] === createHash('sha1').update(certificate.raw).digest('base64url') &&
      jwt.claims['sub'] === azure.clientId &&
      jwt.claims['iss'] === azure.clientId &&
      jwt.claims['aud'] === `https://login.microsoftonline.com/${azure.tenantId}/oauth2/v2.0/token`
    )
  })
  return isSecretRight || isAssertionRight ? json({ access_token: token, expires_in: 3599 }) : refused
}

function keyVaultAnswer(request: ReceivedRequest, token: string, key: KeyObject): Answer {
  if (request.headers['authorization'] !== `Bearer ${token}`)
    return { status: 401, body: '{"error":{"code":"Unauthorized"}}' }
  const { name, version } = fakeNames.azureKey
  if (request.path !== `/keys/${name}/${version}/decrypt?api-version=7.4`)
    return { status: 404, body: '{"error":{"code":"KeyNotFound"}}' }
  const { alg, value } = JSON.parse(request.body) as { alg: string; value: string }
  if (alg !== 'RSA-OAEP-256') return { status: 400, body: '{"error":{"code":"BadParameter"}}' }
  try {
    const padding = { key, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha256' }
    return json({ kid: 'k', value: privateDecrypt(padding, Buffer.from(value, 'base64url')).toString('base64url') })
  } catch {
    return { status: 400, body: '{"error":{"code":"BadParameter"}}' }
  }
}

function json(value: object): Answer {
  return { status: 200, body: JSON.stringify(value) }
}
