import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { after, before, describe, it } from 'node:test'
import type { NotificationEvent, Target } from '../../../src/notify/index.ts'
import {
  sendTo,
  startNotifyServer,
  testCommit,
  testEvent,
  testTarget,
  type NotifyServer,
} from '../../support/notify-server.ts'

let server: NotifyServer
before(async () => {
  server = await startNotifyServer()
})
after(() => server.close())

const success: NotificationEvent = {
  ...testEvent,
  severity: 'info',
  reason: 'ReconciliationSucceeded',
  metadata: { revision: testEvent.metadata['revision'] ?? '' },
}
const context = 'kustomization/app/c0ffee00'
const key = createHash('sha1').update(context).digest('hex')
const commit = testCommit

interface Row {
  readonly name: string
  readonly target: Target
  readonly list: string
  readonly create: string
  readonly headers: { readonly [name: string]: string }
  readonly failure: string
  readonly success: string
  /** What the list answers where the success stands already, and where it stood before a failure. */
  readonly same: string
  readonly older?: string
}

const rows: readonly Row[] = [
  {
    name: 'github',
    target: testTarget('github', { address: 'ssh://git@github.com/org/repo.git', token: 'ghp' }),
    list: `https://api.github.com/repos/org/repo/commits/${commit}/statuses?per_page=50`,
    create: `https://api.github.com/repos/org/repo/statuses/${commit}`,
    headers: { authorization: 'Bearer ghp', accept: 'application/vnd.github+json', 'user-agent': 'sluice' },
    failure: `{"state":"failure","description":"health check failed","context":"${context}"}`,
    success: `{"state":"success","description":"reconciliation succeeded","context":"${context}"}`,
    same: `[{"context":"other","state":"failure","description":"x"},{"context":"${context}","state":"success","description":"reconciliation succeeded"}]`,
    older: `[{"context":"${context}","state":"failure","description":"health check failed"},{"context":"${context}","state":"success","description":"reconciliation succeeded"}]`,
  },
  {
    name: 'github, a server of its own',
    target: testTarget('github', { address: 'https://git.example.com/org/repo', password: 'pat' }),
    list: `https://git.example.com/api/v3/repos/org/repo/commits/${commit}/statuses?per_page=50`,
    create: `https://git.example.com/api/v3/repos/org/repo/statuses/${commit}`,
    headers: { authorization: 'Bearer pat' },
    failure: `{"state":"failure","description":"health check failed","context":"${context}"}`,
    success: `{"state":"success","description":"reconciliation succeeded","context":"${context}"}`,
    same: `[{"context":"${context}","state":"success","description":"reconciliation succeeded"}]`,
  },
  {
    name: 'gitlab',
    target: testTarget('gitlab', { address: 'git@gitlab.com:group/sub/repo.git', token: 'glpat' }),
    list: `https://gitlab.com/api/v4/projects/group%2Fsub%2Frepo/repository/commits/${commit}/statuses?name=kustomization%2Fapp%2Fc0ffee00`,
    create: `https://gitlab.com/api/v4/projects/group%2Fsub%2Frepo/statuses/${commit}`,
    headers: { 'private-token': 'glpat' },
    failure: `{"state":"failed","name":"${context}","description":"health check failed"}`,
    success: `{"state":"success","name":"${context}","description":"reconciliation succeeded"}`,
    same: `[{"sha":"${commit}","name":"${context}","status":"success","description":"reconciliation succeeded"}]`,
  },
  {
    name: 'gitea',
    target: testTarget('gitea', { address: 'https://gitea.example.com/org/repo', token: 'gt' }),
    list: `https://gitea.example.com/api/v1/repos/org/repo/commits/${commit}/statuses?limit=50&page=1`,
    create: `https://gitea.example.com/api/v1/repos/org/repo/statuses/${commit}`,
    headers: { authorization: 'token gt' },
    failure: `{"state":"failure","target_url":"","description":"health check failed","context":"${context}"}`,
    success: `{"state":"success","target_url":"","description":"reconciliation succeeded","context":"${context}"}`,
    same: `[{"context":"${context}","status":"success","description":"reconciliation succeeded"}]`,
    older: `[{"context":"${context}","status":"failure","description":"health check failed"},{"context":"${context}","status":"success","description":"reconciliation succeeded"}]`,
  },
  {
    name: 'bitbucket',
    target: testTarget('bitbucket', { address: 'https://bitbucket.org/org/repo.git', token: 'user:app-password' }),
    list: `https://api.bitbucket.org/2.0/repositories/org/repo/commit/${commit}/statuses/build/${key}`,
    create: `https://api.bitbucket.org/2.0/repositories/org/repo/commit/${commit}/statuses/build`,
    headers: { authorization: `Basic ${Buffer.from('user:app-password').toString('base64')}` },
    failure: `{"description":"health check failed","key":"${key}","name":"kustomization/app","state":"FAILED","url":"https://bitbucket.org"}`,
    success: `{"description":"reconciliation succeeded","key":"${key}","name":"kustomization/app","state":"SUCCESSFUL","url":"https://bitbucket.org"}`,
    same: '{"state":"SUCCESSFUL","description":"reconciliation succeeded"}',
    older: '{"state":"FAILED","description":"health check failed"}',
  },
  {
    name: 'bitbucketserver, below a path, with a token',
    target: testTarget('bitbucketserver', { address: 'https://bb.example.com/ctx/scm/proj/repo.git', token: 'bbt' }),
    list: `https://bb.example.com/ctx/rest/api/latest/projects/proj/repos/repo/commits/${commit}/builds?key=${key}`,
    create: `https://bb.example.com/ctx/rest/api/latest/projects/proj/repos/repo/commits/${commit}/builds`,
    headers: { authorization: 'Bearer bbt', 'x-atlassian-token': 'no-check', 'x-requested-with': 'XMLHttpRequest' },
    failure: `{"description":"health check failed","key":"${key}","name":"kustomization/app [health check failed]","state":"FAILED","url":"https://bb.example.com/ctx/scm/proj/repo.git"}`,
    success: `{"description":"reconciliation succeeded","key":"${key}","name":"kustomization/app [reconciliation succeeded]","state":"SUCCESSFUL","url":"https://bb.example.com/ctx/scm/proj/repo.git"}`,
    same: `{"key":"${key}","name":"kustomization/app [reconciliation succeeded]","state":"SUCCESSFUL","description":"reconciliation succeeded"}`,
  },
  {
    name: 'bitbucketserver, with user and password',
    target: testTarget('bitbucketserver', {
      address: 'https://bb.example.com/scm/proj/repo.git',
      username: 'u',
      password: 'p',
    }),
    list: `https://bb.example.com/rest/api/latest/projects/proj/repos/repo/commits/${commit}/builds?key=${key}`,
    create: `https://bb.example.com/rest/api/latest/projects/proj/repos/repo/commits/${commit}/builds`,
    headers: { authorization: 'Basic dTpw' },
    failure: `{"description":"health check failed","key":"${key}","name":"kustomization/app [health check failed]","state":"FAILED","url":"https://bb.example.com/scm/proj/repo.git"}`,
    success: `{"description":"reconciliation succeeded","key":"${key}","name":"kustomization/app [reconciliation succeeded]","state":"SUCCESSFUL","url":"https://bb.example.com/scm/proj/repo.git"}`,
    same: `{"key":"${key}","name":"kustomization/app [reconciliation succeeded]","state":"SUCCESSFUL","description":"reconciliation succeeded"}`,
  },
  {
    name: 'azuredevops',
    target: testTarget('azuredevops', { address: 'https://dev.azure.com/org/proj/_git/repo', token: 'pat' }),
    list: `https://dev.azure.com/org/proj/_apis/git/repositories/repo/commits/${commit}/statuses?api-version=6.0`,
    create: `https://dev.azure.com/org/proj/_apis/git/repositories/repo/commits/${commit}/statuses?api-version=6.0`,
    headers: { authorization: `Basic ${Buffer.from(':pat').toString('base64')}` },
    failure: `{"context":{"genre":"fluxcd:production","name":"${context}"},"description":"health check failed","state":"error"}`,
    success: `{"context":{"genre":"fluxcd","name":"${context}"},"description":"reconciliation succeeded","state":"succeeded"}`,
    same: `{"count":1,"value":[{"context":{"genre":"fluxcd","name":"${context}"},"state":"succeeded","description":"reconciliation succeeded"}]}`,
  },
]

