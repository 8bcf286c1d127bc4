import { addComment, blobAt, diffOf, inSeconds, mergeBaseOf, pageOf, revertCommit } from './pull-keeper.ts'
import {
  appUser,
  notFound,
  tokenUser,
  type ApiAnswer,
  type ApiCall,
  type ForgeApiKind,
  type ForgeState,
  type KeptCheckRun,
  type KeptComment,
  type KeptPull,
  type KeptRepository,
} from './types.ts'

const forbidden: ApiAnswer = { status: 403, json: { message: 'Resource not accessible by integration' } }
const maxBatch = 50

const shownUser = (state: ForgeState, login: string): object => ({
  login,
  id: state.userId(login),
  type: login.endsWith('[bot]') ? 'Bot' : 'User',
})

const nameOf = ({ owner, name }: KeptRepository): string => `${owner}/${name}`

/** A pull request as both GitHub and Gitea show it. */
export async function shownPull(state: ForgeState, repository: KeptRepository, pull: KeptPull): Promise<object> {
  const end = (at: KeptRepository, ref: string, sha: string): object => ({
    label: `${at.owner}:${ref}`,
    ref,
    sha,
    repo: { id: at.id, full_name: nameOf(at), clone_url: at.git.url },
  })
  return {
    id: pull.id,
    node_id: `PR_${nameOf(repository)}_${pull.number}`,
    number: pull.number,
    title: pull.title,
    html_url: `${state.origin}/${nameOf(repository)}/pull/${pull.number}`,
    state: pull.state === 'open' ? 'open' : 'closed',
    draft: pull.isDraft,
    merged: pull.state === 'merged',
    // Of an open one it is that of a merge for a try.
    merge_commit_sha: pull.mergeCommit ?? 'e'.repeat(40),
    merged_at: pull.mergedAt === undefined ? null : inSeconds(pull.mergedAt),
    merge_base: await mergeBaseOf(repository, pull),
    user: shownUser(state, pull.author),
    base: end(repository, pull.base, pull.last.base),
    head: {
      ...end(pull.from, pull.head, pull.last.head),
      ...(pull.isSourceGone ? { repo: null } : {}),
      ...(pull.isForReview === true ? { label: '', ref: `refs/pull/${pull.number}/head` } : {}),
    },
    labels: pull.labels.map((name) => ({ id: 1, name })),
  }
}

const shownComment = (state: ForgeState, repository: KeptRepository, pull: KeptPull, one: KeptComment): object => ({
  id: one.id,
  body: one.body,
  user: shownUser(state, one.author),
  created_at: inSeconds(one.createdAt),
  updated_at: inSeconds(one.updatedAt),
  issue_url: `${state.origin}/api/v3/repos/${nameOf(repository)}/issues/${pull.number}`,
  author_association: 'MEMBER',
  performed_via_github_app: one.viaApp ? { id: 4711, slug: 'sluice-fleet' } : null,
})

/** Deliveries of GitHub about pull requests. */
export const gitHubPullDelivery: ForgeApiKind['pullDelivery'] = async (state, repository, pull, event) => {
  const shared = {
    repository: { id: repository.id, full_name: nameOf(repository), clone_url: repository.git.url },
    sender: shownUser(state, event.actor),
  }
  if (event.comment !== undefined) {
    const issue = {
      number: pull.number,
      user: shownUser(state, pull.author),
      pull_request: { url: 'https://api.github.test' },
    }
    const payload = {
      action: 'created',
      issue,
      comment: shownComment(state, repository, pull, event.comment),
      ...shared,
    }
    return { event: 'issue_comment', hears: 'issue_comment', payload }
  }
  const words = { opened: 'opened', updated: 'synchronize', closed: 'closed', merged: 'closed', commented: '' }
  const payload = {
    action: words[event.action],
    number: pull.number,
    pull_request: await shownPull(state, repository, pull),
    ...(event.before === undefined ? {} : { before: event.before, after: pull.last.head }),
    ...shared,
  }
  return { event: 'pull_request', hears: 'pull_request', payload }
}

/** Endpoints about people, outside of repositories. */
export function gitHubPeople(state: ForgeState, { path, isApp }: ApiCall): ApiAnswer | undefined {
  if (path === '/user') return isApp === true ? forbidden : { status: 200, json: shownUser(state, tokenUser) }
  const member = /^\/orgs\/([^/]+)\/members\/([^/]+)$/.exec(path)
  if (member !== null)
    return state.membersOf(member[1] ?? '')?.includes(member[2] ?? '') === true ? { status: 204 } : notFound
  const team = /^\/orgs\/([^/]+)\/teams\/([^/]+)\/memberships\/([^/]+)$/.exec(path)
  if (team === null) return undefined
  const login = team[3] ?? ''
  const members = state.membersOf(`${team[1]}/${team[2]}`)
  if (members?.includes(`${login}?`) === true) return { status: 200, json: { state: 'pending', role: 'member' } }
  return members?.includes(login) === true ? { status: 200, json: { state: 'active', role: 'member' } } : notFound
}

