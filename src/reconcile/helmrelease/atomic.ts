import type { HelmReleaseStatus } from '../../api/index.ts'
import { EngineError, toEngineError } from '../../base/index.ts'
import { configDigest, fillValues } from '../../helm/index.ts'
import type { RunContext } from '../context.ts'
import type { NodeRecord } from '../job.ts'
import { approveRelease } from './approve.ts'
import { editStatus, mark, recordOf, saveStatus, type Attempt } from './attempt.ts'
import {
  areRetriesExhausted,
  decide,
  decideAfterRemediation,
  isRetryInForce,
  type ActionName,
  type Stall,
} from './decide.ts'
import { decisionInput, ignoresTestFailures } from './decision-input.ts'
import { commonMetadataDigest, postRenderersDigest } from './digests.ts'
import { keptSnapshots } from './history.ts'
import { install } from './install.ts'
import { lockRelease, type ReleaseLock } from './lock.ts'
import type { ActionResult, ReleaseRequest } from './operation.ts'
import { concernsRun } from './passing-errors.ts'
import { resume } from './resume.ts'
import { rollback } from './rollback.ts'
import { endRemediation, settle } from './settle.ts'
import type { ReleaseFacts } from './shared.ts'
import { observe } from './snapshot.ts'
import { determineState, isCutOff, type ReleaseState } from './state.ts'
import { conditionOf, reconciling, summarizeReady, withoutConditions } from './status.ts'
import { runTests } from './test-action.ts'
import { uninstallFailed } from './uninstall-remediation.ts'
import { unlock } from './unlock.ts'
import { upgrade } from './upgrade.ts'

/** Kinds of actions: one step takes each at most once, and stops behind a remediation (helm-controller 1.6, cleanReleaseStrategy). */
type ActionType = 'release' | 'test' | 'remediate' | 'unlock' | 'resume'

const typeOf: { readonly [name in ActionName]: ActionType } = {
  install: 'release',
  upgrade: 'release',
  test: 'test',
  rollback: 'remediate',
  uninstall: 'remediate',
  unlock: 'unlock',
  resume: 'resume',
}

/** What converging needs; the lock is taken with the first action. */
export type ConvergeRequest = Omit<ReleaseRequest, 'lock'>

/**
 * Takes as many actions as it takes to make the release as wanted, after helm-controller 1.6's AtomicRelease. Each action leaves the release in Helm's
 * storage, so a step that was cut off is gone on with by the next one.
 */
export async function converge(request: ConvergeRequest): Promise<NodeRecord> {
  const { ctx, attempt } = request
  attempt.storage = request.storage
  const taken = new Set<ActionType>()
  let lock: ReleaseLock | undefined
  let mayForce = true
  try {
    for (;;) {
      const { state, facts } = await look(request).catch((error: unknown) => {
        const { message, reason, disposition } = toEngineError(error)
        if (concernsRun(error) || reason !== undefined || disposition === 'bug') throw error
        throw stateUnknown(message, error)
      })
      const input = await decisionInput(attempt.object, request.storage, mayForce, state.kind === 'Failed')
      const decision = decide(state, input)
      switch (decision.action) {
        case 'error':
          throw stateUnknown(decision.message)
        case 'stall':
          return await stall(ctx, attempt, decision)
        case 'none':
          if (facts === undefined)
            throw new EngineError('in sync without a release', { code: 'no-release', disposition: 'bug' })
          return await settle(request, facts, isRetryInForce(input))
      }
      const type = typeOf[decision.action]
      if (decision.action === 'install' || decision.action === 'upgrade') await approveRelease(request, decision.action)
      if (taken.has(type)) return await stop(request, areRetriesExhausted(input), isRetryInForce(input))
      if (lock === undefined) {
        const got = await lockRelease(ctx, attempt.object)
        if (typeof got === 'string') return await wait(request, got)
        lock = got
      }
      prepareHistory(request, state, decision, isRetryInForce(input))
      if (state.kind === 'Untested') endRemediation(request)
      const result = await act({ ...request, lock }, decision.action)
      if (result.state === 'waiting') return await wait(request, result.message)
      taken.add(type)
      mayForce = false
      const after = await decisionInput(attempt.object, request.storage, false, false)
      const isRemediated =
        type === 'remediate' || (type === 'resume' && conditionOf(attempt.object.status, 'Remediated') !== undefined)
      if (isRemediated) {
        const end = decideAfterRemediation(after)
        if (end !== undefined) return await stall(ctx, attempt, end)
        return await stop(request, false, isRetryInForce(after))
      }
    }
  } catch (caught) {
    const error = toEngineError(caught)
    const input = await decisionInput(attempt.object, request.storage, false, false)
    // A failed attempt is answered by another one after a while, whatever went wrong.
    if (['InstallFailed', 'UpgradeFailed'].includes(error.reason ?? '') && isRetryInForce(input))
      return await stop(request, false, true)
    throw error
  } finally {
    await lock?.release()
  }
}

