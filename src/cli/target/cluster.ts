import { homedir, userInfo } from 'node:os'
import { delimiter, join } from 'node:path'
import { createClusterCache, createKubeClient, type ClusterCache, type KubeClient } from '../../kube/index.ts'
import {
  createJsonLogger,
  createKubeconfigTransport,
  systemClock,
  systemRandom,
  type NodeKubeTransport,
} from '../../platforms/node/index.ts'
import type { Logger } from '../../ports/index.ts'
import type { RequestContext } from '../../reconcile/index.ts'
import type { Terminal } from '../terminal/terminal.ts'
import { durationFlag, type TargetFlags } from './flags.ts'

const requestTimeoutMs = 30_000
/** What a request that was begun in time may take longer. */
const graceMs = 5_000

/** A cluster that a kubeconfig names, as the caller. */
export interface Cluster {
  readonly client: KubeClient
  readonly transport: NodeKubeTransport
  readonly cache: ClusterCache
  readonly logger: Logger
  /** Path of the kubeconfig. */
  readonly kubeconfig: string
  /** Aborts when the verb's time is up. */
  readonly signal: AbortSignal
  readonly timeoutMs: number
  /** Milliseconds since 1970 at which waits end. */
  readonly deadline: number
  /** For what the engine does on request. */
  readonly requests: RequestContext
  close(): void
}

/** The kubeconfig that is used: the flag, the first of `$KUBECONFIG`, or the user's own. */
export function kubeconfigPath(flags: TargetFlags, env: { readonly [name: string]: string | undefined }): string {
  const first = env['KUBECONFIG']?.split(delimiter).find((path) => path !== '')
  return flags.kubeconfig ?? first ?? join(homedir(), '.kube', 'config')
}

/**
 * Opens the cluster that the flags name. Nothing is sent before something is asked for.
 *
 * @throws EngineError `kubeconfig-unusable`, `usage`.
 */
export async function openCluster(flags: TargetFlags, terminal: Terminal): Promise<Cluster> {
  const kubeconfig = kubeconfigPath(flags, process.env)
  const timeoutMs = durationFlag('--timeout', flags.timeout ?? '5m')
  const transport = await createKubeconfigTransport({
    cluster: flags.context ?? 'kubeconfig',
    path: kubeconfig,
    ...(flags.context === undefined ? {} : { context: flags.context }),
  })
  const logger = createJsonLogger({ level: 'warn', write: terminal.err })
  const cache = createClusterCache()
  // Waits end by themselves; this is for requests that hang.
  const signal = AbortSignal.timeout(timeoutMs + graceMs)
  const ports = { clock: systemClock, random: systemRandom, logger }
  const client = createKubeClient({ transport, ...ports, cache, requestTimeoutMs, signal })
  return {
    client,
    transport,
    cache,
    logger,
    kubeconfig,
    signal,
    timeoutMs,
    deadline: Date.now() + timeoutMs,
    requests: { client, clock: systemClock, logger, signal },
    close: () => transport.close(),
  }
}

/** Does something on the cluster of the flags, and closes its connections. */
export async function withCluster<T>(
  flags: TargetFlags,
  terminal: Terminal,
  work: (cluster: Cluster) => Promise<T>,
): Promise<T> {
  const cluster = await openCluster(flags, terminal)
  try {
    return await work(cluster)
  } finally {
    cluster.close()
  }
}

/** Who asks, for records: `$SLUICE_ACTOR`, or the user of this machine. */
export function actorName(env: { readonly [name: string]: string | undefined }): string {
  const given = env['SLUICE_ACTOR'] ?? ''
  if (given !== '') return given.slice(0, 253)
  try {
    return userInfo().username
  } catch {
    return 'somebody' // A container may run as a user without a name.
  }
}
