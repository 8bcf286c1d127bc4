import type { ChangeNotice, Provider } from '../../src/receivers/index.ts'

const head = 'a'.repeat(40)
const base = 'b'.repeat(40)
const merged = 'c'.repeat(40)
const url = 'https://git.example/team/app.git'

/** A payload as a forge documents it, and what is read from it. */
export interface ChangeCase {
  readonly name: string
  readonly provider: Provider
  readonly event: string
  readonly payload: { readonly [field: string]: unknown }
  readonly want: Partial<ChangeNotice>
  /** Fields without which nothing can be looked at, by path. */
  readonly needed: readonly string[]
}

type Fields = { readonly [field: string]: unknown }

const gitHubRepository = (name = 'team/app', id = 1): Fields => ({
  id,
  full_name: name,
  private: true,
  fork: id !== 1,
  clone_url: `https://git.example/${name}.git`,
  ssh_url: `git@git.example:${name}.git`,
  html_url: `https://git.example/${name}`,
})

const gitHubPull = (change: Fields = {}): Fields => ({
  number: 7,
  state: 'open',
  title: 'A change',
  user: { login: 'jane', id: 5, type: 'User' },
  draft: false,
  merged: false,
  merge_commit_sha: null,
  labels: [{ name: 'plan' }],
  head: { ref: 'topic', sha: head, repo: gitHubRepository() },
  base: { ref: 'main', sha: base, repo: gitHubRepository() },
  ...change,
})

const gitHub = (action: string, pull: Fields = {}, more: Fields = {}): Fields => ({
  action,
  number: 7,
  pull_request: gitHubPull(pull),
  repository: gitHubRepository(),
  sender: { login: 'joe' },
  ...more,
})

const comment = (body: string, more: Fields = {}): Fields => ({
  action: 'created',
  issue: { number: 7, user: { login: 'jane' }, pull_request: { url: 'https://api.git.example/pulls/7' } },
  comment: { id: 991, body, user: { login: 'joe' }, author_association: 'MEMBER' },
  repository: gitHubRepository(),
  sender: { login: 'joe' },
  ...more,
})

const project = (id = 3): Fields => ({
  id,
  path_with_namespace: id === 3 ? 'team/app' : 'jane/app',
  git_http_url: url,
  git_ssh_url: 'git@git.example:team/app.git',
  web_url: 'https://git.example/team/app',
})

const mergeRequest = (more: Fields = {}): Fields => ({
  id: 90,
  iid: 7,
  state: 'opened',
  draft: false,
  work_in_progress: false,
  source_branch: 'topic',
  target_branch: 'main',
  source_project_id: 3,
  target_project_id: 3,
  source: project(),
  target: project(),
  last_commit: { id: head, message: 'change' },
  merge_commit_sha: null,
  ...more,
})

const gitLab = (action: string, more: Fields = {}, changes: Fields = {}): Fields => ({
  object_kind: 'merge_request',
  event_type: 'merge_request',
  user: { id: 1, username: 'joe' },
  project: project(),
  object_attributes: { ...mergeRequest(more), action },
  changes,
})

const serverRepository = (id = 1): Fields => ({
  id,
  slug: 'app',
  project: { key: id === 1 ? 'TEAM' : '~JANE' },
  links: { clone: [{ name: 'http', href: url }], self: [{ href: 'https://git.example/projects/TEAM/repos/app' }] },
})

const bitbucketServer = (eventKey: string, more: Fields = {}, pull: Fields = {}): Fields => ({
  eventKey,
  date: '2026-01-01T00:00:00+0000',
  actor: { name: 'joe', id: 2 },
  pullRequest: {
    id: 7,
    version: 1,
    state: 'OPEN',
    draft: false,
    author: { user: { name: 'jane' } },
    fromRef: { id: 'refs/heads/topic', latestCommit: head, repository: serverRepository() },
    toRef: { id: 'refs/heads/main', latestCommit: base, repository: serverRepository() },
    ...pull,
  },
  ...more,
})

