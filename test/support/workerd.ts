import { convertV4MiniflareOptions, Miniflare } from 'miniflare'
import { bundleWorker } from './worker-bundle.ts'

/** How a worker is started. */
export interface WorkerOptions {
  /** Variables and secrets (functions/config.ts). */
  readonly env: { readonly [name: string]: string }
  /** Certificate authorities of clusters whose configuration names none. */
  readonly caPems?: readonly string[]
  /** The worker's module. Default: the deployment itself. */
  readonly entry?: URL
  /** Folder that survives a restart. Default: none, everything is forgotten. */
  readonly persistDir?: string
  readonly log?: (line: string) => void
  /** Opens the runtime's inspector. */
  readonly inspect?: boolean
}

/** A worker in workerd, with its Durable Objects and queues. */
export interface RunningWorker {
  readonly url: string
  /** Runs the scheduled function now. */
  scheduled(): Promise<void>
  /** Bytes that V8 has taken for the worker's heap, as the runtime's inspector tells. Only with `inspect`. */
  heapBytes(): Promise<number>
  stop(): Promise<void>
}

const defaultEntry = new URL('../../functions/cloudflare.ts', import.meta.url)

/** Starts a worker in the real runtime, with the bindings of infra/wrangler/wrangler.jsonc. */
export async function startWorker(options: WorkerOptions): Promise<RunningWorker> {
  const { log = () => undefined } = options
  const { env, services } = bindClusters(options)
  const miniflare = new Miniflare(
    convertV4MiniflareOptions({
      cf: false,
      host: '127.0.0.1',
      port: 0,
      ...(options.inspect === true ? { inspectorPort: 0 } : {}),
      handleStructuredLogs: ({ message }) => log(message),
      ...(options.persistDir === undefined ? {} : { resourcePersistencePath: options.persistDir }),
      workers: [
        {
          name: 'sluice',
          modules: [
            { type: 'ESModule', path: 'worker.js', contents: await bundleWorker(options.entry ?? defaultEntry) },
          ],
          compatibilityDate: '2026-10-20',
          compatibilityFlags: ['nodejs_compat'],
          bindings: env,
          durableObjects: {
            STATE: { className: 'StateObject', useSQLite: true },
            CLUSTER: { className: 'ClusterObject', useSQLite: true },
          },
          queueProducers: { JOBS: { queueName: 'sluice-jobs' } },
          queueConsumers: {
            'sluice-jobs': {
              maxBatchSize: 1,
              maxBatchTimeout: 0,
              maxRetries: 11,
              deadLetterQueue: 'sluice-jobs-dead-letters',
            },
            'sluice-jobs-dead-letters': { maxBatchSize: 10, maxBatchTimeout: 0, maxRetries: 10 },
          },
          serviceBindings: services,
        },
      ],
    }),
  )
  const url = (await miniflare.ready).origin
  return {
    url,
    scheduled: async () => {
      const worker = await miniflare.getWorker('sluice')
      await worker.scheduled({ cron: '* * * * *' })
    },
    heapBytes: async () => heapSize(await miniflare.getInspectorURL()),
    stop: () => miniflare.dispose(),
  }
}

/** Asks V8's inspector for the size of the heap: what is in use and what is not given back. */
async function heapSize(inspector: URL): Promise<number> {
  const targets = (await (await fetch(new URL('/json', inspector.href.replace(/^ws/, 'http')))).json()) as {
    id: string
    webSocketDebuggerUrl: string
  }[]
  const own = targets.find(({ id }) => id === 'core:user:sluice')
  if (own === undefined) throw new Error('the inspector does not show the worker')
  const socket = new WebSocket(own.webSocketDebuggerUrl)
  try {
    return await new Promise<number>((resolve, reject) => {
      socket.addEventListener('error', () => reject(new Error('the inspector cannot be reached')))
      socket.addEventListener('open', () => socket.send(JSON.stringify({ id: 1, method: 'Runtime.getHeapUsage' })))
      socket.addEventListener('message', ({ data }) => {
        const answer = JSON.parse(String(data)) as { id?: number; result?: { totalSize: number } }
        if (answer.id === 1) resolve(answer.result?.totalSize ?? NaN)
      })
    })
  } finally {
    socket.close()
  }
}

interface NetworkService {
  readonly network: { readonly allow: string[]; readonly tlsOptions: { readonly trustedCertificates: string[] } }
}

/**
 * Gives each cluster a binding that trusts its certificate authority, as a VPC service of Cloudflare does in production: the runtime's own fetch
 * knows only the public authorities.
 */
function bindClusters(options: WorkerOptions): {
  readonly env: { readonly [name: string]: string }
  readonly services: { readonly [name: string]: NetworkService }
} {
  const services: { [name: string]: NetworkService } = {}
  const clusters = JSON.parse(options.env['CLUSTERS'] ?? '[]') as { ca?: string; binding?: string }[]
  for (const [index, cluster] of clusters.entries()) {
    const trustedCertificates = cluster.ca === undefined ? [...(options.caPems ?? [])] : [cluster.ca]
    if (trustedCertificates.length === 0) continue
    cluster.binding = `CLUSTER_NETWORK_${index}`
    services[cluster.binding] = { network: { allow: ['public', 'private'], tlsOptions: { trustedCertificates } } }
  }
  return { env: { ...options.env, CLUSTERS: JSON.stringify(clusters) }, services }
}