/** The one mutation of GraphQL that is asked. */
export async function gitHubGraphQl(
  state: ForgeState,
  repositories: Iterable<KeptRepository>,
  body: ApiCall['body'],
): Promise<ApiAnswer> {
  const { id, title } = body['variables'] as { readonly id: string; readonly title: string }
  if (!String(body['query']).includes('revertPullRequest(input:'))
    return { status: 400, json: { message: 'Problems parsing' } }
  for (const repository of repositories) {
    const pull = repository.pulls.find(({ number }) => `PR_${nameOf(repository)}_${number}` === id)
    if (pull?.mergeCommit === undefined) continue
    const branch = `revert-${pull.number}-${pull.head}`
    await repository.git.setBranch(branch, (await repository.git.head()) ?? '')
    if ((await revertCommit(repository, pull.mergeCommit, branch)) === undefined)
      return {
        status: 200,
        json: { data: { revertPullRequest: null }, errors: [{ message: 'Could not revert: merge conflict' }] },
      }
    const made = await state.open(repository, { branch, title })
    const shown = { number: made.number, url: `${state.origin}/${nameOf(repository)}/pull/${made.number}` }
    return { status: 200, json: { data: { revertPullRequest: { revertPullRequest: shown } } } }
  }
  return { status: 200, json: { data: null, errors: [{ type: 'NOT_FOUND', message: 'Could not resolve to a node' }] } }
}

/** Endpoints of a repository after docs.github.com/rest (pulls, issues/comments, checks, commits, repos/contents, collaborators). */
export async function gitHubPullRoutes(
  state: ForgeState,
  repository: KeptRepository,
  rest: string,
  call: ApiCall,
): Promise<ApiAnswer | undefined> {
  const { method, query } = call
  if (rest === '/pulls' && method === 'GET') {
    const found = repository.pulls.filter(
      ({ head, state: now }) => `${repository.owner}:${head}` === query.get('head') && now === query.get('state'),
    )
    return { status: 200, json: await Promise.all(found.map((one) => shownPull(state, repository, one))) }
  }
  const [, number, part] = /^\/pulls\/(\d+)(\/files|\/reviews)?$/.exec(rest) ?? []
  if (number !== undefined) {
    const pull = repository.pulls.find((one) => String(one.number) === number)
    if (pull === undefined) return notFound
    if (part === '/files')
      return { status: 200, json: pageOf(await shownFiles(repository, pull), query, 'per_page', 100) }
    if (part === '/reviews') return { status: 200, json: pageOf(shownReviews(state, pull), query, 'per_page', 100) }
    return { status: 200, json: await shownPull(state, repository, pull) }
  }
  const [, from, to] = /^\/compare\/([0-9a-f]{40})\.\.\.([0-9a-f]{40})$/.exec(rest) ?? []
  if (from !== undefined && to !== undefined)
    return {
      status: 200,
      json: { merge_base_commit: { sha: await repository.git.git('merge-base', from, to) }, commits: [] },
    }
  const branch = /^\/branches\/(.+)$/.exec(rest)?.[1]
  if (branch !== undefined) {
    const name = decodeURIComponent(branch)
    const sha = await repository.git.head(name)
    return sha === undefined ? notFound : { status: 200, json: { name, commit: { sha } } }
  }
  const path = /^\/contents\/(.+)$/.exec(rest)?.[1]
  if (path !== undefined) return shownContent(repository, decodeURIComponent(path), query.get('ref') ?? 'main')
  const who = /^\/collaborators\/([^/]+)\/permission$/.exec(rest)?.[1]
  if (who !== undefined) {
    const role = repository.people.get(decodeURIComponent(who))
    if (role === undefined) return { status: 404, json: { message: `${who} is not a user` } }
    const base = { maintain: 'write', triage: 'read' }[role] ?? role
    return { status: 200, json: { permission: base === 'deployer' ? 'write' : base, role_name: role } }
  }
  return (await comments(state, repository, rest, call)) ?? checks(state, repository, rest, call)
}

async function shownFiles(repository: KeptRepository, pull: KeptPull): Promise<readonly object[]> {
  const words: { readonly [status: string]: string } = { A: 'added', D: 'removed', R: 'renamed' }
  return (await diffOf(repository, pull)).map(({ status, path, previous }) => ({
    filename: path,
    status: words[status] ?? 'modified',
    patch: '@@ -1 +1 @@',
    ...(previous === undefined ? {} : { previous_filename: previous }),
  }))
}

