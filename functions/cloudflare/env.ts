import type { Fetcher, Queue as QueueBinding } from '@cloudflare/workers-types'
import { EngineError } from '../../src/base/index.ts'
import type { AbortOutcome, CoordinatorClient, JobMessage, SubmitResult } from '../../src/coordinator/index.ts'
import type { KubeTransport } from '../../src/ports/index.ts'
import {
  createCloudflareKubeTransport,
  type CloudflareKubeOptions,
  type StateNamespace,
} from '../../src/platforms/cloudflare/index.ts'
import type { ArtifactName } from '../../src/sources/index.ts'
import { gatewayHeaders } from '../cluster-headers.ts'
import type { ClusterConfig, ReadSetting } from '../config.ts'
import { connectAs, type DeploymentLogins } from '../deployment-logins.ts'

/** The Durable Objects of the clusters, as a binding. */
export interface ClusterNamespace {
  idFromName(name: string): unknown
  get(id: unknown): {
    submit(message: JobMessage): Promise<SubmitResult>
    abort(cluster: string, runId: string, by: string): Promise<AbortOutcome>
    artifact(name: ArtifactName): Promise<Uint8Array | undefined>
  }
}

/** Bindings of the worker (infra/wrangler/wrangler.jsonc), besides variables, secrets and the bindings that clusters name. */
export interface WorkerEnv {
  readonly STATE: StateNamespace
  readonly CLUSTER: ClusterNamespace
  readonly JOBS: QueueBinding
  readonly [name: string]: unknown
}

/** Reads variables and secrets from the bindings. A variable that was given as JSON is read as its text. */
export function createBindingReader(env: WorkerEnv): ReadSetting {
  return (name) => {
    const value = env[name]
    if (typeof value === 'string') return value
    return typeof value === 'number' || typeof value === 'boolean' || Array.isArray(value)
      ? JSON.stringify(value)
      : undefined
  }
}

/** The coordinator of a cluster in its Durable Object. */
export function coordinatorClient(env: WorkerEnv, cluster: string): CoordinatorClient {
  const object = (): ReturnType<ClusterNamespace['get']> => env.CLUSTER.get(env.CLUSTER.idFromName(cluster))
  return {
    submit: (message) => object().submit(message),
    abort: (runId, by) => object().abort(cluster, runId, by),
  }
}

/** The file of an artifact, from the cluster's Durable Object. */
export function readArtifact(env: WorkerEnv, name: ArtifactName): Promise<Uint8Array | undefined> {
  return env.CLUSTER.get(env.CLUSTER.idFromName(name.cluster)).artifact(name)
}

/** Connects to a cluster from a worker: through the binding that it names, or over the internet. */
export function connectFromWorker(cluster: ClusterConfig, env: WorkerEnv, logins: DeploymentLogins): KubeTransport {
  const { name, server, binding, tokenSecret, identity } = cluster
  const unusable = (message: string): EngineError =>
    new EngineError(`cluster '${name}': ${message}`, { code: 'cluster-config-invalid' })
  if (cluster.kubeconfig !== undefined)
    throw unusable('a kubeconfig cannot be used on Cloudflare Workers; give server and tokenSecret')
  if (cluster.clientCertSecret !== undefined)
    throw unusable('a client certificate belongs to the VPC service that the binding names')
  if (identity !== undefined && identity.kind !== 'oidc' && server === undefined && binding === undefined)
    throw unusable(
      'clusters of clouds have certificates that only a binding can trust; give binding, or server with an address whose certificate everybody trusts',
    )
  if (cluster.insecureSkipVerify === true)
    throw unusable('verification is chosen at the VPC service (--cert-verification-mode)')
  const through = binding === undefined ? undefined : (env[binding] as Fetcher | undefined)
  if (binding !== undefined && through === undefined) throw unusable(`there is no binding ${binding}`)
  const read = createBindingReader(env)
  const headers = gatewayHeaders(cluster, read)
  const base: Omit<CloudflareKubeOptions, 'server'> = {
    cluster: name,
    fetch: async (url, init) =>
      through === undefined ? fetch(url, init) : ((await through.fetch(url, init as never)) as unknown as Response),
    ...(headers === undefined ? {} : { headers }),
  }
  // Whose certificate is trusted is up to the binding.
  if (identity !== undefined)
    return connectAs(cluster, logins, (place) => createCloudflareKubeTransport({ ...base, server: place.server }))
  return createCloudflareKubeTransport({
    ...base,
    server: server ?? '',
    ...(tokenSecret === undefined ? {} : { token: () => Promise.resolve(read(tokenSecret)?.trim() ?? '') }),
  })
}
