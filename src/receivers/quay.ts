import { z } from 'zod'
import { bodyAs } from './hook-payload.ts'
import type { HookType } from './hook-types.ts'

const payload = z.object({ docker_url: z.string().nullish(), updated_tags: z.array(z.string()).nullish() })

/** `quay`: Quay proves nothing; whoever knows the path may send its payload. */
export const quayHook: HookType = {
  type: 'quay',
  hasEvents: false,
  verify: async ({ body }) => {
    bodyAs(payload, body, 'Quay')
    return { event: 'push', deliveryId: '' }
  },
}
