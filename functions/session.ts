import { fromBase64Url, sha256Hex, toBase64Url, utf8Text } from '../src/base/index.ts'
import { matchesAnySecret } from '../src/receivers/index.ts'
import type { Config } from './config.ts'

/** Who has signed in. */
export interface Session {
  /** With a token, or as somebody that the login knows. */
  readonly how: 'token' | 'oidc'
  readonly name: string
  /** Seconds since 1970. */
  readonly expiresAt: number
  /** It was made with a token that may start runs. */
  readonly isTrigger?: boolean
}

/** Seconds that a cookie is good for. */
export const sessionSeconds = 8 * 3600

/** Browsers take a cookie with this prefix only over https (or from the own machine), for the whole host, and from nobody else. */
export const cookieName = '__Host-sluice'

type Keys = Pick<Config, 'reading' | 'triggerTokens'>

/** The `Set-Cookie` of a session. A session made with a token ends when that token is taken away. */
export async function sessionCookie(config: Keys, session: Session, token?: string): Promise<string> {
  const [key = ''] = signingKeys(config)
  const fingerprint = token === undefined ? {} : { token: await sign(key, `token ${token}`) }
  const value = await seal(config, 'session', { ...session, ...fingerprint })
  return `${cookieName}=${value}; Path=/; Max-Age=${sessionSeconds}; HttpOnly; Secure; SameSite=Lax`
}

/** The `Set-Cookie` that ends a session. */
export const endedCookie = `${cookieName}=; Path=/; Max-Age=0; HttpOnly; Secure; SameSite=Lax`

/** The session of a request's cookie; undefined where there is none, it is over, or it is not ours. */
export async function sessionOf(config: Keys, headers: Headers, nowMs: number): Promise<Session | undefined> {
  const value = cookieOf(headers, cookieName)
  const opened = value === undefined ? undefined : await open(config, 'session', value)
  if (opened === undefined) return undefined
  const { how, name, expiresAt, token } = opened
  if (typeof expiresAt !== 'number' || expiresAt * 1000 <= nowMs || typeof name !== 'string') return undefined
  if (how === 'oidc') return { how, name, expiresAt }
  if (how !== 'token' || typeof token !== 'string') return undefined
  if (!(await isKnownToken(config, token, readingTokens(config)))) return undefined
  return { how, name, expiresAt, isTrigger: await isKnownToken(config, token, config.triggerTokens) }
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

/** Tokens with which somebody may read. */
export function readingTokens({ reading, triggerTokens }: Keys): readonly string[] {
  return [...reading.tokens, ...triggerTokens]
}

async function isKnownToken(config: Keys, fingerprint: string, tokens: readonly string[]): Promise<boolean> {
  const known = signingKeys(config).flatMap((key) => tokens.map((token) => sign(key, `token ${token}`)))
  return matchesAnySecret(fingerprint, await Promise.all(known))
}

/** Keys of the configuration, or one that is made of the tokens, so that a session ends with them. Without either there are none, and nothing is believed. */
function signingKeys(config: Keys): readonly string[] {
  if (config.reading.sessionKeys.length > 0) return config.reading.sessionKeys
  const tokens = readingTokens(config)
  return tokens.length === 0 ? [] : [sha256Hex(`sluice session\n${JSON.stringify(tokens)}`)]
}

async function sign(key: string, text: string): Promise<string> {
  const bytes = (value: string): Uint8Array<ArrayBuffer> => new TextEncoder().encode(value)
  const imported = await crypto.subtle.importKey('raw', bytes(key), { name: 'HMAC', hash: 'SHA-256' }, false, ['sign'])
  return toBase64Url(new Uint8Array(await crypto.subtle.sign('HMAC', imported, bytes(text))))
}
