import { sha256 } from '@noble/hashes/sha2.js'
import { bytesToHex } from '@noble/hashes/utils.js'
import { isEngineError, printUrl } from '../../base/index.ts'
import type { Clock, SshClient } from '../../ports/index.ts'
import type { RequestDeps, SourceResponse } from '../request.ts'
import { drain, retryAfterMs, sendRequest } from '../request.ts'
import type { GitObjectCache, KnownServer } from './cache.ts'
import { cacheScope } from './cache.ts'
import type { GitCredentials } from './credentials.ts'
import { credentialsForUrl, parseGitUrl } from './credentials.ts'
import { gitError } from './errors.ts'
import type { GitLimits } from './limits.ts'
import type { GitObject } from './object-id.ts'
import type { PackBases } from './pack.ts'
import { readPack } from './pack.ts'
import type { Packet } from './pkt-line.ts'
import { readPackets } from './pkt-line.ts'
import type { FetchRequest, RemoteRef } from './protocol.ts'
import { fetchRequest, gitAgent, lsRefsRequest, readCapabilities, readFetchedPack, readRefs } from './protocol.ts'
import type { GitLogin } from './provider-credentials.ts'
import { sendOverSsh } from './ssh.ts'

/** What Git sources need from outside. */
export interface GitDeps extends RequestDeps {
  readonly cache: GitObjectCache
  readonly clock: Clock
  readonly limits: GitLimits
  /** For repositories over SSH; absent on platforms that cannot open sockets. */
  readonly ssh?: SshClient
  /** Logins of clouds by `spec.provider` (`azure`, `aws`), where the deployment has them. */
  readonly logins?: { readonly [provider: string]: GitLogin | undefined }
}

/** How long a server's capabilities are believed, which saves a request per operation. */
const serverTtlMs = 3_600_000

/**
 * One repository at a forge, spoken to over smart HTTP or SSH, protocol v2 (version 1 for listing). One instance serves one operation: its deadline starts when it is made.
 * Every failure is an EngineError with reason `GitOperationFailed` whose message shows the URL without user name, password and query.
 */
export class GitRemote {
  readonly url: URL
  /** Keeps this repository's objects apart in the cache. */
  readonly scope: string
  /** Identifies repository and credentials together; only ever held in memory. */
  readonly identity: string
  readonly #deps: GitDeps
  readonly #credentials: GitCredentials
  readonly #signal: AbortSignal

  constructor(deps: GitDeps, options: { url: string; credentials?: GitCredentials; signal?: AbortSignal }) {
    this.url = parseGitUrl(options.url)
    this.#deps = deps
    this.#credentials = options.credentials ?? {}
    const deadline = AbortSignal.timeout(deps.limits.timeoutMs)
    this.#signal = options.signal === undefined ? deadline : AbortSignal.any([deadline, options.signal])
    this.scope = cacheScope(repositoryBase(this.url))
    this.identity = bytesToHex(
      sha256(new TextEncoder().encode(JSON.stringify([repositoryBase(this.url), this.#credentials]))),
    )
  }

  /** What the server can do; remembered in the cache for an hour. */
  async server(): Promise<KnownServer> {
    const { cache, clock } = this.#deps
    return cache.server(this.identity, clock.now()) ?? (await this.#discover())
  }

  /** References whose name starts with one of `prefixes`. One request where the server is known. */
  async listRefs(prefixes: readonly string[]): Promise<readonly RemoteRef[]> {
    return this.#withServer(async (server) => {
      const isWanted = (ref: RemoteRef): boolean => prefixes.some((prefix) => ref.name.startsWith(prefix))
      if (server.capabilities.version === 1) return (server.capabilities.refs ?? []).filter(isWanted)
      const packets = await this.#post(server, lsRefsRequest(prefixes), this.#deps.limits.maxRefsBytes)
      return (await readRefs(packets)).filter(isWanted)
    })
  }

  /** True where the server can leave out blobs. */
  async hasFilter(): Promise<boolean> {
    const { capabilities } = await this.server()
    return (capabilities.features.get('fetch') ?? '').split(' ').includes('filter')
  }

  /** Fetches objects. `bases` gives what thin packs may build on. */
  async fetchObjects(request: FetchRequest, bases?: PackBases): Promise<Map<string, GitObject>> {
    const { limits } = this.#deps
    const pack = await this.#withServer(async (server) => {
      // Side-band framing adds 5 bytes per packet of up to 64 KB; progress and section headers are small.
      const packets = await this.#post(
        server,
        fetchRequest(request),
        limits.maxPackBytes + (limits.maxPackBytes >> 6) + 65536,
      )
      return readFetchedPack(packets, limits.maxPackBytes)
    })
    return readPack(pack, limits, bases)
  }

