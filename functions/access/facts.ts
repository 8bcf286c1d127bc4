import { isEngineError } from '../../src/base/index.ts'
import { idOfSummary, readClusters, type ObservedCluster } from '../../src/observe/index.ts'
import { loadPolicy } from '../../src/reconcile/index.ts'
import { matchesName, tenantOf, type Tenant, type TenantPolicy } from '../../src/tenancy/index.ts'
import { clusterClient } from '../cluster-client.ts'
import type { FunctionDeps } from '../deps.ts'
import { observeDeps } from '../observe-deps.ts'
import { readOwnNote, writeOwnNote } from './own-notes.ts'
import type { Grant, PlaceFacts } from './roles.ts'

/** How long a cluster's policy counts before it is read again, and how long after the cluster was last heard. */
const freshMs = 60_000
const lastKnownMs = 3_600_000
const readTimeoutMs = 3_000

interface KnownPolicy {
  readonly policy: TenantPolicy | null
  readonly readAt: number
  readonly checkedAt: number
}

/** What scopes ask about places, of those that these grants need. Nothing is read where no grant names tenants or a repository. */
export async function loadPlaceFacts(deps: FunctionDeps, grants: readonly Grant[]): Promise<PlaceFacts> {
  const needsTenants = grants.some(({ scope }) => scope.tenants !== undefined)
  const needsSources = grants.some(({ scope }) => scope.repository !== undefined)
  const [policies, repositories] = await Promise.all([
    needsTenants ? policiesOf(deps) : new Map<string, TenantPolicy>(),
    needsSources ? repositoriesOf(deps) : new Map<string, ReadonlyMap<string, string>>(),
  ])
  return {
    tenantOf: (cluster, namespace) => {
      const policy = policies.get(cluster)
      const tenant = policy === undefined ? undefined : ownerOf(policy, namespace)
      return tenant !== undefined && mayUse(tenant, cluster) ? tenant.name : undefined
    },
    hasTenant: (cluster, name) => {
      const policy = policies.get(cluster)
      const tenant = policy?.problem === undefined ? policy?.tenants.find((one) => one.name === name) : undefined
      return tenant !== undefined && mayUse(tenant, cluster)
    },
    repositoryOf: (cluster, id) => repositories.get(cluster)?.get(id),
    hasRepository: (cluster, repository) => [...(repositories.get(cluster)?.values() ?? [])].includes(repository),
  }
}

/** As `evaluate` decides it: the platform's namespaces are nobody else's, and a broken policy gives nothing to anybody. */
function ownerOf(policy: TenantPolicy, namespace: string): Tenant | undefined {
  if (policy.problem !== undefined) return undefined
  if (policy.platformNamespaces.some((pattern) => matchesName(pattern, namespace))) return undefined
  return tenantOf(policy, namespace)
}

function mayUse(tenant: Tenant, cluster: string): boolean {
  return tenant.clusters.some((pattern) => matchesName(pattern, cluster))
}

async function policiesOf(deps: FunctionDeps): Promise<ReadonlyMap<string, TenantPolicy>> {
  const { tenants, tenantsConfigMap = '' } = deps.config.settings
  const clusters = deps.config.clusters.map(({ name }) => name)
  if (tenantsConfigMap === '')
    return new Map(tenants === undefined ? [] : clusters.map((cluster) => [cluster, tenants] as const))
  const read = await Promise.all(
    clusters.map(async (cluster) => [cluster, await policyIn(deps, cluster, tenantsConfigMap)] as const),
  )
  return new Map(read.flatMap(([cluster, policy]) => (policy === undefined ? [] : [[cluster, policy] as const])))
}

/** The policy in a cluster, read at most once a minute; what was known stays for an hour while the cluster does not answer. Then its tenants see nothing there. */
async function policyIn(deps: FunctionDeps, cluster: string, configMap: string): Promise<TenantPolicy | undefined> {
  const key = `tenant-policies/${cluster}`
  const now = deps.clock.now()
  const known = await readOwnNote<KnownPolicy>(deps, key)
  if (known === undefined || now - known.checkedAt >= freshMs || now < known.checkedAt) {
    const policy = await askCluster(deps, cluster, configMap)
    const next =
      policy === undefined
        ? { policy: null, readAt: 0, ...known, checkedAt: now }
        : { policy, readAt: now, checkedAt: now }
    await writeOwnNote(deps, key, next, lastKnownMs / 1000)
    return usable(next, now)
  }
  return usable(known, now)
}

function usable({ policy, readAt }: KnownPolicy, now: number): TenantPolicy | undefined {
  return policy === null || now - readAt > lastKnownMs ? undefined : policy
}

async function askCluster(deps: FunctionDeps, cluster: string, configMap: string): Promise<TenantPolicy | undefined> {
  try {
    const client = await clusterClient(deps, cluster, { requestTimeoutMs: readTimeoutMs })
    return client === undefined ? undefined : await loadPolicy(client, configMap, AbortSignal.timeout(readTimeoutMs))
  } catch (caught) {
    const code = isEngineError(caught) ? caught.code : 'unexpected'
    deps.logger.log('warn', 'policy for tenants not read; what was known counts on', { cluster, code })
    return undefined
  }
}

async function repositoriesOf(deps: FunctionDeps): Promise<ReadonlyMap<string, ReadonlyMap<string, string>>> {
  const clusters = await readClusters(observeDeps(deps))
  return new Map(clusters.map((cluster) => [cluster.health.cluster, repositoriesIn(cluster)] as const))
}

function repositoriesIn({ objects, lookup }: ObservedCluster): ReadonlyMap<string, string> {
  const found = new Map<string, string>()
  for (const { summary } of objects) {
    const source =
      summary.url === undefined && summary.source !== undefined ? lookup(idOfSummary(summary.source)) : summary
    const repository = source?.url === undefined ? undefined : repositoryName(source.url)
    if (repository !== undefined) found.set(idOfSummary(summary), repository)
  }
  return found
}

/** `https://host/owner/name` of the URL of a Git repository, in lower case, as forges compare names; undefined for what is none. */
export function repositoryName(url: string): string | undefined {
  const short = /^[\w.-]+@([\w.-]+):(?!\/\/)(.+)$/.exec(url)
  if (short?.[1] !== undefined && short[2] !== undefined) return nameOf(`https://${short[1]}`, short[2])
  if (!URL.canParse(url)) return undefined
  const { protocol, host, hostname, origin, pathname } = new URL(url)
  if (protocol === 'ssh:') return nameOf(`https://${hostname}`, pathname)
  return protocol === 'https:' || (protocol === 'http:' && host !== '') ? nameOf(origin, pathname) : undefined
}

function nameOf(origin: string, path: string): string | undefined {
  const name = path.replace(/^\/+|\/+$/g, '').replace(/\.git$/, '')
  return name === '' ? undefined : `${origin}/${name}`.toLowerCase()
}
