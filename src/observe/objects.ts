import { EngineError, fromBase64Url, mapLimit, toBase64Url } from '../base/index.ts'
import {
  idOfSummary,
  readShards,
  stateOf,
  type Lookup,
  type ObjectState,
  type ObjectSummary,
} from '../reconcile/index.ts'
import { readClusterHealth, type ClusterHealth, type ObserveDeps } from './clusters.ts'

/** An object of a cluster with its state. */
export interface ObservedObject {
  readonly cluster: string
  readonly summary: ObjectSummary
  readonly state: ObjectState
}

/** What is known of one cluster. */
export interface ObservedCluster {
  readonly health: ClusterHealth
  readonly objects: readonly ObservedObject[]
  /** Objects that did not fit into the store. */
  readonly omitted: number
  readonly lookup: Lookup
}

/** Clusters whose summaries are read at the same time. */
const concurrency = 4

/** Everything that is known of the given clusters (all of the configuration by default), in its order; objects sorted by kind, namespace and name. */
export async function readClusters(deps: ObserveDeps, only?: readonly string[]): Promise<readonly ObservedCluster[]> {
  const health = (await readClusterHealth(deps)).filter(({ cluster }) => only?.includes(cluster) ?? true)
  return mapLimit(health, concurrency, (one) => readCluster(deps, one))
}

/** Everything that is known of one cluster. */
export async function readCluster(deps: Pick<ObserveDeps, 'state'>, health: ClusterHealth): Promise<ObservedCluster> {
  const shards = [...(await readShards(deps.state, health.cluster)).values()]
  const byId = new Map(shards.flatMap((shard) => [...shard.objects]))
  const lookup: Lookup = (id) => byId.get(id)
  const objects = [...byId.values()].map((summary): ObservedObject => ({
    cluster: health.cluster,
    summary,
    state: stateOf(summary, lookup),
  }))
  return {
    health,
    objects: objects.toSorted((a, b) => compareText(sortKey(a.summary), sortKey(b.summary))),
    omitted: shards.reduce((sum, shard) => sum + shard.omitted, 0),
    lookup,
  }
}

/** Which objects are wanted. Fields that are left out match everything. */
export interface ObjectFilter {
  readonly kind?: string | undefined
  readonly namespace?: string | undefined
  readonly name?: string | undefined
  readonly state?: ObjectState | undefined
  /** Status of the Ready condition; `Unknown` also where there is none. */
  readonly ready?: 'True' | 'False' | 'Unknown' | undefined
  /** `Kind/name` or `Kind/namespace/name` of the source. */
  readonly source?: string | undefined
}

/** Whether an object is one of those wanted. */
export function matchesFilter({ summary, state }: ObservedObject, filter: ObjectFilter): boolean {
  const ready = summary.conditions.find((condition) => condition.type === 'Ready')?.status ?? 'Unknown'
  const { source } = summary
  const sourceNames = source === undefined ? [] : [`${source.kind}/${source.name}`, idOfSummary(source)]
  return (
    (filter.kind === undefined || filter.kind === summary.kind) &&
    (filter.namespace === undefined || filter.namespace === summary.namespace) &&
    (filter.name === undefined || filter.name === summary.name) &&
    (filter.state === undefined || filter.state === state) &&
    (filter.ready === undefined || filter.ready === ready) &&
    (filter.source === undefined || sourceNames.includes(filter.source))
  )
}

/** One page of a list. */
export interface Page<T> {
  readonly items: readonly T[]
  /** Where the next page begins; undefined on the last. */
  readonly cursor?: string
}

/**
 * A page of objects, sorted by cluster (in the configuration's order), kind, namespace and name. A cursor names the last object of the page before, so that
 * objects that come and go meanwhile shift nothing. Throws EngineError `request-invalid` for a cursor that is none.
 */
export function pageOf(
  clusters: readonly ObservedCluster[],
  filter: ObjectFilter,
  options: { readonly limit: number; readonly cursor?: string | undefined },
): Page<ObservedObject> {
  const after = options.cursor === undefined ? undefined : decodeCursor(options.cursor)
  const order = clusters.map(({ health }) => health.cluster)
  const isBehind = ({ cluster, summary }: ObservedObject): boolean => {
    if (after === undefined) return true
    const position = order.indexOf(cluster) - order.indexOf(after.cluster)
    return position > 0 || (position === 0 && compareText(sortKey(summary), after.key) > 0)
  }
  const found: ObservedObject[] = []
  for (const object of clusters.flatMap(({ objects }) => objects)) {
    if (!isBehind(object) || !matchesFilter(object, filter)) continue
    found.push(object)
    if (found.length > options.limit) break
  }
  const items = found.slice(0, options.limit)
  const last = items.at(-1)
  if (found.length <= options.limit || last === undefined) return { items }
  return { items, cursor: encodeCursor({ cluster: last.cluster, key: sortKey(last.summary) }) }
}

interface Position {
  readonly cluster: string
  readonly key: string
}

function encodeCursor({ cluster, key }: Position): string {
  return toBase64Url(JSON.stringify([cluster, key]))
}

function decodeCursor(text: string): Position {
  const bytes = /^[\w-]{1,1500}$/.test(text) ? fromBase64Url(text) : undefined
  try {
    const value: unknown = bytes === undefined ? undefined : JSON.parse(new TextDecoder().decode(bytes))
    if (Array.isArray(value) && typeof value[0] === 'string' && typeof value[1] === 'string')
      return { cluster: value[0], key: value[1] }
  } catch {
    // Told below, like everything else that is no cursor.
  }
  throw new EngineError('the cursor is not one that an earlier page gave', { code: 'request-invalid' })
}

/** Names hold no characters below '-', so a separator of U+0000 sorts as a comparison field by field does. */
function sortKey(object: ObjectSummary): string {
  return [object.kind, object.namespace, object.name].join('\u0000')
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