describe('commit statuses', () => {
  for (const row of rows) {
    it(row.name, async () => {
      server.received.length = 0
      server.answer({ body: '[]' }, { status: 201 })
      await sendTo(server, row.target, testEvent)
      const [list, create] = server.received
      assert.deepEqual([list?.method, list?.url], ['GET', row.list])
      assert.deepEqual([create?.method, create?.url], ['POST', row.create])
      for (const request of [list, create]) {
        for (const [name, value] of Object.entries(row.headers)) assert.equal(request?.headers[name], value, name)
      }
      assert.equal(create?.headers['content-type'], 'application/json')
      assert.equal(create?.body, row.failure)
      // There is no status at all yet.
      server.received.length = 0
      server.answer({ status: 404 }, { status: 201 })
      await sendTo(server, row.target, success)
      assert.equal(server.received[1]?.body, row.success)
      // It stands already.
      server.received.length = 0
      server.answer({ body: row.same })
      await sendTo(server, row.target, success)
      assert.equal(server.received.length, 1)
      // The latest is another one, although an older one is the same.
      server.received.length = 0
      server.answer({ body: row.older ?? row.same.replaceAll('reconciliation succeeded', 'other') }, { status: 201 })
      await sendTo(server, row.target, success)
      assert.equal(server.received[1]?.body, row.success)
    })
  }

  it('tell nothing of progress, except at Gitea', async () => {
    const progress = { ...success, reason: 'Progressing', severity: 'info' as const }
    for (const row of rows.filter(({ name }) => name !== 'gitea')) {
      server.received.length = 0
      await sendTo(server, row.target, progress)
      assert.equal(server.received.length, 0, row.name)
    }
    server.answer({ body: '[]' }, { status: 201 })
    await sendTo(server, rows.find(({ name }) => name === 'gitea')?.target ?? assert.fail(), progress)
    assert.equal(
      server.received[1]?.body,
      `{"state":"pending","target_url":"","description":"progressing","context":"${context}"}`,
    )
  })

  const target = rows[0]?.target ?? assert.fail()
  const revisions: readonly (readonly [{ readonly [key: string]: string }, string | undefined])[] = [
    [{ revision: `main@sha1:${commit}` }, commit],
    [{ revision: `sha1:${commit}` }, commit],
    [{ revision: `feature/x/${commit}` }, commit],
    [{ revision: commit }, commit],
    [{ revision: `v1@sha256:${'a'.repeat(64)}` }, 'a'.repeat(64)],
    [{ revision: '1.2.3', originRevision: `main@sha1:${commit}` }, commit],
    [{ revision: `main@sha1:${'d'.repeat(40)}`, originRevision: `x@sha1:${'e'.repeat(40)}`, commit }, commit],
    [{ revision: '1.2.3' }, undefined],
    [{ revision: `main@sha1:${'d'.repeat(39)}` }, undefined],
    [{ revision: `main@sha1:${'g'.repeat(40)}` }, undefined],
    [{}, undefined],
  ]
  for (const [metadata, want] of revisions) {
    it(`the commit of ${JSON.stringify(metadata)} is ${want ?? 'none'}`, async () => {
      const event = { ...success, metadata }
      server.received.length = 0
      if (want === undefined) return await assert.rejects(sendTo(server, target, event), { code: 'notify-unsuitable' })
      server.answer({ body: '[]' }, { status: 201 })
      await sendTo(server, target, event)
      assert.ok(server.received[1]?.url.endsWith(`/statuses/${want}`))
    })
  }

  const bad: readonly (readonly [string, Target, RegExp])[] = [
    ['no token', testTarget('github', { address: 'https://github.com/o/r' }), /needs a token of GitHub/],
    [
      'a repository with too many parts',
      testTarget('github', { address: 'https://github.com/o/r/x', token: 't' }),
      /<owner>\/<name>/,
    ],
    ['no repository', testTarget('gitea', { address: 'nonsense', token: 't' }), /no URL of a repository/],
    [
      'a token of Bitbucket without user',
      testTarget('bitbucket', { address: 'https://bitbucket.org/o/r', token: 't' }),
      /<user>:<password>/,
    ],
    [
      'no /scm/ in the address',
      testTarget('bitbucketserver', { address: 'https://bb.example.com/o/r', token: 't' }),
      /Bitbucket Server/,
    ],
    [
      'no repository of Azure DevOps',
      testTarget('azuredevops', { address: 'https://dev.azure.com/o/r', token: 't' }),
      /_git/,
    ],
  ]
  for (const [name, wrong, message] of bad) {
    it(`${name} is told`, async () => {
      server.received.length = 0
      await assert.rejects(sendTo(server, wrong, success), { code: 'notify-config', message })
      assert.equal(server.received.length, 0)
    })
  }

  it('a GitHub App brings its own token', async () => {
    server.received.length = 0
    server.answer({ body: '[]' }, { status: 201 })
    await sendTo(server, { ...target, token: '', hasAppKeys: true }, success, { appToken: async () => 'ghs_app' })
    assert.deepEqual(
      server.received.map(({ headers }) => headers['authorization']),
      ['Bearer ghs_app', 'Bearer ghs_app'],
    )
  })
})

