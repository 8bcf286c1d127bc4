import type * as IsomorphicGit from 'isomorphic-git'
import { compareByteOrder, isEngineError, type EngineError, joinPath, printUrl, utf8Text } from '../../base/index.ts'
import type { GitCredentials } from './credentials.ts'
import { gitError } from './errors.ts'
import { placeholder, sendFor } from './isomorphic.ts'
import { MemoryFs } from './memory-fs.ts'
import { GitRemote, type GitDeps } from './remote.ts'

/** Files of a commit: text, or null to remove one. */
export interface BranchChange {
  readonly files: { readonly [path: string]: string | null }
  readonly message: string
  readonly author: { readonly name: string; readonly email: string }
}

/** The last commit of a branch, held in memory, on which one commit can be put. */
export interface GitBranch {
  /** Undefined where there is no such branch yet. */
  readonly head: string | undefined
  /** The text of a file; undefined where there is none. @throws EngineError `git-data` where it is no text. */
  readonly read: (path: string) => Promise<string | undefined>
  /** Paths of all files under a directory. */
  readonly list: (directory: string) => Promise<readonly string[]>
  /**
   * Commits and pushes. @returns the new commit, undefined where the files are like that already (nothing is sent then).
   * @throws EngineError `git-push-refused`: somebody else has pushed meanwhile (`retry`: open the branch again), or the server does not want it.
   */
  readonly push: (change: BranchChange) => Promise<string | undefined>
}

type Git = typeof IsomorphicGit.default
type TreeEntry = IsomorphicGit.TreeEntry

const gitdir = '/git'
/** Deeper trees are nobody's layout. */
const maxDepth = 40

/**
 * Opens a branch over HTTP(S) to write to it: fetches its last commit with all files (depth 1) into memory. isomorphic-git makes objects and speaks the protocol; bytes go through the engine's client
 * with its rules for credentials, redirects, sizes and deadlines. Runs where Node's Buffer is.
 *
 * @throws EngineErrors as the rest of the Git client; `git-unsupported` for another scheme than http(s).
 */
export async function openBranch(
  deps: GitDeps,
  options: {
    readonly url: string
    readonly branch: string
    readonly credentials: GitCredentials
    readonly signal?: AbortSignal
  },
): Promise<GitBranch> {
  const { url, branch, credentials, signal } = options
  const remote = new GitRemote(deps, { url, credentials, ...(signal === undefined ? {} : { signal }) })
  if (!remote.url.protocol.startsWith('http'))
    throw gitError('writing to a repository is possible over http and https only; give its https URL', {
      code: 'git-unsupported',
    })
  const ref = `refs/heads/${branch}`
  const refs = await remote.listRefs([ref])
  const head = refs.find(({ name }) => name === ref)?.id
  // The default export: a bundle of it for Node has no other.
  const { default: git } = await import('isomorphic-git')
  const { base } = await remote.server()
  const store: Store = {
    git,
    fs: new MemoryFs(deps.limits.maxPackBytes),
    http: { request: (request) => sendFor(remote, base, request) },
    cache: {},
    remote,
  }
  const { fs, http } = store
  await guarded(remote, 'fetching', async () => {
    await git.init({ fs, dir: '/', gitdir, bare: true, defaultBranch: branch })
    await git.addRemote({ fs, gitdir, remote: 'origin', url: placeholder })
    if (head === undefined) return
    await git.fetch({ fs, http, gitdir, remote: 'origin', ref: branch, singleBranch: true, depth: 1, tags: false })
    await git.writeRef({ fs, gitdir, ref, value: head })
  })
  const tree = head === undefined ? undefined : (await git.readCommit({ fs, gitdir, oid: head })).commit.tree
  return {
    head,
    read: (path) => readFile(store, tree, path),
    list: (directory) => listFiles(store, tree, joinPath('', directory)),
    push: (change) => pushChange(store, { branch, ref, head, tree }, change, deps.clock.now()),
  }
}

interface Store {
  readonly git: Git
  readonly fs: MemoryFs
  readonly http: { readonly request: (request: Parameters<typeof sendFor>[2]) => ReturnType<typeof sendFor> }
  readonly cache: object
  readonly remote: GitRemote
}

interface Place {
  readonly branch: string
  readonly ref: string
  readonly head: string | undefined
  readonly tree: string | undefined
}

async function entriesOf({ git, fs, cache }: Store, tree: string | undefined): Promise<readonly TreeEntry[]> {
  return tree === undefined ? [] : (await git.readTree({ fs, gitdir, cache, oid: tree })).tree
}

async function findEntry(store: Store, tree: string | undefined, path: string): Promise<TreeEntry | undefined> {
  const parts = joinPath('', path).split('/')
  let at = tree
  for (const [index, part] of parts.entries()) {
    const entry = (await entriesOf(store, at)).find((one) => one.path === part)
    if (entry === undefined || index === parts.length - 1) return entry
    if (entry.type !== 'tree') return undefined
    at = entry.oid
  }
  return undefined
}

