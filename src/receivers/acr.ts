import { z } from 'zod'
import { bodyAs } from './hook-payload.ts'
import type { HookType } from './hook-types.ts'
import { deliveryIdOf, eventName } from './payload.ts'

const payload = z.object({
  id: z.string().nullish(),
  action: z.string().nullish(),
  target: z.object({ repository: z.string().nullish(), tag: z.string().nullish() }).nullish(),
})

/** `acr`: the registry of Azure proves nothing; whoever knows the path may send its payload. */
export const acrHook: HookType = {
  type: 'acr',
  hasEvents: false,
  verify: async ({ body }) => {
    const { id, action } = bodyAs(payload, body, 'Azure Container Registry')
    return { event: eventName(action), deliveryId: deliveryIdOf(id) }
  },
}