const change: NotificationEvent = { ...testEvent, metadata: { ...testEvent.metadata, change_request: '7' } }
const mark = (prefix: string): string =>
  `<!-- ${prefix}:c0ffee00-1111-4222-8333-444444444444/Kustomization/team/app -->`
const comment = (prefix: string): string =>
  `${mark(prefix)}\n\n## Flux Status\n\n⚠️ Kustomization/team/app\n\nhealth check failed: Deployment/web <not ready>\n\nMetadata:\n* \`revision\`: main@sha1:${commit}\n* \`summary\`: production\n`

describe('comments on change requests', () => {
  const tables = [
    {
      target: testTarget('githubpullrequestcomment', { address: 'https://github.com/org/repo', token: 'ghp' }),
      prefix: 'flux-pr-comment-key',
      user: ['https://api.github.com/user', '{"login":"bot"}'],
      list: 'https://api.github.com/repos/org/repo/issues/7/comments?direction=asc&per_page=100&sort=created',
      create: 'https://api.github.com/repos/org/repo/issues/7/comments',
      update: ['PATCH', 'https://api.github.com/repos/org/repo/issues/comments/12'],
      author: (name: string) => ({ user: { login: name } }),
      headers: { authorization: 'Bearer ghp' },
    },
    {
      target: testTarget('gitlabmergerequestcomment', { address: 'https://gitlab.com/group/repo', token: 'glpat' }),
      prefix: 'flux-mr-comment-key',
      user: ['https://gitlab.com/api/v4/user', '{"username":"bot"}'],
      list: 'https://gitlab.com/api/v4/projects/group%2Frepo/merge_requests/7/notes?order_by=created_at&per_page=100&sort=asc',
      create: 'https://gitlab.com/api/v4/projects/group%2Frepo/merge_requests/7/notes',
      update: ['PUT', 'https://gitlab.com/api/v4/projects/group%2Frepo/merge_requests/7/notes/12'],
      author: (name: string) => ({ author: { username: name } }),
      headers: { 'private-token': 'glpat' },
    },
    {
      target: testTarget('giteapullrequestcomment', { address: 'https://gitea.example.com/org/repo', token: 'gt' }),
      prefix: 'flux-pr-comment-key',
      user: ['https://gitea.example.com/api/v1/user', '{"login":"bot"}'],
      list: 'https://gitea.example.com/api/v1/repos/org/repo/issues/7/comments?limit=100&page=1',
      create: 'https://gitea.example.com/api/v1/repos/org/repo/issues/7/comments',
      update: ['PATCH', 'https://gitea.example.com/api/v1/repos/org/repo/issues/comments/12'],
      author: (name: string) => ({ user: { login: name } }),
      headers: { authorization: 'token gt' },
    },
  ] as const
  for (const row of tables) {
    it(`${row.target.type}: makes one, then keeps it up to date, and leaves those of others alone`, async () => {
      const body = comment(row.prefix)
      server.received.length = 0
      const foreign = { id: 11, body, ...row.author('somebody') }
      server.answer({ body: row.user[1] }, { body: JSON.stringify([foreign]) }, { status: 201 })
      await sendTo(server, row.target, change)
      assert.deepEqual(
        server.received.map(({ method, url }) => [method, url]),
        [
          ['GET', row.user[0]],
          ['GET', row.list],
          ['POST', row.create],
        ],
      )
      assert.deepEqual(JSON.parse(server.received[2]?.body ?? ''), { body })
      for (const request of server.received) {
        for (const [name, value] of Object.entries(row.headers)) assert.equal(request.headers[name], value)
      }
      server.received.length = 0
      const other = { id: 10, body: 'something else', ...row.author('bot') }
      const own = { id: 12, body: `${mark(row.prefix)}\nolder`, ...row.author('bot') }
      server.answer({ body: row.user[1] }, { body: JSON.stringify([other, foreign, own]) }, {})
      await sendTo(server, row.target, change)
      assert.deepEqual([server.received[2]?.method, server.received[2]?.url], row.update)
      assert.deepEqual(JSON.parse(server.received[2]?.body ?? ''), { body })
    })
  }

  it('need the number of the change request', async () => {
    const target = tables[0].target
    await assert.rejects(sendTo(server, target, testEvent), { code: 'notify-unsuitable', message: /change_request/ })
    const odd = { ...testEvent, metadata: { change_request: '7/../../x' } }
    await assert.rejects(sendTo(server, target, odd), { code: 'notify-unsuitable', message: /no number/ })
  })

  it('of a GitHub App are those of a bot', async () => {
    const target = { ...tables[0].target, token: '', hasAppKeys: true }
    const body = mark('flux-pr-comment-key')
    server.received.length = 0
    server.answer(
      {
        body: JSON.stringify([
          { id: 1, body, user: { type: 'User' } },
          { id: 12, body, user: { type: 'Bot' } },
        ]),
      },
      {},
    )
    await sendTo(server, target, change, { appToken: async () => 'ghs_app' })
    assert.deepEqual(
      server.received.map(({ method, url }) => [method, url.replace('https://api.github.com/repos/org/repo', '')]),
      [
        ['GET', '/issues/7/comments?direction=asc&per_page=100&sort=created'],
        ['PATCH', '/issues/comments/12'],
      ],
    )
  })
})
