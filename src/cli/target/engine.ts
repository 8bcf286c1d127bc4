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
import type { StateStore } from '../../ports/index.ts'
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

/**
 * The engine on this machine, for plans: with the caller's rights on the cluster, everything kept in memory, and no limits on where sources may
 * be, since whoever runs it could go there anyway.
 */
export async function withEngine<T>(
  cluster: Cluster,
  flags: SettingFlags,
  work: (deps: EngineDeps) => Promise<T>,
): Promise<T> {
  const egress = { allowPrivate: true }
  const http = createNodeHttpClient({ egress })
  const ssh = createNodeSshClient({ egress })
  const read = (name: string): string | undefined => process.env[name]
  const cloud = createCloudLogins({ http, egress, clock: systemClock, read })
  const settings: Settings = {
    ...defaultSettings,
    egress,
    noCrossNamespaceRefs: flags.allowCrossNamespaceRefs !== true,
    noRemoteBases: flags.allowRemoteBases !== true,
    strictSubstitution: flags.strictSubstitute ?? defaultSettings.strictSubstitution,
    ...(await tenancyOf(cluster, flags.tenants)),
  }
  const blobs = createMemoryBlobStore()
  try {
    return await work({
      cluster: { name: cluster.client.cluster },
      transport: cluster.transport,
      connect: createNodeKubeConnector({ egress }),
      cloud,
      clusterAccess: createClusterAccess(cloud),
      http,
      ssh,
      state: noState,
      blobs,
      clock: systemClock,
      random: systemRandom,
      logger: cluster.logger,
      caches: createCaches({ store: blobs }),
      limits: defaultLimits,
      settings,
    })
  } finally {
    http.close()
    ssh.close()
  }
}

/** The policy of the file; without one, that of the cluster, at the place where it is by convention. */
async function tenancyOf(
  cluster: Cluster,
  file: string | undefined,
): Promise<Pick<Partial<Settings>, 'tenants' | 'tenantsConfigMap'>> {
  if (file !== undefined) return { tenants: readPolicy(await readFile(file, 'utf8')) }
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
