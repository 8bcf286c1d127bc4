import { sha256Hex, toEngineError, type Json } from '../../src/base/index.ts'
import { openRecord, sealRecord } from '../../src/plan/index.ts'
import type { PlanTarget } from '../plans/config.ts'
import type { PlanForgeDeps } from '../plans/forge.ts'
import type { JoinedPlan } from '../plans/joined.ts'
import type { PlanRecord, PullRecord, RecordDeps } from '../plans/records.ts'
import { compareUrl, deleteManifests, manifestCommits, pushManifests, type BranchPlace } from './branch.ts'
import { isManifestBranch, manifestBranchOf } from './config.ts'
import { readAllManifests, type ClusterManifests } from './read.ts'

/** What is known of the branch of a pull request. Nothing is decided by it but whether there is something to do: whose the branch is, its last commit says. */
export interface BranchRecord {
  /** What it was made of, see {@link contentOf}; empty once it is deleted. */
  readonly content: string
  readonly branch: string
  /** The commits, once they are pushed. */
  readonly base?: string
  readonly head?: string
  /** Why it could not be pushed or deleted, and how often that was tried. */
  readonly problem?: string
  readonly tries: number
}

/** Attempts at one pair of commits, or at deleting. */
const maxTries = 5
/** As long as somebody may come back to a pull request. */
const ttlSeconds = 90 * 24 * 3600

const nameOf = (pull: string): string => `plans/manifest-branches/${pull}`

/** The record of a pull request's branch; undefined where there is none, or one that we have not written. @throws EngineError of the store. */
export async function readBranch(records: RecordDeps, pull: string): Promise<BranchRecord | undefined> {
  const name = nameOf(pull)
  const opened = openRecord(records.key, name, await records.state.get(name))
  return opened === undefined ? undefined : (opened as unknown as BranchRecord)
}

async function saveBranch(records: RecordDeps, pull: string, record: BranchRecord): Promise<void> {
  const name = nameOf(pull)
  const sealed: Json = sealRecord(records.key, name, record)
  await records.state.put(name, sealed, { ttlSeconds })
}

/** What is to be done about a branch, and the line that is told of it. */
export interface BranchState {
  /** Something is left to do. */
  readonly isDue: boolean
  /** Markdown of ours; empty where nothing is to be told. */
  readonly line: string
}

const nothing: BranchState = { isDue: false, line: '' }

/** A pull request whose branch is looked at. */
export interface BranchOf {
  readonly target: PlanTarget
  /** See `pullKey`. */
  readonly key: string
  readonly pull: PullRecord
  /** The plan that is reported, where there is one. */
  readonly plan?: { readonly record: PlanRecord; readonly joined: Pick<JoinedPlan, 'isPending'> }
}

/** How it is with the branch of a pull request. Asks no forge. @throws EngineError of the store. */
export async function branchState(records: RecordDeps, of: BranchOf): Promise<BranchState> {
  const place = placeOf(records, of)
  if (place === undefined) return nothing
  const known = await readBranch(records, of.key)
  const wanted = await wantedOf(records, of)
  if (wanted === undefined) return nothing
  const isSame = known?.content === wanted.content
  const isDone = isSame && known.problem === undefined
  const isDue = !isDone && !(isSame && known.tries >= maxTries)
  return { isDue, line: isSame && wanted.content !== '' ? lineOf(of.target, known) : '' }
}

function lineOf(target: PlanTarget, { branch, base, head, problem }: BranchRecord): string {
  if (problem !== undefined) return `The rendered manifests were not pushed to \`${branch}\`: ${problem}.`
  if (base === undefined || head === undefined) return ''
  return `[The change as plain YAML](${compareUrl(target, base, head)})`
}

/**
 * Does what is due: pushes the manifests of the plan that is reported, or deletes the branch of a pull request that has ended. What was done is noted, and done again where that was cut off, which sends nothing twice. A failure is noted
 * for people, and tried again a few times.
 *
 * @returns whether something was done, or what is told of it has changed. @throws EngineError of the store.
 */
export async function syncBranch(deps: PlanForgeDeps, records: RecordDeps, of: BranchOf): Promise<boolean> {
  const { isDue } = await branchState(records, of)
  const place = placeOf(records, of)
  const wanted = isDue ? await wantedOf(records, of) : undefined
  if (place === undefined || wanted === undefined) return false
  const { content, clusters } = wanted
  const { branch } = place
  const known = await readBranch(records, of.key)
  const about = { repository: of.target.address, number: of.pull.number, branch }
  try {
    if (content === '' || of.plan === undefined) {
      await deleteManifests(deps, place)
      await saveBranch(records, of.key, { content: '', branch, tries: 0 })
      return true
    }
    const commits = await manifestCommits(place, of.plan.record, clusters)
    const isPushed = await pushManifests(deps, place, commits)
    const [base = '', head = ''] = commits.ids
    await saveBranch(records, of.key, { content, branch, base, head, tries: 0 })
    if (isPushed) records.logger.log('info', 'manifests pushed', about)
    return true
  } catch (caught) {
    const { code, message, disposition } = toEngineError(caught)
    if (code.startsWith('state-')) throw caught
    const tries = (known?.content === content ? known.tries : 0) + 1
    // What nobody but a person can change is not tried again and again.
    const isFinal = disposition !== 'retry'
    const problem = problems[code] ?? 'the forge did not take them'
    await saveBranch(records, of.key, { content, branch, problem, tries: isFinal ? maxTries : tries })
    records.logger.log('warn', 'manifests not pushed', { ...about, code, error: message, tries })
    return content !== '' && known?.problem !== problem
  }
}

/** What failures mean, for whoever reads the pull request. */
const problems: { readonly [code: string]: string } = {
  'git-authentication': 'the credential may not write the contents of the repository',
  'forge-unauthorized': 'the credential is refused',
  'git-push-refused': 'the branch has moved, or it is protected',
  'manifest-branch-foreign': 'a branch of that name is there that was not made here',
  'manifests-too-large': 'there is too much of them for a branch',
  'manifests-unreadable': 'what was stored of them is lost; plan again',
}

interface Wanted {
  /** Empty: no branch. */
  readonly content: string
  readonly clusters: readonly ClusterManifests[]
}

/** What the branch is to have; undefined while that is not known. */
async function wantedOf(records: RecordDeps, { pull, plan }: BranchOf): Promise<Wanted | undefined> {
  if (pull.state !== 'open') return { content: '', clusters: [] }
  if (plan === undefined || plan.joined.isPending || plan.record.change.manifests !== true) return undefined
  const clusters = await readAllManifests(records, plan.record)
  if (clusters.every(({ state }) => state !== 'stored')) return undefined
  return { content: contentOf(plan.record, clusters), clusters }
}

/** Tells apart what a branch was made of: the plan, and which clusters have answered. */
function contentOf({ id, run }: PlanRecord, clusters: readonly ClusterManifests[]): string {
  return sha256Hex(JSON.stringify([id, run, clusters.map(({ cluster, state }) => [cluster, state])]))
}

/** The branch of a pull request; undefined where it has none: for forks, for what is itself such a branch, and where it would be the branch that is merged into. */
function placeOf(records: RecordDeps, { target, pull, plan }: BranchOf): BranchPlace | undefined {
  const { manifests } = target.rule
  const branch = manifestBranchOf(manifests, pull.number)
  if (branch === undefined || pull.isFork) return undefined
  const into = plan?.record.change.branch.replace(/^refs\/heads\//, '')
  if (into !== undefined && isManifestBranch(manifests, into)) return undefined
  return { target, number: pull.number, branch, key: records.key }
}
