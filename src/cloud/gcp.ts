import type { GcpCredentials } from './gcp-credentials.ts'
import { signJwt } from './jwt.ts'
import { answerField, cloudError, parseObject, postToService, type CloudDeps } from './request.ts'

export type { GcpCredentials }

/** Scope of everything that a service account may do. */
export const gcpScope = 'https://www.googleapis.com/auth/cloud-platform'

const form = { 'content-type': 'application/x-www-form-urlencoded' }
const tokenService = 'the token service of Google'

/** An access token and when it ends, in milliseconds since 1970. */
export interface GcpToken {
  readonly token: string
  readonly expiresAt: number
}

/**
 * An access token: by a signed assertion of the service account (RFC 7523), or a refreshed one of a user.
 *
 * @param options.place what messages call the credentials.
 * @throws EngineError as postToService; what `unusable` makes for a key that cannot be used.
 */
export async function fetchGcpToken(
  deps: CloudDeps,
  credentials: GcpCredentials,
  options: { readonly scope: string; readonly unusable: (why: string) => Error },
): Promise<GcpToken> {
  if (credentials.kind === 'authorized_user') {
    return await requestToken(deps, credentials.tokenUri, {
      grant_type: 'refresh_token',
      client_id: credentials.clientId,
      client_secret: credentials.clientSecret,
      refresh_token: credentials.refreshToken,
    })
  }
  const issuedAt = Math.floor(deps.now() / 1000)
  const { clientEmail, tokenUri, privateKey, privateKeyId } = credentials
  const assertion = await signJwt(
    { iss: clientEmail, scope: options.scope, aud: tokenUri, iat: issuedAt, exp: issuedAt + 3600 },
    {
      pem: privateKey,
      header: privateKeyId === '' ? {} : { kid: privateKeyId },
      unusable: options.unusable,
    },
  )
  return await requestToken(deps, tokenUri, { grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer', assertion })
}

/**
 * An access token for a token of a cluster's service account (workload identity federation: RFC 8693 at sts.googleapis.com), as the Google service account `impersonate` where one is given.
 *
 * @throws EngineError as postToService.
 */
export async function exchangeGcpToken(
  deps: CloudDeps,
  options: { readonly audience: string; readonly token: string; readonly impersonate?: string | undefined },
): Promise<GcpToken> {
  const federated = await requestToken(deps, 'https://sts.googleapis.com/v1/token', {
    grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
    audience: options.audience,
    scope: gcpScope,
    requested_token_type: 'urn:ietf:params:oauth:token-type:access_token',
    subject_token: options.token,
    subject_token_type: 'urn:ietf:params:oauth:token-type:jwt',
  })
  if (options.impersonate === undefined) return federated
  const service = 'the credentials service of Google'
  const text = await postToService(deps, {
    service,
    url: `https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/${encodeURIComponent(options.impersonate)}:generateAccessToken`,
    headers: { 'content-type': 'application/json', authorization: `Bearer ${federated.token}` },
    body: JSON.stringify({ scope: [gcpScope], lifetime: '3600s' }),
  })
  const expiresAt = Date.parse(answerField(deps, text, service, 'expireTime'))
  if (Number.isNaN(expiresAt)) throw cloudError(deps, `${service} does not say when its token ends`)
  return { token: answerField(deps, text, service, 'accessToken'), expiresAt }
}

async function requestToken(
  deps: CloudDeps,
  url: string,
  parameters: { readonly [name: string]: string },
): Promise<GcpToken> {
  const body = new URLSearchParams(parameters).toString()
  const text = await postToService(deps, { service: tokenService, url, headers: form, body })
  const seconds = parseObject(text)?.['expires_in']
  return {
    token: answerField(deps, text, tokenService, 'access_token'),
    expiresAt: deps.now() + (typeof seconds === 'number' && seconds > 0 ? seconds : 300) * 1000,
  }
}
