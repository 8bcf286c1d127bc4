import { EngineError, runBounded } from '../base/index.ts'
import { valueAt } from './health/health.ts'
import { gvkOf, type KubeObject } from '../resources/index.ts'
import type { CallOptions, KubeClient } from './client-types.ts'
import { abortedError, throwIfAborted } from './deadline.ts'
import { isFatal } from './apply-context.ts'
import { computeHealth, type Health, type HealthStatus } from './health/index.ts'
import { formatKey, type ObjectKey } from './object-key.ts'
import { watchTargets } from './health-watch.ts'
import { findPodReasons } from './pod-reasons.ts'

/** An object that is to become healthy. */
export interface HealthTarget {
  readonly key: ObjectKey
  /** As it was applied, where it was: a Job that deletes itself when it is done is recognised by it. */
  readonly desired?: KubeObject
}

export interface CheckHealthOptions extends CallOptions {
  readonly targets: readonly HealthTarget[]
  /** Goes on looking for at most this time; 0 looks once. It must be seconds, not minutes: be called again instead. */
  readonly budgetMs: number
  /** Milliseconds between two looks at what cannot be watched. Default 500. */
  readonly pollMs?: number
  /** Ends the wait early, with what is known by then: something more urgent has come. */
  readonly stop?: AbortSignal | undefined
  /** Requests in flight. Default 8. */
  readonly concurrency?: number
  /** Health of kinds with rules of their own (`spec.healthCheckExprs`); undefined where there is none. */
  readonly custom?: (object: KubeObject, now: number) => Health | undefined
}

/** An object that is not healthy, and why. */
export interface HealthFinding {
  readonly key: ObjectKey
  readonly status: Exclude<HealthStatus, 'Current'>
  /** Also what its Pods say: `Ready: 0/1; Pod app-1: container app: ImagePullBackOff: …`. */
  readonly message: string
}

export interface HealthReport {
  /** True when every target is Current. */
  readonly ready: boolean
  /** Targets that may still become healthy. */
  readonly notReady: readonly HealthFinding[]
  /** Targets that will not become healthy by themselves. */
  readonly failed: readonly HealthFinding[]
}

/** Objects for which Pods are asked for reasons in one report. */
const maxExplained = 10

/**
 * Looks at objects for a bounded time, until all are healthy, one has failed (Flux fails fast), or the time is over. The first look reads them;
 * after it, those that are not healthy yet are watched, so that waiting costs a connection per kind and no requests. Nothing is
 * remembered: a caller that wants to wait longer calls again later with the targets that are left.
 *
 * @throws EngineError of the API server where it concerns the look as a whole (unreachable, unauthorized, aborted); an object that may not
 * be read is a finding (`Unknown`).
 */
export async function checkHealth(client: KubeClient, options: CheckHealthOptions): Promise<HealthReport> {
  const end = client.clock.now() + options.budgetMs
  throwIfAborted(options.signal)
  const looks = unhealthyOf(await lookAt(client, options.targets, options))
  const pause = options.pollMs ?? 500
  if (looks.length === 0) return { ready: true, notReady: [], failed: [] }
  if (looks.some(isFailed) || client.clock.now() + pause > end) return explain(client, looks, options)
  return waitFor(client, looks, end, pause, options)
}

/** Times are part of some rules (a Pod that is unschedulable for long): the last state is judged again this often. */
const judgeEveryMs = 1_000

async function waitFor(
  client: KubeClient,
  first: readonly Look[],
  end: number,
  pause: number,
  options: CheckHealthOptions,
): Promise<HealthReport> {
  const { signal, stop } = options
  const ending = stop === undefined ? signal : signal === undefined ? stop : AbortSignal.any([signal, stop])
  const timeoutMs = Math.max(1, end - client.clock.now())
  const watch = watchTargets(
    client,
    first.map(({ target }) => target.key),
    { timeoutMs, signal: ending },
  )
  let open = first
  let readAt = client.clock.now()
  try {
    for (;;) {
      await watch.next(Math.min(Math.max(pause, judgeEveryMs), Math.max(1, end - client.clock.now())))
      if (signal?.aborted === true) throw abortedError(signal)
      const now = client.clock.now()
      const isTimeToRead = now - readAt >= pause
      const judged = await Promise.all(
        open.map(async (look) => {
          if (isTimeToRead && watch.isUncovered(look.target.key)) return lookAtOne(client, look.target, options)
          const state = watch.stateOf(look.target.key)
          if (state === 'unseen')
            return look.object === undefined ? look : judge(look.target, look.object, now, options)
          return judge(look.target, state === 'gone' ? undefined : state, now, options)
        }),
      )
      if (isTimeToRead) readAt = now
      open = unhealthyOf(judged)
      if (open.length === 0) return { ready: true, notReady: [], failed: [] }
      if (open.some(isFailed) || stop?.aborted === true || client.clock.now() >= end)
        return await explain(client, open, options)
    }
  } finally {
    await watch.close()
  }
}

