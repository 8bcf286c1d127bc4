import type { Json } from '../base/index.ts'

/** A stored value with its key. */
export interface StateEntry {
  readonly key: string
  readonly value: Json
}

/**
 * Small durable records (runs, deliveries, digests). Losing all of them makes the next run slower, never wrong. Keys are
 * '/'-separated, at most 512 bytes; values at most 1 MiB as JSON.
 */
export interface StateStore {
  get(key: string): Promise<Json | undefined>
  /** Writes `value`; with `ttlSeconds` it disappears after that time. */
  put(key: string, value: Json, options?: { ttlSeconds?: number }): Promise<void>
  /** Writes only where nothing is stored; true when it wrote. Atomic: of many callers, one gets true. */
  putIfAbsent(key: string, value: Json, options?: { ttlSeconds?: number }): Promise<boolean>
  delete(key: string): Promise<void>
  /** Entries whose key starts with `prefix`, in byte order of keys (descending with `reverse`), after the key `after`. At most `limit` (default 100). */
  list(prefix: string, options?: { limit?: number; after?: string; reverse?: boolean }): Promise<readonly StateEntry[]>
}

/** Content-addressed or named byte cache (Git objects, index digests). May forget anything at any time. */
export interface BlobStore {
  get(key: string): Promise<Uint8Array | undefined>
  put(key: string, value: Uint8Array): Promise<void>
  delete(key: string): Promise<void>
}
