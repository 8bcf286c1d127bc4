import {
  createCipheriv,
  createDecipheriv,
  createHash,
  constants,
  generateKeyPairSync,
  privateDecrypt,
  publicEncrypt,
  randomBytes,
  X509Certificate,
  type KeyObject,
} from 'node:crypto'
import { createServer } from 'node:http'
import type { HttpClient } from '../../src/ports/index.ts'
import { createNodeHttpClient } from '../../src/platforms/node/http.ts'

import {
  checkedJwt,
  listen,
  readRequest,
  redirected,
  signatureProblem,
  type ReceivedRequest,
} from './signed-requests.ts'

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
    http: redirected(client, origin, (host) => Object.hasOwn(handlers, host)),
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
  const problem =
    account === undefined
      ? 'UnrecognizedClientException'
      : signatureProblem(request, account, { service: 'kms', region: 'eu-west-1' })
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
  const problem = signatureProblem(request, account, { service: 'sts', region: 'eu-west-1' })
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

function contextText(context: { readonly [name: string]: string }): string {
  return JSON.stringify(Object.entries(context).toSorted(([a], [b]) => (a < b ? -1 : 1)))
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