function unhealthyOf(looks: readonly Look[]): readonly Look[] {
  return looks.filter(({ health }) => health.status !== 'Current')
}

function isFailed({ health }: Look): boolean {
  return health.status === 'Failed'
}

function judge(target: HealthTarget, object: KubeObject | undefined, now: number, options: CheckHealthOptions): Look {
  if (!object) return { target, object: undefined, health: missingHealth(target) }
  return { target, object, health: options.custom?.(object, now) ?? computeHealth(object, now) }
}

interface Look {
  readonly target: HealthTarget
  readonly object: KubeObject | undefined
  readonly health: Health
}

async function lookAt(
  client: KubeClient,
  targets: readonly HealthTarget[],
  options: CheckHealthOptions,
): Promise<Look[]> {
  const results = await runBounded(
    targets,
    options.concurrency ?? 8,
    (target) => lookAtOne(client, target, options),
    isFatal,
  )
  const fatal = results.find((result) => result && 'error' in result)
  if (fatal && 'error' in fatal) throw fatal.error
  return results.flatMap((result) => (result && 'value' in result ? [result.value] : []))
}

async function lookAtOne(client: KubeClient, target: HealthTarget, options: CheckHealthOptions): Promise<Look> {
  try {
    const object = await client.get(target.key, { signal: options.signal })
    return judge(target, object, client.clock.now(), options)
  } catch (error) {
    if (isFatal(error) || !(error instanceof EngineError)) throw error
    return { target, object: undefined, health: { status: 'Unknown', message: error.message } }
  }
}

/** A Job with a time to live is gone when it is done; everything else that is not there is not ready. */
function missingHealth({ desired }: HealthTarget): Health {
  if (desired && gvkOf(desired).kind === 'Job' && valueAt(desired, 'spec', 'ttlSecondsAfterFinished') !== undefined) {
    return { status: 'Current', message: 'the Job has finished and was deleted after its time to live' }
  }
  return { status: 'NotFound', message: 'it is not there' }
}

/** The report, with the reasons of Pods, which may turn a workload into a failed one. */
async function explain(client: KubeClient, looks: readonly Look[], options: CheckHealthOptions): Promise<HealthReport> {
  const findings = await runBounded(
    looks,
    options.concurrency ?? 8,
    async ({ target, object, health }, index): Promise<HealthFinding> => {
      const status = health.status === 'Current' ? 'Unknown' : health.status
      const plain = { key: target.key, status, message: health.message }
      if (!object || index >= maxExplained) return plain
      // The reason is an extra: without the right to list Pods, the plain message stays.
      const pods = await findPodReasons(client, object, { signal: options.signal }).catch(() => undefined)
      if (!pods?.message) return plain
      return { ...plain, status: pods.isFailed ? 'Failed' : status, message: `${health.message}; ${pods.message}` }
    },
  )
  const all = findings.flatMap((result) => (result && 'value' in result ? [result.value] : []))
  return {
    ready: false,
    notReady: all.filter((finding) => finding.status !== 'Failed'),
    failed: all.filter((finding) => finding.status === 'Failed'),
  }
}

/** `Kind/ns/name status: 'InProgress' (message)`, one object after the other: the list in Flux's health messages, with the reasons. */
export function formatFindings(findings: readonly HealthFinding[]): string {
  return findings
    .map((finding) => `${formatKey(finding.key)} status: '${finding.status}' (${finding.message})`)
    .join(', ')
}

/** Looks for a bounded time whether objects are gone. @returns those that are still there. */
export async function checkTermination(
  client: KubeClient,
  keys: readonly ObjectKey[],
  options: CallOptions & { readonly budgetMs: number; readonly pollMs?: number; readonly concurrency?: number },
): Promise<readonly ObjectKey[]> {
  const end = client.clock.now() + options.budgetMs
  const pause = options.pollMs ?? 500
  for (let open = keys; ;) {
    throwIfAborted(options.signal)
    const results = await runBounded(
      open,
      options.concurrency ?? 8,
      (key) => client.get(key, { metadataOnly: true, signal: options.signal }),
      isFatal,
    )
    const before = open
    open = before.filter((_key, index) => {
      const result = results[index]
      if (result && 'error' in result && !isKindGone(result.error)) throw result.error
      return result !== undefined && 'value' in result && result.value !== undefined
    })
    if (open.length === 0 || client.clock.now() + pause > end) return open
    await client.clock.sleep(pause, options.signal).catch(() => Promise.reject(abortedError(options.signal)))
  }
}

function isKindGone(error: unknown): boolean {
  return error instanceof EngineError && error.code === 'kube-kind-unknown'
}