const bitbucketCloud = (more: Fields = {}, pull: Fields = {}): Fields => ({
  actor: { nickname: 'joe', display_name: 'Joe' },
  repository: { full_name: 'team/app', links: { html: { href: 'https://git.example/team/app' } } },
  pullrequest: {
    id: 7,
    state: 'OPEN',
    draft: false,
    author: { nickname: 'jane' },
    source: { branch: { name: 'topic' }, commit: { hash: head.slice(0, 12) }, repository: { full_name: 'team/app' } },
    destination: {
      branch: { name: 'main' },
      commit: { hash: base.slice(0, 12) },
      repository: { full_name: 'team/app' },
    },
    merge_commit: null,
    ...pull,
  },
  ...more,
})

const azurePull = (more: Fields = {}): Fields => ({
  pullRequestId: 7,
  status: 'active',
  isDraft: false,
  createdBy: { uniqueName: 'jane@example.com', displayName: 'Jane' },
  sourceRefName: 'refs/heads/topic',
  targetRefName: 'refs/heads/main',
  repository: { id: 'r', remoteUrl: 'https://dev.azure.com/o/p/_git/r' },
  lastMergeSourceCommit: { commitId: head },
  lastMergeTargetCommit: { commitId: base },
  lastMergeCommit: { commitId: merged },
  ...more,
})

const azure = (eventType: string, resource: Fields): Fields => ({
  id: 'an-id',
  eventType,
  publisherId: 'tfs',
  resource,
})

const ends = { base: { branch: 'main', commit: base }, head: { branch: 'topic', commit: head } }
const named = {
  base: { ...ends.base, repository: 'team/app' },
  head: { ...ends.head, repository: 'team/app' },
}
const facts = { number: 7, isDraft: false, isFork: false, author: 'jane', actor: 'joe' }
const gitHubNeeds = ['action', 'number', 'repository']
const gitHubCommentNeeds = ['action', 'issue.number', 'comment.id', 'comment.body', 'repository']

const gitHubCases: readonly ChangeCase[] = [
  ['opened', 'opened', {}, {}],
  ['synchronize', 'updated', {}, {}],
  ['reopened', 'reopened', {}, {}],
  ['labeled', 'edited', {}, {}],
  ['converted_to_draft', 'drafted', { draft: true }, { isDraft: true }],
  ['ready_for_review', 'ready', {}, {}],
  ['closed', 'closed', {}, {}],
  ['closed', 'merged', { merged: true, merge_commit_sha: merged }, { mergeCommit: merged }],
].map(([word, action, pull, more]) => ({
  name: `GitHub: ${word as string}, ${action as string}`,
  provider: 'github' as const,
  event: 'pull_request',
  payload: gitHub(word as string, pull as Fields),
  want: { ...facts, ...named, action: action as ChangeNotice['action'], ...(more as Fields) },
  needed: gitHubNeeds,
}))

const gitLabCases: readonly ChangeCase[] = [
  ['open', 'opened', {}, {}, {}],
  ['update', 'updated', { oldrev: base }, {}, {}],
  ['update', 'edited', {}, { title: { previous: 'a', current: 'b' } }, {}],
  ['update', 'drafted', { draft: true }, { draft: { previous: false, current: true } }, { isDraft: true }],
  ['update', 'ready', {}, { draft: { previous: true, current: false } }, {}],
  ['reopen', 'reopened', {}, {}, {}],
  ['close', 'closed', {}, {}, {}],
  ['approved', 'reviewed', {}, {}, {}],
  ['merge', 'merged', { merge_commit_sha: merged }, {}, { mergeCommit: merged }],
  ['open', 'opened', { source_project_id: 4, source: project(4) }, {}, { isFork: true }],
].map(([word, action, request, changes, more]) => ({
  name: `GitLab: ${word as string}, ${action as string} ${JSON.stringify(more)}`,
  provider: 'gitlab' as const,
  event: 'Merge Request Hook',
  payload: gitLab(word as string, request as Fields, changes as Fields),
  want: {
    number: 7,
    isDraft: false,
    isFork: false,
    actor: 'joe',
    base: { branch: 'main', repository: 'team/app' },
    head: { ...ends.head, repository: (more as Fields)['isFork'] === true ? 'jane/app' : 'team/app' },
    action: action as ChangeNotice['action'],
    ...(more as Fields),
  },
  needed: ['project', 'object_attributes', 'object_attributes.iid'],
}))

