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
}

/** A worker in workerd, with its Durable Objects and queues. */
export interface RunningWorker {
  readonly url: string
  /** Runs the scheduled function now. */
  scheduled(): Promise<void>
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
    stop: () => miniflare.dispose(),
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
