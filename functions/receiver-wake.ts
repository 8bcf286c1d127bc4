import { mapLimit, sha256Hex, type Json } from '../src/base/index.ts'
import { newRunId } from '../src/coordinator/index.ts'
import { defaultSettings, loadPolicy, wakeResources, type ObjectKey, type WakeResult } from '../src/reconcile/index.ts'
import type { VerifiedDelivery } from '../src/receivers/index.ts'
import { dispatch } from './deliveries.ts'
import { recordDelivery } from './delivery-log.ts'
import type { FunctionDeps } from './deps.ts'
import type { HookTarget } from './receiver-webhook.ts'

/** As long as deliveries of the deployment's own endpoints are remembered. */
const claimTtlSeconds = 3 * 24 * 3600
/** Objects of one run; more are found by the scan. */
const maxObjects = 300
const concurrency = 8
const timeoutMs = 25_000

/** A verified delivery and the Receivers that it is for. */
export interface VerifiedHook {
  readonly path: string
  readonly targets: readonly { readonly target: HookTarget; readonly result: VerifiedDelivery }[]
  readonly request: Request
  readonly body: Uint8Array
  /** False where a cluster that the delivery is for did not answer: it must come again. */
  readonly isComplete: boolean
}

/** What is noted of a delivery with an id, so that working on it again does the same. */
interface Claim {
  readonly runId: string
  readonly requestedAt: string
  readonly isDone?: true
}

/**
 * Wakes what Receivers name: annotates it in each cluster, then has runs look at it. Cut off before the annotations, nothing was answered and the sender tries again; cut off after them, the
 * scan finds them. A delivery with an id is worked on once; one that was cut off goes on with the same run and the same annotation.
 *
 * @returns whether every resource could be woken.
 * @throws EngineError `queue-unavailable`, and of the state store.
 */
export async function wakeReceivers(deps: FunctionDeps, hook: VerifiedHook): Promise<boolean> {
  const [first] = hook.targets
  if (first === undefined) return true
  const { receiver } = first.target
  const facts = {
    provider: receiver.spec.type,
    receiver: `${receiver.metadata.namespace ?? ''}/${receiver.metadata.name}`,
    ...pick(first.result),
    verified: true,
  }
  const key = claimKey(hook.path, first.result.deliveryId)
  const claim = await claimDelivery(deps, key)
  if (claim.isDone === true) {
    recordDelivery(deps, { ...facts, outcome: 'duplicate', run: claim.runId })
    return true
  }
  const signal = AbortSignal.timeout(timeoutMs)
  const results = await mapLimit(hook.targets, concurrency, async ({ target, result }) => ({
    cluster: target.entry.cluster,
    woken: await wakeResources(target.client, {
      receiver: target.receiver,
      delivery: result,
      contentType: hook.request.headers.get('content-type') ?? '',
      body: hook.body,
      requestedAt: claim.requestedAt,
      access: await accessIn(deps, target, signal),
      signal,
    }),
  }))
  const groups = groupByObjects(results)
  for (const [index, group] of groups.entries()) {
    const run = index === 0 ? claim.runId : `${claim.runId}x${index}`
    const { clusters, objects } = group
    await dispatch(deps, {
      id: run,
      trigger: 'trigger',
      receivedAt: deps.clock.now(),
      clusters,
      target: { objects },
      actor: `receiver ${facts.receiver}`.slice(0, 253),
    })
    deps.logger.log('info', 'delivery received', { run, receiver: facts.receiver, objects: objects.length })
    recordDelivery(deps, { ...facts, outcome: 'run', run, clusters })
  }
  const failures = results.flatMap(({ woken }) => woken.failures)
  const isWoken = failures.length === 0
  if (!isWoken) recordDelivery(deps, { ...facts, outcome: 'failed', reason: failures.join('\n') })
  else if (groups.length === 0) recordDelivery(deps, { ...facts, outcome: 'ignored', reason: whyNothing(results) })
  if (key !== undefined) await settleClaim(deps, key, claim, isWoken && hook.isComplete)
  return isWoken
}

/** What Receivers of a cluster may refer to; the policy for tenants may be in the cluster itself. */
async function accessIn(
  { config }: FunctionDeps,
  { client, entry }: HookTarget,
  signal: AbortSignal,
): Promise<Parameters<typeof wakeResources>[1]['access']> {
  const settings = { ...defaultSettings, ...config.settings }
  const { tenantsConfigMap } = settings
  const tenants = tenantsConfigMap === '' ? settings.tenants : await loadPolicy(client, tenantsConfigMap, signal)
  return { deps: { cluster: { name: entry.cluster }, settings: { ...settings, tenants } } }
}

function pick({ event, deliveryId, ref }: VerifiedDelivery): Pick<VerifiedDelivery, 'event' | 'deliveryId' | 'ref'> {
  return { event, deliveryId, ...(ref === undefined ? {} : { ref }) }
}

type Woken = readonly { readonly cluster: string; readonly woken: WakeResult }[]

function whyNothing(results: Woken): string {
  const annotated = results.reduce((sum, { woken }) => sum + woken.annotated, 0)
  return annotated === 0
    ? 'no resource matches'
    : `${annotated} objects were annotated, all of kinds that other controllers work on`
}

/** Clusters that are to look at the same objects share a run. */
function groupByObjects(
  results: Woken,
): readonly { readonly clusters: readonly string[]; readonly objects: readonly ObjectKey[] }[] {
  const groups = new Map<string, { readonly clusters: string[]; readonly objects: readonly ObjectKey[] }>()
  for (const { cluster, woken } of results) {
    if (woken.objects.length === 0) continue
    const objects = woken.objects.slice(0, maxObjects)
    const id = JSON.stringify(objects)
    const group = groups.get(id) ?? { clusters: [], objects }
    if (!group.clusters.includes(cluster)) group.clusters.push(cluster)
    groups.set(id, group)
  }
  return [...groups.values()]
}

function claimKey(path: string, deliveryId: string): string | undefined {
  return deliveryId === '' ? undefined : `deliveries/receiver/${sha256Hex(`${path}\n${deliveryId}`)}`
}

async function claimDelivery(deps: FunctionDeps, key: string | undefined): Promise<Claim> {
  const claim: Claim = {
    runId: newRunId(deps.clock, deps.random),
    requestedAt: goTime(deps.clock.now()),
  }
  if (key === undefined) return claim
  const isFirst = await deps.state.putIfAbsent(key, asJson(claim), { ttlSeconds: claimTtlSeconds })
  if (isFirst) return claim
  // It can only be gone when it expired in between.
  return ((await deps.state.get(key)) as unknown as Claim | undefined) ?? claim
}

/** A delivery that failed is new when it is sent again: what could not be woken then gets a run. */
async function settleClaim(deps: FunctionDeps, key: string, claim: Claim, isWoken: boolean): Promise<void> {
  if (isWoken) await deps.state.put(key, asJson({ ...claim, isDone: true }), { ttlSeconds: claimTtlSeconds })
  else await deps.state.delete(key)
}

/** A time as Go prints it, which is what Flux annotates with. */
function goTime(now: number): string {
  return `${new Date(now).toISOString().replace('T', ' ').replace('Z', '')} +0000 UTC`
}

function asJson(claim: Claim): Json {
  return { ...claim }
}
