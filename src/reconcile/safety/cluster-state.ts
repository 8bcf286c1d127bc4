import { fieldManagers } from '../../api/index.ts'
import { EngineError, isEngineError, toEngineError } from '../../base/index.ts'
import { emitEvent, type KubeClient } from '../../kube/index.ts'
import type { RequestContext, SuspendWish } from '../suspension.ts'
import { timestamp } from '../timestamp.ts'

/** Name of the ConfigMap in the cluster that holds everything of it. */
export const holdName = 'sluice-hold'

/** What the cluster itself says of whether it may be worked on. */
export interface ClusterState {
  /** Set while everything of the cluster is suspended. */
  readonly suspension?: Suspension
  /** Who let the first run begin, where somebody did. */
  readonly approvedBy?: string
}

/** Who suspended a cluster or a deployment, why, and until when. */
export interface Suspension {
  readonly by?: string | undefined
  readonly reason?: string | undefined
  /** Milliseconds since 1970; left out: until somebody resumes it. */
  readonly until?: number | undefined
}

/** What became of a request about a cluster. */
export interface ClusterSwitchResult {
  readonly unchanged: boolean
}

interface HoldMap {
  readonly metadata: { readonly name: string; readonly namespace?: string; readonly resourceVersion?: string }
  readonly data?: { readonly [key: string]: string }
}

const keys = ['suspended', 'by', 'reason', 'since', 'until', 'approved', 'approved-by'] as const
type HoldData = { readonly [key in (typeof keys)[number]]?: string | undefined }

/**
 * Reads the switch of a cluster: one GET. A ConfigMap (or namespace) that is not there says nothing. An empty `namespace`: the deployment has no switch in the cluster.
 *
 * Fails closed: whoever may not read it cannot know that the cluster is not suspended, so nothing is worked on.
 *
 * @throws EngineError `hold-unreadable` where the account may not read it; those of the client where the cluster cannot be reached.
 */
export async function readClusterState(
  client: KubeClient,
  namespace: string,
  signal: AbortSignal,
): Promise<ClusterState> {
  if (namespace === '') return {}
  try {
    return parseClusterState(await readHold(client, namespace, signal))
  } catch (caught) {
    if (!isEngineError(caught) || caught.code !== 'kube-forbidden') throw caught
    throw new EngineError(
      `it cannot be read whether the cluster is suspended, so nothing is worked on: ${caught.message}. Let the deployment get the ConfigMap ${holdName} in namespace ${namespace}, or set holdNamespace in SETTINGS to one that it may read, or to '' to do without the switch`,
      { code: 'hold-unreadable', disposition: 'wait', cause: caught },
    )
  }
}

/** What a ConfigMap says. An end that cannot be read is none: it stays suspended. */
export function parseClusterState(map: HoldMap | undefined): ClusterState {
  const data = (map?.data ?? {}) as HoldData
  const isSuspended = data.suspended?.trim().toLowerCase() === 'true'
  const until = data.until === undefined ? Number.NaN : Date.parse(data.until)
  return {
    ...(isSuspended
      ? { suspension: { by: data.by, reason: data.reason, ...(Number.isNaN(until) ? {} : { until }) } }
      : {}),
    ...(data.approved === undefined ? {} : { approvedBy: data['approved-by'] ?? 'somebody' }),
  }
}

/**
 * Suspends everything of a cluster: from the next run on nothing in it is written, by whichever deployment. Kept in the cluster, so it outlives the deployment.
 *
 * Effects: one PATCH of the ConfigMap, one Event. @throws EngineError `hold-namespace-missing`, those of the client.
 */
export async function suspendCluster(
  ctx: RequestContext,
  namespace: string,
  wish: SuspendWish,
): Promise<ClusterSwitchResult> {
  const until = wish.until === undefined ? undefined : timestamp(wish.until)
  const wanted: HoldData = { suspended: 'true', by: wish.by, reason: wish.reason, until }
  const result = await write(ctx, namespace, wanted, timestamp(ctx.clock.now()))
  if (!result.unchanged) await note(ctx, namespace, 'Suspended', describeSuspension({ ...wish }))
  return result
}

/**
 * Lets a cluster be worked on again, where the suspension is one that is meant: all are, where nobody says which. Effects: one PATCH of the ConfigMap, one Event. @throws EngineError of the client.
 */
