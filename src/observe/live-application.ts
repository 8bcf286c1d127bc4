import { apiVersions, labels, type Condition, type HelmRelease, type Kind, type Kustomization } from '../api/index.ts'
import { EngineError, mapLimit, toEngineError } from '../base/index.ts'
import {
  computeHealth,
  findPodReasons,
  formatKey,
  inventoryKey,
  type HealthStatus,
  type KubeClient,
} from '../kube/index.ts'
import type { Clock } from '../ports/index.ts'
import { nameOf, namespaceOf, parseApiVersion, type KubeObject } from '../resources/index.ts'

/** An applied object, as the inventory names it. */
export interface InventoryObject {
  readonly apiVersion: string
  readonly kind: string
  readonly namespace: string
  readonly name: string
}

/** An applied object as the cluster has it now. */
export interface LiveNode extends InventoryObject {
  /** `Unknown` also where it could not be read, which the message says. */
  readonly status: HealthStatus
  readonly message: string
}

/** One release of a HelmRelease, from its status. */
export interface LiveRelease {
  readonly version: number
  readonly chart: string
  readonly chartVersion: string
  readonly appVersion?: string
  readonly status: string
  readonly action?: string
  readonly firstDeployed: string
  readonly lastDeployed: string
  readonly digest: string
  readonly ociDigest?: string
  readonly tests: readonly { readonly name: string; readonly phase: string; readonly completed?: string }[]
}

/** An event about the object. */
export interface LiveEvent {
  readonly type: string
  readonly reason: string
  readonly message: string
  readonly count: number
  readonly last: string
  readonly by: string
}

/** What a cluster says of one of our objects and of what it consists of. Nothing of any spec. */
export interface LiveApplication {
  /** Milliseconds since 1970. */
  readonly readAt: number
  readonly conditions: readonly Condition[]
  readonly nodes: readonly LiveNode[]
  /** Objects of the inventory that were not looked at. */
  readonly omitted: number
  /** Its objects are in another cluster, which is not asked. */
  readonly isElsewhere: boolean
  readonly releases: readonly LiveRelease[]
  readonly events: readonly LiveEvent[]
  /** What could not be found out, for people. */
  readonly gaps: readonly string[]
}

/** What the look needs. `clientOf` may take as long as it wants; it is not waited for. */
export interface LookDeps {
  readonly clientOf: (cluster: string) => Promise<KubeClient | undefined>
  readonly clock: Clock
}

/** Bounds of one look into a cluster. */
const timeoutMs = 5_000
const maxNodes = 400
const maxLists = 40
const maxSingleReads = 20
const maxPodLooks = 8
const maxEvents = 30
const concurrency = 6
const maxMessageLength = 1_000

type Key = { readonly kind: string; readonly namespace: string; readonly name: string }
type Workload = Kustomization | HelmRelease

interface Look {
  readonly client: KubeClient
  readonly signal: AbortSignal
  readonly now: number
  readonly gaps: string[]
}

/**
 * Looks at one of our objects in its cluster: its conditions, releases and events, and the health of everything in its inventory with the reasons of Pods that are not ready.
 *
 * At most five seconds, after which what is not known yet is told as unknown; some dozen requests that only read. Of Secrets and ConfigMaps the metadata alone is asked for.
 *
 * @throws EngineError `not-found`, `cluster-slow`, and those of the client where the object itself could not be read.
 */
export async function readApplication(deps: LookDeps, cluster: string, key: Key): Promise<LiveApplication> {
  const ended = new AbortController()
  const late = deps.clock
    .sleep(timeoutMs, ended.signal)
    .catch(() => undefined)
    .finally(() => ended.abort())
  try {
    const look = await Promise.race([open(deps, cluster, ended.signal), late.then(() => Promise.reject(slow()))])
    const object = await readOwn(look, key)
    const [found, events] = await Promise.all([readNodes(look, key, object), readEvents(look, key)])
    return {
      readAt: look.now,
      conditions: (object.status?.conditions ?? []).map(pickCondition),
      ...found,
      releases: releasesOf(object),
      events,
      gaps: look.gaps,
    }
  } finally {
    ended.abort()
  }
}

async function open(deps: LookDeps, cluster: string, signal: AbortSignal): Promise<Look> {
  const client = await deps.clientOf(cluster)
  if (client === undefined) throw notFound()
  return { client, signal, now: deps.clock.now(), gaps: [] }
}

