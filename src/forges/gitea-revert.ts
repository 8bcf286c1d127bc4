import { z } from 'zod'
import { parseAnswer } from './answer.ts'
import { commitPart, filePath, noRevert, pathPart, type PullCall } from './pull-call.ts'
import type { ChangedFile, OpenedPull, RevertWish } from './pull-types.ts'

const opened = z.object({ number: z.number(), html_url: z.string() })
const commitFields = z.object({
  parents: z.array(z.object({ sha: z.string() })),
  files: z.array(z.object({ filename: z.string() })).nullish(),
})
const content = z.union([
  z.array(z.unknown()),
  z.object({ type: z.string(), sha: z.string(), encoding: z.string().nullish(), content: z.string().nullish() }),
])
const tree = z.object({ tree: z.array(z.object({ path: z.string(), mode: z.string(), sha: z.string() })) })

const right = 'the scope write:repository'
/** Files that are taken back by their content, one request for each or two. */
const maxRevertFiles = 100

interface Where {
  readonly repository: string
  readonly number: number
  readonly files: readonly ChangedFile[]
  readonly isComplete: boolean
}

/** A change of one file, as the contents API takes it. */
type FileChange =
  | { readonly operation: 'create'; readonly path: string; readonly content: string }
  | { readonly operation: 'update'; readonly path: string; readonly content: string; readonly sha: string }
  | { readonly operation: 'delete'; readonly path: string; readonly sha: string }

/**
 * The pull request that takes back a merged one. Gitea has no revert in its API: every file gets the content from before the merge again, in one commit on a branch of its own (docs.gitea.com/api: ChangeFiles), which Gitea refuses where a file is
 * not any more what the merge made of it.
 *
 * @throws EngineError `forge-revert` for what that cannot express: rebased merges, links, submodules, executable files that were deleted, more than a hundred files.
 */
export async function openGiteaRevert(
  call: PullCall,
  options: Where & {
    readonly wish: RevertWish
    readonly merged: { readonly commit: string; readonly branch: string } | undefined
  },
): Promise<OpenedPull> {
  const { repository, number, wish, merged, files, isComplete } = options
  if (merged === undefined) throw noRevert(`pull request ${number} is not merged: there is nothing to take back`)
  const commit = commitPart(merged.commit)
  const branch = `revert-${number}-${commit.slice(0, 8)}`
  const known = await findOpen(call, repository, { branch, base: merged.branch })
  if (known !== undefined) return { ...known, isNew: false }
  if (!isComplete || files.length > maxRevertFiles)
    throw noRevert(`pull request ${number} changes more than ${maxRevertFiles} files; revert it with git`)
  const parent = await parentOf(call, { repository, number, files, isComplete }, commit)
  const changes: FileChange[] = []
  for (const file of files) changes.push(...(await backwards(call, repository, { file, commit, parent })))
  // A branch that was left behind may stand anywhere.
  await call('DELETE', `${repository}/branches/${branch}`, right, { accept: [404] })
  const body = { branch: merged.branch, new_branch: branch, message: `${wish.title}\n\n${wish.body}`, files: changes }
  const changed = await call('POST', `${repository}/contents`, right, { body, accept: [404, 409, 422] })
  if (changed.status >= 400)
    throw noRevert(
      `pull request ${number} cannot be taken back by itself, because files changed since, or this Gitea is older than 1.21; revert it with git`,
    )
  const request = { head: branch, base: merged.branch, title: wish.title, body: wish.body }
  const made = parseAnswer('Gitea', opened, (await call('POST', `${repository}/pulls`, right, { body: request })).json)
  return { number: made.number, webUrl: made.html_url, isNew: true }
}

async function findOpen(
  call: PullCall,
  repository: string,
  { branch, base }: { readonly branch: string; readonly base: string },
): Promise<{ readonly number: number; readonly webUrl: string } | undefined> {
  const entry = opened.extend({ head: z.object({ ref: z.string() }), base: z.object({ ref: z.string() }) })
  for (let page = 1; page <= 20; page++) {
    const url = `${repository}/pulls?state=open&limit=50&page=${page}`
    const found = parseAnswer('Gitea', z.array(entry), (await call('GET', url, right)).json)
    const known = found.find((one) => one.head.ref === branch && one.base.ref === base)
    if (known !== undefined) return { number: known.number, webUrl: known.html_url }
    if (found.length === 0) return undefined
  }
  return undefined
}

/** What the merge began with. Only of a merge in one commit is that its first parent: then the commit changes the files of the pull request, and no others. */
async function parentOf(call: PullCall, where: Where, commit: string): Promise<string> {
  const { json } = await call('GET', `${where.repository}/git/commits/${commit}?files=true&stat=false`, right)
  const { parents, files } = parseAnswer('Gitea', commitFields, json)
  const names = (paths: readonly string[]): string => JSON.stringify([...new Set(paths)].toSorted())
  const wanted = where.files.flatMap(({ path, previousPath }) =>
    previousPath === undefined ? [path] : [path, previousPath],
  )
  const [parent] = parents
  if (parent !== undefined && names(wanted) === names((files ?? []).map(({ filename }) => filename)))
    return commitPart(parent.sha)
  throw noRevert(`pull request ${where.number} was not merged in one commit; revert it with git`)
}

async function backwards(
  call: PullCall,
  repository: string,
  { file, commit, parent }: { readonly file: ChangedFile; readonly commit: string; readonly parent: string },
): Promise<readonly FileChange[]> {
  const { path, previousPath, change } = file
  const now = async (): Promise<string> => (await readBlob(call, repository, path, commit)).sha
  const before = async (at: string): Promise<string> => (await readBlob(call, repository, at, parent)).content
  switch (change) {
    case 'added':
      return [{ operation: 'delete', path, sha: await now() }]
    case 'modified':
      return [{ operation: 'update', path, sha: await now(), content: await before(path) }]
    case 'removed':
      return [await recreated(call, repository, path, parent)]
    case 'renamed':
      return [
        { operation: 'delete', path, sha: await now() },
        await recreated(call, repository, previousPath ?? path, parent),
      ]
  }
}

/** A file that is made anew becomes a plain one: whether it was is looked up. */
async function recreated(call: PullCall, repository: string, path: string, parent: string): Promise<FileChange> {
  let at = parent
  let mode = ''
  for (const name of filePath(path).split('/')) {
    const { json } = await call('GET', `${repository}/git/trees/${at}?per_page=10000`, right, { readBytes: 16 << 20 })
    const entry = parseAnswer('Gitea', tree, json).tree.find((one) => one.path === name)
    if (entry === undefined) throw noRevert(`${path} is not to be found before the merge; revert it with git`)
    at = commitPart(entry.sha)
    mode = entry.mode
  }
  if (mode !== '100644')
    throw noRevert(`${path} is executable or no file, which Gitea's API cannot make; revert it with git`)
  return { operation: 'create', path, content: (await readBlob(call, repository, path, parent)).content }
}

async function readBlob(
  call: PullCall,
  repository: string,
  path: string,
  commit: string,
): Promise<{ readonly sha: string; readonly content: string }> {
  const url = `${repository}/contents/${pathPart(path)}?ref=${commit}`
  const found = parseAnswer('Gitea', content, (await call('GET', url, right)).json)
  if (Array.isArray(found) || found.type !== 'file' || found.encoding !== 'base64')
    throw noRevert(`${path} is no file, or too large for Gitea's API; revert it with git`)
  return { sha: found.sha, content: found.content ?? '' }
}