function shownReviews(state: ForgeState, pull: KeptPull): readonly object[] {
  const words = {
    approved: 'APPROVED',
    'changes-requested': 'CHANGES_REQUESTED',
    commented: 'COMMENTED',
    dismissed: 'DISMISSED',
  }
  return pull.reviews.map(({ by, verdict, commit }) => ({
    user: shownUser(state, by),
    state: words[verdict],
    commit_id: commit,
  }))
}

/** A file, or the list of a directory, as GitHub and Gitea show it. */
export async function shownContent(repository: KeptRepository, path: string, ref: string): Promise<ApiAnswer> {
  const found = await blobAt(repository, ref, path)
  if (found === undefined) return notFound
  if (found.type === 'tree') return { status: 200, json: [] }
  const size = Buffer.from(found.content, 'base64').length
  const type = found.mode === '120000' ? 'symlink' : 'file'
  return { status: 200, json: { type, encoding: 'base64', size, path, sha: found.sha, content: `${found.content}\n` } }
}

/** Comments, which GitHub and Gitea keep with issues. */
export async function comments(
  state: ForgeState,
  repository: KeptRepository,
  rest: string,
  { method, query, body, isApp = false }: ApiCall,
): Promise<ApiAnswer | undefined> {
  const number = /^\/issues\/(\d+)\/comments$/.exec(rest)?.[1]
  const author = isApp ? appUser : tokenUser
  if (number !== undefined) {
    const pull = repository.pulls.find((one) => String(one.number) === number)
    if (pull === undefined) return notFound
    if (method === 'POST') {
      const made = addComment(pull, state.nextId(), { author, body: String(body['body']), viaApp: isApp })
      return { status: 201, json: shownComment(state, repository, pull, made) }
    }
    const shown = pull.comments.map((one) => shownComment(state, repository, pull, one))
    // Gitea knows no pages here.
    return { status: 200, json: query.has('per_page') ? pageOf(shown, query, 'per_page', 100) : shown }
  }
  const id = /^\/issues\/comments\/(\d+)$/.exec(rest)?.[1]
  if (id === undefined) return undefined
  const pull = repository.pulls.find(({ comments: all }) => all.some((one) => String(one.id) === id))
  const found = pull?.comments.find((one) => String(one.id) === id)
  if (pull === undefined || found === undefined) return notFound
  if (method === 'DELETE') {
    pull.comments.splice(pull.comments.indexOf(found), 1)
    return { status: 204 }
  }
  if (method === 'PATCH') {
    found.body = String(body['body'])
    found.updatedAt = new Date(Date.parse(found.createdAt) + 1000).toISOString()
  }
  return { status: 200, json: shownComment(state, repository, pull, found) }
}

function checks(
  state: ForgeState,
  repository: KeptRepository,
  rest: string,
  { query, body, isApp = false }: ApiCall,
): ApiAnswer | undefined {
  const shown = (run: KeptCheckRun): object => ({
    id: run.id,
    name: run.name,
    head_sha: run.commit,
    status: run.status,
    conclusion: run.conclusion ?? null,
    external_id: run.externalId,
    output: { title: run.title, annotations_count: run.annotations.length },
  })
  const listed = /^\/commits\/([0-9a-f]+)\/check-runs$/.exec(rest)?.[1]
  if (listed !== undefined) {
    const found = repository.checkRuns.filter(
      ({ commit, name }) => commit === listed && name === query.get('check_name'),
    )
    return { status: 200, json: { total_count: found.length, check_runs: found.toReversed().map(shown) } }
  }
  const id = /^\/check-runs(?:\/(\d+))?$/.exec(rest)
  if (id === null) return undefined
  if (!isApp) return { status: 403, json: { message: 'You must authenticate via a GitHub App.' } }
  const output = (body['output'] ?? {}) as {
    readonly title?: string
    readonly annotations?: { [field: string]: unknown }[]
  }
  if ((output.annotations?.length ?? 0) > maxBatch)
    return { status: 422, json: { message: 'Invalid request. No more than 50 items are allowed' } }
  let run = repository.checkRuns.find((one) => String(one.id) === id[1])
  if (id[1] === undefined) {
    run = {
      id: state.nextId(),
      name: String(body['name']),
      commit: String(body['head_sha']),
      status: 'queued',
      conclusion: undefined,
      externalId: '',
      title: '',
      annotations: [],
    }
    repository.checkRuns.push(run)
  }
  if (run === undefined) return notFound
  run.status = (body['status'] as string | undefined) ?? run.status
  run.conclusion = (body['conclusion'] as string | undefined) ?? run.conclusion
  run.externalId = (body['external_id'] as string | undefined) ?? run.externalId
  run.title = output.title ?? run.title
  run.annotations.push(...(output.annotations ?? []))
  return { status: id[1] === undefined ? 201 : 200, json: shown(run) }
}
