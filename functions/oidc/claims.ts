import { EngineError, fromBase64Url, utf8Text } from '../../src/base/index.ts'
import { isEqualConstantTime } from '../../src/receivers/index.ts'
import type { OidcConfig } from './config.ts'

/** What a token or the userinfo endpoint says of somebody. */
export type Claims = { readonly [name: string]: unknown }

/** Clocks differ. */
const leewaySeconds = 60

/**
 * The claims of an ID token that came from the provider's token endpoint over TLS, which stands for its signature (OpenID Connect Core 1.0, 3.1.3.7). Issuer, audience, time and nonce
 * are checked. Throws EngineError `login-refused`.
 */
export async function checkIdToken(
  token: string,
  config: Pick<OidcConfig, 'issuer' | 'clientId'>,
  expected: { readonly nonce: string; readonly nowMs: number },
): Promise<Claims> {
  const claims = claimsOf(token)
  const { iss, aud, azp, exp, iat, nonce, sub } = claims
  const audiences: readonly unknown[] = Array.isArray(aud) ? aud : [aud]
  const now = expected.nowMs / 1000
  if (iss !== config.issuer) throw refused('the token is of another issuer')
  if (!audiences.includes(config.clientId)) throw refused('the token is for another client')
  if ((audiences.length > 1 || azp !== undefined) && azp !== config.clientId)
    throw refused('the token was made for another client')
  if (typeof exp !== 'number' || exp + leewaySeconds <= now) throw refused('the token has expired')
  if (typeof iat !== 'number' || iat - leewaySeconds > now) throw refused('the token is of the future')
  if (typeof nonce !== 'string' || !(await isEqualConstantTime(nonce, expected.nonce)))
    throw refused('the token is of another login')
  if (typeof sub !== 'string' || sub === '') throw refused('the token names nobody')
  return claims
}

/** The name of somebody who may read. Throws EngineError `login-refused` for everybody else. */
export function checkAllowed(claims: Claims, config: Pick<OidcConfig, 'groups' | 'emails' | 'groupsClaim'>): string {
  const email = verifiedEmail(claims)
  const name = [email, claims['preferred_username'], claims['sub']].find((one) => typeof one === 'string') ?? ''
  const groups = claims[config.groupsClaim]
  const isMember = Array.isArray(groups) && groups.some((group) => config.groups?.includes(String(group)) === true)
  const isNamed =
    email !== undefined &&
    (config.emails ?? []).some((one) => one === email || (one.startsWith('*@') && email.endsWith(one.slice(1))))
  if (isMember || isNamed) return name
  throw refused('you are signed in there, but may not read here')
}

/** Whether what decides is missing, so that the userinfo endpoint is worth a question. */
export function lacksClaims(claims: Claims, config: Pick<OidcConfig, 'groups' | 'emails' | 'groupsClaim'>): boolean {
  const lacksGroups = config.groups !== undefined && !Array.isArray(claims[config.groupsClaim])
  return lacksGroups || (config.emails !== undefined && verifiedEmail(claims) === undefined)
}

/** An address that the provider has checked: anybody could claim another one. */
function verifiedEmail(claims: Claims): string | undefined {
  const { email, email_verified: isVerified } = claims
  if (typeof email !== 'string' || (isVerified !== true && isVerified !== 'true')) return undefined
  return email.split('@').length === 2 ? email.toLowerCase() : undefined
}

function claimsOf(token: string): Claims {
  const bytes = fromBase64Url(token.split('.')[1] ?? '')
  const text = bytes === undefined ? undefined : utf8Text(bytes)
  try {
    const value: unknown = JSON.parse(text ?? '')
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Claims
  } catch {
    // Told below.
  }
  throw refused('the token cannot be read')
}

function refused(why: string): EngineError {
  return new EngineError(`the login was refused: ${why}`, { code: 'login-refused' })
}
