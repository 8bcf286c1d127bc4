/**
 * Push webhooks of the forges: one file per provider with how a delivery proves where it comes from and what it says, and a table of them.
 * Proof comes before parsing, and a payload only says "look at this repository's ref": what is fetched is decided by the sources in the
 * cluster. Signature rules follow Flux's notification-controller 1.9 for `github` and `gitlab`, except that comparing takes constant time and
 * SHA-1 signatures are refused.
 * @module
 */
export { isEqualConstantTime, matchesAnySecret } from './constant-time.ts'
export { receivers, isProvider, type Provider } from './table.ts'
export type { Decoded, HeaderReader, PushNotice, Receiver } from './types.ts'