  /** Sends one request through the same rules and deadline; for clients of other protocol versions. */
  async send(request: {
    method: 'GET' | 'POST'
    url: URL
    headers: { [name: string]: string }
    body?: Uint8Array
  }): Promise<SourceResponse> {
    const { body, ...rest } = request
    // The repository may have moved to another host, which must not see what was meant for the first.
    const credentials = credentialsForUrl(this.#credentials, this.url, request.url)
    const whole = { ...rest, ...(body === undefined ? {} : { body }), signal: this.#signal }
    return this.#guard(() =>
      request.url.protocol === 'ssh:'
        ? sendOverSsh(this.#deps.ssh, { ...whole, credentials: credentials.ssh })
        : sendRequest(this.#deps, { ...whole, credentials }),
    )
  }

  /** Runs a command; where a remembered server does not answer to it, asks for its capabilities again and runs it once more. */
  async #withServer<T>(run: (server: KnownServer) => Promise<T>): Promise<T> {
    const { cache, clock } = this.#deps
    const known = cache.server(this.identity, clock.now())
    if (known === undefined) return this.#guard(async () => run(await this.#discover()))
    try {
      return await this.#guard(() => run(known))
    } catch (error) {
      const isOutdated =
        isEngineError(error) && ['git-http-status', 'git-not-found', 'redirect-refused'].includes(error.code)
      if (!isOutdated) throw error
      cache.setServer(this.identity, undefined)
      return this.#guard(async () => run(await this.#discover()))
    }
  }

  async #discover(): Promise<KnownServer> {
    const { cache, clock, limits } = this.#deps
    const response = await this.send({
      method: 'GET',
      url: new URL(`${repositoryBase(this.url)}/info/refs?service=git-upload-pack`),
      headers: { 'git-protocol': 'version=2', 'user-agent': gitAgent, accept: '*/*' },
    })
    await this.#checkStatus(response, 'application/x-git-upload-pack-advertisement')
    const capabilities = await this.#guard(() => readCapabilities(this.#packets(response, limits.maxRefsBytes)))
    const base = repositoryBase(response.url).replace(/\/info\/refs$/, '')
    const server = { capabilities, base, until: clock.now() + serverTtlMs }
    // The references of a version 1 answer are a moment's, so only version 2 is remembered.
    if (capabilities.version === 2) cache.setServer(this.identity, server)
    return server
  }

  async #post(server: KnownServer, body: Uint8Array, maxBytes: number): Promise<AsyncIterable<Packet>> {
    const response = await this.send({
      method: 'POST',
      url: new URL(`${server.base}/git-upload-pack`),
      headers: {
        'git-protocol': 'version=2',
        'user-agent': gitAgent,
        'content-type': 'application/x-git-upload-pack-request',
        accept: 'application/x-git-upload-pack-result',
      },
      body,
    })
    await this.#checkStatus(response, 'application/x-git-upload-pack-result')
    return this.#packets(response, maxBytes)
  }

  async *#packets(response: SourceResponse, maxBytes: number): AsyncGenerator<Packet> {
    yield* readPackets(limited(response, maxBytes))
  }

  async #checkStatus(response: SourceResponse, type: string): Promise<void> {
    if (response.status === 200 && response.headers['content-type']?.startsWith(type) === true) return
    await drain(response)
    const at = printUrl(response.url)
    if (response.status === 200) {
      throw gitError(`${at} does not answer as a Git server; check that spec.url is the URL of a repository`, {
        code: 'git-http-status',
        disposition: 'retry',
      })
    }
    if (response.status === 401 || response.status === 403) {
      const hint =
        this.#credentials.authorization === undefined
          ? 'authentication required: name a Secret with credentials in spec.secretRef'
          : 'the credentials were refused: check the Secret in spec.secretRef'
      throw gitError(`unable to list or clone ${at}: ${hint}`, {
        code: 'git-authentication',
        disposition: 'retry',
        data: { status: response.status },
      })
    }
    const retryAfter = retryAfterMs(response.headers, this.#deps.clock.now())
    throw gitError(
      response.status === 404
        ? `repository not found: ${at}`
        : `${at} answered with status ${response.status}${response.status === 429 ? ', too many requests' : ''}`,
      {
        code:
          response.status === 404
            ? 'git-not-found'
            : response.status === 429 || response.status >= 500
              ? 'git-unavailable'
              : 'git-http-status',
        disposition: 'retry',
        data: { status: response.status },
        ...(retryAfter === undefined ? {} : { retryAfterMs: retryAfter }),
      },
    )
  }

  /** Turns what is not an EngineError yet (a deadline, a broken stream) into one. */
  async #guard<T>(run: () => Promise<T>): Promise<T> {
    try {
      return await run()
    } catch (error) {
      if (isEngineError(error)) throw error
      const at = printUrl(this.url)
      if (this.#signal.aborted) {
        throw gitError(`${at} did not finish within ${this.#deps.limits.timeoutMs} ms, or the run was stopped`, {
          code: 'git-timeout',
          disposition: 'retry',
          cause: error,
        })
      }
      throw gitError(`the connection to ${at} broke`, { code: 'git-connection', disposition: 'retry', cause: error })
    }
  }
}

/** URL of a repository without query, fragment, user information and trailing slash. */
export function repositoryBase(url: URL): string {
  // Not `origin`, which an ssh URL does not have.
  return `${url.protocol}//${url.host}${url.pathname.replace(/\/+$/, '')}`
}

async function* limited(response: SourceResponse, maxBytes: number): AsyncGenerator<Uint8Array> {
  let total = 0
  for await (const part of response.body ?? []) {
    total += part.length
    if (total > maxBytes) {
      throw gitError(`${printUrl(response.url)} answered with more than the limit of ${maxBytes} bytes`, {
        code: 'git-too-large',
      })
    }
    yield part
  }
}
