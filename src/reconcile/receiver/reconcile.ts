import {
  annotations,
  apiVersions,
  fieldManagers,
  finalizer,
  isConditionTrue,
  parseResource,
  type Receiver,
  type ReceiverStatus,
} from '../../api/index.ts'
import { isEngineError, mapLimit, parseDuration, toEngineError } from '../../base/index.ts'
import { isNotFound, patchStatus, removeFinalizer, type KubeClient } from '../../kube/index.ts'
import type { EventSink } from '../events.ts'
import type { EngineDeps, Job, NodeRecord } from '../job.ts'
import { admit } from '../tenancy.ts'
import { servedBy } from '../world.ts'
import { checkReceiver } from './filters.ts'
import { hashOf, loadHookMarks, saveHookMarks, webhookPath, type HookEntry, type HookMark } from './hook-index.ts'
import { readReceiverSecret } from './secret.ts'
import { readyStatus, terminalMessage, terminalStatus, tokenMissingStatus } from './status.ts'

/** What the look at Receivers needs of a run. */
export interface ReceiverRun {
  readonly deps: Pick<EngineDeps, 'cluster' | 'state' | 'clock' | 'logger' | 'settings'>
  readonly client: KubeClient
  readonly events: EventSink
  readonly signal: AbortSignal
}

/** Receivers that are worked on at the same time. */
const concurrency = 8
/** Up to so many Receivers, each scan asks whether their Secrets changed; beyond, `spec.interval` says when. */
const maxWatchedSecrets = 20
/** Receivers of a cluster that can be delivered to. */
const maxReceivers = 4_000

