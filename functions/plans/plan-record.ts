import { newRunId } from '../../src/coordinator/index.ts'
import type { PullRequest } from '../../src/forges/index.ts'
import type { ChangeRef } from '../../src/reconcile/index.ts'
import type { FunctionDeps } from '../deps.ts'
import type { PlanRule, PlanTarget } from './config.ts'
import type { Decision } from './decide.ts'
import type { LookMessage } from './look-message.ts'
import { branchRef, type PlanRecord } from './records.ts'
import type { Judgement } from './repository-config.ts'

/** Characters of a title that are kept. */
export const maxTitle = 300

/** What a look has found out. */
export interface LookFacts {
  readonly deps: Pick<FunctionDeps, 'config' | 'clock' | 'random'>
  readonly target: PlanTarget
  /** Key of the pull request in the store. */
  readonly key: string
  readonly pull: PullRequest
  readonly message: Pick<LookMessage, 'receivedAt'>
}

/** The record of a plan that is to be made. */
export function planRecord(
  look: LookFacts,
  given: {
    readonly id: string
    readonly base: string
    readonly judgement: Judgement
    readonly attempt: string
    /** What an attempt of this look that was cut off has noted. */
    readonly known: PlanRecord | undefined
  },
  { askedBy }: Extract<Decision, { kind: 'plan' }>,
  earlier: PlanRecord | undefined,
): PlanRecord {
  const { deps, target, pull, key, message } = look
  const { id, base, judgement, attempt, known } = given
  const run = known?.run ?? newRunId(deps.clock, deps.random)
  const repository = `${target.owner}/${target.name}`
  return {
    id,
    pull: key,
    repository,
    number: pull.number,
    title: pull.title.slice(0, maxTitle),
    author: pull.author.login,
    webUrl: pull.webUrl,
    isFork: pull.isFork,
    change: changeOf(look, { id, base, repository, severities: judgement.severities }),
    attempt,
    ...(askedBy === undefined ? {} : { askedBy }),
    run,
    listedAs: earlier?.listedAs ?? run,
    receivedAt: known?.receivedAt ?? message.receivedAt,
    at: known?.at ?? deps.clock.now(),
    clusters: deps.config.clusters.map(({ name }) => name),
    state: 'current',
    problems: judgement.problems,
  }
}

function changeOf(
  { pull, target }: LookFacts,
  given: Pick<Judgement, 'severities'> & { readonly id: string; readonly base: string; readonly repository: string },
): ChangeRef {
  const { id, base, repository, severities } = given
  const { live, secrets } = trustOf(pull, target.rule)
  return {
    plan: id,
    urls: target.urls,
    repository,
    pullRequest: pull.number,
    branch: branchRef(pull.base.branch),
    base,
    head: pull.head.commit,
    headRef: pull.headRef,
    live,
    secrets,
    ...(Object.keys(severities).length === 0 ? {} : { severities }),
    ...(target.rule.manifests === undefined ? {} : { manifests: true }),
  }
}

/** A fork learns nothing of clusters and secrets, whoever asks for its plan. */
function trustOf(pull: PullRequest, rule: PlanRule): Pick<ChangeRef, 'live' | 'secrets'> {
  if (pull.isFork) return { live: 'denied', secrets: 'withheld' }
  return { live: rule.live === false ? 'denied' : 'read', secrets: 'used' }
}
