import { EngineError, sha256Hex, toEngineError } from '../../src/base/index.ts'
import { matchesAnySecret, verifyOidcToken } from '../../src/receivers/index.ts'
import { visitorOfToken, type Visitor } from '../access/principal.ts'
import type { FunctionDeps } from '../deps.ts'
import { wholeName } from '../session.ts'
import { verifyTools } from '../verify-tools.ts'

/** Seconds that the clocks of a sender and of the deployment may differ. */
const toleranceSeconds = 300

/** Who a request comes from, as far as it proves it. */
export interface Caller {
  /** How it was proven. */
  readonly by: 'bearer' | 'signature' | 'oidc'
  /** Who it is, where that is proven too: then nobody can say to be somebody else. */
  readonly name?: string
  /** What the bearer of a token may do; undefined for who may do everything. */
  readonly visitor?: Visitor
}

/** Checks what can be checked before the body is read, and gives what checks the body. */
export type AuthorizeBody = (body: Uint8Array) => Promise<Caller>

/**
 * Lets a trigger in by a bearer token, or by a signature: `X-Signature: sha256=<hex>` of HMAC-SHA256 over `<timestamp>.<body>`, with the timestamp
 * (seconds since 1970) in `X-Signature-Timestamp`. A signature counts for five minutes, and once.
 *
 * Or by a token of an OpenID Connect issuer in the configuration (a job of GitHub Actions or GitLab CI), whose claims are those that are let in; its subject is then who asks.
 *
 * A request that proves nothing with its headers is refused before its body is read.
 *
 * @throws EngineError `unauthorized`, now or when the body is checked.
 */
export async function authorizeTrigger(deps: FunctionDeps, headers: Headers): Promise<AuthorizeBody> {
  const secrets = deps.config.triggerHmacSecrets ?? []
  const signature = /^sha256=([0-9a-f]{64})$/i.exec(headers.get('x-signature') ?? '')?.[1]?.toLowerCase()
  if (signature === undefined || secrets.length === 0) {
    const name = await oidcCaller(deps, headers)
    if (name !== undefined) return () => Promise.resolve({ by: 'oidc', name })
    const visitor = await operatorOf(deps, headers)
    const named = visitor.name === wholeName ? {} : { name: visitor.name }
    return () => Promise.resolve({ by: 'bearer', visitor, ...named })
  }
  const stamp = headers.get('x-signature-timestamp') ?? ''
  const age = Math.abs(deps.clock.now() / 1000 - Number(stamp))
  if (!/^\d{9,11}$/.test(stamp) || age > toleranceSeconds) {
    throw refused(
      `X-Signature-Timestamp must be the time of sending in seconds since 1970, at most ${toleranceSeconds} seconds off`,
    )
  }
  return async (body) => {
    const macs = await Promise.all(secrets.map((secret) => macOf(secret, stamp, body)))
    if (!(await matchesAnySecret(signature, macs))) throw refused('the signature is wrong')
    // Kept for longer than the signature counts, whichever of the clocks is ahead.
    const ttl = { ttlSeconds: 2 * toleranceSeconds + 60 }
    const isFirst = await deps.state.putIfAbsent(`trigger-signatures/${sha256Hex(signature)}`, true, ttl)
    if (!isFirst) throw refused('this signature was used before; sign the request anew')
    return { by: 'signature' }
  }
}

/** The bearer of a token that may do something. Throws EngineError `unauthorized` for everybody else, also for who may only look. */
export async function operatorOf(deps: FunctionDeps, headers: Headers): Promise<Visitor> {
  const visitor = await visitorOfToken(deps, headers)
  if (visitor?.isAtLeast('operator') === true) return visitor
  throw refused('a bearer token is required: Authorization: Bearer <token>')
}

/** The subject of a token of one of the issuers in the configuration; undefined where the bearer token is none, or no issuer is configured. */
async function oidcCaller(deps: FunctionDeps, headers: Headers): Promise<string | undefined> {
  const issuers = deps.config.triggerOidc ?? []
  if (issuers.length === 0 || !/^Bearer +[\w-]+\.[\w-]+\.[\w-]+\s*$/i.test(headers.get('authorization') ?? ''))
    return undefined
  try {
    const { claims, provider } = await verifyOidcToken(headers, issuers, verifyTools(deps))
    // Anybody gets a token of a public issuer: only these claims say that it is one of ours.
    const isOurs = Object.entries(provider.claims).every(([name, value]) => claims[name] === value)
    if (!isOurs) throw refused('the claims of the token are not those that are let in')
    return String(claims['sub']).slice(0, 253)
  } catch (caught) {
    const error = toEngineError(caught)
    if (error.code === 'delivery-refused') throw refused(error.message)
    throw caught
  }
}

/** Hex of HMAC-SHA256 over `<stamp>.<body>`. */
async function macOf(secret: string, stamp: string, body: Uint8Array): Promise<string> {
  const encoder = new TextEncoder()
  const algorithm = { name: 'HMAC', hash: 'SHA-256' }
  const key = await crypto.subtle.importKey('raw', encoder.encode(secret), algorithm, false, ['sign'])
  const prefix = encoder.encode(`${stamp}.`)
  const text = new Uint8Array(prefix.length + body.length)
  text.set(prefix)
  text.set(body, prefix.length)
  const mac = new Uint8Array(await crypto.subtle.sign('HMAC', key, text))
  return [...mac].map((byte) => byte.toString(16).padStart(2, '0')).join('')
}

function refused(message: string): EngineError {
  return new EngineError(message, { code: 'unauthorized' })
}
