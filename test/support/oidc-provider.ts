import { createHash, randomBytes } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/** Who signs in at the provider, and how it misbehaves. */
export interface ProviderOptions {
  readonly clientId: string
  readonly clientSecret?: string
  readonly redirectUri: string
  /** Claims of the ID token besides those of every one; what is undefined is left out. */
  readonly claims: { [name: string]: unknown }
  readonly userinfo?: { readonly [name: string]: unknown }
  readonly authMethods?: readonly string[]
  /** Changes the discovery document. */
  readonly document?: { readonly [name: string]: unknown }
}

/** An OpenID provider on loopback that checks what a client must send (RFC 6749, RFC 7636). */
export interface TestProvider {
  readonly issuer: string
  /** Replace to change what the next login says. */
  options: ProviderOptions
  /** What somebody's browser gets from the authorization endpoint: the address to which it is led back. Throws for a request that is wrong. */
  authorize(url: string): string
  close(): void
}

interface Grant {
  readonly challenge: string
  readonly nonce: string
}

/** Starts a provider. */
export async function startProvider(initial: ProviderOptions): Promise<TestProvider> {
  const grants = new Map<string, Grant>()
  const accessTokens = new Set<string>()
  const server = createServer((request, response) => void answer(request, response))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const provider: TestProvider = {
    issuer,
    options: initial,
    authorize: (address) => {
      const { searchParams: given, origin, pathname } = new URL(address)
      if (`${origin}${pathname}` !== `${issuer}/authorize`)
        throw new Error(`not the authorization endpoint: ${address}`)
      const { clientId, redirectUri } = provider.options
      const expected = {
        response_type: 'code',
        client_id: clientId,
        redirect_uri: redirectUri,
        code_challenge_method: 'S256',
      }
      for (const [name, value] of Object.entries(expected))
        if (given.get(name) !== value) throw new Error(`${name} is ${given.get(name)}`)
      if (!given.get('scope')?.split(' ').includes('openid')) throw new Error('the scope lacks openid')
      const [state = '', nonce = '', challenge = ''] = ['state', 'nonce', 'code_challenge'].map(
        (name) => given.get(name) ?? '',
      )
      for (const one of [state, nonce, challenge])
        if (one.length < 40) throw new Error('state, nonce or challenge are too short')
      const code = randomBytes(16).toString('hex')
      grants.set(code, { challenge, nonce })
      return `${redirectUri}?${new URLSearchParams({ code, state, iss: issuer }).toString()}`
    },
    close: () => void (server.closeAllConnections(), server.close()),
  }
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const send = (status: number, value: object): void =>
      void response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value))
    const { options } = provider
    if (request.url === '/.well-known/openid-configuration')
      return send(200, {
        issuer,
        authorization_endpoint: `${issuer}/authorize`,
        token_endpoint: `${issuer}/token`,
        ...(options.userinfo === undefined ? {} : { userinfo_endpoint: `${issuer}/userinfo` }),
        ...(options.authMethods === undefined ? {} : { token_endpoint_auth_methods_supported: options.authMethods }),
        ...options.document,
      })
    if (request.url === '/userinfo') {
      const token = (request.headers.authorization ?? '').replace('Bearer ', '')
      return accessTokens.has(token) ? send(200, options.userinfo ?? {}) : send(401, {})
    }
    let body = ''
    for await (const chunk of request) body += String(chunk)
    const form = new URLSearchParams(body)
    const grant = grants.get(form.get('code') ?? '')
    grants.delete(form.get('code') ?? '')
    const problem = problemOf(request, form, grant, options)
    if (problem !== undefined || grant === undefined)
      return send(400, { error: 'invalid_grant', error_description: problem })
    const now = Math.floor(Date.now() / 1000)
    const claims = {
      iss: issuer,
      aud: options.clientId,
      sub: 'subject-1',
      iat: now,
      exp: now + 300,
      nonce: grant.nonce,
      ...options.claims,
    }
    const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')
    const accessToken = randomBytes(16).toString('hex')
    accessTokens.add(accessToken)
    send(200, {
      token_type: 'Bearer',
      access_token: accessToken,
      id_token: `${part({ alg: 'RS256' })}.${part(claims)}.${randomBytes(32).toString('base64url')}`,
    })
  }
  return provider
}

function problemOf(
  request: IncomingMessage,
  form: URLSearchParams,
  grant: Grant | undefined,
  options: ProviderOptions,
): string | undefined {
  if (request.method !== 'POST' || request.url !== '/token') return 'not the token endpoint'
  if (grant === undefined) return 'the code is not known, or used'
  if (form.get('grant_type') !== 'authorization_code') return 'grant_type'
  if (form.get('redirect_uri') !== options.redirectUri) return 'redirect_uri'
  const digest = createHash('sha256')
    .update(form.get('code_verifier') ?? '')
    .digest('base64url')
  if (digest !== grant.challenge) return 'code_verifier'
  const basic = Buffer.from((request.headers.authorization ?? '').replace('Basic ', ''), 'base64').toString()
  const [id = '', secret = ''] = basic.split(':').map((part) => decodeURIComponent(part.replaceAll('+', ' ')))
  const isBasic = (options.authMethods ?? ['client_secret_basic']).includes('client_secret_basic')
  if (options.clientSecret === undefined) return form.get('client_id') === options.clientId ? undefined : 'client_id'
  const given = isBasic ? [id, secret] : [form.get('client_id'), form.get('client_secret')]
  return given[0] === options.clientId && given[1] === options.clientSecret ? undefined : 'client'
}
