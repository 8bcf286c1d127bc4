import { isEngineError } from '../../base/index.ts'
import type { GitCredentials } from './credentials.ts'
import { gitError } from './errors.ts'
import { isObjectId } from './object-id.ts'
import { parseCommit } from './objects.ts'
import type { RemoteRef } from './protocol.ts'
import type { GitDeps } from './remote.ts'
import { GitRemote } from './remote.ts'
import { printUrl } from '../../base/index.ts'
import { highestTags } from './tag-versions.ts'

/** `spec.ref` of a GitRepository. */
export interface GitReference {
  readonly branch?: string
  readonly tag?: string
  readonly semver?: string
  readonly name?: string
  readonly commit?: string
}

/** What a reference stands for at the remote right now. */
export interface ResolvedRevision {
  /** Flux's revision string: `main@sha1:<hex>`, `refs/heads/main@sha1:<hex>` for `ref.name`, `sha1:<hex>` for a commit alone. */
  readonly revision: string
  readonly commit: string
  /** The reference that was followed: `refs/heads/main`. */
  readonly reference?: string
  /** The tag that was followed, with the id of what it names: an annotated tag, or the commit itself. */
  readonly tag?: { readonly name: string; readonly id: string }
}

export interface ResolveOptions {
  readonly url: string
  readonly ref?: GitReference
  readonly credentials?: GitCredentials
  readonly signal?: AbortSignal
}

const defaultBranch = 'master'

/**
 * Resolves `spec.ref` at the remote: one `ls-refs`, after one request for the server's capabilities per hour. Precedence as in Flux's code: commit, name, tag, semver, branch
 * (fluxcd/pkg git/gogit Client.clone); the documentation says otherwise for tag and semver.
 *
 * A `commit` is not looked up, but the remote is asked whether these credentials may read the repository at all (and whether `branch` exists). Unlike Flux it need
 * not be reachable from a branch.
 *
 * Throws EngineError with reason `GitOperationFailed`, or `EmptyGitRepository`.
 */
export async function resolveRevision(deps: GitDeps, options: ResolveOptions): Promise<ResolvedRevision> {
  const remote = new GitRemote(deps, options)
  return resolveAt(deps, remote, options.ref ?? {})
}

/** As {@link resolveRevision}, as a part of an operation that talks to the same remote. */
export async function resolveAt(deps: GitDeps, remote: GitRemote, ref: GitReference): Promise<ResolvedRevision> {
  if (isSet(ref.commit)) return resolveCommit(remote, ref, ref.commit)
  if (isSet(ref.name)) return resolveName(remote, ref.name)
  if (isSet(ref.tag)) {
    const reference = `refs/tags/${ref.tag}`
    const found = (await remote.listRefs([reference])).find((candidate) => candidate.name === reference)
    if (found === undefined) throw await missing(remote, reference)
    return { ...resolved(ref.tag, found.peeled ?? found.id, reference), tag: { name: ref.tag, id: found.id } }
  }
  if (isSet(ref.semver)) return resolveSemver(deps, remote, ref.semver)
  const branch = isSet(ref.branch) ? ref.branch : defaultBranch
  const reference = `refs/heads/${branch}`
  const found = (await remote.listRefs([reference])).find((candidate) => candidate.name === reference)
  if (found === undefined) throw await missing(remote, reference)
  return resolved(branch, found.id, reference)
}

async function resolveCommit(remote: GitRemote, ref: GitReference, commit: string): Promise<ResolvedRevision> {
  if (!isObjectId(commit)) {
    throw gitError(
      `spec.ref.commit must be a full SHA-1 of 40 lower-case hex digits, not ${JSON.stringify(commit.slice(0, 80))}`,
      {
        code: 'git-invalid-reference',
      },
    )
  }
  const branch = isSet(ref.branch) ? `refs/heads/${ref.branch}` : undefined
  const refs = await remote.listRefs([branch ?? 'HEAD'])
  if (branch !== undefined && !refs.some((candidate) => candidate.name === branch)) throw await missing(remote, branch)
  if (isSet(ref.name)) return resolved(ref.name, commit, ref.name)
  return branch === undefined ? { revision: `sha1:${commit}`, commit } : resolved(ref.branch as string, commit, branch)
}

