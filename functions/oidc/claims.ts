import { EngineError, toEngineError } from '../../src/base/index.ts'
import {
  isEqualConstantTime,
  isSignedByKey,
  keysOfIssuer,
  parseJwt,
  type VerifyTools,
} from '../../src/receivers/index.ts'
import type { Identity } from '../access/rules.ts'
import type { OidcConfig } from './config.ts'

/** What a token or the userinfo endpoint says of somebody. */
export type Claims = { readonly [name: string]: unknown }

/** Clocks differ. */
const leewaySeconds = 60

/**
 * The claims of an ID token (OpenID Connect Core 1.0, 3.1.3.7): signed with a key of the issuer, and its issuer, audience, party, time and nonce are those of this login. Throws EngineError
 * `login-refused`, `login-unavailable`.
 */
export async function checkIdToken(
  token: string,
  config: Pick<OidcConfig, 'issuer' | 'clientId'>,
  expected: { readonly nonce: string; readonly nowMs: number; readonly tools: VerifyTools },
): Promise<Claims> {
  const claims = await verifiedClaims(token, config.issuer, expected.tools)
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

/** What somebody is called: the address, the name of the account, or the subject. For people only; nothing is decided by it. */
export function nameOf(claims: Claims): string {
  const names = [verifiedEmail(claims), claims['preferred_username'], claims['sub']]
  return names.find((one) => typeof one === 'string') ?? ''
}

/** What rules of access ask about somebody, and nothing else of what the provider says. A group or a claim of the wrong type is none. */
export function identityOf(
  claims: Claims,
  groupsClaim: string,
  wanted: { readonly groups: readonly string[]; readonly claims: readonly string[] },
): Identity {
  const email = verifiedEmail(claims)
  const groups = claims[groupsClaim]
  const texts = wanted.claims.flatMap((name): readonly (readonly [string, string])[] => {
    const value = Object.hasOwn(claims, name) ? claims[name] : undefined
    return typeof value === 'string' || typeof value === 'boolean' ? [[name, String(value)]] : []
  })
  return {
    login: 'oidc',
    user: String(claims['sub']),
    groups: Array.isArray(groups) ? wanted.groups.filter((group) => groups.includes(group)) : [],
    claims: Object.fromEntries(texts),
    ...(email === undefined ? {} : { email }),
  }
}

/** Whether something that decides is missing, so that the userinfo endpoint is worth a question. */
export function lacksClaims(
  claims: Claims,
  groupsClaim: string,
  wanted: { readonly groups: readonly string[]; readonly claims: readonly string[]; readonly wantsEmail: boolean },
): boolean {
  const lacksGroups = wanted.groups.length > 0 && !Array.isArray(claims[groupsClaim])
  const lacksOthers = wanted.claims.some((name) => claims[name] === undefined)
  return lacksGroups || lacksOthers || (wanted.wantsEmail && verifiedEmail(claims) === undefined)
}

/** An address that the provider has checked: anybody could claim another one. */
function verifiedEmail(claims: Claims): string | undefined {
  const { email, email_verified: isVerified } = claims
  if (typeof email !== 'string' || (isVerified !== true && isVerified !== 'true')) return undefined
  return email.split('@').length === 2 ? email.toLowerCase() : undefined
}

async function verifiedClaims(token: string, issuer: string, tools: VerifyTools): Promise<Claims> {
  try {
    const jwt = parseJwt(token)
    const { keys, algorithms } = await keysOfIssuer(issuer, jwt.kid, tools)
    if (algorithms.includes(jwt.alg) && (await isSignedByKey(jwt, keys))) return jwt.claims
  } catch (caught) {
    const error = toEngineError(caught)
    if (error.code === 'delivery-refused') throw refused(error.message)
    throw new EngineError("the login provider's keys cannot be fetched now", {
      code: 'login-unavailable',
      disposition: 'retry',
      cause: caught,
    })
  }
  throw refused('the token is not signed by the provider')
}

function refused(why: string): EngineError {
  return new EngineError(`the login was refused: ${why}`, { code: 'login-refused' })
}