async function readFile(store: Store, tree: string | undefined, path: string): Promise<string | undefined> {
  const entry = await findEntry(store, tree, path)
  if (entry?.type !== 'blob') return undefined
  const { blob } = await store.git.readBlob({ fs: store.fs, gitdir, cache: store.cache, oid: entry.oid })
  const text = utf8Text(blob)
  if (text === undefined) throw gitError(`${path} in the repository is no text`, { code: 'git-data' })
  return text
}

async function listFiles(store: Store, tree: string | undefined, directory: string): Promise<readonly string[]> {
  const start = directory === '' ? tree : (await findEntry(store, tree, directory))?.oid
  const found: string[] = []
  const walk = async (oid: string | undefined, at: string, depth: number): Promise<void> => {
    if (depth > maxDepth) return
    for (const entry of await entriesOf(store, oid)) {
      const path = at === '' ? entry.path : `${at}/${entry.path}`
      if (entry.type === 'tree') await walk(entry.oid, path, depth + 1)
      else if (entry.type === 'blob') found.push(path)
    }
  }
  if (start !== undefined) await walk(start, directory, 0)
  return found.toSorted(compareByteOrder)
}

async function pushChange(store: Store, place: Place, change: BranchChange, now: number): Promise<string | undefined> {
  const { git, fs, http, cache, remote } = store
  const { branch, ref, head } = place
  let tree = place.tree
  for (const [path, text] of Object.entries(change.files))
    tree = await withFile(store, tree, joinPath('', path).split('/'), text)
  tree ??= await git.writeTree({ fs, gitdir, tree: [] })
  if (tree === place.tree) return undefined
  const when = { timestamp: Math.floor(now / 1000), timezoneOffset: 0 }
  const author = { ...change.author, ...when }
  const commit = await git.commit({
    fs,
    gitdir,
    cache,
    ref,
    tree,
    parent: head === undefined ? [] : [head],
    message: change.message,
    author,
    committer: author,
  })
  await guarded(remote, 'pushing to', async () => {
    const result = await git.push({ fs, http, gitdir, cache, remote: 'origin', ref: branch, remoteRef: ref })
    if (!result.ok) throw refused(remote, result.refs[ref]?.error ?? '')
  })
  return commit
}

/** The tree with one file changed; a directory that becomes empty disappears. */
async function withFile(
  store: Store,
  tree: string | undefined,
  path: readonly string[],
  text: string | null,
): Promise<string | undefined> {
  const [name = '', ...rest] = path
  const entries = await entriesOf(store, tree)
  const others = entries.filter((entry) => entry.path !== name)
  const known = entries.find((entry) => entry.path === name)
  const { git, fs } = store
  let entry: TreeEntry | undefined
  if (rest.length > 0) {
    const oid = await withFile(store, known?.type === 'tree' ? known.oid : undefined, rest, text)
    if (oid !== undefined) entry = { mode: '040000', path: name, oid, type: 'tree' }
  } else if (text !== null) {
    const oid = await git.writeBlob({ fs, gitdir, blob: new TextEncoder().encode(text) })
    entry = { mode: known?.type === 'blob' ? known.mode : '100644', path: name, oid, type: 'blob' }
  }
  const all = entry === undefined ? others : [...others, entry]
  return all.length === 0 ? undefined : await git.writeTree({ fs, gitdir, tree: all })
}

/** Names what was being done where the library fails without an EngineError of ours inside. */
async function guarded(remote: GitRemote, what: string, work: () => Promise<void>): Promise<void> {
  try {
    await work()
  } catch (error) {
    if (isEngineError(error)) throw error
    const { code, data } = error as { readonly code?: unknown; readonly data?: { readonly statusCode?: unknown } }
    const at = printUrl(remote.url)
    if (code === 'PushRejectedError') throw refused(remote, 'the branch has moved')
    if (code === 'GitPushError') throw refused(remote, '')
    if (code === 'HttpError' && (data?.statusCode === 401 || data?.statusCode === 403))
      throw gitError(`${at} refuses the push: the token needs the right to write the contents of the repository`, {
        code: 'git-authentication',
        data: { status: data.statusCode },
      })
    const status = code === 'HttpError' ? `: status ${String(data?.statusCode)}` : ''
    throw gitError(`${what} ${at} failed${status}`, { code: 'git-connection', disposition: 'retry', cause: error })
  }
}

function refused(remote: GitRemote, why: string): EngineError {
  const reason = why.replace(/[\p{Cc}\s]+/gu, ' ').slice(0, 200)
  return gitError(
    `${printUrl(remote.url)} refuses the push${reason === '' ? '' : ` (${reason})`}: somebody else has pushed meanwhile, then run it again; or the branch is protected, then let this user push to it`,
    { code: 'git-push-refused', disposition: 'retry' },
  )
}
