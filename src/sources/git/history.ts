import { isEngineError } from '../../base/index.ts'
import type { GitCredentials } from './credentials.ts'
import { parseCommit } from './objects.ts'
import { GitRemote, type GitDeps } from './remote.ts'

/** Whether a commit is in the history of another; `unknown` where the server cannot tell it without all files, `too-far` beyond {@link depths}. */
export type InHistory = 'yes' | 'no' | 'too-far' | 'unknown'

/** Commits from the head that are fetched (without trees or files), one try after the other: most are near. */
const depths = [100, 1_000, 10_000] as const

/**
 * Looks for a commit in the history of `head`. Only commits travel (`tree:0`), some hundred bytes each, bounded by the limits of Git in all.
 *
 * @throws EngineError of the remote, with reason `GitOperationFailed`.
 */
export async function isInHistory(
  deps: GitDeps,
  options: { readonly url: string; readonly credentials?: GitCredentials; readonly signal?: AbortSignal },
  { head, commit }: { readonly head: string; readonly commit: string },
): Promise<InHistory> {
  if (head === commit) return 'yes'
  const remote = new GitRemote(deps, options)
  const { capabilities } = await remote.server()
  if (capabilities.version === 1 || !(await remote.hasFilter())) return 'unknown'
  for (const depth of depths) {
    const found = await look(remote, { head, commit, depth })
    if (found !== undefined) return found
  }
  return 'too-far'
}

/** Undefined where the history goes on behind what was fetched. */
async function look(
  remote: GitRemote,
  { head, commit, depth }: { readonly head: string; readonly commit: string; readonly depth: number },
): Promise<InHistory | undefined> {
  const objects = await remote.fetchObjects({ wants: [head], depth, filter: 'tree:0' }).catch((error: unknown) => {
    if (isEngineError(error) && error.code === 'git-too-large') return undefined
    throw error
  })
  if (objects === undefined) return 'too-far'
  const seen = new Set([head])
  const todo = [head]
  let isWhole = true
  for (let id = todo.pop(); id !== undefined; id = todo.pop()) {
    if (id === commit) return 'yes'
    const object = objects.get(id)
    if (object?.type !== 'commit') {
      isWhole = false
      continue
    }
    for (const parent of parseCommit(object.data).parents) {
      if (seen.has(parent)) continue
      seen.add(parent)
      todo.push(parent)
    }
  }
  return isWhole ? 'no' : undefined
}
