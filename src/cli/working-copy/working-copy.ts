import { copyFile, mkdir, mkdtemp, rm, stat, utimes } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, join, resolve } from 'node:path'
import { EngineError } from '../../base/index.ts'
import { usageError } from '../exit-codes.ts'
import { clearedVariables, gitOutput, runGit, type GitRun } from './git.ts'

/** A commit of a working copy: one that is there, or a picture of the files as they are. */
export interface LocalCommit {
  /** Its whole id. */
  readonly id: string
  /** For people: `main`, `the working tree`. */
  readonly name: string
  /** It is the files as they are, with what is not committed. */
  readonly isWorkingTree: boolean
}

/** A Git working copy, read through the program `git`: worktrees, submodules, packed references and shallow clones are its business. Nothing in it is written. */
export interface WorkingCopy {
  /** The directory of its files; undefined for a bare repository. */
  readonly root: string | undefined
  /** The directory with objects and references, which all worktrees of a repository share. */
  readonly directory: string
  /** URLs of its remotes, those of `insteadOf` replaced. */
  readonly remotes: readonly string[]
  /** Runs `git` here, with the objects of {@link snapshot} at hand. */
  git(args: readonly string[], run?: Partial<GitRun>): Promise<Buffer>
  /** Where {@link git} runs, for those who must see how it ends. */
  readonly place: GitRun
  /** The commit of a name. @throws EngineError `usage`. */
  commit(name: string): Promise<LocalCommit>
  /** Where `head` left `base`; undefined where they have nothing in common, or a shallow clone ends before. */
  mergeBase(base: string, head: string): Promise<string | undefined>
  /** The files as they are: tracked ones, and those that are neither tracked nor ignored. The commit of `HEAD` where nothing is different. */
  snapshot(): Promise<LocalCommit>
  /** Takes away what was made beside it. */
  close(): Promise<void>
}

/**
 * Opens the working copy around a directory.
 *
 * Effects: a temporary directory, until it is closed. @throws EngineError `usage` where there is none, `git-program`.
 */
export async function openWorkingCopy(directory: string, signal: AbortSignal): Promise<WorkingCopy> {
  const found = await runGit(['rev-parse', '--is-bare-repository', '--git-common-dir', '--git-dir'], {
    cwd: directory,
    signal,
  })
  if (found.code !== 0)
    throw usageError(
      `this is no working copy of Git, or one that git does not read: ${found.said.split('\n')[0] ?? ''}`,
    )
  const [isBare, common = '', own = ''] = found.stdout.toString().trimEnd().split('\n')
  const top =
    isBare === 'true' ? '' : (await gitOutput(['rev-parse', '--show-toplevel'], { cwd: directory, signal })).toString()
  const root = top === '' ? undefined : top.replace(/\r?\n$/, '')
  const gitDirectory = resolve(directory, own)
  const objects = await gitOutput(['rev-parse', '--git-path', 'objects'], { cwd: directory, signal })
  const beside = await mkdtemp(join(tmpdir(), 'sluice-plan-'))
  // What is not committed becomes objects, which are none of the repository's.
  const env = {
    ...clearedVariables,
    GIT_DIR: gitDirectory,
    ...(root === undefined ? {} : { GIT_WORK_TREE: root }),
    GIT_OBJECT_DIRECTORY: join(beside, 'objects'),
    GIT_ALTERNATE_OBJECT_DIRECTORIES: [
      resolve(directory, objects.toString().replace(/\r?\n$/, '')),
      process.env['GIT_ALTERNATE_OBJECT_DIRECTORIES'] ?? '',
    ]
      .filter((one) => one !== '')
      .join(delimiter),
  }
  await mkdir(env.GIT_OBJECT_DIRECTORY)
  const place: GitRun = { cwd: root ?? gitDirectory, env, signal }
  const git: WorkingCopy['git'] = (args, run = {}) => gitOutput(args, { ...place, ...run, env: { ...env, ...run.env } })
  try {
    const remotes = await remoteUrls(place)
    return {
      root,
      directory: resolve(directory, common),
      remotes,
      git,
      place,
      commit: (name) => commitOf(place, name),
      mergeBase: (base, head) => mergeBaseOf(place, base, head),
      snapshot: () => snapshotOf({ git, place, root, beside }),
      close: () => rm(beside, { recursive: true, force: true }),
    }
  } catch (error) {
    await rm(beside, { recursive: true, force: true })
    throw error
  }
}

