import { EngineError, checkEgress, collectBytes, isHostAllowed, printUrl, utf8Text } from '../base/index.ts'
import type { VerifyTools } from './types.ts'

/** What was fetched once and is believed for a while. Only values are kept, no requests: isolates must not wait for one another's. */
export interface FetchCache {
  get(key: string): CachedFetch | undefined
  set(key: string, entry: CachedFetch): void
}

/** A fetched value, or that there was none. */
export interface CachedFetch {
  readonly value: unknown
  /** Milliseconds since 1970 of the last try that ended. */
  readonly at: number
  /** Tries under way, and when the last of them began. */
  readonly asking: number
  readonly askedAt: number
}

/** Most entries that are kept; the oldest goes when there are more. */
const maxEntries = 200
/** Longest wait for one answer. */
const timeoutMs = 5_000
/** The same thing is fetched at most this often, however many ask for it, and by at most so many at the same time. */
const minPauseMs = 30_000
const maxAsking = 4

/** An empty cache, in memory. */
export function createFetchCache(): FetchCache {
  const entries = new Map<string, CachedFetch>()
  return {
    get: (key) => entries.get(key),
    set: (key, entry) => {
      entries.delete(key)
      entries.set(key, entry)
      const oldest = entries.keys().next()
      if (entries.size > maxEntries && oldest.done !== true) entries.delete(oldest.value)
    },
  }
}

/**
 * A value from the cache where `isGood` says so, else what `load` fetches. Whoever sends made-up deliveries causes one fetch in half a minute.
 *
 * @throws EngineError `issuer-unreachable` (`retry`) where a try has just failed; what `load` throws.
 */
export async function cachedOr<T>(
  tools: VerifyTools,
  key: string,
  isGood: (value: T, ageMs: number) => boolean,
  load: () => Promise<T>,
): Promise<T> {
  const known = tools.fetched.get(key) ?? { value: undefined, at: 0, asking: 0, askedAt: 0 }
  const now = tools.now()
  const value = known.value as T | undefined
  const isRecent = now - known.at < minPauseMs
  if (value !== undefined && (isRecent || isGood(value, now - known.at))) return value
  // A try that was cut off does not count for ever.
  const asking = now - known.askedAt < minPauseMs ? known.asking : 0
  if (isRecent || asking >= maxAsking)
    throw new EngineError('what verifies the delivery could not be fetched; try again', {
      code: 'issuer-unreachable',
      disposition: 'retry',
    })
  tools.fetched.set(key, { ...known, asking: asking + 1, askedAt: now })
  let fresh = value
  try {
    fresh = await load()
    return fresh
  } finally {
    tools.fetched.set(key, { value: fresh, at: tools.now(), asking: 0, askedAt: 0 })
  }
}

/**
 * The text at a URL that configuration names. Redirects are not followed; plain http is spoken only with hosts that the deployment lets through by
 * name, since whoever sits in between could put keys of their own into the answer.
 *
 * @throws EngineError `issuer-unreachable` (`retry`) without a usable answer; `egress-refused`, `issuer-invalid`.
 */
export async function fetchText(tools: VerifyTools, address: string, maxBytes: number): Promise<string> {
  if (!URL.canParse(address)) throw new EngineError('an address of the issuer is no URL', { code: 'issuer-invalid' })
  const url = new URL(address)
  checkEgress(url, tools.egress)
  if (url.protocol !== 'https:' && !isHostAllowed(url.hostname, tools.egress))
    throw new EngineError(`${printUrl(url)} must be https`, { code: 'issuer-invalid' })
  try {
    const response = await tools.http.send({
      method: 'GET',
      url: url.href,
      headers: { accept: 'application/json, */*;q=0.1' },
      signal: AbortSignal.any([tools.signal, AbortSignal.timeout(timeoutMs)]),
    })
    const bytes = await collectBytes(response.body ?? [], maxBytes, () => unreachable(url, 'the answer is too large'))
    if (response.status !== 200) throw unreachable(url, `it answered ${response.status}`)
    const text = utf8Text(bytes)
    if (text === undefined) throw unreachable(url, 'the answer is not UTF-8')
    return text
  } catch (caught) {
    if (caught instanceof EngineError && caught.code === 'issuer-unreachable') throw caught
    throw unreachable(url, 'it did not answer', caught)
  }
}

function unreachable(url: URL, why: string, cause?: unknown): EngineError {
  return new EngineError(`${printUrl(url)} cannot be used to verify: ${why}`, {
    code: 'issuer-unreachable',
    disposition: 'retry',
    ...(cause === undefined ? {} : { cause }),
  })
}
