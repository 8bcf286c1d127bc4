import { parseDuration } from '../../base/index.ts'
import {
  fieldManagers,
  maxConditionMessageLength,
  removeCondition,
  setCondition,
  type Condition,
  type Kustomization,
} from '../../api/index.ts'
import {
  checkHealth,
  formatFindings,
  keyOf,
  patchStatus,
  type ChangeSet,
  type HealthTarget,
  type KubeClient,
  type ObjectKey,
} from '../../kube/index.ts'
import type { KubeObject } from '../../resources/index.ts'
import type { RunContext } from '../context.ts'
import type { CustomHealth } from '../health-exprs.ts'
import { timestamp } from '../timestamp.ts'
import { waitingSince, withoutEarlierWait } from './status.ts'

/** How the health of a Kustomization's objects stands, with the conditions to write. */
export interface HealthOutcome {
  readonly state: 'healthy' | 'waiting' | 'failed'
  readonly message: string
  readonly conditions: readonly Condition[]
  /** Healthy was True before this look. */
  readonly wasHealthy: boolean
}

/** What was applied, and how the health of special kinds is told. */
export interface HealthWanted {
  readonly changes: ChangeSet
  readonly objects: readonly KubeObject[]
  readonly custom: CustomHealth | undefined
}

/** The Kustomization as the server has it, and the revision whose objects were applied. Updated when the wait is written down. */
export interface HealthSubject {
  stored: Kustomization
  object: Kustomization
  revision?: string
}

const minTimeoutMs = 30_000
/** Longest look without coming back: between two the run's own end and the timeout are checked. */
const waitSliceMs = 5_000

/**
 * Looks at the health of what a Kustomization applied (`spec.wait`) or names (`spec.healthChecks`), again and again until it is settled or the run's time is used up.
 * A wait holds no place of the run and survives it: the time since when it waits is the transition time of the Healthy condition.
 */
export async function awaitHealth(
  ctx: RunContext,
  client: KubeClient,
  subject: HealthSubject,
  wanted: HealthWanted,
): Promise<HealthOutcome> {
  const { clock, limits } = ctx.deps
  const revision = subject.revision ?? ''
  const refs = wantedRefs(subject.object, wanted)
  const before = subject.object.status?.conditions ?? []
  const wasHealthy = before.some((condition) => condition.type === 'Healthy' && condition.status === 'True')
  if (refs.length === 0)
    return { state: 'healthy', message: '', conditions: removeCondition(before, 'Healthy'), wasHealthy }
  const since = waitingSince(subject.object, revision) ?? clock.now()
  const timeoutMs = healthTimeoutMs(subject.object)
  const settle = (state: 'healthy' | 'failed', message: string): HealthOutcome => {
    const conditions =
      state === 'healthy'
        ? mark(ctx, subject.object, 'True', 'Succeeded', message)
        : mark(ctx, subject.object, 'False', 'HealthCheckFailed', message)
    return { state, message, conditions, wasHealthy }
  }
  for (let budgetMs = 0; ; budgetMs = Math.max(0, Math.min(ctx.deadline - clock.now(), waitSliceMs))) {
    const look = await checkHealth(client, {
      targets: refs,
      budgetMs,
      pollMs: limits.healthPollMs,
      signal: ctx.signal,
      stop: ctx.superseded,
      ...(wanted.custom === undefined ? {} : { custom: wanted.custom }),
    })
    if (look.failed.length > 0)
      return settle('failed', `failed early due to stalled resources: ${formatFindings(look.failed)}`)
    if (look.ready) return settle('healthy', `Health check passed in ${Math.round((clock.now() - since) / 10) / 100}s`)
    const waiting = formatFindings(look.notReady)
    if (clock.now() - since >= timeoutMs) return settle('failed', `timeout waiting for: ${waiting}`)
    if (waitingSince(subject.object, revision) === undefined)
      await noteWait(
        ctx,
        subject,
        `Running health checks for revision ${revision} with a timeout of ${timeoutMs / 1000}s`,
      )
    if (ctx.superseded?.aborted === true || clock.now() + limits.healthPollMs >= ctx.deadline) {
      return {
        state: 'waiting',
        message: `waiting for ${waiting}`,
        conditions: subject.object.status?.conditions ?? [],
        wasHealthy,
      }
    }
  }
}

/** Writes down since when the health is awaited, with everything that is known by then: another run goes on from there. */
async function noteWait(ctx: RunContext, subject: HealthSubject, message: string): Promise<void> {
  const { object, revision = '' } = subject
  const begun = { ...object, status: { ...object.status, conditions: [...withoutEarlierWait(object, revision)] } }
  const conditions = mark(ctx, begun, 'Unknown', 'Progressing', message)
  const status = { ...begun.status, conditions, lastAttemptedRevision: revision }
  subject.stored = await patchStatus(ctx.client, subject.stored, status, fieldManagers.kustomizeStatus, {
    signal: ctx.signal,
  })
  subject.object = subject.stored
  ctx.world.update(subject.stored)
}

/** `spec.timeout`, or the interval less half a minute; at least half a minute (kustomize-controller 1.9, GetTimeout). */
export function healthTimeoutMs(object: Kustomization): number {
  const wanted =
    object.spec.timeout === undefined
      ? parseDuration(object.spec.interval) - 30_000
      : parseDuration(object.spec.timeout)
  return Math.max(minTimeoutMs, wanted)
}

function wantedRefs(object: Kustomization, { changes, objects }: HealthWanted): readonly HealthTarget[] {
  const desired = new Map(objects.map((one) => [targetId(keyOf(one)), one]))
  const targetOf = (key: ObjectKey): HealthTarget => {
    const found = desired.get(targetId(key)) ?? desired.get(targetId({ ...key, namespace: '' }))
    return found === undefined ? { key } : { key, desired: found }
  }
  const isSelf = (ref: ObjectKey): boolean =>
    ref.kind === 'Kustomization' && ref.name === object.metadata.name && ref.namespace === object.metadata.namespace
  if (object.spec.wait === true) {
    return changes
      .filter((change) => change.action !== 'skipped' && change.action !== 'deleted' && !isSelf(change))
      .map(targetOf)
  }
  return (object.spec.healthChecks ?? [])
    .map((check) => ({
      apiVersion: check.apiVersion ?? 'apps/v1',
      kind: check.kind,
      name: check.name,
      namespace: check.namespace ?? object.metadata.namespace ?? '',
    }))
    .filter((ref) => !isSelf(ref))
    .map(targetOf)
}

function targetId(key: ObjectKey): string {
  return `${key.apiVersion}|${key.kind}|${key.namespace ?? ''}|${key.name}`
}

function mark(
  ctx: RunContext,
  object: Kustomization,
  status: 'True' | 'False' | 'Unknown',
  reason: string,
  message: string,
): readonly Condition[] {
  const observedGeneration = object.metadata.generation ?? 0
  const wanted = {
    type: 'Healthy',
    status,
    reason,
    message: message.slice(0, maxConditionMessageLength),
    observedGeneration,
  }
  return setCondition(object.status?.conditions ?? [], wanted, timestamp(ctx.deps.clock.now()))
}
