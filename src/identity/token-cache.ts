import type { Clock } from '../ports/index.ts'
import type { IssuedToken, Issuer, TokenClaims } from './issuer.ts'

/** Tokens by whom and what they are for. */
export interface TokenCache {
  /** A token that has at least a fifth of its time left. Throws what the issuer throws. */
  readonly of: (claims: TokenClaims) => Promise<IssuedToken>
  /** Whether a token that was refused should be replaced: its key is not in the store any more. Asks the store. */
  readonly isStale: (token: IssuedToken) => Promise<boolean>
}

/** How much of a token's time is used. */
const usedShare = 0.8
/** Tokens that are kept; the oldest goes when there are more. */
const maxTokens = 1000

/** Tokens that were made, in the memory of one process or isolate. */
export type TokenMemory = Map<string, IssuedToken>

/** Keeps tokens in `known`. Only tokens, never work under way: requests of an isolate cannot wait for each other's. */
export function createTokenCache(issuer: Issuer, clock: Clock, known: TokenMemory = new Map()): TokenCache {
  const isUsable = ({ issuedAt, expiresAt }: IssuedToken): boolean => {
    const now = clock.now()
    // A second, because issuedAt is a whole one; a token of the future is one from before the clock was set back.
    return now + 1000 >= issuedAt && now < issuedAt + (expiresAt - issuedAt) * usedShare
  }
  return {
    of: async (claims) => {
      const { cluster, audience, subject, groups } = claims
      const id = JSON.stringify([cluster, audience, subject, groups])
      const before = known.get(id)
      if (before !== undefined && isUsable(before) && (await issuer.knows(before.kid))) return before
      const token = await issuer.issue(claims)
      known.delete(id)
      known.set(id, token)
      const oldest = known.keys().next()
      if (known.size > maxTokens && oldest.done !== true) known.delete(oldest.value)
      return token
    },
    isStale: async ({ kid }) => !(await issuer.knows(kid, { withinMs: 0 })),
  }
}
