import type { Json } from '../../src/base/index.ts'
import type { BlobStore, Clock, Logger, LogLevel, Random, StateEntry, StateStore } from '../../src/ports/index.ts'

/** A StateStore in memory. Passes the port's contract suite like any other. */
export function createMemoryState(now: () => number = Date.now): StateStore {
  const entries = new Map<string, { value: Json; until: number }>()
  const live = (key: string): { value: Json; until: number } | undefined => {
    const entry = entries.get(key)
    if (entry !== undefined && entry.until <= now()) {
      entries.delete(key)
      return undefined
    }
    return entry
  }
  const store = (key: string, value: Json, ttlSeconds: number | undefined): void => {
    entries.set(key, {
      value: structuredClone(value),
      until: ttlSeconds === undefined ? Number.POSITIVE_INFINITY : now() + ttlSeconds * 1000,
    })
  }
  return {
    get: async (key) => structuredClone(live(key)?.value),
    put: async (key, value, options) => store(key, value, options?.ttlSeconds),
    putIfAbsent: async (key, value, options) => {
      if (live(key) !== undefined) return false
      store(key, value, options?.ttlSeconds)
      return true
    },
    delete: async (key) => void entries.delete(key),
    list: async (prefix, options = {}) => {
      const keys = [...entries.keys()].filter((key) => key.startsWith(prefix) && live(key) !== undefined).sort()
      const ordered = options.reverse === true ? keys.reverse() : keys
      const { after } = options
      const behind =
        after === undefined ? ordered : ordered.filter((key) => (options.reverse === true ? key < after : key > after))
      return behind
        .slice(0, options.limit ?? 100)
        .map((key): StateEntry => ({ key, value: structuredClone(live(key)?.value ?? null) }))
    },
  }
}

/** A BlobStore in memory. */
export function createMemoryBlobs(): BlobStore {
  const blobs = new Map<string, Uint8Array>()
  return {
    get: async (key) => blobs.get(key)?.slice(),
    put: async (key, value) => void blobs.set(key, value.slice()),
    delete: async (key) => void blobs.delete(key),
  }
}

/** The system's clock. */
export const systemClock: Clock = {
  now: () => Date.now(),
  sleep: (ms, signal) =>
    new Promise((resolve, reject) => {
      const onAbort = (): void => {
        clearTimeout(timer)
        reject(signal?.reason instanceof Error ? signal.reason : new Error('aborted'))
      }
      const timer = setTimeout(() => {
        signal?.removeEventListener('abort', onAbort)
        resolve()
      }, ms)
      signal?.addEventListener('abort', onAbort, { once: true })
      if (signal?.aborted === true) onAbort()
    }),
}

export const systemRandom: Random = { bytes: (length) => crypto.getRandomValues(new Uint8Array(length)) }

/** A logger that keeps its lines, so that a test can look for what must not be there. */
export function createMemoryLogger(): Logger & { readonly lines: string[] } {
  const lines: string[] = []
  const make = (base: { readonly [key: string]: Json | undefined }): Logger => ({
    log: (level: LogLevel, message, fields = {}) =>
      void lines.push(JSON.stringify({ level, message, ...base, ...fields })),
    with: (fields) => make({ ...base, ...fields }),
  })
  return { ...make({}), lines }
}
