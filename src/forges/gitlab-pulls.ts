import { z } from 'zod'
import { apiBase, mergedAt, parseAnswer, writtenAt } from './answer.ts'
import { reportStatus } from './commit-check.ts'
import { decodeContent } from './file-content.ts'
import { gitLabHeaders } from './gitlab.ts'
import { gitLabPeople } from './gitlab-people.ts'
import { openGitLabRevert } from './gitlab-revert.ts'
import {
  branchPart,
  commitPart,
  filePath,
  idPart,
  listBytes,
  maxFiles,
  numberPart,
  readUpTo,
  type PullCall,
} from './pull-call.ts'
import { deleteComment, upsertComment, type CommentStore } from './pull-comments.ts'
import { forgeCaller } from './request.ts'
import type { ChangedFile, ForgeUser, PullDeps, PullRequest, PullRequests, PullTarget } from './pull-types.ts'

const user = z.object({ id: z.number(), username: z.string(), bot: z.boolean().nullish() })
const mergeRequest = z.object({
  iid: z.number(),
  title: z.string(),
  web_url: z.string(),
  state: z.string(),
  draft: z.boolean().nullish(),
  author: user,
  source_branch: z.string(),
  target_branch: z.string(),
  source_project_id: z.number().nullish(),
  target_project_id: z.number(),
  sha: z.string(),
  diff_refs: z
    .object({ base_sha: z.string().nullish(), head_sha: z.string().nullish(), start_sha: z.string().nullish() })
    .nullish(),
  merge_commit_sha: z.string().nullish(),
  squash_commit_sha: z.string().nullish(),
  merged_at: z.string().nullish(),
  labels: z.array(z.string()).nullish(),
})
const approvals = z.object({ approved_by: z.array(z.object({ user })).nullish() })
const diff = z.object({
  old_path: z.string(),
  new_path: z.string(),
  new_file: z.boolean(),
  renamed_file: z.boolean(),
  deleted_file: z.boolean(),
})
const note = z.object({
  id: z.number(),
  body: z.string(),
  author: user,
  system: z.boolean().nullish(),
  created_at: z.string().nullish(),
  updated_at: z.string().nullish(),
})
const branch = z.object({ commit: z.object({ id: z.string() }) })

const perPage = 100
/** Diffs come with their text: fewer of them on a page. */
const diffsPerPage = 20
const right = 'the scope api and the role Developer of the project'
const title = 'GitLab'

/** Merge requests of GitLab (docs.gitlab.com/api: merge_requests, merge_request_approvals, notes, repository_files, members). */
export function createGitLabPulls(deps: PullDeps, target: PullTarget): PullRequests {
  const api = apiBase(target, '/api/v4')
  const project = `${api}/projects/${encodeURIComponent(`${target.owner}/${target.name}`)}`
  const call = forgeCaller(deps, target.token, gitLabHeaders)
  const commentsOf = (number: number): CommentStore => noteStore(call, { api, project, number })
  const at = (number: number): string => `${project}/merge_requests/${numberPart(number)}`
  const readRaw = async (number: number): Promise<z.infer<typeof mergeRequest> | undefined> => {
    const { status, json } = await call('GET', at(number), right, { accept: [404] })
    return status === 404 ? undefined : parseAnswer(title, mergeRequest, json)
  }
  return {
    kind: 'gitlab',
    title,
    read: async (number) => {
      const found = await readRaw(number)
      return found === undefined ? undefined : await toPullRequest(call, api, project, found)
    },
    readBranch: async (name) => {
      const url = `${project}/repository/branches/${branchPart(name, '%2F')}`
      const { status, json } = await call('GET', url, right, { accept: [404] })
      return status === 404 ? undefined : parseAnswer(title, branch, json).commit.id
    },
    listFiles: async (number) => {
      const { entries, isComplete } = await readUpTo(maxFiles, diffsPerPage, async (page) => {
        const url = `${at(number)}/diffs?per_page=${diffsPerPage}&page=${page}`
        const { json } = await call('GET', url, right, { readBytes: listBytes })
        return parseAnswer(title, z.array(diff), json)
      })
      return { files: entries.map(toFile), isComplete }
    },
    readFile: async (path, commit) => {
      const url = `${project}/repository/files/${encodeURIComponent(filePath(path))}?ref=${commitPart(commit)}`
      const { status, json } = await call('GET', url, right, { accept: [404] })
      return status === 404 ? undefined : decodeContent(title, filePath(path), json)
    },
    readComment: async (number, id) => {
      const { status, json } = await call('GET', `${at(number)}/notes/${idPart(id)}`, right, { accept: [404] })
      if (status === 404) return undefined
      const found = parseAnswer(title, note, json)
      // What GitLab itself notes is nobody's comment.
      if (found.system === true) return undefined
      const isEdited = found.updated_at !== found.created_at
      return { id, author: toUser(found.author), text: found.body, isEdited, ...writtenAt(found.created_at) }
    },
    upsertComment: (number, wish) => upsertComment(commentsOf(number), wish),
    deleteComment: (number, marker) => deleteComment(commentsOf(number), marker),
    reportCheck: (report) => reportStatus(deps, report),
    ...gitLabPeople(call, { api, project }),
    openRevert: async (number, wish) => {
      const found = await readRaw(number)
      const isMerged = found?.state === 'merged'
      return openGitLabRevert(call, {
        project,
        number,
        wish,
        merged: isMerged
          ? { commit: found.merge_commit_sha ?? found.squash_commit_sha ?? undefined, branch: found.target_branch }
          : undefined,
      })
    },
  }
}

