import { parseApiVersion } from '../resources/index.ts'
import { decodeJson } from './json.ts'
import { unknownKind } from './errors.ts'
import type { KindRef } from './object-key.ts'

/** What the API server says about a kind in one version. */
export interface ApiResource {
  readonly group: string
  readonly version: string
  readonly kind: string
  /** Name in paths: `deployments`. */
  readonly plural: string
  readonly namespaced: boolean
  readonly verbs: readonly string[]
  /** Names of subresources, `status` and `scale` among them. */
  readonly subresources: readonly string[]
}

/** One look at what a cluster serves. */
export interface DiscoverySnapshot {
  readonly byKind: ReadonlyMap<string, ApiResource>
  /** `group/version` (or `v1`) of everything served, in the server's order: its preferred version of a group comes first. */
  readonly groupVersions: readonly string[]
  /** Groups of which the server could not say everything, because the extension server behind them does not answer. */
  readonly staleGroups: ReadonlySet<string>
  readonly fetchedAt: number
}

/**
 * What is remembered about one cluster between runs: discovery with its ETags. Made by the composition root, one per cluster; can be
 * thrown away at any time. Its content belongs to this folder.
 */
export interface ClusterCache {
  snapshot: DiscoverySnapshot | undefined
  /** A look that is under way: concurrent callers share it. */
  pending: Promise<DiscoverySnapshot> | undefined
  /** Set when definitions were applied: the next unknown kind is looked up again whatever the age of the snapshot. */
  stale: boolean
  /** Answers of the two endpoints with their ETags, so that an unchanged cluster answers 304. */
  readonly answers: Map<string, DiscoveryPart & { readonly etag: string }>
}

/** An empty cache for one cluster. */
export function createClusterCache(): ClusterCache {
  return { snapshot: undefined, pending: undefined, stale: false, answers: new Map() }
}

/** Sends a GET for discovery; only what it needs of the client. */
export type DiscoveryFetch = (
  path: string,
  headers: { readonly [name: string]: string },
) => Promise<{ readonly status: number; readonly text: string; readonly etag: string }>

const accept =
  'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,application/json'

/** A snapshot younger than this is believed when it lacks a kind, unless definitions were applied since. */
const minAgeMs = 2_000

/** A snapshot older than this is fetched again before it is used: kinds may have been removed or changed scope. */
const maxAgeMs = 10 * 60_000

/**
 * The resource of a kind. Fetches discovery (two requests, aggregated discovery of Kubernetes 1.27 and later) when nothing is known,
 * and again, bounded by the age of what is known, when the kind is not in it.
 *
 * @throws EngineError `kube-kind-unknown` (`wait`) for a kind that the cluster does not serve, and what the fetch throws.
 */
export async function resolveKind(cache: ClusterCache, ref: KindRef, deps: DiscoveryDeps): Promise<ApiResource> {
  const key = `${ref.apiVersion}|${ref.kind}`
  const now = deps.now()
  let snapshot = cache.snapshot
  const isFresh = snapshot !== undefined && now - snapshot.fetchedAt < maxAgeMs
  const found = isFresh ? snapshot?.byKind.get(key) : undefined
  if (found) return found
  if (!isFresh || cache.stale || now - (snapshot?.fetchedAt ?? 0) >= minAgeMs)
    snapshot = await refreshDiscovery(cache, deps)
  const resource = snapshot?.byKind.get(key)
  if (!resource) throw unknownKind(ref)
  return resource
}

export interface DiscoveryDeps {
  readonly fetch: DiscoveryFetch
  now(): number
}

/** Looks at what the cluster serves; concurrent calls share one look. */
export async function refreshDiscovery(cache: ClusterCache, deps: DiscoveryDeps): Promise<DiscoverySnapshot> {
  cache.pending ??= fetchSnapshot(cache, deps).finally(() => {
    cache.pending = undefined
  })
  return cache.pending
}

async function fetchSnapshot(cache: ClusterCache, deps: DiscoveryDeps): Promise<DiscoverySnapshot> {
  cache.stale = false
  const fetchedAt = deps.now()
  const parts = await Promise.all(['/api', '/apis'].map((path) => fetchPart(cache, path, deps)))
  const byKind = new Map<string, ApiResource>()
  const groupVersions: string[] = []
  const staleGroups = new Set<string>()
  for (const part of parts) {
    groupVersions.push(...part.versions)
    for (const group of part.stale) staleGroups.add(group)
    for (const resource of part.resources) byKind.set(`${apiVersionOf(resource)}|${resource.kind}`, resource)
  }
  cache.snapshot = { byKind, groupVersions, staleGroups, fetchedAt }
  return cache.snapshot
}

