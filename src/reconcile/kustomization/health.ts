import { parseDuration } from '../../base/index.ts'
import { fieldManagers, removeCondition, setCondition, type Kustomization } from '../../api/index.ts'
import { checkHealth, patchStatus, type ChangeSet, type ObjectKey } from '../../kube/index.ts'
import type { RunContext } from '../context.ts'
import { timestamp } from '../timestamp.ts'

/** How the health of a Kustomization's objects stands. `object` carries the status as it was saved. */
export interface HealthOutcome {
  readonly state: 'healthy' | 'waiting' | 'failed'
  readonly message: string
  readonly object: Kustomization
}

const minTimeoutMs = 30_000

/**
 * Looks at the health of what a Kustomization applied (`spec.wait`) or names (`spec.healthChecks`), again and again until it is settled or the run's time is used up.
 * A wait holds no place of the run and survives it: the time since when it waits is the transition time of the Healthy condition.
 */
export async function awaitHealth(ctx: RunContext, object: Kustomization, revision: string, changes: ChangeSet): Promise<HealthOutcome> {
  const refs = wantedRefs(object, changes)
  const { clock, limits } = ctx.deps
  if (refs.length === 0) {
    const conditions = object.status?.conditions ?? []
    if (!conditions.some((condition) => condition.type === 'Healthy')) return { state: 'healthy', message: '', object }
    return { state: 'healthy', message: '', object: { ...object, status: { ...object.status, conditions: [...removeCondition(conditions, 'Healthy')] } } }
  }
  let current = object
  const since = waitingSince(object, revision) ?? clock.now()
  const timeoutMs = healthTimeoutMs(object)
  for (;;) {
    const look = await checkHealth(ctx.client, refs, { signal: ctx.signal })
    if (look.failed.length > 0) {
      return { state: 'failed', message: `failed early due to stalled resources: ${describe(look.failed)}`, object: mark(ctx, current, 'False', 'HealthCheckFailed', describe(look.failed)) }
    }
    if (look.notReady.length === 0) {
      const seconds = Math.round((clock.now() - since) / 10) / 100
      return { state: 'healthy', message: '', object: mark(ctx, current, 'True', 'Succeeded', `Health check passed in ${seconds}s`) }
    }
    const waiting = describe(look.notReady)
    if (clock.now() - since >= timeoutMs) {
      return { state: 'failed', message: `timeout waiting for: ${waiting}`, object: mark(ctx, current, 'False', 'HealthCheckFailed', `timeout waiting for: ${waiting}`) }
    }
    if (waitingSince(current, revision) === undefined) {
      const marked = mark(ctx, current, 'Unknown', 'Progressing', `Running health checks for revision ${revision} with a timeout of ${timeoutMs / 1000}s`)
      const status = { ...marked.status, lastAttemptedRevision: revision }
      current = await patchStatus(ctx.client, current, status, { manager: fieldManagers.kustomizeStatus, signal: ctx.signal })
      ctx.world.update(current)
    }
    if (clock.now() + limits.healthPollMs >= ctx.deadline) return { state: 'waiting', message: `waiting for ${waiting}`, object: current }
    await clock.sleep(limits.healthPollMs, ctx.signal)
  }
}

/** `spec.timeout`, or the interval less half a minute; at least half a minute (kustomize-controller 1.9, GetTimeout). */
export function healthTimeoutMs(object: Kustomization): number {
  const wanted = object.spec.timeout === undefined ? parseDuration(object.spec.interval) - 30_000 : parseDuration(object.spec.timeout)
  return Math.max(minTimeoutMs, wanted)
}

function wantedRefs(object: Kustomization, changes: ChangeSet): readonly ObjectKey[] {
  const isSelf = (ref: ObjectKey): boolean =>
    ref.kind === 'Kustomization' && ref.name === object.metadata.name && ref.namespace === object.metadata.namespace
  if (object.spec.wait === true) return changes.filter((change) => change.action !== 'skipped' && change.action !== 'deleted' && !isSelf(change))
  return (object.spec.healthChecks ?? [])
    .map((check) => ({
      apiVersion: check.apiVersion ?? 'apps/v1',
      kind: check.kind,
      name: check.name,
      namespace: check.namespace ?? object.metadata.namespace ?? '',
    }))
    .filter((ref) => !isSelf(ref))
}

function waitingSince(object: Kustomization, revision: string): number | undefined {
  const healthy = object.status?.conditions?.find((condition) => condition.type === 'Healthy')
  if (healthy?.status !== 'Unknown' || object.status?.lastAttemptedRevision !== revision) return undefined
  if (healthy.observedGeneration !== object.metadata.generation) return undefined
  return Date.parse(healthy.lastTransitionTime)
}

function mark(ctx: RunContext, object: Kustomization, status: 'True' | 'False' | 'Unknown', reason: string, message: string): Kustomization {
  const now = timestamp(ctx.deps.clock.now())
  const observedGeneration = object.metadata.generation ?? 0
  const conditions = setCondition(object.status?.conditions ?? [], { type: 'Healthy', status, reason, message, observedGeneration }, now)
  return { ...object, status: { ...object.status, conditions: [...conditions] } }
}

function describe(findings: readonly { readonly subject: string; readonly status: string; readonly message: string }[]): string {
  return `[${findings.map((f) => `${f.subject} status: '${f.status}'${f.message === '' ? '' : `: ${f.message}`}`).join(', ')}]`
}