export async function resumeCluster(
  ctx: RequestContext,
  namespace: string,
  by: string,
  isMeant: (suspension: Suspension) => boolean = () => true,
): Promise<ClusterSwitchResult> {
  const before = parseClusterState(await readHold(ctx.client, namespace, ctx.signal))
  if (before.suspension === undefined || !isMeant(before.suspension)) return { unchanged: true }
  const result = await write(ctx, namespace, { suspended: 'false' }, undefined)
  await note(ctx, namespace, 'Resumed', `the cluster was resumed by ${by}`)
  return result
}

/** Lets the first run of a cluster begin. Effects: one PATCH of the ConfigMap, one Event. @throws EngineError as {@link suspendCluster}. */
export async function approveCluster(ctx: RequestContext, namespace: string, by: string): Promise<ClusterSwitchResult> {
  const before = parseClusterState(await readHold(ctx.client, namespace, ctx.signal))
  if (before.approvedBy !== undefined) return { unchanged: true }
  const approval = { approved: timestamp(ctx.clock.now()), 'approved-by': by }
  const result = await patchHold(ctx, namespace, approval)
  await note(ctx, namespace, 'Approved', `the first run of the cluster was approved by ${by}`)
  return result
}

/** `suspended by ada until 2026-01-31T18:00:00Z: the disk is full`. */
export function describeSuspension({ by, reason, until }: Suspension): string {
  const words = [
    'suspended',
    by === undefined ? '' : ` by ${by}`,
    until === undefined ? '' : ` until ${timestamp(until)}`,
    reason === undefined ? '' : `: ${reason}`,
  ]
  return words.join('')
}

async function readHold(client: KubeClient, namespace: string, signal: AbortSignal): Promise<HoldMap | undefined> {
  return client.get<HoldMap>({ apiVersion: 'v1', kind: 'ConfigMap', namespace, name: holdName }, { signal })
}

async function write(
  ctx: RequestContext,
  namespace: string,
  wanted: HoldData,
  since: string | undefined,
): Promise<ClusterSwitchResult> {
  const known = ((await readHold(ctx.client, namespace, ctx.signal))?.data ?? {}) as HoldData
  const own = ['suspended', 'by', 'reason', 'until'] as const
  if (own.every((key) => known[key] === wanted[key])) return { unchanged: true }
  return patchHold(ctx, namespace, { by: undefined, reason: undefined, until: undefined, ...wanted, since })
}

/** Sets and (undefined) removes entries; makes the ConfigMap where there is none. */
async function patchHold(ctx: RequestContext, namespace: string, data: HoldData): Promise<ClusterSwitchResult> {
  if (namespace === '')
    throw new EngineError('the deployment has no switch in its clusters: holdNamespace in SETTINGS is empty', {
      code: 'hold-namespace-missing',
      disposition: 'wait',
    })
  const key = { apiVersion: 'v1', kind: 'ConfigMap', namespace, name: holdName }
  const options = { fieldManager: fieldManagers.operator, signal: ctx.signal }
  const metadata = { name: holdName, namespace, labels: { 'app.kubernetes.io/managed-by': 'sluice' } }
  try {
    // An apply creates it where it is missing; what others have set in it stays.
    await ctx.client.patch(
      key,
      { type: 'apply', body: { apiVersion: 'v1', kind: 'ConfigMap', metadata }, force: true },
      options,
    )
  } catch (caught) {
    if (!isEngineError(caught) || caught.code !== 'kube-not-found') throw caught
    throw new EngineError(
      `there is no namespace ${namespace} for the switch of the cluster; create it, or name another one (holdNamespace in SETTINGS, --namespace)`,
      { code: 'hold-namespace-missing', disposition: 'wait', cause: caught },
    )
  }
  const entries = Object.fromEntries(Object.entries(data).map(([name, value]) => [name, value ?? null]))
  await ctx.client.patch(key, { type: 'merge', body: { data: entries } }, options)
  return { unchanged: false }
}

/** Best effort, as every event. */
async function note(ctx: RequestContext, namespace: string, reason: string, message: string): Promise<void> {
  const object = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: holdName, namespace } }
  const event = {
    object,
    severity: 'info',
    reason,
    message,
    controller: 'kustomize-controller',
    timestamp: ctx.clock.now(),
  } as const
  await emitEvent(ctx.client, event, { signal: ctx.signal }).catch((error: unknown) => {
    ctx.logger.log('warn', 'event not written', { reason, error: toEngineError(error).message })
  })
}
