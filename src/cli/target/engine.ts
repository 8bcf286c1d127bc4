import { readFile } from 'node:fs/promises'
import { createCloudLogins, createClusterAccess } from '../../cloud/index.ts'
import { EngineError, isEngineError } from '../../base/index.ts'
import { createMemoryBlobStore } from '../../platforms/memory/index.ts'
import {
  createNodeHttpClient,
  createNodeKubeConnector,
  createNodeSshClient,
  systemClock,
  systemRandom,
} from '../../platforms/node/index.ts'
import type { HttpClient, KubeTransport, Logger, StateStore } from '../../ports/index.ts'
import {
  createCaches,
  defaultLimits,
  defaultSettings,
  usualPolicy,
  type EngineDeps,
  type Settings,
} from '../../reconcile/index.ts'
import { readPolicy } from '../../tenancy/index.ts'
import type { Cluster } from './cluster.ts'

/** Flags that stand for settings of a deployment which a plan of one's own cannot know. */
export interface SettingFlags {
  readonly allowCrossNamespaceRefs?: boolean
  readonly allowRemoteBases?: boolean
  readonly strictSubstitute?: boolean
  /** File with the policy for tenants. */
  readonly tenants?: string
}

/** Where the engine works. */
export interface EnginePlace {
  readonly name: string
  readonly transport: KubeTransport
  readonly logger: Logger
  /** Settings besides those of the flags. */
  readonly settings?: Partial<Settings>
  /** Whom sources are asked through, made of the usual client. */
  readonly http?: (usual: HttpClient) => HttpClient
  /** Nobody is asked over the network. */
  readonly isOffline?: boolean
}

/**
 * The engine on this machine, for plans: with the caller's rights on the cluster, everything kept in memory, and no limits on where sources may
 * be, since whoever runs it could go there anyway.
 */
export async function withEngine<T>(
  cluster: Cluster,
  flags: SettingFlags,
  work: (deps: EngineDeps) => Promise<T>,
  http?: EnginePlace['http'],
): Promise<T> {
  const settings = flags.tenants === undefined ? await clusterPolicy(cluster) : {}
  const { transport, logger } = cluster
  return engineAt(
    { name: cluster.client.cluster, transport, logger, settings, ...(http === undefined ? {} : { http }) },
    flags,
    work,
  )
}

/** The engine at a place that need not be a cluster. @throws EngineError for a policy that cannot be read. */
export async function engineAt<T>(
  place: EnginePlace,
  flags: SettingFlags,
  work: (deps: EngineDeps) => Promise<T>,
): Promise<T> {
  const egress = { allowPrivate: true }
  const usual = createNodeHttpClient({ egress })
  const ssh = createNodeSshClient({ egress })
  const asked: HttpClient = place.isOffline === true ? { send: ({ url }) => refuseNetwork(hostOf(url)) } : usual
  const http = place.http?.(asked) ?? asked
  const read = (name: string): string | undefined => process.env[name]
  const cloud = createCloudLogins({ http, egress, clock: systemClock, read })
  const settings: Settings = {
    ...defaultSettings,
    egress,
    noCrossNamespaceRefs: flags.allowCrossNamespaceRefs !== true,
    noRemoteBases: flags.allowRemoteBases !== true,
    strictSubstitution: flags.strictSubstitute ?? defaultSettings.strictSubstitution,
    ...(flags.tenants === undefined ? {} : { tenants: readPolicy(await readFile(flags.tenants, 'utf8')) }),
    ...place.settings,
  }
  const blobs = createMemoryBlobStore()
  try {
    return await work({
      cluster: { name: place.name },
      transport: place.transport,
      connect: createNodeKubeConnector({ egress }),
      ssh: place.isOffline === true ? { open: ({ host }) => refuseNetwork(host) } : ssh,
      cloud,
      clusterAccess: createClusterAccess(cloud),
      http,
      state: noState,
      blobs,
      clock: systemClock,
      random: systemRandom,
      logger: place.logger,
      caches: createCaches({ store: blobs }),
      limits: defaultLimits,
      settings,
    })
  } finally {
    usual.close()
    ssh.close()
  }
}

/** The policy of the cluster, at the place where it is by convention. */
async function clusterPolicy(cluster: Cluster): Promise<Partial<Settings>> {
  const [namespace = '', name = ''] = usualPolicy.split('/')
  const key = { apiVersion: 'v1', kind: 'ConfigMap', namespace, name }
  const found = await cluster.client
    .get(key, { metadataOnly: true, signal: cluster.signal })
    .catch((error: unknown) => {
      // Whoever may not read it is told nothing by it.
      if (isEngineError(error) && error.code === 'kube-forbidden') return undefined
      throw error
    })
  return found === undefined ? {} : { tenantsConfigMap: usualPolicy }
}

function hostOf(url: string): string {
  return URL.canParse(url) ? new URL(url).host : 'the host'
}

function refuseNetwork(host: string): Promise<never> {
  return Promise.reject(
    new EngineError(`${host} is not asked, because of --offline`, { code: 'offline', reason: 'ArtifactFailed' }),
  )
}

/** A plan remembers nothing and is not remembered. */
const noState: StateStore = {
  get: () => Promise.resolve(undefined),
  put: () => Promise.reject(remembered()),
  putIfAbsent: () => Promise.reject(remembered()),
  delete: () => Promise.resolve(),
  list: () => Promise.resolve([]),
}

function remembered(): EngineError {
  return new EngineError('a plan on this machine has nowhere to keep state', { code: 'no-state', disposition: 'bug' })
}