async function remoteUrls(place: GitRun): Promise<readonly string[]> {
  const { stdout } = await runGit(['remote'], place)
  const names = stdout
    .toString()
    .split('\n')
    .filter((name) => name !== '')
  const urls = await Promise.all(
    names.map(async (name) => {
      const answer = await runGit(['remote', 'get-url', '--all', '--', name], place)
      return answer.code === 0 ? answer.stdout.toString().trimEnd().split('\n') : []
    }),
  )
  return [...new Set(urls.flat())]
}

async function commitOf(place: GitRun, name: string): Promise<LocalCommit> {
  const { code, stdout } = await runGit(
    ['rev-parse', '--verify', '--quiet', '--end-of-options', `${name}^{commit}`],
    place,
  )
  const id = stdout.toString().trim()
  if (code !== 0 || id === '')
    throw usageError(
      `'${name}' is no commit here; name a branch, a tag or a commit, and fetch it first where it is not there`,
    )
  if (!/^[0-9a-f]{40}$/.test(id)) throw usageError('repositories with SHA-256 object ids are not supported')
  return { id, name, isWorkingTree: false }
}

async function mergeBaseOf(place: GitRun, base: string, head: string): Promise<string | undefined> {
  const { code, stdout } = await runGit(['merge-base', base, head], place)
  const [first = ''] = stdout.toString().split('\n')
  return code === 0 && first !== '' ? first : undefined
}

interface SnapshotPlace extends Pick<WorkingCopy, 'git' | 'place' | 'root'> {
  readonly beside: string
}

/** The files go through an index of their own, so that neither the user's index nor the repository changes. */
async function snapshotOf({ git, place, root, beside }: SnapshotPlace): Promise<LocalCommit> {
  if (root === undefined) throw usageError('a bare repository has no working tree; name a commit with --head')
  const { id: head } = await commitOf(place, 'HEAD')
  if ((await git(['ls-files', '--unmerged'])).length > 0)
    throw usageError('there are conflicts that are not resolved; resolve them, or name a commit with --head')
  const index = join(beside, 'index')
  await copyIndex(
    resolve(root, (await git(['rev-parse', '--git-path', 'index'])).toString().replace(/\r?\n$/, '')),
    index,
  )
  const env = {
    GIT_INDEX_FILE: index,
    GIT_AUTHOR_NAME: 'sluice',
    GIT_AUTHOR_EMAIL: 'sluice@localhost',
    GIT_COMMITTER_NAME: 'sluice',
    GIT_COMMITTER_EMAIL: 'sluice@localhost',
  }
  const quiet = ['-c', 'core.fsmonitor=false', '-c', 'core.splitIndex=false', '-c', 'advice.addEmbeddedRepo=false']
  await git([...quiet, 'add', '--all', '--', '.'], { env })
  const tree = (await git(['write-tree'], { env })).toString().trim()
  const same = (await git(['rev-parse', `${head}^{tree}`])).toString().trim()
  if (tree === same) return { id: head, name: 'HEAD', isWorkingTree: false }
  const id = (await git(['commit-tree', '-p', head, '-m', 'files that are not committed', tree], { env }))
    .toString()
    .trim()
  return { id, name: 'the working tree', isWorkingTree: true }
}

/**
 * Copies the index: with what it knows of the files, only those that differ are read again. A file may have changed in the same moment in which the index was written; git tells by the time of the index, which the copy therefore keeps,
 * in whole seconds and never later.
 */
async function copyIndex(from: string, to: string): Promise<void> {
  try {
    const { atimeMs, mtimeMs } = await stat(from)
    await copyFile(from, to)
    await utimes(to, Math.floor(atimeMs / 1000), Math.floor(mtimeMs / 1000))
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return
    throw new EngineError('the index of the working copy cannot be read', { code: 'git-program', cause: error })
  }
}