async function readOwn({ client, signal }: Look, { kind, namespace, name }: Key): Promise<Workload> {
  if (!Object.hasOwn(apiVersions, kind)) throw notFound()
  try {
    const address = { apiVersion: apiVersions[kind as Kind], kind, namespace, name }
    const object = await client.get<Workload>(address, { signal })
    if (object !== undefined) return object
  } catch (caught) {
    throw toEngineError(caught).code === 'aborted' ? slow() : caught
  }
  throw notFound()
}

async function readNodes(
  look: Look,
  owner: Key,
  object: Workload,
): Promise<Pick<LiveApplication, 'nodes' | 'omitted' | 'isElsewhere'>> {
  const entries = (object.status?.inventory?.entries ?? []).flatMap((entry) => {
    const { apiVersion, kind, namespace = '', name } = inventoryKey(entry) ?? {}
    return apiVersion === undefined || kind === undefined || name === undefined
      ? []
      : [{ apiVersion, kind, namespace, name }]
  })
  const shown = entries.slice(0, maxNodes)
  const omitted = entries.length - shown.length
  if (object.spec.kubeConfig !== undefined) {
    const nodes = shown.map((one) => unknown(one, 'it is in another cluster, which was not asked'))
    return { nodes, omitted, isElsewhere: true }
  }
  const live = await readLists(look, owner, shown)
  let left = maxSingleReads
  const nodes = await mapLimit(shown, concurrency, async (one): Promise<LiveNode> => {
    const known = live.get(addressOf(one))
    if (known === 'unread') return unknown(one, 'it could not be read')
    if (known !== undefined) return nodeOf(look, one, known)
    // Without our labels it is in no list; or it is gone.
    if (left <= 0) return unknown(one, 'it was not looked at: many others are missing too')
    left -= 1
    return readSingle(look, one)
  })
  return { nodes: await withPodReasons(look, nodes, live), omitted, isElsewhere: false }
}

type Found = Map<string, KubeObject | 'unread'>

/** One list for each kind and namespace, of the objects with the owner's labels. */
async function readLists(look: Look, owner: Key, wanted: readonly InventoryObject[]): Promise<Found> {
  const found: Found = new Map()
  const groups = Map.groupBy(wanted, ({ apiVersion, kind, namespace }) => `${apiVersion} ${kind} ${namespace}`)
  const [name, namespace] =
    owner.kind === 'HelmRelease'
      ? [labels.helmName, labels.helmNamespace]
      : [labels.kustomizeName, labels.kustomizeNamespace]
  const labelSelector = `${name}=${owner.name},${namespace}=${owner.namespace}`
  const asked = [...groups.values()]
  await mapLimit(asked.slice(0, maxLists), concurrency, async (group) => {
    const [first] = group
    if (first === undefined) return
    try {
      const { items } = await look.client.list(first, {
        ...(first.namespace === '' ? {} : { namespace: first.namespace }),
        labelSelector,
        metadataOnly: isOpaque(first),
        pageSize: maxNodes,
        maxItems: 2 * maxNodes,
        signal: look.signal,
      })
      for (const item of items) {
        const one = { ...item, apiVersion: first.apiVersion, kind: first.kind }
        found.set(addressOf({ ...first, namespace: namespaceOf(one), name: nameOf(one) }), one)
      }
    } catch (caught) {
      look.gaps.push(`${first.kind}: ${reasonOf(caught)}`)
      for (const one of group) found.set(addressOf(one), 'unread')
    }
  })
  for (const group of asked.slice(maxLists)) for (const one of group) found.set(addressOf(one), 'unread')
  return found
}

async function readSingle(look: Look, one: InventoryObject): Promise<LiveNode> {
  try {
    const object = await look.client.get(one, { metadataOnly: isOpaque(one), signal: look.signal })
    if (object === undefined)
      return { ...one, status: 'NotFound', message: 'it is in the inventory and not in the cluster' }
    return nodeOf(look, one, { ...object, apiVersion: one.apiVersion, kind: one.kind })
  } catch (caught) {
    return unknown(one, reasonOf(caught))
  }
}

function nodeOf(look: Look, one: InventoryObject, object: KubeObject): LiveNode {
  const { status, message } = computeHealth(object, look.now)
  return { ...one, status, message: clip(message) }
}

