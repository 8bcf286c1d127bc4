import { z } from 'zod'
import { apiBase, mergedAt, parseAnswer, writtenAt } from './answer.ts'
import { reportStatus } from './commit-check.ts'
import { decodeContent } from './file-content.ts'
import { giteaHeaders } from './gitea.ts'
import { giteaPeople } from './gitea-people.ts'
import { openGiteaRevert } from './gitea-revert.ts'
import {
  branchPart,
  commitPart,
  filePath,
  idPart,
  listBytes,
  maxFiles,
  numberPart,
  pathPart,
  readUpTo,
  type PullCall,
} from './pull-call.ts'
import { deleteComment, upsertComment, type CommentStore } from './pull-comments.ts'
import { forgeCaller } from './request.ts'
import type {
  ChangedFile,
  ForgeUser,
  PullDeps,
  PullRequest,
  PullRequests,
  PullReview,
  PullTarget,
} from './pull-types.ts'

const user = z.object({ id: z.number(), login: z.string() })
const end = z.object({
  label: z.string().nullish(),
  ref: z.string(),
  sha: z.string(),
  repo: z.object({ id: z.number(), full_name: z.string() }).nullish(),
})
const pull = z.object({
  number: z.number(),
  title: z.string(),
  html_url: z.string(),
  state: z.enum(['open', 'closed']),
  draft: z.boolean().nullish(),
  merged: z.boolean().nullish(),
  merge_commit_sha: z.string().nullish(),
  merged_at: z.string().nullish(),
  merge_base: z.string().nullish(),
  user,
  base: end,
  head: end,
  labels: z.array(z.object({ name: z.string() })).nullish(),
})
const review = z.object({
  user: user.nullish(),
  state: z.string(),
  dismissed: z.boolean().nullish(),
  commit_id: z.string().nullish(),
})
const file = z.object({ filename: z.string(), previous_filename: z.string().nullish(), status: z.string() })
const comment = z.object({
  id: z.number(),
  body: z.string(),
  user: user.nullish(),
  issue_url: z.string().nullish(),
  pull_request_url: z.string().nullish(),
  created_at: z.string().nullish(),
  updated_at: z.string().nullish(),
})
const branch = z.object({ commit: z.object({ id: z.string() }) })

/** What a page is asked to have; a server may give fewer (MAX_RESPONSE_ITEMS), so that only an empty page is the last for sure. */
const perPage = 50
const unknownSize = 0
const right = 'the scopes read:repository, write:issue and write:repository'
const title = 'Gitea'

/** Pull requests of Gitea and Forgejo (docs.gitea.com/api: repository, issue). */
export function createGiteaPulls(deps: PullDeps, target: PullTarget): PullRequests {
  const api = apiBase(target, '/api/v1')
  const repository = `${api}/repos/${encodeURIComponent(target.owner)}/${encodeURIComponent(target.name)}`
  const call = forgeCaller(deps, target.token, giteaHeaders)
  const commentsOf = (number: number): CommentStore => commentStore(call, { api, repository, number })
  const readRaw = async (number: number): Promise<z.infer<typeof pull> | undefined> => {
    const { status, json } = await call('GET', `${repository}/pulls/${numberPart(number)}`, right, { accept: [404] })
    return status === 404 ? undefined : parseAnswer(title, pull, json)
  }
  const listFiles: PullRequests['listFiles'] = async (number) => {
    const { entries, isComplete } = await readUpTo(maxFiles, unknownSize, async (page) => {
      const url = `${repository}/pulls/${numberPart(number)}/files?limit=${perPage}&page=${page}`
      return parseAnswer(title, z.array(file).nullable(), (await call('GET', url, right)).json) ?? []
    })
    return { files: entries.map(toFile), isComplete }
  }
  return {
    kind: 'gitea',
    title,
    read: async (number) => {
      const found = await readRaw(number)
      return found === undefined ? undefined : toPullRequest(found, await readReviews(call, repository, number))
    },
    readBranch: async (name) => {
      const url = `${repository}/branches/${branchPart(name, '/')}`
      const { status, json } = await call('GET', url, right, { accept: [404] })
      return status === 404 ? undefined : parseAnswer(title, branch, json).commit.id
    },
    listFiles,
    readFile: async (path, commit) => {
      const url = `${repository}/contents/${pathPart(path)}?ref=${commitPart(commit)}`
      const { status, json } = await call('GET', url, right, { accept: [404] })
      return status === 404 ? undefined : decodeContent(title, filePath(path), json)
    },
    readComment: async (number, id) => {
      const url = `${repository}/issues/comments/${idPart(id)}`
      const { status, json } = await call('GET', url, right, { accept: [404] })
      if (status === 404) return undefined
      const found = parseAnswer(title, comment, json)
      const belongsTo = found.pull_request_url || found.issue_url
      if (!new RegExp(`/(?:pulls|issues)/${numberPart(number)}$`).test(belongsTo ?? '')) return undefined
      const isEdited = found.updated_at !== found.created_at
      return { id, author: toUser(found.user), text: found.body, isEdited, ...writtenAt(found.created_at) }
    },
    upsertComment: (number, wish) => upsertComment(commentsOf(number), wish),
    deleteComment: (number, marker) => deleteComment(commentsOf(number), marker),
    reportCheck: (report) => reportStatus(deps, report),
    ...giteaPeople(call, { api, repository }),
    openRevert: async (number, wish) => {
      const found = await readRaw(number)
      const isMerged = found?.merged === true && typeof found.merge_commit_sha === 'string'
      const merged = isMerged ? { commit: found.merge_commit_sha ?? '', branch: found.base.ref } : undefined
      const { files, isComplete } = merged === undefined ? { files: [], isComplete: true } : await listFiles(number)
      return openGiteaRevert(call, { repository, number, wish, merged, files, isComplete })
    },
  }
}

