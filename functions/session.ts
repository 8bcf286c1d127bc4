import { fromBase64Url, sha256Hex, toBase64Url, utf8Text } from '../src/base/index.ts'
import { matchesAnySecret } from '../src/receivers/index.ts'
import type { Grant } from './access/roles.ts'
import type { Identity } from './access/rules.ts'
import type { Config } from './config.ts'

/** Who has signed in. */
export type Session = TokenSession | LoginSession

/** With a token: what that may do. */
export interface TokenSession {
  readonly how: 'token'
  readonly name: string
  /** Seconds since 1970. */
  readonly expiresAt: number
  readonly grant: Grant
}

/** As somebody whom a login knows. */
export interface LoginSession {
  readonly how: 'login'
  readonly name: string
  readonly expiresAt: number
  /** Seconds since 1970: when the login has proven this. */
  readonly provenAt: number
  readonly identity: Identity
}

/** A bearer token of the configuration and what it may do. */
export interface KnownToken {
  /** Never printed. */
  readonly token: string
  readonly name: string
  readonly grant: Grant
}

/** Seconds that a cookie is good for. */
export const sessionSeconds = 8 * 3600

/** Browsers take a cookie with this prefix only over https (or from the own machine), for the whole host, and from nobody else. */
const cookieName = '__Host-sluice'
/** Bytes of a value that browsers keep for sure, and that we read. */
const maxSealedBytes = 3900

type Keys = Pick<Config, 'reading' | 'triggerTokens'>

/** The `Set-Cookie` of a session at a login; undefined where what it has to hold is too long for a cookie. */
export async function loginCookieOf(config: Keys, session: LoginSession): Promise<string | undefined> {
  const value = await seal(config, 'session', session)
  return value.length > maxSealedBytes ? undefined : sessionCookieWith(value)
}

/** The `Set-Cookie` of a session made with a token. It ends when that token is taken away. */
export async function tokenCookieOf(config: Keys, token: string, expiresAt: number): Promise<string> {
  const [key = ''] = signingKeys(config)
  return sessionCookieWith(
    await seal(config, 'session', { how: 'token', expiresAt, token: await sign(key, `token ${token}`) }),
  )
}

function sessionCookieWith(value: string): string {
  return `${cookieName}=${value}; Path=/; Max-Age=${sessionSeconds}; HttpOnly; Secure; SameSite=Lax`
}

/** The `Set-Cookie` that ends a session. */
export const endedCookie = `${cookieName}=; Path=/; Max-Age=0; HttpOnly; Secure; SameSite=Lax`

/** The session of a request's cookie; undefined where there is none, it is over, or it is not ours. */
export async function sessionOf(config: Keys, headers: Headers, nowMs: number): Promise<Session | undefined> {
  const value = cookieOf(headers, cookieName)
  const opened = value === undefined ? undefined : await open(config, 'session', value)
  const { how, name, expiresAt, token, provenAt, identity } = opened ?? {}
  if (typeof expiresAt !== 'number' || expiresAt * 1000 <= nowMs) return undefined
  if (how === 'token' && typeof token === 'string') {
    const known = await tokenOfFingerprint(config, token, nowMs)
    return known === undefined ? undefined : { how, name: known.name, expiresAt, grant: known.grant }
  }
  // Cookies of versions that kept less are over.
  if (how !== 'login' || typeof name !== 'string' || typeof provenAt !== 'number') return undefined
  return isIdentity(identity) ? { how, name, expiresAt, provenAt, identity } : undefined
}

function isIdentity(value: unknown): value is Identity {
  const { login, user, groups } = (value ?? {}) as { readonly [name: string]: unknown }
  return typeof login === 'string' && typeof user === 'string' && Array.isArray(groups)
}

/** The value of a cookie of a request. */
export function cookieOf(headers: Headers, name: string): string | undefined {
  for (const part of (headers.get('cookie') ?? '').split(';')) {
    const [key, ...rest] = part.trim().split('=')
    if (key === name) return rest.join('=')
  }
  return undefined
}

