import type { HookType } from './hook-types.ts'

/** `generic`: whoever knows the path may send, and anything. */
export const genericHook: HookType = {
  type: 'generic',
  hasEvents: false,
  verify: () => Promise.resolve({ event: '', deliveryId: '' }),
}
