/**
 * Webhooks: one file per provider with how a delivery proves where it comes from and what it says. Two tables: the forges that have an endpoint of the
 * deployment, and the types of Receiver objects. Proof comes before parsing, and a payload only says "look at this repository's ref": what is fetched is decided by the sources
 * in the cluster. Signature rules follow Flux's notification-controller 1.9, except where that is unsafe (infra/adr/0080-webhooks.md).
 * @module
 */
export {
  commandOf,
  type ChangeAction,
  type ChangeCommand,
  type ChangeComment,
  type ChangeEnd,
  type ChangeNotice,
} from './change-notice.ts'
export { isEqualConstantTime, matchesAnySecret } from './constant-time.ts'
export { createFetchCache, type CachedFetch, type FetchCache } from './fetch-cache.ts'
export { compileOidcProvider, verifyOidcToken } from './generic-oidc.ts'
export { jsonOf } from './hook-payload.ts'
export { isSignedByKey, parseJwt } from './jwt.ts'
export { keysOfIssuer } from './key-sets.ts'
export { hookTypeOf, hookTypes } from './hook-table.ts'
export type { HookAccess, HookType, VerifiedDelivery } from './hook-types.ts'
export { refuse } from './refusal.ts'
export { receivers, isProvider, settingOf, type Provider } from './table.ts'
export type { Decoded, HeaderReader, PushNotice, Receiver, VerifyTools } from './types.ts'
