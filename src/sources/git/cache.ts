import { sha256 } from '@noble/hashes/sha2.js'
import { bytesToHex } from '@noble/hashes/utils.js'
import { KeptFingerprints } from '../../files/index.ts'
import type { BlobStore } from '../../ports/index.ts'
import type { GitObject } from './object-id.ts'
import type { ServerCapabilities } from './protocol.ts'

/** A server's capabilities and where it answers, after redirects. */
export interface KnownServer {
  readonly capabilities: ServerCapabilities
  /** URL of the repository without `/info/refs`. */
  readonly base: string
  /** Clock time until which this is believed. */
  readonly until: number
}

/** A short-lived token. */
export interface KnownToken {
  readonly value: string
  /** Clock time until which it is used. */
  readonly until: number
}

/** A file of the repository whose patterns hide others. */
export interface IgnoreFile {
  /** Path relative to the tree that it was found under. */
  readonly path: string
  readonly id: string
}

export interface GitObjectCacheOptions {
  /** Keeps objects across restarts and between instances; without it only memory is used. */
  readonly store?: BlobStore
  /** Bytes of objects kept in memory; the least recently used go first. Default 32 MiB. */
  readonly maxBytes?: number
}

/** What an object costs besides its bytes: keys, map entries, views. */
const overhead = 200

/** Small facts (servers, completeness, ignore files) are forgotten as a whole when there are more than this many. */
const maxFacts = 50_000

/**
 * What Git sources remember between calls: objects by repository and id, servers' capabilities, downloads in flight. Made by a composition root and passed in; losing
 * it makes the next fetch slower, never wrong, because every object's id is computed from its content when it comes in.
 *
 * Objects are kept apart per repository URL, so that no repository can plant an object for another one, nor find out whether another has it.
 * A cache must not be shared between isolates' requests on platforms that forbid one request to wait for another's I/O (Cloudflare outside a Durable Object).
 */
export class GitObjectCache {
  readonly store: BlobStore | undefined
  /** What was found out of trees that consist of these objects. */
  readonly fingerprints = new KeptFingerprints()
  readonly #maxBytes: number
  #bytes = 0
  readonly #objects = new Map<string, GitObject>()
  readonly #flights = new Map<string, Promise<unknown>>()
  readonly #writes = new Set<Promise<void>>()
  readonly #servers = new Map<string, KnownServer>()
  readonly #ignoreFiles = new Map<string, readonly IgnoreFile[]>()
  readonly #tokens = new Map<string, KnownToken>()
  /** Commits whose trees all came in, with the number of stored increments that they rest on. */
  readonly #complete = new Map<string, number>()

  constructor(options: GitObjectCacheOptions = {}) {
    this.store = options.store
    this.#maxBytes = options.maxBytes ?? 32 << 20
  }

  get(scope: string, id: string): GitObject | undefined {
    const key = scope + id
    const object = this.#objects.get(key)
    if (object === undefined) return undefined
    this.#objects.delete(key)
    this.#objects.set(key, object)
    return object
  }

  /** Takes in objects whose ids were computed from their content. */
  addAll(scope: string, objects: Iterable<readonly [id: string, object: GitObject]>): void {
    for (const [id, object] of objects) {
      const key = scope + id
      if (this.#objects.has(key)) continue
      const cost = object.data.length + overhead
      if (cost > this.#maxBytes / 4) continue
      this.#objects.set(key, object)
      this.#bytes += cost
    }
    for (const [key, object] of this.#objects) {
      if (this.#bytes <= this.#maxBytes) break
      this.#objects.delete(key)
      this.#bytes -= object.data.length + overhead
    }
  }

  /** Bytes held in memory, for status pages and tests. */
  get bytes(): number {
    return this.#bytes
  }

  /**
   * Runs `run` once for all callers that ask for the same `key` at the same time. Each caller stops waiting when its own `signal` aborts; the work itself goes on for
   * the others and ends at its own deadline.
   */
  async share<T>(key: string, signal: AbortSignal | undefined, run: () => Promise<T>): Promise<T> {
    signal?.throwIfAborted()
    let flight = this.#flights.get(key) as Promise<T> | undefined
    if (flight === undefined) {
      flight = run().finally(() => this.#flights.delete(key))
      this.#flights.set(key, flight)
    }
    return signal === undefined ? flight : raceSignal(flight, signal)
  }

  /** Reads from the store. A store that fails counts as empty: everything can be fetched from the remote again. */
  async read(key: string): Promise<Uint8Array | undefined> {
    return this.store?.get(key).catch(() => undefined)
  }

  /** Writes to the store in the background. A failed write is only a slower next start, so it is not reported. */
  write(key: string, value: Uint8Array): void {
    if (this.store === undefined) return
    const done = this.store.put(key, value).then(
      () => undefined,
      () => undefined,
    )
    const write = done.finally(() => this.#writes.delete(write))
    this.#writes.add(write)
  }

  /** Resolves when everything written so far is stored. Call it before an isolate may stop (`waitUntil`). */
  async flush(): Promise<void> {
    await Promise.all(this.#writes)
  }

  server(key: string, now: number): KnownServer | undefined {
    const known = this.#servers.get(key)
    return known !== undefined && known.until > now ? known : undefined
  }

  setServer(key: string, server: KnownServer | undefined): void {
    if (server === undefined) this.#servers.delete(key)
    else remember(this.#servers, key, server)
  }

  /** A token that was fetched for the identity `key` (a digest, never the credentials themselves). Held in memory only. */
  token(key: string, now: number): string | undefined {
    const known = this.#tokens.get(key)
    return known !== undefined && known.until > now ? known.value : undefined
  }

  setToken(key: string, token: KnownToken): void {
    remember(this.#tokens, key, token)
  }

  ignoreFiles(scope: string, tree: string): readonly IgnoreFile[] | undefined {
    return this.#ignoreFiles.get(scope + tree)
  }

  setIgnoreFiles(scope: string, tree: string, files: readonly IgnoreFile[]): void {
    remember(this.#ignoreFiles, scope + tree, files)
  }

  /** Number of stored increments below `commit` where all its trees came in during this cache's life, else undefined. */
  completeness(scope: string, commit: string): number | undefined {
    return this.#complete.get(scope + commit)
  }

  setComplete(scope: string, commit: string, increments: number): void {
    remember(this.#complete, scope + commit, increments)
  }
}

/** Key part that keeps repositories apart: the same for the same URL text. */
export function cacheScope(url: string): string {
  return `${bytesToHex(sha256(new TextEncoder().encode(url))).slice(0, 32)}/`
}

function remember<V>(map: Map<string, V>, key: string, value: V): void {
  if (map.size >= maxFacts) map.clear()
  map.set(key, value)
}

async function raceSignal<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  const aborted = Promise.withResolvers<never>()
  const onAbort = (): void => aborted.reject(signal.reason as Error)
  signal.addEventListener('abort', onAbort, { once: true })
  try {
    return await Promise.race([work, aborted.promise])
  } finally {
    signal.removeEventListener('abort', onAbort)
  }
}