/** Nothing can be decided: the release is left as it is, and looked at again. */
function stateUnknown(problem: string, cause?: unknown): EngineError {
  return new EngineError(`Could not determine release state: ${problem}`, {
    code: 'release-state-unknown',
    reason: 'StateError',
    disposition: 'retry',
    ...(cause === undefined ? {} : { cause }),
  })
}

/** The state of the release, from storage and what was recorded. */
export async function look(
  request: ConvergeRequest,
): Promise<{ readonly state: ReleaseState; readonly facts: ReleaseFacts | undefined }> {
  const { attempt } = request
  const history = [...(attempt.object.status?.history ?? [])].sort((a, b) => b.version - a.version)
  const facts = await latestFacts(request, history[0]?.ociDigest)
  const latest =
    facts === undefined ? undefined : { ...facts.observed, isOurs: isCutOff(facts.mark, facts.observed, history) }
  const state = determineState(latest, history, await desiredOf(request, facts))
  return { state, facts }
}

/** What is known of the latest release: from memory where its Secret has not changed. */
async function latestFacts(request: ConvergeRequest, ociDigest: string | undefined): Promise<ReleaseFacts | undefined> {
  const { ctx, storage } = request
  const known = ctx.deps.caches.helm.releases
  const head = (await storage.heads())[0]
  if (head === undefined) return undefined
  const cached = head.uid === '' ? undefined : known.get(head.uid)
  if (cached?.resourceVersion === head.resourceVersion && cached.ociDigest === ociDigest) return cached
  const stored = await storage.latest()
  if (stored === undefined) return undefined
  const { release } = stored
  const facts: ReleaseFacts = {
    resourceVersion: stored.resourceVersion,
    ociDigest,
    observed: observe(release, ociDigest),
    mark: stored.mark,
    name: release.name,
    namespace: release.namespace,
    manifest: release.manifest,
  }
  const uid = (await storage.heads())[0]?.uid ?? ''
  if (uid !== '') known.set(uid, facts, release.manifest.length + 200)
  return facts
}

async function desiredOf(
  request: ConvergeRequest,
  facts: ReleaseFacts | undefined,
): Promise<Parameters<typeof determineState>[2]> {
  const { attempt, chart, values } = request
  const { spec, status, metadata } = attempt.object
  let digest = attempt.configDigest ?? ''
  if (spec.upgrade?.preserveValues === true && facts !== undefined) {
    // What an upgrade would be made with: the values, filled up with those there are.
    const current = (await request.storage.latest())?.release.config ?? {}
    digest = configDigest(fillValues(values, current))
  }
  const isNewGeneration = status?.observedGeneration !== metadata.generation
  const renderers = spec.postRenderers === undefined ? '' : postRenderersDigest(spec.postRenderers)
  const common = spec.commonMetadata === undefined ? '' : commonMetadataDigest(spec.commonMetadata)
  return {
    chartName: chart.chart.metadata.name,
    chartVersion: chart.version,
    configDigest: digest,
    testsEnabled: spec.test?.enable === true,
    ignoreTestFailures: status?.lastAttemptedReleaseAction === undefined || ignoresTestFailures(attempt.object),
    postRenderingChanged:
      isNewGeneration &&
      (renderers !== (status?.observedPostRenderersDigest ?? '') ||
        common !== (status?.observedCommonMetadataDigest ?? '')),
  }
}

