import { toEngineError } from '../src/base/index.ts'
import { isFinal, type Run, type RunStore, type StoredRecord } from '../src/coordinator/index.ts'
import {
  clusterStatus,
  maskSecrets,
  rollUp,
  secretsOf,
  setCommitStatus,
  setDeployment,
  statusApis,
  type ClusterProgress,
  type CommitStatus,
  type SendContext,
  type Target,
} from '../src/notify/index.ts'
import { isHeldBack } from '../src/reconcile/index.ts'
import type { Clock, HttpClient, Logger, StateStore } from '../src/ports/index.ts'
import type { Config, ReadSetting } from './config.ts'
import { repositoryOf, type FeedbackRule } from './feedback-config.ts'
import { eachInTurn } from './in-turn.ts'

/** What telling forges needs. */
export interface FeedbackDeps {
  readonly config: Pick<Config, 'feedback' | 'settings' | 'privateHosts'>
  readonly read: ReadSetting
  /** Shared by all clusters. */
  readonly state: StateStore
  readonly runs: RunStore
  readonly http: HttpClient
  readonly clock: Clock
  readonly logger: Logger
  /** Lets telling go on after its cause. */
  readonly background: (work: Promise<void>) => void
}

/** Tells forges how runs go. */
export interface Feedback {
  /** The same store of runs; what changes there is told. */
  readonly runs: RunStore
  /** Tells what could not be told before, a part of it at a time, so that each gets its turn. */
  readonly retry: () => Promise<void>
}

/** Milliseconds before a run is said to be under way: most have come to an end by then, and many concern nothing. */
const patienceMs = 2_000
const sendTimeoutMs = 15_000
const pendingSeconds = 24 * 3600
/** Rounds after which a run that keeps changing is left to its next change. */
const maxRounds = 5
/** Runs that the schedule tells of again at a time. */
const maxRetried = 50

/**
 * Statuses of commits that the deployment sets itself: for each push one for each cluster (`sluice/<cluster>`) and one over all (`sluice`), and deployments at GitHub.
 *
 * What is told is made from the records of the run alone, whoever tells it and however often. Each who tells looks again afterwards, and goes on while the records say something else by then: so what stands in the end is what the
 * records say in the end, although clusters tell at the same time. A run that is being told of is noted in the state store until it is done, and told again by the schedule where that was cut off.
 */
export function createFeedback(deps: FeedbackDeps): Feedback {
  const { config, runs, logger } = deps
  if (config.feedback.length === 0) return { runs, retry: async () => undefined }
  // A run that is told of here already is looked at again at the end.
  const telling = new Map<string, { readonly wanted: Set<string>; readonly hurry: AbortController }>()
  const tell = async (id: string, clusters: readonly string[], pauseMs: number): Promise<void> => {
    const other = telling.get(id)
    if (other !== undefined) {
      for (const cluster of clusters) other.wanted.add(cluster)
      if (pauseMs === 0) other.hurry.abort()
      return
    }
    const wanted = new Set(clusters)
    const hurry = new AbortController()
    telling.set(id, { wanted, hurry })
    try {
      if (pauseMs > 0) await deps.clock.sleep(pauseMs, hurry.signal).catch(() => undefined)
      while (wanted.size > 0) {
        const now = [...wanted]
        wanted.clear()
        await tellRun(deps, id, now)
      }
    } catch (error) {
      logger.log('warn', 'feedback not given', { run: id, error: toEngineError(error).message })
    } finally {
      telling.delete(id)
    }
  }
  return {
    runs: {
      ...runs,
      putRecord: async (record) => {
        await runs.putRecord(record)
        if (record.trigger !== 'push') return
        deps.background(tell(record.id, [record.cluster], isFinal(record) ? 0 : patienceMs))
      },
    },
    retry: () =>
      eachInTurn(deps, { prefix: 'feedback/', limit: maxRetried }, async (key) => {
        const id = key.slice('feedback/'.length)
        const run = await runs.get(id)
        if (run === undefined) await deps.state.delete(key)
        else await tell(id, run.clusters, 0)
      }),
  }
}

/** Tells the forges of some clusters of a run, and of all together, until what they know is what the records say. @throws EngineError where a forge does not take it. */
async function tellRun(deps: FeedbackDeps, id: string, clusters: readonly string[]): Promise<void> {
  let told = ''
  for (let round = 0; round < maxRounds; round++) {
    const run = await deps.runs.get(id)
    const rules = run === undefined ? [] : rulesOf(deps.config.feedback, run)
    if (run === undefined || rules.length === 0) return
    const progress = run.records.map(progressOf)
    const now = JSON.stringify(progress)
    if (now === told) break
    await deps.state.put(`feedback/${id}`, true, { ttlSeconds: pendingSeconds })
    for (const rule of rules) await tellForge(deps, { run, clusters, progress }, rule)
    told = now
  }
  await deps.state.delete(`feedback/${id}`)
}