const serverEvents: readonly (readonly [event: string, action: ChangeNotice['action'], more: Fields, want: Fields])[] =
  [
    ['pr:opened', 'opened', {}, {}],
    ['pr:from_ref_updated', 'updated', {}, {}],
    ['pr:modified', 'edited', {}, {}],
    ['pr:to_ref_updated', 'edited', {}, {}],
    ['pr:reviewer:approved', 'reviewed', {}, {}],
    ['pr:declined', 'closed', {}, {}],
    ['pr:merged', 'merged', { properties: { mergeCommit: { id: merged } } }, { mergeCommit: merged }],
  ]
const cloudEvents: typeof serverEvents = [
  ['pullrequest:created', 'opened', {}, {}],
  ['pullrequest:updated', 'updated', { draft: true }, { isDraft: true }],
  ['pullrequest:approved', 'reviewed', {}, {}],
  ['pullrequest:rejected', 'closed', {}, {}],
  ['pullrequest:fulfilled', 'merged', { merge_commit: { hash: merged.slice(0, 12) } }, { mergeCommit: 'c'.repeat(12) }],
]
const serverNamed = {
  base: { ...ends.base, repository: 'TEAM/app' },
  head: { ...ends.head, repository: 'TEAM/app' },
}
const cloudNamed = {
  base: { branch: 'main', commit: 'b'.repeat(12), repository: 'team/app' },
  head: { branch: 'topic', commit: 'a'.repeat(12), repository: 'team/app' },
}

const command = { id: '991', author: 'joe', command: { name: 'apply', words: ['production'] } } as const
const serverNeeds = ['pullRequest', 'pullRequest.id', 'pullRequest.toRef', 'pullRequest.toRef.repository']
const cloudNeeds = ['pullrequest', 'pullrequest.id', 'repository']
const azureNeeds = ['eventType', 'resource', 'resource.pullRequestId', 'resource.repository']
const azureFacts = { number: 7, isDraft: false, isFork: false, author: 'jane@example.com', ...ends }

