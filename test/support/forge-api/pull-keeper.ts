import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { runGit } from '../git-repository.ts'
import type { KeptComment, KeptPull, KeptRepository } from './types.ts'

const identity = ['-c', 'user.name=Test', '-c', 'user.email=test@example.com']

/** What a test may say of a pull request that it opens. */
export interface OpenOptions {
  /** The branch that is made for it, from the base; it is there already where no files are named. */
  readonly branch: string
  readonly files?: { readonly [path: string]: string | null }
  readonly author?: string
  readonly title?: string
  readonly isDraft?: boolean
  readonly labels?: readonly string[]
  /** Where the branch lies; default: in the repository itself. */
  readonly fork?: KeptRepository
}

/** Files between two commits, as `git diff --name-status` tells them. */
export interface DiffEntry {
  readonly status: string
  readonly path: string
  readonly previous?: string
}

/** The refs by which a forge gives heads of pull requests. */
export function headRef(kind: string, number: number): string {
  return kind === 'gitlab' ? `refs/merge-requests/${number}/head` : `refs/pull/${number}/head`
}

/** Opens a pull request for a branch with commits of its own. */
export async function openPull(
  kind: string,
  repository: KeptRepository,
  options: OpenOptions,
  nextId: () => number,
): Promise<KeptPull> {
  const { branch, files, author = 'jane', title = 'A change', fork } = options
  const from = fork ?? repository
  const base = (await repository.git.head()) ?? ''
  if (files === undefined) await repository.git.revParse(branch)
  else if (fork !== undefined)
    await fork.git.git('fetch', '-q', repository.git.path, `refs/heads/main:refs/heads/${branch}`)
  else await repository.git.setBranch(branch, base)
  if (files !== undefined) await from.git.commit(files, { branch })
  const pull: KeptPull = {
    id: nextId(),
    number: repository.pulls.length + 1,
    title,
    author,
    state: 'open',
    isDraft: options.isDraft ?? false,
    base: 'main',
    head: branch,
    from,
    isSourceGone: false,
    labels: [...(options.labels ?? [])],
    reviews: [],
    comments: [],
    mergeCommit: undefined,
    mergedAt: undefined,
    last: { base, head: '' },
  }
  repository.pulls.push(pull)
  await refreshHead(kind, repository, pull)
  return pull
}

/** Moves the ref of the head to where the branch stands. */
export async function refreshHead(kind: string, repository: KeptRepository, pull: KeptPull): Promise<void> {
  const ref = headRef(kind, pull.number)
  await repository.git.git('fetch', '-q', pull.from.git.path, `+refs/heads/${pull.head}:${ref}`)
  pull.last = { base: (await repository.git.head(pull.base)) ?? '', head: (await repository.git.head(ref)) ?? '' }
}

/** Merges for real: with a merge commit, or all of it as one commit. */
export async function mergePull(
  kind: string,
  repository: KeptRepository,
  pull: KeptPull,
  how: 'merge' | 'squash',
): Promise<string> {
  const { git } = repository
  const base = (await git.head(pull.base)) ?? ''
  const head = (await git.head(headRef(kind, pull.number))) ?? ''
  const tree = await git.git('merge-tree', '--write-tree', base, head)
  const parents = how === 'merge' ? ['-p', base, '-p', head] : ['-p', base]
  const commit = await git.git(...identity, 'commit-tree', tree, ...parents, '-m', `Merge ${pull.title}`)
  await git.setBranch(pull.base, commit)
  pull.state = 'merged'
  pull.mergeCommit = commit
  pull.mergedAt = new Date().toISOString()
  pull.last = { base, head }
  return commit
}

/** Reverts a commit on a branch, as a forge does; undefined where that does not go without a person. */
export async function revertCommit(
  repository: KeptRepository,
  commit: string,
  branch: string,
): Promise<string | undefined> {
  const { git } = repository
  const folder = await mkdtemp(join(tmpdir(), 'sluice-revert-'))
  const at = join(folder, 'tree')
  try {
    await git.git('worktree', 'add', '-q', '--detach', at, (await git.head(branch)) ?? '')
    const parents = (await git.git('rev-list', '--parents', '-n', '1', commit)).split(' ').length - 1
    const main = parents > 1 ? ['-m', '1'] : []
    await runGit(['-C', at, ...identity, 'revert', '--no-edit', ...main, commit])
    const made = (await runGit(['-C', at, 'rev-parse', 'HEAD'])).trim()
    await git.setBranch(branch, made)
    return made
  } catch {
    return undefined
  } finally {
    await git.git('worktree', 'remove', '--force', at).catch(() => undefined)
    await rm(folder, { recursive: true, force: true })
  }
}

/** What a pull request changes since it left its base. */
export async function diffOf(repository: KeptRepository, pull: KeptPull): Promise<readonly DiffEntry[]> {
  return diffBetween(repository, await mergeBaseOf(repository, pull), pull.last.head)
}

/** What changed between two commits. */
export async function diffBetween(repository: KeptRepository, from: string, to: string): Promise<readonly DiffEntry[]> {
  const words = (await repository.git.git('diff', '--name-status', '-M', '-z', from, to)).split('\0')
  const entries: DiffEntry[] = []
  for (let at = 0; at < words.length - 1;) {
    const status = (words[at++] ?? '').slice(0, 1)
    const path = words[at++] ?? ''
    entries.push(status === 'R' ? { status, previous: path, path: words[at++] ?? '' } : { status, path })
  }
  return entries
}

/** Where a pull request left its base. */
export function mergeBaseOf(repository: KeptRepository, pull: KeptPull): Promise<string> {
  return repository.git.git('merge-base', pull.last.base, pull.last.head)
}

/** The blob of a path at a commit; undefined where there is none. */
export async function blobAt(
  repository: KeptRepository,
  commit: string,
  path: string,
): Promise<
  { readonly sha: string; readonly mode: string; readonly type: string; readonly content: string } | undefined
> {
  const line = await repository.git.git('ls-tree', commit, '--', path)
  const [, mode = '', type = '', sha = ''] = /^(\d+) (\w+) ([0-9a-f]+)\t/.exec(line) ?? []
  if (sha === '') return undefined
  const content = type === 'blob' ? await runGit(['-C', repository.git.path, 'cat-file', 'blob', sha]) : ''
  return { sha, mode, type, content: Buffer.from(content).toString('base64') }
}

/** Adds a comment, as written now or when the test says. */
export function addComment(
  pull: KeptPull,
  id: number,
  comment: Pick<KeptComment, 'author' | 'body'> & { readonly viaApp?: boolean; readonly createdAt?: string },
): KeptComment {
  const at = comment.createdAt ?? new Date().toISOString()
  const kept: KeptComment = { id, viaApp: false, ...comment, createdAt: at, updatedAt: at }
  pull.comments.push(kept)
  return kept
}

/** A time as GitHub and Gitea say it: without fractions of a second. GitLab says milliseconds. */
export function inSeconds(time: string): string {
  return time.replace(/\.\d+(?=Z$)/, '')
}

/** The page of a list that a request asks for. */
export function pageOf<T>(list: readonly T[], query: URLSearchParams, size: string, most: number): readonly T[] {
  const limit = Math.min(most, Number(query.get(size) ?? 20))
  const page = Number(query.get('page') ?? 1)
  return list.slice((page - 1) * limit, page * limit)
}
