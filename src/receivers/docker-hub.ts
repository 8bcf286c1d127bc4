import { z } from 'zod'
import { bodyAs } from './hook-payload.ts'
import type { HookType } from './hook-types.ts'

const payload = z.object({
  push_data: z.object({ tag: z.string().nullish() }).nullish(),
  repository: z.object({ repo_url: z.string().nullish() }).nullish(),
})

/** `dockerhub`: Docker Hub proves nothing; whoever knows the path may send its payload. */
export const dockerHubHook: HookType = {
  type: 'dockerhub',
  hasEvents: false,
  verify: async ({ body }) => {
    bodyAs(payload, body, 'Docker Hub')
    return { event: 'push', deliveryId: '' }
  },
}
