import { z } from 'zod'
import { fromBase64, utf8Text } from '../base/index.ts'
import { isEqualConstantTime } from './constant-time.ts'
import { bodyAs } from './hook-payload.ts'
import type { HookAccess, HookType } from './hook-types.ts'
import { bearerToken, checkClaims, isSignedByKey, parseJwt } from './jwt.ts'
import { keysAt } from './key-sets.ts'
import { deliveryIdOf, eventName } from './payload.ts'
import { refuse } from './refusal.ts'
import type { HeaderReader, VerifyTools } from './types.ts'

/** Where Google publishes the keys of its ID tokens. */
const googleKeys = 'https://www.googleapis.com/oauth2/v3/certs'
const googleIssuers = ['https://accounts.google.com', 'accounts.google.com'] as const

const envelope = z.object({
  message: z.object({ data: z.string().max(1 << 20), messageId: z.string().nullish() }),
})
const event = z.object({ action: z.string().nullish(), digest: z.string().nullish(), tag: z.string().nullish() })

/**
 * `gcr`: Google's registry by way of a push subscription of Pub/Sub. Proof is an ID token of Google for the audience of the Secret, of the service account whose `email` the Secret names: anybody
 * can get a token of Google for some account.
 */
export const gcrHook: HookType = {
  type: 'gcr',
  hasEvents: false,
  verifyHeaders: verifyGoogleToken,
  verify: async ({ body }) => {
    const { message } = bodyAs(envelope, body, 'Pub/Sub')
    const data = fromBase64(message.data)
    const text = data === undefined ? undefined : utf8Text(data)
    const { action, digest, tag } = bodyAs(event, new TextEncoder().encode(text ?? ''), 'Artifact Registry')
    return {
      event: eventName(action),
      deliveryId: deliveryIdOf(message.messageId),
      request: { action: action ?? '', digest: digest ?? '', tag: tag ?? '' },
    }
  },
}

async function verifyGoogleToken(headers: HeaderReader, access: HookAccess, tools: VerifyTools): Promise<void> {
  const email = utf8Text(access.secret['email'] ?? new Uint8Array()) ?? ''
  const audience = utf8Text(access.secret['audience'] ?? new Uint8Array()) ?? ''
  if (email === '' || audience === '') throw refuse("the Secret of the Receiver has no 'email' or no 'audience'")
  const jwt = parseJwt(bearerToken(headers.get('authorization')))
  checkClaims(jwt.claims, { issuers: googleIssuers, audience, now: tools.now() })
  const { keys, algorithms } = await keysAt(googleKeys, ['RS256', 'ES256'], jwt.kid, tools)
  if (!algorithms.includes(jwt.alg)) throw refuse('the algorithm of the token is none of its issuer')
  if (!(await isSignedByKey(jwt, keys))) throw refuse('the signature of the token is wrong')
  const given = jwt.claims['email']
  if (typeof given !== 'string' || !(await isEqualConstantTime(given, email)))
    throw refuse('the token is of another service account')
  if (jwt.claims['email_verified'] !== true) throw refuse('the email of the token is not verified')
}
