import { tokenOf } from './hook-payload.ts'
import type { HookType } from './hook-types.ts'
import { parseSignature, verifyHmac } from './hmac.ts'
import { refuse } from './refusal.ts'

/** `generic-hmac`: an HMAC of the body in `X-Signature: <sha1|sha256|sha512>=<hex>`. */
export const genericHmacHook: HookType = {
  type: 'generic-hmac',
  hasEvents: false,
  verifyHeaders: async (headers) => {
    if (parseSignature(headers.get('x-signature'), ['sha1', 'sha256', 'sha512']) === undefined)
      throw refuse('the X-Signature header is missing or malformed')
  },
  verify: async ({ headers, body }, access) => {
    const given = parseSignature(headers.get('x-signature'), ['sha1', 'sha256', 'sha512'])
    if (given === undefined || !(await verifyHmac(body, given.signature, [tokenOf(access)], given.hash)))
      throw refuse('the X-Signature header does not match the body')
    return { event: '', deliveryId: '' }
  },
}