/** The same nodes, with what Pods of workloads say that are not ready. */
async function withPodReasons(look: Look, nodes: readonly LiveNode[], live: Found): Promise<readonly LiveNode[]> {
  let left = maxPodLooks
  return mapLimit(nodes, concurrency, async (node) => {
    const object = live.get(addressOf(node))
    const isUnready = node.status === 'InProgress' || node.status === 'Failed'
    if (!isUnready || object === undefined || object === 'unread' || left <= 0) return node
    left -= 1
    try {
      const { message } = await findPodReasons(look.client, object, { signal: look.signal })
      return message === undefined ? node : { ...node, message: clip(`${node.message}: ${message}`) }
    } catch {
      return node // Its own message is told all the same.
    }
  })
}

interface EventObject {
  readonly type?: string
  readonly reason?: string
  readonly message?: string
  readonly count?: number
  readonly lastTimestamp?: string | null
  readonly eventTime?: string | null
  readonly reportingComponent?: string
  readonly source?: { readonly component?: string }
}

async function readEvents(look: Look, { kind, namespace, name }: Key): Promise<readonly LiveEvent[]> {
  try {
    const { items } = await look.client.list<EventObject>(
      { apiVersion: 'v1', kind: 'Event' },
      {
        namespace,
        fieldSelector: `involvedObject.kind=${kind},involvedObject.name=${name}`,
        pageSize: 200,
        maxItems: 1_000,
        signal: look.signal,
      },
    )
    return items
      .map((event): LiveEvent => ({
        type: event.type ?? '',
        reason: clip(event.reason ?? ''),
        message: clip(event.message ?? ''),
        count: event.count ?? 1,
        last: event.lastTimestamp ?? event.eventTime ?? '',
        by: clip(event.reportingComponent ?? event.source?.component ?? ''),
      }))
      .toSorted((a, b) => (a.last < b.last ? 1 : a.last > b.last ? -1 : 0))
      .slice(0, maxEvents)
  } catch (caught) {
    look.gaps.push(`events: ${reasonOf(caught)}`)
    return []
  }
}

function releasesOf(object: Workload): readonly LiveRelease[] {
  if (object.kind !== 'HelmRelease') return []
  return (object.status?.history ?? []).slice(0, 20).map((one) => ({
    version: one.version,
    chart: one.chartName,
    chartVersion: one.chartVersion,
    ...(one.appVersion === undefined ? {} : { appVersion: one.appVersion }),
    status: one.status,
    ...(one.action === undefined ? {} : { action: one.action }),
    firstDeployed: one.firstDeployed,
    lastDeployed: one.lastDeployed,
    digest: one.digest,
    ...(one.ociDigest === undefined ? {} : { ociDigest: one.ociDigest }),
    tests: Object.entries(one.testHooks ?? {}).map(([name, { phase = '', lastCompleted }]) => ({
      name,
      phase,
      ...(lastCompleted === undefined ? {} : { completed: lastCompleted }),
    })),
  }))
}

/** Kinds of which nothing but the metadata is to be read: their content is nobody's business, and they have no health. */
function isOpaque({ apiVersion, kind }: InventoryObject): boolean {
  return parseApiVersion(apiVersion).group === '' && (kind === 'Secret' || kind === 'ConfigMap')
}

function addressOf(one: InventoryObject): string {
  return `${parseApiVersion(one.apiVersion).group}/${formatKey(one)}`
}

function unknown(one: InventoryObject, message: string): LiveNode {
  return { ...one, status: 'Unknown', message }
}

function pickCondition({ type, status, reason, message, lastTransitionTime }: Condition): Condition {
  return { type, status, reason, message, lastTransitionTime }
}

/** What of an error may be told: what transports say may name addresses. */
function reasonOf(caught: unknown): string {
  const { code } = toEngineError(caught)
  if (code === 'kube-forbidden') return 'the deployment may not read it'
  if (code === 'kube-kind-unknown') return 'the cluster does not know the kind'
  return code === 'aborted' || code === 'kube-timeout' ? 'the cluster did not answer in time' : 'it could not be read'
}

function clip(text: string): string {
  return text.length <= maxMessageLength ? text : `${text.slice(0, maxMessageLength)}…`
}

function slow(): EngineError {
  return new EngineError(`the cluster did not answer within ${timeoutMs / 1000} seconds`, { code: 'cluster-slow' })
}

function notFound(): EngineError {
  return new EngineError('there is no such object in the cluster', { code: 'not-found' })
}