/** One row for each event of each forge. */
export const changeCases: readonly ChangeCase[] = [
  ...gitHubCases,
  {
    name: 'GitHub: from a fork that is gone',
    provider: 'github',
    event: 'pull_request',
    payload: gitHub('opened', { head: { ref: 'topic', sha: head, repo: null } }),
    want: { ...facts, ...named, head: ends.head, isFork: true, action: 'opened' },
    needed: gitHubNeeds,
  },
  {
    name: 'GitHub: a review',
    provider: 'github',
    event: 'pull_request_review',
    payload: { ...gitHub('submitted'), review: { state: 'approved' } },
    want: { ...facts, ...named, action: 'reviewed' },
    needed: ['action', 'pull_request', 'pull_request.number', 'repository'],
  },
  {
    name: 'GitHub: a command',
    provider: 'github',
    event: 'issue_comment',
    payload: comment('Looks good.\r\n\r\n/apply production'),
    want: { number: 7, action: 'commented', actor: 'joe', author: 'jane', comment: command },
    needed: gitHubCommentNeeds,
  },
  ...gitLabCases,
  {
    name: 'GitLab: a command',
    provider: 'gitlab',
    event: 'Note Hook',
    payload: {
      object_kind: 'note',
      user: { username: 'joe' },
      project: project(),
      object_attributes: { id: 991, note: '/apply production', noteable_type: 'MergeRequest', action: 'create' },
      merge_request: mergeRequest(),
    },
    want: { number: 7, action: 'commented', actor: 'joe', isFork: false, comment: command },
    needed: ['project', 'object_attributes', 'object_attributes.id', 'object_attributes.note', 'merge_request.iid'],
  },
  ...(
    [
      ['opened', 'pull_request', 'opened', {}],
      ['synchronized', 'pull_request', 'updated', {}],
      ['synchronized', 'pull_request_sync', 'updated', {}],
      ['reopened', 'pull_request', 'reopened', {}],
      ['label_updated', 'pull_request', 'edited', {}],
      ['reviewed', 'pull_request_approved', 'reviewed', {}],
      ['closed', 'pull_request', 'closed', {}],
      ['closed', 'pull_request', 'merged', { merged: true, merge_commit_sha: merged }],
    ] as const
  ).map(([word, event, action, pull]): ChangeCase => ({
    name: `Gitea: ${word}, ${action}`,
    provider: 'gitea',
    event,
    payload: gitHub(word, pull),
    want: { ...facts, ...named, action, ...(action === 'merged' ? { mergeCommit: merged } : {}) },
    needed: gitHubNeeds,
  })),
  {
    name: 'Gitea: a command',
    provider: 'gitea',
    event: 'issue_comment',
    payload: comment('/apply production', { is_pull: true }),
    want: { number: 7, action: 'commented', actor: 'joe', author: 'jane', comment: command },
    needed: gitHubCommentNeeds,
  },
  ...serverEvents.map(([event, action, pull, want]): ChangeCase => ({
    name: `Bitbucket Data Center: ${event}`,
    provider: 'bitbucket',
    event,
    payload: bitbucketServer(event, {}, pull),
    want: { ...facts, ...serverNamed, action, ...want },
    needed: serverNeeds,
  })),
  {
    name: 'Bitbucket Data Center: from a fork',
    provider: 'bitbucket',
    event: 'pr:opened',
    payload: bitbucketServer(
      'pr:opened',
      {},
      { fromRef: { id: 'refs/heads/topic', latestCommit: head, repository: serverRepository(2) } },
    ),
    want: { ...facts, isFork: true, head: { ...ends.head, repository: '~JANE/app' } },
    needed: serverNeeds,
  },
  {
    name: 'Bitbucket Data Center: a command',
    provider: 'bitbucket',
    event: 'pr:comment:added',
    payload: bitbucketServer('pr:comment:added', {
      comment: { id: 991, text: '/apply production', author: { name: 'joe' } },
    }),
    want: { ...facts, action: 'commented', comment: command },
    needed: [...serverNeeds, 'comment', 'comment.id', 'comment.text'],
  },
  ...cloudEvents.map(([event, action, pull, want]): ChangeCase => ({
    name: `Bitbucket Cloud: ${event}`,
    provider: 'bitbucket',
    event,
    payload: bitbucketCloud({}, pull),
    want: { ...facts, ...cloudNamed, action, ...want },
    needed: cloudNeeds,
  })),
  {
    name: 'Bitbucket Cloud: a command',
    provider: 'bitbucket',
    event: 'pullrequest:comment_created',
    payload: bitbucketCloud({ comment: { id: 991, content: { raw: '/apply production' }, user: { nickname: 'joe' } } }),
    want: { ...facts, action: 'commented', comment: command },
    needed: [...cloudNeeds, 'comment', 'comment.id', 'comment.content', 'comment.content.raw'],
  },
  {
    name: 'Azure DevOps: opened',
    provider: 'azuredevops',
    event: '',
    payload: azure('git.pullrequest.created', azurePull()),
    want: { ...azureFacts, action: 'opened' },
    needed: azureNeeds,
  },
  {
    name: 'Azure DevOps: updated, from a fork, a draft',
    provider: 'azuredevops',
    event: '',
    payload: azure(
      'git.pullrequest.updated',
      azurePull({ isDraft: true, forkSource: { repository: { id: 'f', name: 'fork' } } }),
    ),
    want: { ...azureFacts, isDraft: true, isFork: true, action: 'updated', head: { ...ends.head, repository: 'fork' } },
    needed: azureNeeds,
  },
  {
    name: 'Azure DevOps: abandoned',
    provider: 'azuredevops',
    event: '',
    payload: azure('git.pullrequest.updated', azurePull({ status: 'abandoned' })),
    want: { ...azureFacts, action: 'closed' },
    needed: azureNeeds,
  },
  {
    name: 'Azure DevOps: merged',
    provider: 'azuredevops',
    event: '',
    payload: azure('git.pullrequest.merged', azurePull({ status: 'completed' })),
    want: { ...azureFacts, action: 'merged', mergeCommit: merged },
    needed: azureNeeds,
  },
  {
    name: 'Azure DevOps: a command',
    provider: 'azuredevops',
    event: '',
    payload: azure('ms.vss-code.git-pullrequest-comment-event', {
      comment: {
        id: 2,
        content: '/apply production',
        author: { uniqueName: 'joe@example.com' },
        _links: { self: { href: 'https://dev.azure.com/o/_apis/git/r/pullRequests/7/threads/5/comments/2' } },
      },
      pullRequest: azurePull(),
    }),
    want: { ...azureFacts, action: 'commented', comment: { ...command, id: '5/2', author: 'joe@example.com' } },
    needed: ['eventType', 'resource', 'resource.comment', 'resource.comment.id', 'resource.pullRequest.pullRequestId'],
  },
]
