import { z } from 'zod'
import { apiBase, mergedAt, parseAnswer, writtenAt } from './answer.ts'
import { reportStatus } from './commit-check.ts'
import { decodeContent } from './file-content.ts'
import { reportCheckRun } from './github-checks.ts'
import { gitHubApiOf, gitHubHeaders } from './github.ts'
import { gitHubPeople } from './github-people.ts'
import {
  branchPart,
  commitPart,
  filePath,
  idPart,
  listBytes,
  maxFiles,
  noRevert,
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

const user = z.object({ id: z.number(), login: z.string(), type: z.string().nullish() })
/** Somebody whose account is gone is null; GitHub shows a "ghost". */
const maybeUser = user.nullish()
const end = z.object({
  ref: z.string(),
  sha: z.string(),
  repo: z.object({ id: z.number(), full_name: z.string() }).nullish(),
})
const pull = z.object({
  node_id: z.string(),
  number: z.number(),
  title: z.string(),
  html_url: z.string(),
  state: z.enum(['open', 'closed']),
  draft: z.boolean().nullish(),
  merged: z.boolean().nullish(),
  merge_commit_sha: z.string().nullish(),
  merged_at: z.string().nullish(),
  user: maybeUser,
  base: end,
  head: end,
  labels: z.array(z.object({ name: z.string() })).nullish(),
})
const review = z.object({ user: maybeUser, state: z.string(), commit_id: z.string().nullish() })
const file = z.object({ filename: z.string(), previous_filename: z.string().nullish(), status: z.string() })
const comment = z.object({
  id: z.number(),
  body: z.string().nullish(),
  user: maybeUser,
  issue_url: z.string().nullish(),
  created_at: z.string().nullish(),
  updated_at: z.string().nullish(),
  performed_via_github_app: z.object({ id: z.number() }).nullish(),
})
const branch = z.object({ commit: z.object({ sha: z.string() }) })
const opened = z.object({ number: z.number(), html_url: z.string() })
const revert = z.object({
  data: z
    .object({
      revertPullRequest: z
        .object({ revertPullRequest: z.object({ number: z.number(), url: z.string() }).nullish() })
        .nullish(),
    })
    .nullish(),
  errors: z.array(z.object({ message: z.string() })).nullish(),
})

const perPage = 100
const pullsRight = 'the right to pull requests of the repository (Pull requests, read and write; classic: repo)'
const contentsRight = 'the right to read the contents of the repository'
const title = 'GitHub'

/** Pull requests of GitHub and GitHub Enterprise Server (docs.github.com/rest: pulls, issues/comments, checks, collaborators, repos/contents; GraphQL for reverts). */
export function createGitHubPulls(deps: PullDeps, target: PullTarget): PullRequests {
  const api = gitHubApiOf(target)
  const repository = `${api}/repos/${encodeURIComponent(target.owner)}/${encodeURIComponent(target.name)}`
  const call = forgeCaller(deps, target.token, gitHubHeaders)
  const { app } = target
  const commentsOf = (number: number): CommentStore => commentStore({ call, api, repository, app }, number)
  const readRaw = async (number: number): Promise<z.infer<typeof pull> | undefined> => {
    const { status, json } = await call('GET', `${repository}/pulls/${numberPart(number)}`, pullsRight, {
      accept: [404],
    })
    return status === 404 ? undefined : parseAnswer(title, pull, json)
  }
  return {
    kind: 'github',
    title,
    read: async (number) => {
      const found = await readRaw(number)
      return found === undefined ? undefined : await toPullRequest(call, repository, found)
    },
    readBranch: async (name) => {
      const url = `${repository}/branches/${branchPart(name, '%2F')}`
      const { status, json } = await call('GET', url, contentsRight, { accept: [404] })
      return status === 404 ? undefined : parseAnswer(title, branch, json).commit.sha
    },
    listFiles: async (number) => {
      const { entries, isComplete } = await readUpTo(maxFiles, perPage, async (page) => {
        const url = `${repository}/pulls/${numberPart(number)}/files?per_page=${perPage}&page=${page}`
        const { json } = await call('GET', url, pullsRight, { readBytes: listBytes })
        return parseAnswer(title, z.array(file), json)
      })
      // GitHub itself ends the list at three thousand.
      return { files: entries.map(toFile), isComplete: isComplete && entries.length < maxFiles }
    },
    readFile: async (path, commit) => {
      const url = `${repository}/contents/${pathPart(path)}?ref=${commitPart(commit)}`
      const { status, json } = await call('GET', url, contentsRight, { accept: [404] })
      return status === 404 ? undefined : decodeContent(title, filePath(path), json)
    },
    readComment: async (number, id) => {
      const url = `${repository}/issues/comments/${idPart(id)}`
      const { status, json } = await call('GET', url, pullsRight, { accept: [404] })
      if (status === 404) return undefined
      const found = parseAnswer(title, comment, json)
      if (found.issue_url?.endsWith(`/issues/${numberPart(number)}`) !== true) return undefined
      const isEdited = found.updated_at !== found.created_at
      return { id, author: toUser(found.user), text: found.body ?? '', isEdited, ...writtenAt(found.created_at) }
    },
    upsertComment: (number, wish) => upsertComment(commentsOf(number), wish),
    deleteComment: (number, marker) => deleteComment(commentsOf(number), marker),
    reportCheck: (report) =>
      app === undefined ? reportStatus(deps, report) : reportCheckRun(call, { repository, appId: app.id, report }),
    ...gitHubPeople(call, { api, repository }),
    openRevert: async (number, wish) => {
      const found = await readRaw(number)
      if (found?.merged !== true) throw noRevert(`pull request ${number} is not merged: there is nothing to take back`)
      const head = `${target.owner}:revert-${number}-${found.head.ref}`
      const url = `${repository}/pulls?state=open&head=${encodeURIComponent(head)}`
      const [known] = parseAnswer(title, z.array(opened), (await call('GET', url, pullsRight)).json)
      if (known !== undefined) return { number: known.number, webUrl: known.html_url, isNew: false }
      return openRevert(call, { graphql: graphQlOf(target), pull: found, wish })
    },
  }
}

async function toPullRequest(call: PullCall, repository: string, found: z.infer<typeof pull>): Promise<PullRequest> {
  const { base, head } = found
  const range = `${commitPart(base.sha)}...${commitPart(head.sha)}`
  const [reviews, compared] = await Promise.all([
    readReviews(call, repository, found.number),
    // One page with one commit: what is wanted is the merge base. 404: one of them is gone.
    call('GET', `${repository}/compare/${range}?per_page=1`, contentsRight, { accept: [404], readBytes: listBytes }),
  ])
  const comparison = z.object({ merge_base_commit: z.object({ sha: z.string() }) })
  const mergeBase =
    compared.status === 404 ? undefined : parseAnswer(title, comparison, compared.json).merge_base_commit.sha
  const isMerged = found.merged === true
  return {
    number: found.number,
    title: found.title,
    webUrl: found.html_url,
    author: toUser(found.user),
    state: isMerged ? 'merged' : found.state,
    isDraft: found.draft === true,
    isFork: base.repo?.id === undefined || head.repo?.id !== base.repo.id,
    base: { branch: base.ref, commit: base.sha },
    head: {
      branch: head.ref,
      commit: head.sha,
      ...(typeof head.repo?.full_name === 'string' ? { repository: head.repo.full_name } : {}),
    },
    headRef: `refs/pull/${found.number}/head`,
    ...(mergeBase === undefined ? {} : { mergeBase }),
    // Before the merge it is that of a merge for a try.
    ...(isMerged && typeof found.merge_commit_sha === 'string' ? { mergeCommit: found.merge_commit_sha } : {}),
    ...(isMerged ? mergedAt(found.merged_at) : {}),
    labels: (found.labels ?? []).map(({ name }) => name),
    reviews,
  }
}

/** The verdict of each person: the last one that was not taken back; words alone change nothing. */
async function readReviews(call: PullCall, repository: string, number: number): Promise<readonly PullReview[]> {
  const { entries } = await readUpTo(1000, perPage, async (page) => {
    const { json } = await call(
      'GET',
      `${repository}/pulls/${number}/reviews?per_page=${perPage}&page=${page}`,
      pullsRight,
    )
    return parseAnswer(title, z.array(review), json)
  })
  const latest = new Map<number, PullReview>()
  for (const { user: by, state, commit_id: commit } of entries) {
    if (by === null || by === undefined) continue
    if (state === 'DISMISSED') latest.delete(by.id)
    const verdict = state === 'APPROVED' ? 'approved' : state === 'CHANGES_REQUESTED' ? 'changes-requested' : undefined
    if (verdict === undefined) continue
    latest.set(by.id, { by: toUser(by), verdict, ...(typeof commit === 'string' ? { commit } : {}) })
  }
  return [...latest.values()]
}

function commentStore(
  where: {
    readonly call: PullCall
    readonly api: string
    readonly repository: string
    readonly app: PullTarget['app']
  },
  number: number,
): CommentStore {
  const { call, api, repository, app } = where
  let self: number | undefined
  const isOwn = ({ user: by, performed_via_github_app: via }: z.infer<typeof comment>): boolean => {
    if (by === null || by === undefined) return false
    // What somebody writes through the App under their own name is not the App's.
    return app === undefined ? by.id === self : by.type === 'Bot' && via?.id === app.id
  }
  const comments = `${repository}/issues/${numberPart(number)}/comments`
  const one = (id: string): string => `${repository}/issues/comments/${idPart(id)}`
  return {
    perPage,
    list: async (page) => {
      const url = `${comments}?per_page=${perPage}&page=${page}`
      const { json } = await call('GET', url, pullsRight, { readBytes: listBytes })
      const found = parseAnswer(title, z.array(comment), json)
      if (app === undefined)
        self ??= parseAnswer(title, user, (await call('GET', `${api}/user`, 'to say whose it is')).json).id
      return found.map((entry) => ({ id: String(entry.id), text: entry.body ?? '', isOwn: isOwn(entry) }))
    },
    create: async (body) => {
      const { json } = await call('POST', comments, pullsRight, { body: { body } })
      return String(parseAnswer(title, z.object({ id: z.number() }), json).id)
    },
    update: async (id, body) => void (await call('PATCH', one(id), pullsRight, { body: { body } })),
    remove: async (id) => void (await call('DELETE', one(id), pullsRight, { accept: [404] })),
  }
}

/** GitHub makes the branch and the commits itself, whatever way the pull request was merged; REST has no such endpoint. */
async function openRevert(
  call: PullCall,
  options: {
    readonly graphql: string
    readonly pull: z.infer<typeof pull>
    readonly wish: Parameters<PullRequests['openRevert']>[1]
  },
): ReturnType<PullRequests['openRevert']> {
  const { graphql, pull: merged, wish } = options
  const query =
    'mutation($id: ID!, $title: String!, $body: String!) { revertPullRequest(input: {pullRequestId: $id, title: $title, body: $body}) { revertPullRequest { number url } } }'
  const variables = { id: merged.node_id, title: wish.title, body: wish.body }
  const right = 'the rights to pull requests and to contents of the repository (both read and write)'
  const { json } = await call('POST', graphql, right, { body: { query, variables } })
  const { data, errors } = parseAnswer(title, revert, json)
  const made = data?.revertPullRequest?.revertPullRequest
  if (made !== null && made !== undefined) return { number: made.number, webUrl: made.url, isNew: true }
  const said = (errors ?? []).map(({ message }) => message.slice(0, 200).replace(/[\p{Cc}\p{Cf}]+/gu, ' '))
  throw noRevert(
    `GitHub makes no revert of pull request ${merged.number}${said.length === 0 ? '' : `: ${said.slice(0, 3).join(', ')}`}; revert it with git`,
  )
}

/** Beside the REST API: `https://api.github.com/graphql`, `https://host/api/graphql`. */
function graphQlOf(target: PullTarget): string {
  const api = gitHubApiOf(target)
  if (api === 'https://api.github.com') return `${api}/graphql`
  return `${(target.api === undefined ? apiBase(target, '/api') : api.replace(/\/v3$/, '')).replace(/\/+$/, '')}/graphql`
}

function toFile({ filename, previous_filename: previous, status }: z.infer<typeof file>): ChangedFile {
  const change =
    status === 'added' || status === 'copied'
      ? 'added'
      : status === 'removed' || status === 'renamed'
        ? status
        : ('modified' as const)
  return {
    path: filename,
    change,
    ...(change === 'renamed' && typeof previous === 'string' ? { previousPath: previous } : {}),
  }
}

function toUser(found: z.infer<typeof maybeUser>): ForgeUser {
  if (found === null || found === undefined) return { id: '', login: '', isBot: false }
  return { id: String(found.id), login: found.login, isBot: found.type === 'Bot' }
}