/** Whether a run looks at Receivers: scans, runs that were asked to, and those that have just written one, or a Secret. */
export function concernsReceivers(job: Job, nodes: Iterable<NodeRecord>): boolean {
  if (job.kind === 'scan') return true
  const { target } = job
  if (job.kind === 'trigger') {
    if (target === undefined || target === 'cluster') return true
    const keys = 'objects' in target ? target.objects : ['source' in target ? target.source : target.object]
    if (keys.some((key) => key.kind === 'Receiver')) return true
  }
  return [...nodes].some((node) => node.changes.some((change) => /^(?:Receiver|Secret)\//.test(change.object)))
}

/**
 * Reconciles the Receivers of a cluster that have changed or whose interval is over, as notification-controller 1.9 does (conditions, `webhookPath`, `observedGeneration`,
 * `lastHandledReconcileAt`), and keeps the index of their paths in the state store, from which a lost one is made again.
 *
 * Effects: one list; for each Receiver that is due a read of its Secret, and a patch of its status and an event where something changed. What is wrong with one object is in its
 * status. Never rejects: the next scan looks again.
 */
export async function reconcileReceivers(run: ReceiverRun, job: Job): Promise<void> {
  const { deps } = run
  try {
    const [objects, before] = await Promise.all([listReceivers(run), loadHookMarks(deps.state, deps.cluster.name)])
    const looked = objects.slice(0, maxReceivers)
    if (looked.length < objects.length)
      deps.logger.log('error', 'too many Receivers; some cannot be delivered to', { count: objects.length })
    const watchesSecrets = looked.length <= maxWatchedSecrets
    const marks = await mapLimit(looked, concurrency, async (object) => {
      const known = before.get(idOf(object))
      const mark = await look(run, job, object, known, watchesSecrets).catch((caught: unknown) => {
        const { code, message } = toEngineError(caught)
        deps.logger.log('warn', 'Receiver not reconciled', { object: idOf(object), code, error: message })
        return known
      })
      return [idOf(object), mark] as const
    })
    const after = new Map(marks.flatMap(([id, mark]) => (mark === undefined ? [] : [[id, mark] as const])))
    await saveHookMarks(deps.state, deps.cluster.name, before, after)
  } catch (caught) {
    const { code, message } = toEngineError(caught)
    deps.logger.log('warn', 'Receivers not reconciled', { code, error: message })
  }
}

function idOf(object: Receiver): string {
  return `${object.metadata.namespace ?? ''}/${object.metadata.name}`
}

async function listReceivers(run: ReceiverRun): Promise<readonly Receiver[]> {
  const { namespaces } = run.deps.settings
  const kind = { apiVersion: apiVersions.Receiver, kind: 'Receiver' }
  const scopes: readonly { namespace?: string }[] =
    namespaces.length === 0 ? [{}] : namespaces.map((namespace) => ({ namespace }))
  try {
    const lists = await Promise.all(
      scopes.map((scope) => run.client.list<Receiver>(kind, { ...scope, signal: run.signal })),
    )
    const serves = servedBy(run.deps.settings.watchLabelSelector)
    return lists.flatMap((list) => list.items.map((item) => ({ ...item, ...kind }) as Receiver)).filter(serves)
  } catch (error) {
    if (isNotFound(error)) return []
    throw error
  }
}

/** Looks at one Receiver. Returns what is to be noted of it; undefined for one that goes away. */
async function look(
  run: ReceiverRun,
  job: Job,
  object: Receiver,
  known: HookMark | undefined,
  watchesSecrets: boolean,
): Promise<HookMark | undefined> {
  const { client, signal } = run
  if (object.metadata.deletionTimestamp !== undefined) {
    if (object.metadata.finalizers?.includes(finalizer) === true)
      await removeFinalizer(client, object, finalizer, fieldManagers.notificationStatus, { signal })
    return undefined
  }
  if (object.spec.suspend === true) {
    // It still has its path, at which it says that it is suspended.
    const path = object.status?.webhookPath
    const mark = path === undefined ? undefined : markOf(run, object, path, '')
    return known !== undefined && known.hash === mark?.hash && known.entry === mark.entry ? known : mark
  }
  const isDue = isReceiverDue(run, job, object, known)
  if (!isDue && !(watchesSecrets && (await hasSecretChanged(run, object, known)))) return known
  return reconcile(run, object, known)
}

function isReceiverDue(run: ReceiverRun, job: Job, object: Receiver, known: HookMark | undefined): boolean {
  const { status, metadata } = object
  const requestedAt = metadata.annotations?.[annotations.requestedAt]
  return (
    known === undefined ||
    known.generation !== metadata.generation ||
    status?.observedGeneration !== metadata.generation ||
    (requestedAt !== undefined && requestedAt !== status?.lastHandledReconcileAt) ||
    (known.hash !== '' && hashOf(status?.webhookPath ?? '') !== known.hash) ||
    (!isConditionTrue(status?.conditions, 'Ready') && !isConditionTrue(status?.conditions, 'Stalled')) ||
    run.deps.clock.now() - known.at >= intervalOf(object) ||
    (job.kind === 'trigger' && job.target === 'cluster')
  )
}

async function hasSecretChanged(run: ReceiverRun, object: Receiver, known: HookMark | undefined): Promise<boolean> {
  const { secretRef } = object.spec
  if (secretRef === undefined || known === undefined) return false
  const secret = await run.client.get<{ readonly metadata: { readonly resourceVersion?: string } }>(
    { apiVersion: 'v1', kind: 'Secret', namespace: object.metadata.namespace ?? '', name: secretRef.name },
    { metadataOnly: true, signal: run.signal },
  )
  return (secret?.metadata.resourceVersion ?? '') !== known.secretVersion
}

async function reconcile(run: ReceiverRun, object: Receiver, known: HookMark | undefined): Promise<HookMark> {
  const now = run.deps.clock.now()
  try {
    checkReceiver(parseResource('Receiver', object))
    admit(run, object)
  } catch (caught) {
    const error = toEngineError(caught)
    const reason = error.reason ?? 'ValidationFailed'
    await write(run, object, terminalStatus(object, reason, error.message, now), {
      reason,
      message: terminalMessage(error.message),
    })
    // At the path that it had, deliveries are told that it is not ready.
    return { ...markOf(run, object, '', ''), hash: known?.hash ?? '' }
  }
  try {
    const secret = await readReceiverSecret(run.client, object, run.signal)
    const path = webhookPath(secret.data['token'] ?? new Uint8Array(), object)
    await write(run, object, readyStatus(object, path, now))
    return markOf(run, object, path, secret.version)
  } catch (caught) {
    if (!isEngineError(caught) || caught.code !== 'receiver-token-missing') throw caught
    const status = tokenMissingStatus(object, caught.reason ?? 'TokenNotFound', caught.message, now)
    await write(run, object, status, { reason: 'Failed', message: caught.message })
    return markOf(run, object, '', '')
  }
}

/** Writes a status, and says so in an event where the conditions changed. */
async function write(
  run: ReceiverRun,
  object: Receiver,
  status: ReceiverStatus,
  failure?: { readonly reason: string; readonly message: string },
): Promise<void> {
  await patchStatus(run.client, object, status, fieldManagers.notificationStatus, { signal: run.signal })
  const isNews = JSON.stringify(object.status?.conditions ?? []) !== JSON.stringify(status.conditions ?? [])
  if (!isNews) return
  run.events.emit({
    object,
    severity: failure === undefined ? 'info' : 'error',
    reason: failure?.reason ?? 'Succeeded',
    message: failure?.message ?? `Reconciliation finished, next run in ${object.spec.interval ?? '10m'}`,
    controller: 'notification-controller',
  })
}

function markOf(run: ReceiverRun, object: Receiver, path: string, secretVersion: string): HookMark {
  const { name, namespace = '', generation = 0 } = object.metadata
  const issuers =
    object.spec.type === 'generic-oidc'
      ? (object.spec.oidcProviders ?? []).map(({ issuerURL, audience }) => ({
          issuerURL,
          ...(audience === undefined ? {} : { audience }),
        }))
      : undefined
  const entry: HookEntry = {
    cluster: run.deps.cluster.name,
    namespace,
    name,
    ...(issuers === undefined ? {} : { issuers }),
  }
  return {
    hash: path === '' ? '' : hashOf(path),
    generation,
    at: run.deps.clock.now(),
    secretVersion,
    entry: JSON.stringify(entry),
  }
}

function intervalOf(object: Receiver): number {
  try {
    return parseDuration(object.spec.interval ?? '10m')
  } catch {
    return 600_000
  }
}
