import { spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import { createServer as createHttpServer } from 'node:http'
import { createServer as createHttpsServer } from 'node:https'
import type { AddressInfo, Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { GitTestRepository } from './git-repository.ts'

/** What the server does wrong from now on, until it is set to something else. */
export type Misbehaviour =
  | { readonly kind: 'none' }
  /** Waits before it answers. */
  | { readonly kind: 'slow'; readonly ms: number }
  /** Closes the connection after so many bytes of the body of a POST's answer. */
  | { readonly kind: 'truncate'; readonly bytes: number }
  /** Flips a byte at this offset of the body of a POST's answer. */
  | { readonly kind: 'corrupt'; readonly offset: number }
  | { readonly kind: 'status'; readonly status: number; readonly retryAfter?: string }
  /** Redirects everything to this origin and path prefix. */
  | { readonly kind: 'redirect'; readonly to: string; readonly status?: number }
  /** Answers with this body and type, status 200. */
  | { readonly kind: 'body'; readonly body: string; readonly type?: string }

/** What went over the wire since the last reset. */
export interface GitServerCounters {
  requests: number
  bytesReceived: number
  /** Bytes of bodies sent. */
  bytesSent: number
  /** Milliseconds in which the server worked on at least one request, from its arrival to the last byte given to the connection. */
  busyMs: number
  /** `GET /repo.git/info/refs` and the like, in order. */
  log: string[]
  /** Values of the authorization header, in order; undefined where there was none. */
  authorizations: (string | undefined)[]
}

export interface GitServerOptions {
  readonly auth?: { readonly username: string; readonly password: string } | { readonly bearerToken: string }
  readonly tls?: { readonly cert: string; readonly key: string; readonly clientCa?: string }
  /** Offers `filter` to clients. Default true. */
  readonly allowFilter?: boolean
  /** Lets clients ask for any object by id over protocol version 1. Default true. */
  readonly allowAnySha1InWant?: boolean
  /** Awaited after a push was answered, with the repository's name (`team/app`). */
  readonly onPush?: (name: string) => Promise<void>
  /** 2 (default), or 1 for a server that ignores the client's wish for version 2. */
  readonly protocol?: 1 | 2
}

/**
 * A real smart-HTTP Git server for tests and the demo: `git http-backend` over bare repositories in a temporary folder, on 127.0.0.1.
 *
 * @example
 * await using server = await GitServer.start()
 * const repository = await server.create('team/app', { 'deploy/a.yaml': 'a: 1\n' })
 * await repository.commit({ 'deploy/a.yaml': 'a: 2\n' })
 * // repository.url is http://127.0.0.1:<port>/team/app.git
 */
export class GitServer {
  /** Folder of the bare repositories. */
  readonly root: string
  counters: GitServerCounters = emptyCounters()
  misbehaviour: Misbehaviour = { kind: 'none' }
  readonly #options: GitServerOptions
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  #working = 0
  #busySince = 0

  private constructor(root: string, options: GitServerOptions) {
    this.root = root
    this.#options = options
    const listener = (request: IncomingMessage, response: ServerResponse): void => {
      if (this.#working++ === 0) this.#busySince = performance.now()
      this.#handle(request, response)
        .catch((error: unknown) => {
          response.destroy(error instanceof Error ? error : new Error(String(error)))
        })
        .finally(() => {
          if (--this.#working === 0) this.counters.busyMs += performance.now() - this.#busySince
        })
    }
    const tls = options.tls
    this.#server =
      tls === undefined
        ? createHttpServer(listener)
        : createHttpsServer(
            tls.clientCa === undefined
              ? { cert: tls.cert, key: tls.key }
              : { cert: tls.cert, key: tls.key, ca: tls.clientCa, requestCert: true, rejectUnauthorized: true },
            listener,
          )
    this.#server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket)
      socket.on('close', () => this.#sockets.delete(socket))
    })
  }

  static async start(options: GitServerOptions & { readonly port?: number } = {}): Promise<GitServer> {
    const root = await mkdtemp(join(tmpdir(), 'sluice-git-'))
    const server = new GitServer(root, options)
    await new Promise<void>((resolve, reject) => {
      server.#server.once('error', reject)
      server.#server.listen(options.port ?? 0, '127.0.0.1', resolve)
    })
    return server
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  /** `http://127.0.0.1:<port>`, without a slash at the end. */
  get origin(): string {
    return `${this.#options.tls === undefined ? 'http' : 'https'}://127.0.0.1:${this.port}`
  }

  /** Creates the bare repository `name` (`team/app`), with a first commit on `main` when files are given. */
  async create(
    name: string,
    files?: Parameters<GitTestRepository['commit']>[0],
    options: { branch?: string } = {},
  ): Promise<GitTestRepository> {
    const repository = await GitTestRepository.create(join(this.root, `${name}.git`), `${this.origin}/${name}.git`, {
      allowFilter: this.#options.allowFilter ?? true,
      allowAnySha1InWant: this.#options.allowAnySha1InWant ?? true,
      branch: options.branch ?? 'main',
    })
    if (files !== undefined) await repository.commit(files)
    return repository
  }

  /** Sets all counters to zero and returns what they were. */
  reset(): GitServerCounters {
    const before = this.counters
    this.counters = emptyCounters()
    return before
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    await new Promise<void>((resolve) => this.#server.close(() => resolve()))
    await rm(this.root, { recursive: true, force: true, maxRetries: 3 })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    this.counters.requests++
    this.counters.log.push(`${request.method} ${request.url}`)
    this.counters.authorizations.push(request.headers.authorization)
    request.on('data', (chunk: Buffer) => (this.counters.bytesReceived += chunk.length))
    const bad = this.misbehaviour
    if (bad.kind === 'slow') {
      request.pause() // What is sent meanwhile is for the backend.
      await new Promise((resolve) => setTimeout(resolve, bad.ms))
    }
    if (bad.kind === 'status') {
      response.writeHead(bad.status, bad.retryAfter === undefined ? {} : { 'retry-after': bad.retryAfter })
      response.end('no')
      return
    }
    if (bad.kind === 'redirect') {
      response.writeHead(bad.status ?? 302, { location: `${bad.to}${request.url}` }).end()
      return
    }
    if (bad.kind === 'body') {
      response.writeHead(200, { 'content-type': bad.type ?? 'text/html' }).end(bad.body)
      return
    }
    if (!this.#isAuthorized(request.headers.authorization)) {
      response.writeHead(401, { 'www-authenticate': 'Basic realm="git"' }).end('authentication required')
      return
    }
    await this.#runBackend(request, response)
  }

  #isAuthorized(header: string | undefined): boolean {
    const auth = this.#options.auth
    if (auth === undefined) return true
    if ('bearerToken' in auth) return header === `Bearer ${auth.bearerToken}`
    return header === `Basic ${Buffer.from(`${auth.username}:${auth.password}`).toString('base64')}`
  }

  async #runBackend(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', 'http://localhost')
    const protocol = this.#options.protocol === 1 ? undefined : request.headers['git-protocol']
    const backend = spawn('git', ['http-backend'], {
      env: {
        PATH: process.env['PATH'] ?? '',
        GIT_CONFIG_NOSYSTEM: '1',
        HOME: this.root,
        GIT_PROJECT_ROOT: this.root,
        GIT_HTTP_EXPORT_ALL: '1',
        REQUEST_METHOD: request.method ?? 'GET',
        PATH_INFO: decodeURIComponent(url.pathname),
        QUERY_STRING: url.search.slice(1),
        CONTENT_TYPE: request.headers['content-type'] ?? '',
        REMOTE_USER: 'test',
        REMOTE_ADDR: '127.0.0.1',
        ...(request.headers['content-length'] === undefined
          ? {}
          : { CONTENT_LENGTH: request.headers['content-length'] }),
        ...(request.headers['content-encoding'] === undefined
          ? {}
          : { HTTP_CONTENT_ENCODING: request.headers['content-encoding'] }),
        ...(protocol === undefined ? {} : { GIT_PROTOCOL: String(protocol) }),
      },
      stdio: ['pipe', 'pipe', 'ignore'],
    })
    // The backend may end before it has read everything (a refused request).
    backend.stdin.on('error', () => backend.stdin.destroy())
    response.on('close', () => backend.kill())
    request.pipe(backend.stdin)
    let head: Buffer | undefined = Buffer.alloc(0)
    let sent = 0
    for await (const chunk of backend.stdout as AsyncIterable<Buffer>) {
      let body = chunk
      if (head !== undefined) {
        head = Buffer.concat([head, chunk])
        const end = head.indexOf('\r\n\r\n')
        if (end < 0) continue
        writeCgiHead(head.subarray(0, end).toString('latin1'), response)
        body = head.subarray(end + 4)
        head = undefined
      }
      if (!this.#send(request, response, body, sent)) return
      sent += body.length
    }
    if (head !== undefined) response.writeHead(500)
    response.end()
    const pushed = request.method === 'POST' ? /^\/(.+)\.git\/git-receive-pack$/.exec(url.pathname)?.[1] : undefined
    if (pushed !== undefined) await this.#options.onPush?.(pushed)
  }

  /** Sends a part of the body, misbehaving where asked to; false when the connection is gone. */
  #send(request: IncomingMessage, response: ServerResponse, part: Buffer, sent: number): boolean {
    const bad = this.misbehaviour
    let body = part
    if (request.method === 'POST' && bad.kind === 'truncate' && sent + body.length > bad.bytes) {
      response.write(body.subarray(0, Math.max(0, bad.bytes - sent)), () => response.destroy())
      return false
    }
    if (request.method === 'POST' && bad.kind === 'corrupt' && bad.offset >= sent && bad.offset < sent + body.length) {
      body = Buffer.from(body)
      const at = bad.offset - sent
      body.writeUInt8(body.readUInt8(at) ^ 0x40, at)
    }
    this.counters.bytesSent += body.length
    response.write(body)
    return true
  }
}

function writeCgiHead(head: string, response: ServerResponse): void {
  let status = 200
  const headers: { [name: string]: string } = {}
  for (const line of head.split('\r\n')) {
    const colon = line.indexOf(':')
    const name = line.slice(0, colon).toLowerCase()
    const value = line.slice(colon + 1).trim()
    if (name === 'status') status = Number.parseInt(value, 10)
    else headers[name] = value
  }
  response.writeHead(status, headers)
}

function emptyCounters(): GitServerCounters {
  return { requests: 0, bytesReceived: 0, bytesSent: 0, busyMs: 0, log: [], authorizations: [] }
}