async function toPullRequest(
  call: PullCall,
  api: string,
  project: string,
  found: z.infer<typeof mergeRequest>,
): Promise<PullRequest> {
  const { iid, diff_refs: refs, source_project_id: source, target_project_id: base } = found
  const isFork = source !== base
  const [{ status, json }, repository] = await Promise.all([
    call('GET', `${project}/merge_requests/${iid}/approvals`, right, { accept: [404] }),
    sourceRepository(call, api, { source, isFork, project }),
  ])
  // Without approvals (older versions, other tiers) nobody has approved.
  const approved = status === 404 ? [] : parseAnswer(title, approvals, json).approved_by
  const isMerged = found.state === 'merged'
  const mergeCommit = found.merge_commit_sha ?? found.squash_commit_sha ?? (isMerged ? found.sha : undefined)
  return {
    number: iid,
    title: found.title,
    webUrl: found.web_url,
    author: toUser(found.author),
    // `locked` is the moment of the merge.
    state: isMerged ? 'merged' : found.state === 'opened' || found.state === 'locked' ? 'open' : 'closed',
    isDraft: found.draft === true,
    isFork,
    base: {
      branch: found.target_branch,
      ...(typeof refs?.start_sha === 'string' ? { commit: refs.start_sha } : {}),
    },
    head: {
      branch: found.source_branch,
      commit: refs?.head_sha ?? found.sha,
      ...(repository === undefined ? {} : { repository }),
    },
    headRef: `refs/merge-requests/${iid}/head`,
    ...(typeof refs?.base_sha === 'string' ? { mergeBase: refs.base_sha } : {}),
    ...(isMerged && typeof mergeCommit === 'string' ? { mergeCommit } : {}),
    ...(isMerged ? mergedAt(found.merged_at) : {}),
    labels: found.labels ?? [],
    reviews: (approved ?? []).map(({ user: by }) => ({ by: toUser(by), verdict: 'approved' })),
  }
}

/** `group/name` of the project that the head lies in; undefined where it is gone or not to be seen. */
async function sourceRepository(
  call: PullCall,
  api: string,
  where: { readonly source: number | null | undefined; readonly isFork: boolean; readonly project: string },
): Promise<string | undefined> {
  const { source, isFork, project } = where
  if (typeof source !== 'number') return undefined
  const url = isFork ? `${api}/projects/${source}` : project
  const { status, json } = await call('GET', url, right, { accept: [404, 403] })
  if (status !== 200) return undefined
  return parseAnswer(title, z.object({ path_with_namespace: z.string() }), json).path_with_namespace
}

function noteStore(
  call: PullCall,
  where: { readonly api: string; readonly project: string; readonly number: number },
): CommentStore {
  const { api, project, number } = where
  let self: number | undefined
  const notes = `${project}/merge_requests/${numberPart(number)}/notes`
  return {
    perPage,
    list: async (page) => {
      self ??= parseAnswer(title, user, (await call('GET', `${api}/user`, 'the scope read_user')).json).id
      const url = `${notes}?order_by=created_at&sort=asc&per_page=${perPage}&page=${page}`
      const { json } = await call('GET', url, right, { readBytes: listBytes })
      return parseAnswer(title, z.array(note), json).map((entry) => ({
        id: String(entry.id),
        text: entry.body,
        isOwn: entry.system !== true && entry.author.id === self,
      }))
    },
    create: async (body) => {
      const { json } = await call('POST', notes, right, { body: { body } })
      return String(parseAnswer(title, z.object({ id: z.number() }), json).id)
    },
    update: async (id, body) => void (await call('PUT', `${notes}/${idPart(id)}`, right, { body: { body } })),
    remove: async (id) => void (await call('DELETE', `${notes}/${idPart(id)}`, right, { accept: [404] })),
  }
}

function toFile(entry: z.infer<typeof diff>): ChangedFile {
  const { old_path: previousPath, new_path: path } = entry
  if (entry.new_file) return { path, change: 'added' }
  if (entry.deleted_file) return { path: previousPath, change: 'removed' }
  return entry.renamed_file ? { path, previousPath, change: 'renamed' } : { path, change: 'modified' }
}

function toUser({ id, username, bot }: z.infer<typeof user>): ForgeUser {
  // The users of access tokens are named so; only newer versions say that they are programs.
  const isBot = bot === true || /^(?:project|group)_\d+_bot/.test(username)
  return { id: String(id), login: username, isBot }
}
