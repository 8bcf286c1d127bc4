import { hmac } from '@noble/hashes/hmac.js'
import { sha256 } from '@noble/hashes/sha2.js'
import { bytesToHex, utf8ToBytes } from '@noble/hashes/utils.js'
import { EngineError } from '../../src/base/index.ts'
import { runIdTime } from '../../src/coordinator/index.ts'
import {
  defaultGitLimits,
  gitCredentials,
  makeCommits,
  openOwnBranch,
  type NewCommit,
  type NewCommits,
  type OwnBranch,
} from '../../src/sources/index.ts'
import type { PlanTarget } from '../plans/config.ts'
import { gitTokenOf, type PlanForgeDeps } from '../plans/forge.ts'
import type { PlanRecord } from '../plans/records.ts'
import { manifestAuthorOf } from './config.ts'
import { filesOfSide } from './files.ts'
import type { ClusterManifests } from './read.ts'

/** Letters of one commit's files. */
const maxBranchBytes = 12 << 20
/** A push may take this long, so that what is told afterwards is not held up. */
const timeoutMs = 45_000
/** Left-outs that a commit names. */
const maxNamed = 30

const gitUsers = { github: 'x-access-token', gitlab: 'oauth2', gitea: 'git' } as const

/** The branch of a pull request. */
export interface BranchPlace {
  readonly target: PlanTarget
  readonly number: number
  readonly branch: string
  readonly key: Uint8Array
}

const trailer = 'Sluice-Manifests'

/**
 * The two commits of a plan: what base renders, and on top of it what head renders, so that the difference of the two is the change. They follow from the commits, from what was rendered and from the configuration alone: the same
 * plan made again has the same.
 *
 * @throws EngineError `manifests-too-large`, `manifests-unreadable`; of the store.
 */
export async function manifestCommits(
  place: BranchPlace,
  plan: PlanRecord,
  clusters: readonly ClusterManifests[],
): Promise<NewCommits> {
  const { repository, number, change } = plan
  const readme = { 'README.md': readmeOf(plan, clusters) }
  const commitOf = async (side: 'base' | 'head'): Promise<NewCommit> => {
    const files = await filesOfSide(clusters, side, maxBranchBytes)
    const title = `${side === 'base' ? 'Before' : 'After'} ${repository}#${number}`
    const body = `What ${change[side]} renders.`
    return {
      files: { ...readme, ...Object.fromEntries(files.map(({ path, text }) => [path, text])) },
      message: (facts) => `${title}\n\n${body}\n\n${trailer}: ${voucherOf(place, facts)}\n`,
    }
  }
  const author = manifestAuthorOf(place.target.rule.manifests)
  // Of the first attempt: a time is part of a commit's id.
  const time = Math.floor(runIdTime(plan.listedAs) / 1000)
  return makeCommits([await commitOf('base'), await commitOf('head')], { ...author, time })
}

/** Nobody without the key can make one: a branch whose last commit has none that fits is somebody else's. */
function voucherOf(
  { target, branch, key }: BranchPlace,
  { tree, parents }: { readonly tree: string; readonly parents: readonly string[] },
): string {
  const facts = JSON.stringify(['sluice manifest branch', target.address, branch, tree, ...parents])
  return bytesToHex(hmac(sha256, key, utf8ToBytes(facts)))
}

function readmeOf({ repository, number, change }: PlanRecord, clusters: readonly ClusterManifests[]): string {
  const names = clusters.flatMap(({ cluster, applications, omitted, omittedCount }) => [
    ...namesOf(cluster, omitted, omittedCount),
    ...applications.flatMap(({ kind, namespace, name, base, head }) =>
      [base, head].flatMap((side) =>
        typeof side === 'object' && side.omittedCount > 0
          ? [`${side.omittedCount} objects of ${cluster} ${kind}/${namespace}/${name}`]
          : [],
      ),
    ),
  ])
  const missing = clusters.filter(({ state }) => state !== 'stored').map(({ cluster }) => cluster)
  const left = [...new Set(names)]
  const lines = [
    `# What ${repository}#${number} changes, as plain YAML`,
    '',
    `Made by a program, and replaced by it. The first commit is what ${change.base} renders, the second what ${change.head} renders, for the applications that differ. Secrets are hidden. Not to be merged or applied.`,
    ...(missing.length === 0 ? [] : ['', `Not planned: ${missing.join(', ')}.`]),
    ...(left.length === 0
      ? []
      : ['', 'Left out, for there was no room:', '', ...left.slice(0, maxNamed).map((one) => `- \`${one}\``)]),
    ...(left.length > maxNamed ? [`- and ${left.length - maxNamed} more`] : []),
  ]
  return `${lines.join('\n')}\n`.replaceAll(/[^\P{Cc}\n]/gu, '')
}

function namesOf(cluster: string, omitted: readonly string[], count: number): readonly string[] {
  const named = omitted.map((label) => `${cluster} ${label}`)
  return count > omitted.length ? [...named, `${count - omitted.length} more of ${cluster}`] : named
}

/**
 * Has the branch stand at these commits. Nothing is sent where it does so already; a branch that somebody else has made or moved is left alone.
 *
 * @returns whether something was pushed. @throws EngineError `manifest-branch-foreign`; of the forge and the Git client.
 */
export async function pushManifests(deps: PlanForgeDeps, place: BranchPlace, commits: NewCommits): Promise<boolean> {
  const opened = await open(deps, place)
  if (opened.tip === commits.ids.at(-1)) return false
  await refuseForeign(opened, place)
  await opened.replace(commits)
  return true
}

/** Deletes the branch, where it is there and ours. @throws as {@link pushManifests}. */
export async function deleteManifests(deps: PlanForgeDeps, place: BranchPlace): Promise<void> {
  const opened = await open(deps, place)
  if (opened.tip === undefined) return
  await refuseForeign(opened, place)
  await opened.delete()
}

async function open(deps: PlanForgeDeps, { target, branch }: BranchPlace): Promise<OwnBranch> {
  const { http, clock, forgeTokens: cache, config } = deps
  const url = `${repositoryUrl(target)}.git`
  const password = await gitTokenOf(deps, target)
  return openOwnBranch(
    { http, clock, cache, egress: { allowHosts: config.privateHosts }, limits: { ...defaultGitLimits, timeoutMs } },
    {
      url,
      branch,
      credentials: gitCredentials({ url, secret: { username: gitUsers[target.rule.forge], password } }),
    },
  )
}

async function refuseForeign(opened: OwnBranch, place: BranchPlace): Promise<void> {
  if (opened.tip === undefined) return
  const tip = await opened.readTip()
  const voucher = tip === undefined ? undefined : new RegExp(`^${trailer}: ([0-9a-f]{64})$`, 'm').exec(tip.message)?.[1]
  if (tip !== undefined && voucher === voucherOf(place, tip)) return
  throw new EngineError(`the branch ${place.branch} is not one that was made here; delete it, or name another`, {
    code: 'manifest-branch-foreign',
  })
}

/** Where the forge shows what differs between two commits. */
export function compareUrl(target: PlanTarget, base: string, head: string): string {
  const path = target.rule.forge === 'gitlab' ? '-/compare' : 'compare'
  return `${repositoryUrl(target)}/${path}/${base}...${head}`
}

/** The repository where Git and people find it, which need not be where the forge's API is. */
function repositoryUrl({ rule, address }: PlanTarget): string {
  return new URL(rule.repository).origin + new URL(address).pathname
}
