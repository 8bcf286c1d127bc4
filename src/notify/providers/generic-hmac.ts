import { hmac } from '@noble/hashes/hmac.js'
import { sha256 } from '@noble/hashes/sha2.js'
import { bytesToHex, utf8ToBytes } from '@noble/hashes/utils.js'
import { plainProvider, requiredToken } from '../provider.ts'
import { forwarded } from './generic.ts'

/** {@link forwarded} with `X-Signature: sha256=<hex>`, the HMAC of the body with the token. */
export const genericHmac = plainProvider((event, target) => {
  const token = requiredToken(target)
  const request = forwarded(event, target)
  const signature = bytesToHex(hmac(sha256, utf8ToBytes(token), utf8ToBytes(request.body)))
  return [{ ...request, headers: { ...request.headers, 'x-signature': `sha256=${signature}` } }]
})
