import { sha256 } from '@noble/hashes/sha2.js'
import { bytesToHex } from '@noble/hashes/utils.js'
import { isEngineError, printUrl } from '../../base/index.ts'
import type { GitCredentials } from './credentials.ts'
import { gitDataError, gitError } from './errors.ts'
import { fetchVersion1 } from './isomorphic.ts'
import { decodeBundle, encodeBundle } from './object-bundle.ts'
import type { GitObject } from './object-id.ts'
import type { GitCommit } from './objects.ts'
import { kindOf, parseCommit, rawTreeEntries } from './objects.ts'
import type { FetchRequest } from './protocol.ts'
import type { GitDeps } from './remote.ts'
import { GitRemote } from './remote.ts'

type Objects = ReadonlyMap<string, GitObject>

/** Stored increments that one commit's trees may be spread over, so that reading them back stays a handful of reads. */
const maxIncrements = 8

/** Objects asked for in one request. */
const maxWants = 4000

/** Changed files below this size come along with the directories that changed. */
const smallFileBytes = 16_384

/** Largest bundle of files that is stored for one prefetch. */
const maxBundleBytes = 8 << 20

/**
 * The objects of one commit: gets them from memory, from the store or from the remote, with as few requests as possible. What was got once
 * stays at hand as long as this object lives, whatever the cache drops in the meantime.
 */
export class CommitObjects {
  readonly commitId: string
  readonly scope: string
  readonly #deps: GitDeps
  readonly #options: { readonly url: string; readonly credentials?: GitCredentials }
  readonly #reference: string | undefined
  readonly #identity: string
  readonly #pinned = new Map<string, GitObject>()

  constructor(
    deps: GitDeps,
    options: { url: string; credentials?: GitCredentials; commit: string; reference?: string },
  ) {
    this.#deps = deps
    // Not the caller's signal: downloads are shared with others, who must not be cut off with it.
    const { url, credentials } = options
    this.#options = credentials === undefined ? { url } : { url, credentials }
    this.commitId = options.commit
    this.#reference = options.reference
    const remote = this.#connect()
    this.scope = remote.scope
    this.#identity = remote.identity
  }

  /** The object if it is at hand. */
  get(id: string): GitObject | undefined {
    const pinned = this.#pinned.get(id)
    if (pinned !== undefined) return pinned
    const cached = this.#deps.cache.get(this.scope, id)
    if (cached !== undefined) this.#pinned.set(id, cached)
    return cached
  }

  /**
   * Gets the commit with its trees. `previous` is a commit that was worked on before: where its trees are at hand only the difference is downloaded.
   * Concurrent calls for the same commit share one download.
   */
  async load(previous: string | undefined, signal: AbortSignal | undefined): Promise<GitCommit> {
    const { cache } = this.#deps
    if (cache.completeness(this.scope, this.commitId) === undefined || this.get(this.commitId) === undefined) {
      const objects = await cache.share(`${this.#identity} commit ${this.commitId}`, signal, () =>
        this.#loadCommit(previous),
      )
      this.#pin(objects)
    }
    const object = this.get(this.commitId)
    if (object?.type !== 'commit') {
      throw gitError(
        `${this.commitId} of ${printUrl(this.#options.url)} is ${object === undefined ? 'not there' : `a ${object.type}, not a commit`}`,
        { code: 'git-not-a-commit', disposition: 'retry' },
      )
    }
    return parseCommit(object.data)
  }

