import { randomUUID } from 'node:crypto'
import { createServer, type IncomingMessage, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'

/** A request that wrangler made. */
export interface ApiCall {
  readonly method: string
  /** Below `/accounts/<id>`. */
  readonly path: string
  readonly body: string
}

/** A version of a Worker as it was uploaded. */
export interface UploadedWorker {
  readonly version: string
  /** The part `metadata` of the upload: bindings with variables and secrets, migrations, limits, compatibility. */
  readonly metadata: {
    readonly bindings: readonly { readonly name: string; readonly type: string; readonly text?: string }[]
    readonly migrations?: object
    readonly limits?: object
    readonly annotations?: { readonly [name: string]: string }
  }
}

/**
 * Stands in for the part of Cloudflare's API (v4) that a deployment of a Worker with queues, Durable Objects and a schedule uses: answers in the
 * documented envelope, remembers queues, versions, consumers and schedules. Asks for a token, as the real one does.
 */
export class CloudflareApi {
  readonly token = 'token-of-the-account'
  readonly account = 'aaaabbbbccccddddaaaabbbbccccdddd'
  readonly calls: ApiCall[] = []
  readonly queues = new Map<string, string>()
  readonly workers = new Map<string, UploadedWorker[]>()
  readonly schedules = new Map<string, unknown>()
  readonly consumers = new Map<string, unknown>()
  /** The version of each Worker that is the current one. */
  readonly current = new Map<string, string>()
  readonly #server: Server

  private constructor() {
    this.#server = createServer((request, response) => {
      void this.#answer(request).then(({ status, body }) => {
        response.writeHead(status, { 'content-type': 'application/json' })
        response.end(JSON.stringify(body))
      })
    })
  }

  static async start(): Promise<CloudflareApi> {
    const api = new CloudflareApi()
    await new Promise<void>((resolve) => api.#server.listen(0, '127.0.0.1', resolve))
    return api
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/client/v4`
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((resolve) => this.#server.close(resolve))
  }

  /** The calls that changed something. */
  writes(): readonly string[] {
    return this.calls.filter(({ method }) => method !== 'GET').map(({ method, path }) => `${method} ${path}`)
  }

  async #answer(request: IncomingMessage): Promise<{ readonly status: number; readonly body: object }> {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    const raw = Buffer.concat(chunks)
    const url = new URL(request.url ?? '/', 'http://api')
    const path = url.pathname.replace(`/client/v4/accounts/${this.account}`, '')
    const method = request.method ?? 'GET'
    this.calls.push({ method, path, body: raw.toString() })
    if (request.headers.authorization !== `Bearer ${this.token}`)
      return refused(400, 10001, 'Unable to authenticate request')
    const [, area, kind, worker = '', leaf] = path.split('/')
    if (area === 'queues') return this.#queue(method, kind, worker, url, raw.toString())
    if (path === '/workers/subdomain') return accepted({ subdomain: 'team' })
    if (kind === 'services')
      return this.workers.has(worker)
        ? accepted(serviceOf(worker))
        : refused(404, 10090, 'workers.api.error.service_not_found')
    if (area === 'workers' && kind === 'workers' && this.workers.has(worker))
      return accepted({ id: worker, name: worker, tags: [], subdomain: { enabled: true, previews_enabled: false } })
    if (kind !== 'scripts') return refused(404, 7003, `nothing stands in for ${method} ${path}`)
    if ((leaf === undefined && method === 'PUT') || (leaf === 'versions' && method === 'POST'))
      return this.#upload(worker, request, raw)
    if (!this.workers.has(worker)) return refused(404, 10007, 'This Worker does not exist on your account.')
    return this.#script(method, worker, leaf, path, raw.toString())
  }

  #queue(method: string, id: string | undefined, leaf: string, url: URL, body: string): ReturnType<typeof accepted> {
    if (id === undefined && method === 'POST') {
      const { queue_name: name } = JSON.parse(body) as { queue_name: string }
      this.queues.set(name, randomUUID().replaceAll('-', ''))
      return accepted(this.#queueOf(name))
    }
    if (id === undefined) {
      const wanted = url.searchParams.get('name')
      const found = [...this.queues.keys()].filter((name) => wanted === null || name === wanted)
      return accepted(found.map((name) => this.#queueOf(name)))
    }
    const name = [...this.queues].find(([, known]) => known === id)?.[0] ?? ''
    if (leaf === 'consumers' && method !== 'GET') this.consumers.set(name, JSON.parse(body))
    return accepted(leaf === 'consumers' && method === 'GET' ? [] : {})
  }

  #queueOf(name: string): object {
    const times = { created_on: '2026-01-01T00:00:00Z', modified_on: '2026-01-01T00:00:00Z' }
    const counts = { producers_total_count: 0, consumers_total_count: 0, producers: [], consumers: [] }
    return { queue_id: this.queues.get(name), queue_name: name, ...times, ...counts, settings: {} }
  }

  async #upload(worker: string, request: IncomingMessage, raw: Buffer): Promise<ReturnType<typeof accepted>> {
    const form = await new Response(new Uint8Array(raw), {
      headers: { 'content-type': request.headers['content-type'] ?? '' },
    }).formData()
    const part = form.get('metadata')
    const text = typeof part === 'string' ? part : await part?.text()
    const sent = JSON.parse(text ?? '{}') as UploadedWorker['metadata'] & { readonly keep_bindings?: readonly string[] }
    const metadata = { ...sent, bindings: this.#withKept(worker, sent) }
    const version = randomUUID()
    this.workers.set(worker, [...(this.workers.get(worker) ?? []), { version, metadata }])
    const handlers = ['fetch', 'scheduled', 'queue']
    if (request.method === 'POST') return accepted({ ...versionOf({ version, metadata }, 1), startup_time_ms: 20 })
    this.current.set(worker, version)
    return accepted({ id: worker, tag: 'tag', etag: 'etag', deployment_id: version, startup_time_ms: 20, handlers })
  }

  /** Bindings as they are after an upload: those of it, and of the kinds that are kept (secrets, as a rule) those of before. */
  #withKept(
    worker: string,
    {
      bindings,
      keep_bindings: kinds = [],
    }: UploadedWorker['metadata'] & { readonly keep_bindings?: readonly string[] },
  ): UploadedWorker['metadata']['bindings'] {
    const before = this.workers.get(worker)?.at(-1)?.metadata.bindings ?? []
    const names = new Set(bindings.map(({ name }) => name))
    return [...bindings, ...before.filter(({ name, type }) => !names.has(name) && kinds.includes(type))]
  }

  #script(
    method: string,
    worker: string,
    leaf: string | undefined,
    path: string,
    body: string,
  ): ReturnType<typeof accepted> {
    const versions = this.workers.get(worker) ?? []
    const last = versions.at(-1)
    switch (leaf) {
      case 'secrets':
        return accepted(
          (last?.metadata.bindings ?? [])
            .filter((one) => one.type === 'secret_text')
            .map(({ name, type }) => ({ name, type })),
        )
      case 'settings':
        return accepted({ ...last?.metadata, bindings: last?.metadata.bindings ?? [], migration_tag: 'v1' })
      case 'schedules':
        if (method === 'PUT') this.schedules.set(worker, JSON.parse(body))
        return accepted({ schedules: [] })
      case 'subdomain':
        return accepted({ enabled: true, previews_enabled: false })
      case 'versions':
        return this.#versions(worker, path.split('/')[5])
      case 'deployments': {
        if (method === 'POST') {
          const { versions: wanted } = JSON.parse(body) as { versions: { version_id: string }[] }
          this.current.set(worker, wanted[0]?.version_id ?? '')
        }
        return accepted({ deployments: [deploymentOf(this.current.get(worker) ?? '')] })
      }
      default:
        return accepted({})
    }
  }

  #versions(worker: string, id: string | undefined): ReturnType<typeof accepted> {
    const all = (this.workers.get(worker) ?? []).map((version, index) => versionOf(version, index + 1))
    const one = all.find((version) => version.id === id)
    if (id === undefined) return accepted({ items: all.toReversed() })
    return one === undefined ? refused(404, 10009, 'version not found') : accepted(one)
  }
}

function accepted(result: unknown): { readonly status: number; readonly body: object } {
  const count = Array.isArray(result) ? result.length : 1
  const result_info = { page: 1, per_page: 100, count, total_count: count, total_pages: 1 }
  return { status: 200, body: { success: true, errors: [], messages: [], result, result_info } }
}

function refused(status: number, code: number, message: string): { readonly status: number; readonly body: object } {
  return { status, body: { success: false, errors: [{ code, message }], messages: [], result: null } }
}

function serviceOf(worker: string): object {
  const script = { id: worker, tag: 'tag', last_deployed_from: 'wrangler', migration_tag: 'v1' }
  return { id: worker, default_environment: { environment: 'production', script } }
}

function deploymentOf(version: string): object {
  return {
    id: randomUUID(),
    source: 'wrangler',
    strategy: 'percentage',
    author_email: 'ada@example.com',
    created_on: '2026-01-01T00:00:00Z',
    versions: [{ version_id: version, percentage: 100 }],
    annotations: {},
  }
}

function versionOf({ version, metadata }: UploadedWorker, number: number) {
  const from = { author_email: 'ada@example.com', source: 'wrangler', has_preview: false }
  return {
    id: version,
    number,
    metadata: { created_on: '2026-01-01T00:00:00Z', ...from },
    annotations: metadata.annotations ?? {},
    resources: {
      bindings: [],
      script: { etag: 'etag', handlers: ['fetch'], last_deployed_from: 'wrangler' },
      script_runtime: { compatibility_date: '2026-10-20', usage_model: 'standard', limits: {} },
    },
  }
}