interface MatchedRule {
  readonly rule: FeedbackRule
  readonly address: string
  readonly commit: string
}

function rulesOf(rules: readonly FeedbackRule[], run: Run): readonly MatchedRule[] {
  const { push } = run
  const commit = push?.after
  if (push === undefined || commit === undefined || !/^(?:[0-9a-f]{40}|[0-9a-f]{64})$/.test(commit)) return []
  return rules.flatMap((rule) => {
    const address = repositoryOf(rule, push.urls)
    return address === undefined ? [] : [{ rule, address, commit }]
  })
}

function progressOf(record: StoredRecord): ClusterProgress {
  const { cluster, nodes, state, error, mergedInto, timings, unaffected = 0 } = record
  const failed = nodes.filter((node) => node.state === 'failed' || node.state === 'blocked').length
  if (isFinal(record) && error?.code === 'superseded')
    return { cluster, progress: 'succeeded', total: 0, failed: 0, isLeft: true }
  // What is held back, or only planned, has not arrived.
  const isHeld = isFinal(record) && state === 'succeeded' && (record.plan === true || nodes.some(isHeldBack))
  if (isHeld) return { cluster, progress: 'waiting', total: 0, failed: 0 }
  const isWaiting = state === 'queued'
  return {
    cluster,
    progress: isFinal(record) ? (state === 'succeeded' ? 'succeeded' : 'failed') : isWaiting ? 'waiting' : 'running',
    // Only what is final counts: until then the numbers go up and down.
    total: isFinal(record) ? nodes.length + unaffected : 0,
    failed: isFinal(record) ? failed : 0,
    ...(error === undefined || !isFinal(record) ? {} : { error: error.code }),
    ...(mergedInto === undefined ? {} : { isSuperseded: true }),
    // A source that follows what was pushed is fetched, also where a scan was sooner and nothing is left to do.
    ...(state === 'succeeded' && nodes.length + unaffected === 0 && timings.fetchedAt === undefined
      ? { concernsNothing: true }
      : {}),
  }
}

async function tellForge(
  deps: FeedbackDeps,
  told: { readonly run: Run; readonly clusters: readonly string[]; readonly progress: readonly ClusterProgress[] },
  matched: MatchedRule,
): Promise<void> {
  const { run, clusters, progress } = told
  const { rule, address, commit } = matched
  const target = targetOf(deps, rule, address)
  const context = (): SendContext => sendContext(deps, target)
  const name = rule.context ?? 'sluice'
  const { publicUrl } = deps.config.settings
  const link = publicUrl === undefined ? {} : { url: `${publicUrl.replace(/\/+$/, '')}/runs/${run.id}` }
  const set = async (id: string, rolled: ReturnType<typeof rollUp>, onlyWhereKnown: boolean): Promise<void> => {
    const status: CommitStatus = { commit, context: id, name: id, genre: name, ...rolled, ...link }
    const options = { api: statusApis[rule.forge], target, status, onlyWhereKnown }
    await masked(target, () => setCommitStatus(context(), options))
  }
  // A repository's webhook brings pushes to branches that no cluster follows: their commits get no status.
  const isQuiet = progress.every((one) => one.progress === 'waiting' || one.concernsNothing === true)
  const isUntold = (one: ClusterProgress): boolean => isQuiet || one.concernsNothing === true
  for (const one of progress.filter(({ cluster }) => clusters.includes(cluster))) {
    const rolled = clusterStatus(one)
    await set(`${name}/${one.cluster}`, rolled, isUntold(one))
    if (rule.deployments !== true || one.isLeft === true || isUntold(one)) continue
    const state = ({ waiting: 'queued', running: 'in_progress', succeeded: 'success', failed: 'failure' } as const)[
      one.progress
    ]
    const update = { commit, environment: one.cluster, state, description: rolled.description, ...link }
    await masked(target, () => setDeployment(context(), target, update))
  }
  await set(name, rollUp(progress), isQuiet)
}

function targetOf(deps: FeedbackDeps, rule: FeedbackRule, address: string): Target {
  return {
    type: rule.forge,
    name: 'feedback',
    namespace: '',
    uid: '',
    address,
    channel: '',
    username: '',
    password: '',
    token: deps.read(rule.tokenSecret)?.trim() ?? '',
    headers: {},
    hasAppKeys: false,
    commitStatus: '',
    alert: { name: '', namespace: '', uid: '' },
  }
}

function sendContext(deps: FeedbackDeps, target: Target): SendContext {
  const { http, clock, config } = deps
  return {
    http,
    clock,
    egress: { allowHosts: config.privateHosts },
    signal: AbortSignal.timeout(sendTimeoutMs),
    deadline: clock.now() + sendTimeoutMs,
    secrets: secretsOf(target),
  }
}

/** Errors go to the log: none of them may show the token. */
async function masked<T>(target: Target, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (caught) {
    const error = toEngineError(caught)
    error.message = maskSecrets(error.message, secretsOf(target))
    throw error
  }
}
