import { EngineError, sha256Hex } from '../../src/base/index.ts'
import type { FunctionDeps } from '../deps.ts'

/** Wrong attempts in a quarter of an hour, from one address and in all. */
const maxOfAddress = 10
const maxInAll = 300
const windowMs = 15 * 60_000
/** Attempts that come at the same moment and want the same place. */
const maxRaces = 20

/** A place among the attempts of this quarter of an hour. */
export interface Attempt {
  /** The token was right: the place is free again. */
  readonly succeeded: () => Promise<void>
}

/**
 * Takes a place for an attempt to sign in before anything is compared, so that attempts at the same moment count as well. Kept in the state store, which all isolates and replicas share, for a quarter of an
 * hour; no address is in it, only a digest of it.
 *
 * @param address where the request comes from, where that is known.
 * @throws EngineError `too-many-attempts` where there is no place left.
 */
export async function takeAttempt(
  deps: Pick<FunctionDeps, 'state' | 'clock'>,
  address: string | undefined,
): Promise<Attempt> {
  const now = deps.clock.now()
  const window = Math.floor(now / windowMs)
  const whole = await takePlace(deps, `sign-in-attempts/${window}/all/`, maxInAll)
  const prefix = `sign-in-attempts/${window}/${sha256Hex(`address ${address ?? ''}`).slice(0, 32)}/`
  const own = whole === undefined || address === undefined ? undefined : await takePlace(deps, prefix, maxOfAddress)
  if (whole === undefined || (own === undefined && address !== undefined)) {
    // What is refused for its address takes no place away from others.
    if (whole !== undefined) await deps.state.delete(whole)
    throw new EngineError('too many attempts to sign in; wait for some minutes', {
      code: 'too-many-attempts',
      retryAfterMs: (window + 1) * windowMs - now,
    })
  }
  return {
    succeeded: async () => {
      await Promise.all([whole, own].flatMap((key) => (key === undefined ? [] : deps.state.delete(key))))
    },
  }
}

async function takePlace(deps: Pick<FunctionDeps, 'state'>, prefix: string, most: number): Promise<string | undefined> {
  const ttl = { ttlSeconds: windowMs / 1000 + 60 }
  const taken = new Set((await deps.state.list(prefix, { limit: most })).map(({ key }) => key))
  let races = 0
  for (let place = 0; place < most && races < maxRaces; place++) {
    const key = `${prefix}${String(place).padStart(3, '0')}`
    if (taken.has(key)) continue
    if (await deps.state.putIfAbsent(key, true, ttl)) return key
    races += 1
  }
  return undefined
}

/** Where a request comes from, as far as the platform itself says it: headers that a client could have written count only on Cloudflare, which overwrites them. */
export function addressOf(request: Request, env: unknown): string | undefined {
  const { incoming } = (env ?? {}) as { readonly incoming?: { readonly socket?: { readonly remoteAddress?: unknown } } }
  const address = incoming === undefined ? request.headers.get('cf-connecting-ip') : incoming.socket?.remoteAddress
  if (typeof address !== 'string' || address === '') return undefined
  return networkOf(address)
}

/** Who has one address of IPv6 has all of its network (/64). */
function networkOf(address: string): string {
  if (!address.includes(':') || address.includes('.')) return address
  const [head = '', tail] = address.split('::')
  const [first, last] = [head, tail ?? ''].map((part) => (part === '' ? [] : part.split(':')))
  const zeros = Array<string>(Math.max(0, 8 - (first?.length ?? 0) - (last?.length ?? 0))).fill('0')
  return [...(first ?? []), ...zeros, ...(last ?? [])].slice(0, 4).join(':')
}
