import { sha256Hex } from '../base/index.ts'
import type { Clock } from '../ports/index.ts'

/** A login that ends, in milliseconds since 1970. */
export interface Expiring {
  readonly expiresAt: number
}

/**
 * The login of a key where it is known, does not end soon and was made with the same setting; else what `ask` answers. Those who want one at the same time share a request; a failure is not kept.
 */
export type LoginCache = <T extends Expiring>(
  key: readonly unknown[],
  setting: string,
  ask: () => Promise<T>,
) => Promise<T>

/** A login that ends in less than this is not used any more. */
const marginMs = 300_000
/** Logins that are kept; the oldest goes when there are more. */
const maxLogins = 500

/** An empty cache, in memory. */
export function createLoginCache(clock: Clock): LoginCache {
  const known = new Map<string, { readonly login: Promise<Expiring>; readonly setting: string }>()
  const isUsable = async (entry: { readonly login: Promise<Expiring> }): Promise<boolean> => {
    const login = await entry.login.catch(() => undefined)
    return login !== undefined && login.expiresAt - marginMs > clock.now()
  }
  return async <T extends Expiring>(key: readonly unknown[], setting: string, ask: () => Promise<T>): Promise<T> => {
    const id = sha256Hex(JSON.stringify(key))
    const before = known.get(id)
    if (before?.setting === setting && (await isUsable(before))) return (await before.login) as T
    // While we looked, somebody else may have asked.
    const current = known.get(id)
    if (current !== undefined && current !== before && current.setting === setting) return (await current.login) as T
    const login = ask()
    const entry = { login, setting }
    known.delete(id)
    known.set(id, entry)
    const oldest = known.keys().next()
    if (known.size > maxLogins && oldest.done !== true) known.delete(oldest.value)
    login.catch(() => {
      if (known.get(id) === entry) known.delete(id)
    })
    return login
  }
}
