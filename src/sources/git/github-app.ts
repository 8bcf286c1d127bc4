import { sha256 } from '@noble/hashes/sha2.js'
import { bytesToHex } from '@noble/hashes/utils.js'
import { isEngineError, printUrl } from '../../base/index.ts'
import type { RequestCredentials, SourceResponse } from '../request.ts'
import { drain, readBody, sendRequest } from '../request.ts'
import type { SecretData } from './credentials.ts'
import { authenticationFailed, secretText } from './credentials.ts'
import { gitAgent } from './protocol.ts'
import type { GitDeps } from './remote.ts'
import { rsaPrivateKey } from './rsa-key.ts'

/** User name that goes with an installation's token. */
export const gitHubTokenUser = 'x-access-token'

const publicApi = 'https://api.github.com/'

/** A token that ends in less than this is not used any more. */
const marginMs = 300_000

const maxAnswerBytes = 1 << 20

interface App {
  readonly id: string
  readonly key: string
  readonly api: URL
  readonly owner: string
  readonly installation: string
}

/**
 * The token of a GitHub App's installation (fluxcd/pkg git/github): signs a JWT with the App's key, looks the installation up by its owner where no id is given (an organisation first, then a user), and
 * exchanges it. A token is kept in memory until five minutes before it ends; callers at the same time share one request. `credentials` gives CA, client certificate and proxy.
 *
 * Throws EngineError with reason `AuthenticationFailed`; no message carries the key, the JWT, the token or the answer.
 */
export async function gitHubAppToken(
  deps: GitDeps,
  options: { readonly secret: SecretData; readonly credentials: RequestCredentials; readonly signal?: AbortSignal },
): Promise<string> {
  const app = readApp(options.secret)
  const identity = bytesToHex(sha256(new TextEncoder().encode(JSON.stringify([app, app.api.href]))))
  const known = deps.cache.token(identity, deps.clock.now())
  if (known !== undefined) return known
  return deps.cache.share(`token ${identity}`, options.signal, async () => {
    const signal = AbortSignal.timeout(deps.limits.timeoutMs)
    const { authorization: _, ...credentials } = options.credentials
    const jwt = await signJwt(app, deps.clock.now())
    const call = (method: 'GET' | 'POST', path: string): Promise<SourceResponse> =>
      sendRequest(deps, {
        method,
        url: new URL(path, app.api),
        headers: { accept: 'application/vnd.github+json', 'user-agent': gitAgent },
        credentials: { ...credentials, authorization: `Bearer ${jwt}` },
        signal,
      })
    try {
      const id = app.installation === '' ? await findInstallation(call, app) : app.installation
      const answer = await readAnswer(await call('POST', `app/installations/${id}/access_tokens`), 201)
      const token = answer['token']
      const expires = Date.parse(String(answer['expires_at']))
      if (typeof token !== 'string' || token === '' || Number.isNaN(expires)) throw unusable(app, 'gave no token')
      deps.cache.setToken(identity, { value: token, until: expires - marginMs })
      return token
    } catch (error) {
      if (!isEngineError(error) || error.reason !== undefined) throw error
      throw authenticationFailed(error.message)
    }
  })
}

function readApp(secret: SecretData): App {
  const value = (key: string): string => secretText(secret[key]).trim()
  const id = value('githubAppID')
  const owner = value('githubAppInstallationOwner')
  const installation = value('githubAppInstallationID')
  const key = value('githubAppPrivateKey')
  if (!/^\d{1,20}$/.test(id)) throw authenticationFailed('githubAppID of the Secret must be a number')
  if (key === '') throw authenticationFailed('githubAppPrivateKey is missing in the Secret')
  if ((owner === '') === (installation === '')) {
    throw authenticationFailed('the Secret needs exactly one of githubAppInstallationOwner and githubAppInstallationID')
  }
  if (installation !== '' && !/^\d{1,20}$/.test(installation)) {
    throw authenticationFailed('githubAppInstallationID of the Secret must be a number')
  }
  return { id, key, owner, installation, api: apiUrl(value('githubAppBaseURL')) }
}

/** The API of a GitHub Enterprise server lies below `/api/v3/`, unless the address names an API already. */
function apiUrl(base: string): URL {
  if (base === '') return new URL(publicApi)
  if (!URL.canParse(base) || !/^https?:$/.test(new URL(base).protocol)) {
    throw authenticationFailed('githubAppBaseURL of the Secret must be the URL of a GitHub server')
  }
  const url = new URL(base)
  if (!url.pathname.endsWith('/')) url.pathname += '/'
  const isApi = url.host.startsWith('api.') || url.host.includes('.api.') || url.pathname.endsWith('/api/v3/')
  return isApi ? url : new URL('api/v3/', url)
}

async function findInstallation(
  call: (method: 'GET', path: string) => Promise<SourceResponse>,
  app: App,
): Promise<string> {
  const owner = encodeURIComponent(app.owner)
  for (const kind of ['orgs', 'users']) {
    const response = await call('GET', `${kind}/${owner}/installation`)
    if (response.status === 404) {
      await drain(response)
      continue
    }
    const id = (await readAnswer(response, 200))['id']
    if (typeof id === 'number' && Number.isSafeInteger(id)) return String(id)
    throw unusable(app, 'gave an installation without an id')
  }
  throw unusable(app, `knows no installation of the App for ${JSON.stringify(app.owner.slice(0, 80))}`)
}

async function readAnswer(response: SourceResponse, status: number): Promise<{ readonly [key: string]: unknown }> {
  if (response.status !== status) {
    await drain(response)
    throw authenticationFailed(
      `${printUrl(response.url)} answered with status ${response.status}: check githubAppID, the installation and githubAppPrivateKey`,
    )
  }
  const text = new TextDecoder().decode(await readBody(response, maxAnswerBytes))
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value === 'object' && value !== null) return value as { [key: string]: unknown }
  } catch {
    // The parser's message would quote the answer, which holds a token.
  }
  throw authenticationFailed(`${printUrl(response.url)} did not answer with JSON`)
}

/** A JWT (RFC 7519, RS256) that says which App asks: valid for two minutes, begun half a minute ago because clocks differ. */
async function signJwt(app: App, now: number): Promise<string> {
  const pkcs8 = rsaPrivateKey(app.key)
  if (pkcs8 === undefined) throw unreadable()
  const issued = Math.floor(now / 1000) - 30
  const head = encodeJson({ alg: 'RS256', typ: 'JWT' })
  const claims = encodeJson({ iat: issued, exp: issued + 120, iss: app.id })
  const input = new TextEncoder().encode(`${head}.${claims}`)
  const algorithm = { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' }
  let signature: ArrayBuffer
  try {
    const key = await crypto.subtle.importKey('pkcs8', pkcs8, algorithm, false, ['sign'])
    signature = await crypto.subtle.sign(algorithm, key, input)
  } catch {
    throw unreadable() // What the platform says about a key is not for messages.
  }
  return `${head}.${claims}.${base64Url(new Uint8Array(signature))}`
}

function encodeJson(value: unknown): string {
  return base64Url(new TextEncoder().encode(JSON.stringify(value)))
}

function base64Url(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replace(/=+$/, '')
}

function unreadable(): Error {
  return authenticationFailed('githubAppPrivateKey of the Secret is not an RSA private key in PEM')
}

function unusable(app: App, why: string): Error {
  return authenticationFailed(`${printUrl(app.api)} ${why}`)
}