/** What a decision does to the history before its action runs. */
function prepareHistory(
  request: ConvergeRequest,
  state: ReleaseState,
  decision: { readonly action: ActionName; readonly clearHistory?: boolean },
  isRetried: boolean,
): void {
  const { attempt } = request
  editStatus(attempt, (status) => {
    const history = status.history ?? []
    if (decision.clearHistory === true) return { ...status, history: [] }
    if (state.kind !== 'Failed') return status
    return {
      ...status,
      history: keptSnapshots(history, { isRetried, ignoreTests: ignoresTestFailures(attempt.object) }),
    }
  })
}

async function act(request: ReleaseRequest, action: ActionName): Promise<ActionResult> {
  switch (action) {
    case 'install':
      return await install(request)
    case 'upgrade':
      return await upgrade(request)
    case 'resume':
      return await resume(request)
    case 'unlock':
      return await unlock(request)
    case 'test':
      return await runTests(request)
    case 'rollback':
      return await rollback(request)
    case 'uninstall':
      return await uninstallFailed(request)
  }
}

/** The run's time is over, or somebody else is at work: the same job looks again. */
async function wait(request: ConvergeRequest, message: string): Promise<NodeRecord> {
  const { ctx, attempt } = request
  editStatus(attempt, (status) => reconciling(attempt.object, status, message, ctx.deps.clock.now()))
  await saveStatus(ctx, attempt)
  return recordOf(ctx, attempt, 'waiting', 'Progressing', message)
}

/** The attempt has ended in a failure that is going to be answered: at once, or after the retry interval. */
async function stop(request: ConvergeRequest, isExhausted: boolean, isRetried: boolean): Promise<NodeRecord> {
  const { ctx, attempt } = request
  const { spec, status } = attempt.object
  const ready = conditionOf(status, 'Ready')
  const message = ready?.message ?? ''
  const reason = ready?.reason ?? 'Progressing'
  if (isRetried) {
    const strategy = spec[status?.lastAttemptedReleaseAction ?? 'install']?.strategy
    const interval = strategy?.retryInterval ?? '5m'
    const text = `retrying after ${interval}`
    editStatus(attempt, (now) => reconciling(attempt.object, now, text, ctx.deps.clock.now(), 'ProgressingWithRetry'))
    await saveStatus(ctx, attempt, true)
    return recordOf(ctx, attempt, 'failed', reason, message)
  }
  if (isExhausted) {
    editStatus(attempt, (now) => withoutConditions(now, 'Reconciling'))
    await saveStatus(ctx, attempt, true)
    return recordOf(ctx, attempt, 'waiting', reason, message)
  }
  editStatus(attempt, (now) => reconciling(attempt.object, now, message, ctx.deps.clock.now(), 'ProgressingWithRetry'))
  // Requests that were honoured are handled now: the next attempt is no longer forced.
  await saveStatus(ctx, attempt, true)
  return recordOf(ctx, attempt, 'waiting', reason, message)
}

/** Nothing more is tried until something changes. */
async function stall(ctx: RunContext, attempt: Attempt, end: Stall): Promise<NodeRecord> {
  const now = ctx.deps.clock.now()
  editStatus(attempt, (status: HelmReleaseStatus) => {
    const summed = summarizeReady(attempt.object, status, now)
    return withoutConditions({ ...summed, observedGeneration: attempt.object.metadata.generation ?? 0 }, 'Reconciling')
  })
  mark(ctx, attempt, 'Stalled', 'True', end.reason, end.message)
  await saveStatus(ctx, attempt, true)
  return recordOf(ctx, attempt, 'failed', end.reason, end.message)
}