function toPullRequest(found: z.infer<typeof pull>, reviews: readonly PullReview[]): PullRequest {
  const { number, base, head } = found
  const isMerged = found.merged === true
  return {
    number,
    title: found.title,
    webUrl: found.html_url,
    author: toUser(found.user),
    state: isMerged ? 'merged' : found.state,
    // Older versions know drafts by the title alone.
    isDraft: found.draft ?? /^(?:\[wip\]|wip:)/i.test(found.title),
    // What somebody has pushed for review without the right to write (`refs/for/…`) has no branch, and the base's repository as that of its head.
    isFork: base.repo?.id === undefined || head.repo?.id !== base.repo.id || head.label === '',
    base: { branch: base.ref, commit: base.sha },
    head: {
      branch: head.ref,
      commit: head.sha,
      ...(typeof head.repo?.full_name === 'string' ? { repository: head.repo.full_name } : {}),
    },
    headRef: `refs/pull/${number}/head`,
    ...(typeof found.merge_base === 'string' && found.merge_base !== '' ? { mergeBase: found.merge_base } : {}),
    ...(isMerged && typeof found.merge_commit_sha === 'string' ? { mergeCommit: found.merge_commit_sha } : {}),
    ...(isMerged ? mergedAt(found.merged_at) : {}),
    labels: (found.labels ?? []).map(({ name }) => name),
    reviews,
  }
}

/** The verdict of each person: the last one that was not dismissed; words alone change nothing. */
async function readReviews(call: PullCall, repository: string, number: number): Promise<readonly PullReview[]> {
  const { entries } = await readUpTo(1000, unknownSize, async (page) => {
    const url = `${repository}/pulls/${number}/reviews?limit=${perPage}&page=${page}`
    return parseAnswer(title, z.array(review).nullable(), (await call('GET', url, right)).json) ?? []
  })
  const latest = new Map<number, PullReview>()
  for (const { user: by, state, dismissed, commit_id: commit } of entries) {
    if (by === null || by === undefined) continue
    const verdict = state === 'APPROVED' ? 'approved' : state === 'REQUEST_CHANGES' ? 'changes-requested' : undefined
    if (verdict === undefined) continue
    if (dismissed === true) latest.delete(by.id)
    else latest.set(by.id, { by: toUser(by), verdict, ...(commit ? { commit } : {}) })
  }
  return [...latest.values()]
}

function commentStore(
  call: PullCall,
  where: { readonly api: string; readonly repository: string; readonly number: number },
): CommentStore {
  const { api, repository, number } = where
  let self: number | undefined
  const comments = `${repository}/issues/${numberPart(number)}/comments`
  const one = (id: string): string => `${repository}/issues/comments/${idPart(id)}`
  return {
    perPage,
    // Gitea gives all of them at once, whatever page is asked for; the bytes of the answer are the bound.
    most: Number.POSITIVE_INFINITY,
    list: async (page) => {
      if (page > 1) return []
      self ??= parseAnswer(title, user, (await call('GET', `${api}/user`, 'the scope read:user')).json).id
      const { json } = await call('GET', comments, right, { readBytes: listBytes })
      return parseAnswer(title, z.array(comment), json).map((entry) => ({
        id: String(entry.id),
        text: entry.body,
        isOwn: entry.user?.id === self,
      }))
    },
    create: async (body) => {
      const { json } = await call('POST', comments, right, { body: { body } })
      return String(parseAnswer(title, z.object({ id: z.number() }), json).id)
    },
    update: async (id, body) => void (await call('PATCH', one(id), right, { body: { body } })),
    remove: async (id) => void (await call('DELETE', one(id), right, { accept: [404] })),
  }
}

function toFile({ filename, previous_filename: previous, status }: z.infer<typeof file>): ChangedFile {
  if (status === 'renamed' && typeof previous === 'string' && previous !== '')
    return { path: filename, previousPath: previous, change: 'renamed' }
  const change = status === 'added' || status === 'copied' ? 'added' : status === 'deleted' ? 'removed' : 'modified'
  return { path: filename, change }
}

/** Gitea does not tell programs from people. */
function toUser(found: z.infer<typeof user> | null | undefined): ForgeUser {
  return found === null || found === undefined
    ? { id: '', login: '', isBot: false }
    : { id: String(found.id), login: found.login, isBot: false }
}