/** Any reference by its full name; an annotated tag stands for its commit, also with `^{}` at the end of the name. */
async function resolveName(remote: GitRemote, name: string): Promise<ResolvedRevision> {
  if (name.startsWith('/') || name.endsWith('/')) {
    throw gitError(`ref ${name} is invalid; Git refs cannot begin or end with a slash '/'`, {
      code: 'git-invalid-reference',
    })
  }
  const isPeeled = name.endsWith('^{}')
  const bare = isPeeled ? name.slice(0, -3) : name
  const found = (await remote.listRefs([bare])).find((candidate) => candidate.name === bare)
  const commit = isPeeled ? found?.peeled : (found?.peeled ?? found?.id)
  if (commit === undefined) {
    throw gitError(`unable to resolve ref '${name}' to a specific commit`, {
      code: 'git-reference-not-found',
      disposition: 'retry',
    })
  }
  const tag = bare.startsWith('refs/tags/') ? bare.slice('refs/tags/'.length) : undefined
  return tag === undefined || found === undefined
    ? resolved(name, commit, name)
    : { ...resolved(name, commit, name), tag: { name: tag, id: found.id } }
}

/** The highest tag that satisfies the range. Versions that differ in build metadata only are told apart by the time of their commits, then by name. */
async function resolveSemver(deps: GitDeps, remote: GitRemote, range: string): Promise<ResolvedRevision> {
  const tags = new Map<string, RemoteRef>()
  for (const ref of await remote.listRefs(['refs/tags/'])) tags.set(ref.name.slice('refs/tags/'.length), ref)
  const best = highestTags([...tags.keys()], range)
  const commitOf = (tag: string): string => tags.get(tag)?.peeled ?? tags.get(tag)?.id ?? ''
  let winner = best[0]
  if (best.length > 1) {
    const times = await commitTimes(remote, [...new Set(best.map(commitOf))])
    winner = best.toSorted().reduce((a, b) => ((times.get(commitOf(b)) ?? 0) >= (times.get(commitOf(a)) ?? 0) ? b : a))
  }
  if (winner === undefined) {
    throw gitError(`no match found for semver: ${range}`, { code: 'git-reference-not-found', disposition: 'retry' })
  }
  return {
    ...resolved(winner, commitOf(winner), `refs/tags/${winner}`),
    tag: { name: winner, id: tags.get(winner)?.id ?? '' },
  }
}

async function commitTimes(remote: GitRemote, commits: readonly string[]): Promise<Map<string, number>> {
  const filter = (await remote.hasFilter()) ? { filter: 'tree:0' } : {}
  const objects = await remote.fetchObjects({ wants: commits, depth: 1, ...filter })
  return new Map(
    commits.map((id) => {
      const object = objects.get(id)
      return [id, object?.type === 'commit' ? parseCommit(object.data).time : 0]
    }),
  )
}

/** The error for a reference that is not there; tells an empty repository apart. */
async function missing(remote: GitRemote, reference: string): Promise<Error> {
  try {
    const any = await remote.listRefs(['HEAD', 'refs/heads/', 'refs/tags/'])
    if (any.length === 0) {
      return gitError(`the repository ${printUrl(remote.url)} is empty: push a first commit`, {
        code: 'git-empty-repository',
        reason: 'EmptyGitRepository',
        disposition: 'retry',
      })
    }
  } catch (error) {
    if (!isEngineError(error)) throw error
  }
  return gitError(`couldn't find remote ref "${reference}" in ${printUrl(remote.url)}`, {
    code: 'git-reference-not-found',
    disposition: 'retry',
  })
}

function resolved(shown: string, commit: string, reference: string): ResolvedRevision {
  return { revision: `${shown}@sha1:${commit}`, commit, reference }
}

function isSet(value: string | undefined): value is string {
  return value !== undefined && value !== ''
}
