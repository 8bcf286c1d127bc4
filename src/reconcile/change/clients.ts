import { EngineError } from '../../base/index.ts'
import { DEFAULT_CAPABILITIES } from '../../helm/index.ts'
import type { ApiResource, KubeClient, KubeList, KindRef, ObjectKey } from '../../kube/index.ts'
import { builtInSchema, parseApiVersion, type KubeObject } from '../../resources/index.ts'
import type { ChangeRef } from './types.ts'

/** ConfigMaps and Secrets that one side of a change renders, by `Kind/namespace/name`; undefined for one that it deletes. */
export type RenderedConfigs = ReadonlyMap<string, KubeObject | undefined>

/** What of a client is replaced. */
type Reads = Partial<Pick<KubeClient, 'get' | 'list' | 'resource' | 'discovery' | 'serverVersion' | 'as'>>

/**
 * The client through which one side reads what its objects take values from: what the side renders comes before what the cluster has. Of a cluster that this change may not learn of, nothing is read, and
 * no Secret where they are withheld: both are errors that say so.
 */
export function sideClient(
  client: KubeClient,
  configs: () => RenderedConfigs,
  change: Pick<ChangeRef, 'live' | 'secrets'>,
): KubeClient {
  const get: KubeClient['get'] = async <T extends object>(
    key: ObjectKey,
    options?: Parameters<KubeClient['get']>[1],
  ) => {
    if (key.kind === 'Secret' && change.secrets === 'withheld') throw withheld(key)
    const id = `${key.kind}/${key.namespace ?? ''}/${key.name}`
    if (key.apiVersion === 'v1' && configs().has(id)) {
      const rendered = configs().get(id)
      return rendered === undefined ? undefined : (withData(rendered) as T)
    }
    if (change.live === 'denied' && !isOurs(key)) throw denied(key)
    return client.get<T>(key, options)
  }
  return derive(client, { get, as: (identity) => sideClient(client.as(identity), configs, change) })
}

/** The client through which sources are fetched that a change from outside may use: they log in nowhere. */
export function withoutCredentials(client: KubeClient): KubeClient {
  const get: KubeClient['get'] = (key, options) =>
    ['Secret', 'ServiceAccount'].includes(key.kind) ? Promise.reject(withheld(key)) : client.get(key, options)
  return derive(client, { get })
}

/**
 * A client of a cluster of which nothing may be learned: there is no object, and which kinds there are is what every cluster has. A kind that is not built in counts as one of namespaces.
 */
export function closedClient(client: KubeClient): KubeClient {
  const self: KubeClient = derive(client, {
    get: () => Promise.resolve(undefined),
    list: <T extends object>() => Promise.resolve({ items: [], resourceVersion: '0' } satisfies KubeList<T>),
    resource: (kind) => Promise.resolve(resourceOf(kind)),
    discovery: () =>
      Promise.resolve({ byKind: new Map(), groupVersions: [], staleGroups: new Set(), fetchedAt: client.clock.now() }),
    serverVersion: () => Promise.resolve(DEFAULT_CAPABILITIES.kubeVersion.version),
    as: () => self,
  })
  return self
}

function resourceOf({ apiVersion, kind }: KindRef): ApiResource {
  const { group, version } = parseApiVersion(apiVersion)
  const namespaced = builtInSchema.isNamespaced(apiVersion, kind) ?? true
  return { group, version, kind, plural: `${kind.toLowerCase()}s`, namespaced, verbs: [], subresources: [] }
}

/** The same client with other reads. Everything else is the original's, and goes on as it does there. */
function derive(client: KubeClient, reads: Reads): KubeClient {
  return {
    cluster: client.cluster,
    user: client.user,
    requests: client.requests,
    clock: client.clock,
    random: client.random,
    logger: client.logger,
    as: (identity) => client.as(identity),
    get: (key, options) => client.get(key, options),
    list: (kind, options) => client.list(kind, options),
    create: (object, options) => client.create(object, options),
    createSubresource: (key, subresource, body, options) => client.createSubresource(key, subresource, body, options),
    update: (object, options) => client.update(object, options),
    patch: (key, patch, options) => client.patch(key, patch, options),
    delete: (key, options) => client.delete(key, options),
    watch: (kind, options) => client.watch(kind, options),
    resource: (kind, options) => client.resource(kind, options),
    discovery: (options) => client.discovery(options),
    invalidateDiscovery: () => client.invalidateDiscovery(),
    serverVersion: (options) => client.serverVersion(options),
    ...reads,
  }
}

/** A Secret as the API server would give it out: `stringData` is part of `data` there. */
function withData(object: KubeObject): KubeObject {
  const { stringData, data, ...rest } = object
  if (object['kind'] !== 'Secret' || typeof stringData !== 'object' || stringData === null) return object
  const texts = Object.entries(stringData as { readonly [key: string]: unknown })
  const encoded = texts.map(([key, value]) => [key, base64(String(value))] as const)
  const known = typeof data === 'object' && data !== null && !Array.isArray(data) ? data : {}
  return { ...rest, data: { ...known, ...Object.fromEntries(encoded) } }
}

function base64(text: string): string {
  return btoa(Array.from(new TextEncoder().encode(text), (byte) => String.fromCharCode(byte)).join(''))
}

function isOurs({ apiVersion }: KindRef): boolean {
  return parseApiVersion(apiVersion).group.endsWith('.toolkit.fluxcd.io')
}

function withheld({ kind, namespace, name }: ObjectKey): EngineError {
  return new EngineError(
    `the ${kind} '${namespace ?? ''}/${name}' is not read for this change, which is from outside`,
    {
      code: 'secret-withheld',
      reason: 'SecretWithheld',
    },
  )
}

function denied({ kind, namespace, name }: ObjectKey): EngineError {
  return new EngineError(
    `the ${kind} '${namespace ?? ''}/${name}' is in the cluster, which is not read for this change; one that is in Git is taken from there`,
    { code: 'live-denied', reason: 'LiveDenied' },
  )
}
