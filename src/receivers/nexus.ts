import { z } from 'zod'
import { isHmacForm, verifyHmac } from './hmac.ts'
import { bodyAs, tokenOf } from './hook-payload.ts'
import type { HookType } from './hook-types.ts'
import { deliveryIdOf, eventName } from './payload.ts'
import { refuse } from './refusal.ts'

const payload = z.object({ action: z.string().nullish(), repositoryName: z.string().nullish() })

/** `nexus`: the HMAC-SHA1 of the body in `X-Nexus-Webhook-Signature`, which is all that Nexus can do. */
export const nexusHook: HookType = {
  type: 'nexus',
  hasEvents: false,
  verifyHeaders: async (headers) => {
    if (!isHmacForm(headers.get('x-nexus-webhook-signature') ?? '', 'sha1'))
      throw refuse('the X-Nexus-Webhook-Signature header is missing or malformed')
  },
  verify: async ({ headers, body }, access) => {
    const signature = headers.get('x-nexus-webhook-signature') ?? ''
    if (!(await verifyHmac(body, signature, [tokenOf(access)], 'sha1')))
      throw refuse('the X-Nexus-Webhook-Signature header does not match the body')
    bodyAs(payload, body, 'Nexus')
    return {
      event: eventName(headers.get('x-nexus-webhook-id')),
      deliveryId: deliveryIdOf(headers.get('x-nexus-webhook-delivery')),
    }
  },
}
