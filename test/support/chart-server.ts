import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { createHash } from 'node:crypto'
import type { AddressInfo } from 'node:net'
import { makeTgz } from './tar.ts'

/** What a server does once, in place of its answer. */
export type Misbehaviour =
  | { readonly kind: 'status'; readonly status: number; readonly headers?: { readonly [name: string]: string } }
  | { readonly kind: 'truncate'; readonly after: number }
  | { readonly kind: 'slow'; readonly ms: number }
  | { readonly kind: 'hang' }
  | { readonly kind: 'endless' }
  | { readonly kind: 'replace'; readonly body: string | Uint8Array }

/** One request as the server saw it. */
export interface SeenRequest {
  readonly method: string
  readonly path: string
  readonly authorization: string | undefined
  readonly headers: { readonly [name: string]: string | string[] | undefined }
}

/**
 * A static HTTP server for Helm repositories and anything else that is downloaded, which misbehaves when a test asks for it: each path has a queue of what it does wrong before it
 * answers properly.
 */
export class ChartServer {
  readonly files = new Map<string, Uint8Array | string>()
  readonly seen: SeenRequest[] = []
  /** `user:password` that every request must have; none by default. */
  login: string | undefined
  /** Redirects that last, by path. */
  readonly redirects = new Map<string, string>()
  readonly #misbehaviours = new Map<string, Misbehaviour[]>()
  readonly #server: Server

  private constructor() {
    this.#server = createServer((request, response) => void this.#answer(request, response))
  }

  static async start(): Promise<ChartServer> {
    const server = new ChartServer()
    await new Promise<void>((resolve) => server.#server.listen(0, '127.0.0.1', resolve))
    return server
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  /** The same server under another name: another host for whoever decides about credentials. */
  get otherUrl(): string {
    return this.url.replace('127.0.0.1', 'localhost')
  }

  misbehave(path: string, ...what: Misbehaviour[]): void {
    this.#misbehaviours.set(path, [...(this.#misbehaviours.get(path) ?? []), ...what])
  }

  requestsFor(path: string): readonly SeenRequest[] {
    return this.seen.filter((request) => request.path === path)
  }

  close(): Promise<void> {
    this.#server.closeAllConnections()
    return new Promise((resolve) => this.#server.close(() => resolve()))
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = new URL(request.url ?? '/', 'http://localhost').pathname
    const { authorization } = request.headers
    this.seen.push({ method: request.method ?? '', path, authorization, headers: request.headers })
    const wrong = this.#misbehaviours.get(path)?.shift()
    if (wrong?.kind === 'hang') return
    if (wrong?.kind === 'status') return void response.writeHead(wrong.status, wrong.headers).end('not now')
    if (wrong?.kind === 'slow') await new Promise((resolve) => setTimeout(resolve, wrong.ms))
    if (wrong?.kind === 'endless') return this.#sendEndless(response)
    const target = this.redirects.get(path)
    if (target !== undefined) return void response.writeHead(302, { location: target }).end()
    const basic = this.login === undefined ? undefined : `Basic ${Buffer.from(this.login).toString('base64')}`
    if (basic !== undefined && authorization !== basic) return void response.writeHead(401).end()
    const file = wrong?.kind === 'replace' ? wrong.body : this.files.get(path)
    if (file === undefined) return void response.writeHead(404).end('nothing here')
    const bytes = typeof file === 'string' ? Buffer.from(file) : Buffer.from(file)
    const etag = `"${createHash('sha256').update(bytes).digest('hex').slice(0, 16)}"`
    if (request.headers['if-none-match'] === etag) return void response.writeHead(304, { etag }).end()
    response.writeHead(200, { 'content-length': bytes.length, etag })
    if (wrong?.kind !== 'truncate') return void response.end(bytes)
    response.write(bytes.subarray(0, wrong.after), () => response.destroy())
  }

  #sendEndless(response: ServerResponse): void {
    response.writeHead(200)
    const block = Buffer.alloc(1 << 20, '# nothing\n')
    const more = (): void =>
      void (response.destroyed || (response.write(block) ? setImmediate(more) : response.once('drain', more)))
    more()
  }
}

/** A packaged chart of a name and version, with more files where wanted. */
export function makeChart(name: string, version: string, files: { readonly [path: string]: string } = {}): Uint8Array {
  const all: { [path: string]: string } = {
    'Chart.yaml': `apiVersion: v2\nname: ${name}\nversion: ${version}\n`,
    'values.yaml': 'greeting: hello\n',
    'templates/configmap.yaml':
      'apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {{ .Release.Name }}\ndata:\n  greeting: {{ .Values.greeting | quote }}\n  version: {{ .Chart.Version | quote }}\n',
    ...files,
  }
  return makeTgz(Object.entries(all).map(([path, content]) => ({ name: `${name}/${path}`, content })))
}

/** SHA-256 in hex. */
export function hexDigest(bytes: Uint8Array | string): string {
  return createHash('sha256').update(bytes).digest('hex')
}

/** One version in an index. */
export interface IndexVersion {
  readonly name: string
  readonly version: string
  readonly url: string
  readonly digest?: string
  readonly created?: string
}

/** An index.yaml as `helm repo index` writes it. */
export function makeIndex(versions: readonly IndexVersion[]): string {
  const names = [...new Set(versions.map((one) => one.name))].sort()
  const entries = names.map((name) => {
    const lines = versions
      .filter((one) => one.name === name)
      .map(
        (one) =>
          `  - apiVersion: v2\n    created: "${one.created ?? '2024-01-01T00:00:00Z'}"\n    description: A chart, "quoted" and # not a comment\n${one.digest === undefined ? '' : `    digest: ${one.digest}\n`}    name: ${name}\n    urls:\n    - ${one.url}\n    version: ${one.version}\n`,
      )
    return `  ${name}:\n${lines.join('')}`
  })
  return `apiVersion: v1\nentries:\n${entries.join('')}generated: "2024-01-01T00:00:00Z"\n`
}