function apiVersionOf(resource: ApiResource): string {
  return resource.group === '' ? resource.version : `${resource.group}/${resource.version}`
}

interface DiscoveryPart {
  readonly resources: readonly ApiResource[]
  readonly versions: readonly string[]
  readonly stale: readonly string[]
}

async function fetchPart(cache: ClusterCache, path: string, deps: DiscoveryDeps): Promise<DiscoveryPart> {
  const known = cache.answers.get(path)
  const answer = await deps.fetch(path, known ? { accept, 'if-none-match': known.etag } : { accept })
  if (answer.status === 304 && known) return known
  const body = decodeJson(answer.text) as DiscoveryBody
  const part = body.kind === 'APIGroupDiscoveryList' ? readAggregated(body) : await readLegacy(body, path, deps)
  if (answer.etag !== '' && body.kind === 'APIGroupDiscoveryList')
    cache.answers.set(path, { etag: answer.etag, ...part })
  else cache.answers.delete(path)
  return part
}

/** The fields of the discovery answers that are read; anything may be missing in what a server sends. */
interface DiscoveryBody {
  readonly kind?: string
  readonly items?: readonly {
    readonly metadata?: { readonly name?: string }
    readonly versions?: readonly {
      readonly version?: string
      readonly freshness?: string
      readonly resources?: readonly AggregatedResource[]
    }[]
  }[]
  readonly versions?: readonly string[]
  readonly groups?: readonly { readonly versions?: readonly { readonly groupVersion?: string }[] }[]
}

interface AggregatedResource {
  readonly resource?: string
  readonly responseKind?: { readonly kind?: string }
  readonly scope?: string
  readonly verbs?: readonly string[]
  readonly subresources?: readonly { readonly subresource?: string }[]
}

function readAggregated(body: DiscoveryBody): DiscoveryPart {
  const resources: ApiResource[] = []
  const versions: string[] = []
  const stale: string[] = []
  for (const item of body.items ?? []) {
    const group = item.metadata?.name ?? ''
    for (const { version = '', freshness, resources: served } of item.versions ?? []) {
      if (freshness === 'Stale') stale.push(group)
      versions.push(group === '' ? version : `${group}/${version}`)
      for (const entry of served ?? []) {
        resources.push({
          group,
          version,
          kind: entry.responseKind?.kind ?? '',
          plural: entry.resource ?? '',
          namespaced: entry.scope === 'Namespaced',
          verbs: entry.verbs ?? [],
          subresources: (entry.subresources ?? []).map((sub) => sub.subresource ?? ''),
        })
      }
    }
  }
  return { resources, versions, stale }
}

/** Servers without aggregated discovery: one request per group and version. */
async function readLegacy(body: DiscoveryBody, path: string, deps: DiscoveryDeps): Promise<DiscoveryPart> {
  const versions =
    path === '/api'
      ? (body.versions ?? [])
      : (body.groups ?? []).flatMap((group) => (group.versions ?? []).map((version) => version.groupVersion ?? ''))
  const lists = await Promise.all(versions.map((version) => fetchLegacyVersion(`${path}/${version}`, version, deps)))
  const stale = versions
    .filter((_version, index) => lists[index] === undefined)
    .map((version) => parseApiVersion(version).group)
  return { resources: lists.flatMap((list) => list ?? []), versions, stale }
}

/** Undefined where the extension server behind the version does not answer. */
async function fetchLegacyVersion(
  path: string,
  groupVersion: string,
  deps: DiscoveryDeps,
): Promise<ApiResource[] | undefined> {
  const answer = await deps.fetch(path, { accept: 'application/json' })
  if (answer.status !== 200) return undefined
  const list = decodeJson(answer.text) as {
    resources?: { name?: string; kind?: string; namespaced?: boolean; verbs?: string[] }[]
  }
  const entries = list.resources ?? []
  const { group, version } = parseApiVersion(groupVersion)
  return entries
    .filter((entry) => entry.name?.includes('/') === false)
    .map((entry) => ({
      group,
      version,
      kind: entry.kind ?? '',
      plural: entry.name ?? '',
      namespaced: entry.namespaced === true,
      verbs: entry.verbs ?? [],
      subresources: entries
        .map((other) => other.name ?? '')
        .filter((name) => name.startsWith(`${entry.name}/`))
        .map((name) => name.slice((entry.name?.length ?? 0) + 1)),
    }))
}