  /** Gets trees that the cache has dropped, each with everything below it. */
  async loadTrees(ids: readonly string[], signal?: AbortSignal): Promise<void> {
    await this.#fetchMissing('trees', ids, signal, async (remote) =>
      (await remote.hasFilter()) ? { filter: 'blob:none' } : {},
    )
  }

  /** Gets an annotated tag, without what it points to where the server can leave that out. Undefined where `id` is something else. */
  async loadTag(id: string, signal?: AbortSignal): Promise<GitObject | undefined> {
    await this.#fetchMissing('tag', [id], signal, async (remote) =>
      (await remote.hasFilter()) ? { filter: 'tree:0', depth: 1 } : { depth: 1 },
    )
    const object = this.get(id)
    return object?.type === 'tag' ? object : undefined
  }

  /** Gets files. `storeAs` names the set, so that a later instance finds it in the store. */
  async loadBlobs(ids: readonly string[], signal?: AbortSignal, storeAs?: string): Promise<void> {
    const missing = ids.filter((id) => this.get(id) === undefined)
    if (missing.length === 0) return
    const { cache } = this.#deps
    const key = storeAs === undefined ? undefined : `git/${this.scope}files/${digest(storeAs)}`
    // An instance that has most of it was here before: asking the store would only cost time.
    if (key !== undefined && missing.length > ids.length / 2) {
      const stored = decodeBundle((await cache.read(key)) ?? new Uint8Array(0))?.objects ?? new Map<string, GitObject>()
      cache.addAll(this.scope, stored)
      const wanted = new Set(missing)
      for (const [id, object] of stored) if (wanted.has(id)) this.#pinned.set(id, object)
    }
    const isFetched = await this.#fetchMissing('blobs', missing, signal, () => Promise.resolve({}))
    if (isFetched && key !== undefined) this.#storeFiles(key, ids)
  }

  #connect(): GitRemote {
    return new GitRemote(this.#deps, this.#options)
  }

  #pin(objects: Objects): void {
    for (const [id, object] of objects) this.#pinned.set(id, object)
  }

  /** Fetches what is missing of `ids`; false when nothing was. Where the server gives out no single objects, the whole commit is fetched. */
  async #fetchMissing(
    what: string,
    ids: readonly string[],
    signal: AbortSignal | undefined,
    extra: (remote: GitRemote) => Promise<Partial<FetchRequest>>,
  ): Promise<boolean> {
    const missing = [...new Set(ids)].filter((id) => this.get(id) === undefined)
    if (missing.length === 0) return false
    const objects = await this.#deps.cache.share(
      `${this.#identity} ${what} ${digest(missing.join())}`,
      signal,
      async () => {
        const remote = this.#connect()
        const { capabilities } = await remote.server()
        const found =
          capabilities.version === 1
            ? await this.#fetchWhole(remote)
            : await this.#fetchWants(remote, missing, await extra(remote))
        this.#deps.cache.addAll(this.scope, found)
        return found
      },
    )
    this.#pin(objects)
    const lost = missing.find((id) => this.get(id) === undefined)
    if (lost !== undefined) throw gitDataError(`the server did not send the object ${lost} that was asked for`)
    return true
  }

  async #fetchWants(remote: GitRemote, ids: readonly string[], extra: Partial<FetchRequest>): Promise<Objects> {
    const found = new Map<string, GitObject>()
    try {
      for (let at = 0; at < ids.length; at += maxWants) {
        const objects = await remote.fetchObjects({ wants: ids.slice(at, at + maxWants), ...extra })
        for (const [id, object] of objects) found.set(id, object)
      }
      return found
    } catch (error) {
      if (!isEngineError(error) || error.code !== 'git-not-our-ref') throw error
      return this.#fetchWhole(remote)
    }
  }

  /** The commit with all its files. */
  async #fetchWhole(remote: GitRemote): Promise<Objects> {
    const { capabilities } = await remote.server()
    if (capabilities.version === 1) return fetchVersion1(remote, this.#deps.limits, this.commitId, this.#reference)
    return remote.fetchObjects({ wants: [this.commitId], depth: 1 })
  }

  /** From the store, or from the remote on top of `previous`, or from the remote alone. */
  async #loadCommit(previous: string | undefined): Promise<Objects> {
    const stored = await this.#loadStored(this.commitId)
    if (stored !== undefined) return stored
    const remote = this.#connect()
    const server = await remote.server()
    if (server.capabilities.version === 1 || !(await remote.hasFilter())) {
      const objects = await this.#fetchWhole(remote)
      this.#keep(objects, undefined)
      return objects
    }
    const base =
      previous !== undefined && previous !== this.commitId && (await this.#isAtHand(previous)) ? previous : undefined
    const difference = base === undefined ? undefined : await this.#fetchDifference(remote, base)
    const objects = difference ?? (await remote.fetchObjects({ wants: [this.commitId], depth: 1, filter: 'blob:none' }))
    this.#keep(objects, difference === undefined ? undefined : base)
    return objects
  }

  /**
   * What came since `base`: trees, and small files with them, because a render will want them and one request is saved. A delta may build on a file of `base` that was never
   * fetched; such a file is left out. Undefined where the server does not do it, or where it is too much at once.
   */
  async #fetchDifference(remote: GitRemote, base: string): Promise<Objects | undefined> {
    const external = (id: string): GitObject | undefined => this.#deps.cache.get(this.scope, id)
    const request = {
      wants: [this.commitId],
      depth: 1,
      filter: `blob:limit=${smallFileBytes}`,
      haves: [base],
      shallow: [base],
    }
    try {
      const objects = await remote.fetchObjects(request, { external, skipUnresolved: true })
      return objects.get(this.commitId)?.type === 'commit' ? objects : undefined
    } catch (error) {
      const isRefused = isEngineError(error) && ['git-remote-error', 'git-too-large'].includes(error.code)
      if (!isRefused) throw error
      return undefined
    }
  }

  async #isAtHand(commit: string): Promise<boolean> {
    if (this.#deps.cache.completeness(this.scope, commit) !== undefined) return true
    return (await this.#loadStored(commit)) !== undefined
  }

  /** Reads a commit's trees back from the store, following the increments they are spread over. */
  async #loadStored(commit: string): Promise<Objects | undefined> {
    const { cache } = this.#deps
    if (cache.store === undefined) return undefined
    const objects = new Map<string, GitObject>()
    let at: string | undefined = commit
    let increments = 0
    while (at !== undefined) {
      const bytes: Uint8Array | undefined = await cache.read(commitKey(this.scope, at))
      const bundle = bytes === undefined ? undefined : decodeBundle(bytes)
      if (bundle === undefined || ++increments > maxIncrements + 1) return undefined
      for (const [id, object] of bundle.objects) objects.set(id, object)
      at = bundle.base
    }
    if (!objects.has(commit)) return undefined
    cache.addAll(this.scope, objects)
    cache.setComplete(this.scope, commit, increments - 1)
    return objects
  }

  /** Takes fetched objects into the cache and stores commit and trees: on top of `base`, or all of them where that chain got long. */
  #keep(objects: Objects, base: string | undefined): void {
    const { cache } = this.#deps
    cache.addAll(this.scope, objects)
    const structure = new Map([...objects].filter(([, object]) => object.type !== 'blob'))
    const below = base === undefined ? undefined : cache.completeness(this.scope, base)
    if (base === undefined || below === undefined || below + 1 <= maxIncrements) {
      cache.write(
        commitKey(this.scope, this.commitId),
        encodeBundle(base === undefined ? { objects: structure } : { base, objects: structure }),
      )
      cache.setComplete(this.scope, this.commitId, base === undefined ? 0 : (below ?? 0) + 1)
      return
    }
    const all = this.#allTrees(structure)
    if (all !== undefined) cache.write(commitKey(this.scope, this.commitId), encodeBundle({ objects: all }))
    cache.setComplete(this.scope, this.commitId, 0)
  }

  /** The commit and every tree below it, or undefined where the cache has dropped one. */
  #allTrees(fresh: Objects): Map<string, GitObject> | undefined {
    const commit = fresh.get(this.commitId)
    if (commit?.type !== 'commit') return undefined
    const all = new Map([[this.commitId, commit]])
    const todo = [parseCommit(commit.data).tree]
    for (let id = todo.pop(); id !== undefined; id = todo.pop()) {
      const tree = fresh.get(id) ?? this.#deps.cache.get(this.scope, id)
      if (tree === undefined) return undefined
      all.set(id, tree)
      for (const { mode, nameEnd } of rawTreeEntries(tree.data)) {
        if (kindOf(mode) !== 'directory') continue
        const child = bytesToHex(tree.data.subarray(nameEnd + 1, nameEnd + 21))
        if (!all.has(child)) todo.push(child)
      }
    }
    return all
  }

  #storeFiles(key: string, ids: readonly string[]): void {
    const objects = new Map<string, GitObject>()
    let size = 0
    for (const id of ids) {
      const object = this.get(id)
      if (object === undefined) continue
      objects.set(id, object)
      size += object.data.length
      if (size > maxBundleBytes) return
    }
    this.#deps.cache.write(key, encodeBundle({ objects }))
  }
}

function commitKey(scope: string, commit: string): string {
  return `git/${scope}commit/${commit}`
}

function digest(text: string): string {
  return bytesToHex(sha256(new TextEncoder().encode(text))).slice(0, 40)
}
