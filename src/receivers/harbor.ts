import { isHeaderEqual } from './constant-time.ts'
import { tokenOf } from './hook-payload.ts'
import type { HookType } from './hook-types.ts'
import { refuse } from './refusal.ts'

/** `harbor`: the token itself is the value of the `Authorization` header. */
export const harborHook: HookType = {
  type: 'harbor',
  hasEvents: false,
  verifyHeaders: async (headers, access) => {
    if (!(await isHeaderEqual(headers.get('authorization') ?? '', tokenOf(access))))
      throw refuse('the Authorization header does not match the token')
  },
  verify: () => Promise.resolve({ event: '', deliveryId: '' }),
}