/** `value` as text that only this deployment can have made, for one purpose. */
export async function seal(config: Keys, purpose: string, value: object): Promise<string> {
  const [key = ''] = signingKeys(config)
  const payload = toBase64Url(JSON.stringify(value))
  return `${payload}.${await sign(key, `${purpose} ${payload}`)}`
}

/** What `seal` was given; undefined where it is not of this deployment or for another purpose. */
export async function open(
  config: Keys,
  purpose: string,
  text: string,
): Promise<{ readonly [key: string]: unknown } | undefined> {
  const [payload = '', signature = '', ...rest] = text.length > 4096 ? [] : text.split('.')
  if (rest.length > 0 || signature === '') return undefined
  const expected = await Promise.all(signingKeys(config).map((key) => sign(key, `${purpose} ${payload}`)))
  if (!(await matchesAnySecret(signature, expected))) return undefined
  const bytes = fromBase64Url(payload)
  const json = bytes === undefined ? undefined : utf8Text(bytes)
  // What we have signed is JSON of an object.
  return json === undefined ? undefined : (JSON.parse(json) as { readonly [key: string]: unknown })
}

/** What only this deployment can compute of `text`, for one purpose: with each of its keys, the one that signs first. Empty without a key. */
export async function macsOf(config: Keys, purpose: string, text: string): Promise<readonly string[]> {
  return Promise.all(signingKeys(config).map((key) => sign(key, `${purpose}\n${text}`)))
}

/** The cookie of the session as the browser sent it, whatever it is worth. */
export function sessionCookieOf(headers: Headers): string | undefined {
  return cookieOf(headers, cookieName)
}

/** Tokens with which somebody may read: those of the whole deployment, and those with names. One that may start runs may do everything. */
export function knownTokens({ reading, triggerTokens }: Keys, nowMs?: number): readonly KnownToken[] {
  const whole = (role: Grant['role']) => (token: string) => ({ token, name: 'token', grant: { role, scope: {} } })
  const named = (reading.namedTokens ?? []).filter(
    ({ expiresAt }) => nowMs === undefined || expiresAt === undefined || expiresAt > nowMs,
  )
  return [
    ...triggerTokens.map(whole('admin')),
    ...named.flatMap(({ name, tokens, grant }) => tokens.map((token) => ({ token, name, grant }))),
    ...reading.tokens.map(whole('viewer')),
  ]
}

/** The token of the configuration that somebody gives; undefined where it is none, or its time is over. Compared in constant time with each. */
export async function findToken(config: Keys, given: string, nowMs: number): Promise<KnownToken | undefined> {
  const known = knownTokens(config, nowMs)
  const same = await Promise.all(known.map(({ token }) => matchesAnySecret(given, [token])))
  return given === '' ? undefined : known[same.indexOf(true)]
}

async function tokenOfFingerprint(config: Keys, fingerprint: string, nowMs: number): Promise<KnownToken | undefined> {
  const known = knownTokens(config, nowMs)
  const same = await Promise.all(
    known.map(async ({ token }) =>
      matchesAnySecret(fingerprint, await Promise.all(signingKeys(config).map((key) => sign(key, `token ${token}`)))),
    ),
  )
  return known[same.indexOf(true)]
}

/** Keys of the configuration, or one that is made of the tokens, so that a session ends with them. Without either there are none, and nothing is believed. */
function signingKeys(config: Keys): readonly string[] {
  if (config.reading.sessionKeys.length > 0) return config.reading.sessionKeys
  const tokens = knownTokens(config).map(({ token }) => token)
  return tokens.length === 0 ? [] : [sha256Hex(`sluice session\n${JSON.stringify(tokens)}`)]
}

async function sign(key: string, text: string): Promise<string> {
  const bytes = (value: string): Uint8Array<ArrayBuffer> => new TextEncoder().encode(value)
  const imported = await crypto.subtle.importKey('raw', bytes(key), { name: 'HMAC', hash: 'SHA-256' }, false, ['sign'])
  return toBase64Url(new Uint8Array(await crypto.subtle.sign('HMAC', imported, bytes(text))))
}
