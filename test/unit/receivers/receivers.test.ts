import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { isEngineError } from '../../../src/base/index.ts'
import {
  createFetchCache,
  isEqualConstantTime,
  isProvider,
  matchesAnySecret,
  receivers,
  type Provider,
  type Receiver,
  type VerifyTools,
} from '../../../src/receivers/index.ts'

const secret = 'correct horse battery'
const encode = (value: unknown): Uint8Array =>
  new TextEncoder().encode(typeof value === 'string' ? value : JSON.stringify(value))
const sign = (body: Uint8Array, key = secret, hash = 'sha256'): string =>
  `${hash}=${createHmac(hash, key).update(body).digest('hex')}`
/** GitHub and GitLab ask nobody. */
const noTools: VerifyTools = {
  http: { send: () => Promise.reject(new Error('no request is expected')) },
  egress: {},
  fetched: createFetchCache(),
  now: Date.now,
  signal: new AbortController().signal,
}
const zero = '0'.repeat(40)
const commit = 'a'.repeat(40)

const githubPush = {
  ref: 'refs/heads/main',
  before: 'b'.repeat(40),
  after: commit,
  repository: {
    clone_url: 'https://github.example/o/r.git',
    ssh_url: 'git@github.example:o/r.git',
    git_url: 'git://github.example/o/r.git',
    html_url: 'https://github.example/o/r',
  },
  pusher: { name: 'pusher' },
  sender: { login: 'octo' },
}
const gitlabPush = {
  object_kind: 'push',
  event_name: 'push',
  ref: 'refs/heads/main',
  before: zero,
  after: commit,
  user_username: 'jane',
  project: {
    git_http_url: 'https://gitlab.example/o/r.git',
    git_ssh_url: 'git@gitlab.example:o/r.git',
    http_url: 'https://gitlab.example/o/r.git',
    ssh_url: 'git@gitlab.example:o/r.git',
    url: 'git@gitlab.example:o/r.git',
    web_url: 'https://gitlab.example/o/r',
  },
}

describe('verification', () => {
  const body = encode(githubPush)
  const rows: {
    name: string
    provider: Provider
    headers: Record<string, string>
    secrets?: string[]
    body?: Uint8Array
    want: boolean
  }[] = [
    { name: 'github, right signature', provider: 'github', headers: { 'X-Hub-Signature-256': sign(body) }, want: true },
    {
      name: 'github, older of two secrets',
      provider: 'github',
      headers: { 'X-Hub-Signature-256': sign(body) },
      secrets: ['new', secret],
      want: true,
    },
    { name: 'github, no signature', provider: 'github', headers: {}, want: false },
    {
      name: 'github, other secret',
      provider: 'github',
      headers: { 'X-Hub-Signature-256': sign(body, 'wrong') },
      want: false,
    },
    {
      name: 'github, other body',
      provider: 'github',
      headers: { 'X-Hub-Signature-256': sign(body) },
      body: encode('{}'),
      want: false,
    },
    {
      name: 'github, SHA-1 only',
      provider: 'github',
      headers: { 'X-Hub-Signature': sign(body, secret, 'sha1') },
      want: false,
    },
    {
      name: 'github, SHA-1 under the newer name',
      provider: 'github',
      headers: { 'X-Hub-Signature-256': sign(body, secret, 'sha1') },
      want: false,
    },
    {
      name: 'github, truncated',
      provider: 'github',
      headers: { 'X-Hub-Signature-256': sign(body).slice(0, -2) },
      want: false,
    },
    {
      name: 'github, no secrets configured',
      provider: 'github',
      headers: { 'X-Hub-Signature-256': sign(body, 'x') },
      secrets: [],
      want: false,
    },
    {
      name: 'github, empty body',
      provider: 'github',
      headers: { 'X-Hub-Signature-256': sign(encode('')) },
      body: encode(''),
      want: false,
    },
    {
      name: 'github, bytes that are not text',
      provider: 'github',
      headers: { 'X-Hub-Signature-256': sign(new Uint8Array([255, 254])) },
      body: new Uint8Array([255, 254]),
      want: false,
    },
    { name: 'gitlab, right token', provider: 'gitlab', headers: { 'X-Gitlab-Token': secret }, want: true },
    {
      name: 'gitlab, older of two tokens',
      provider: 'gitlab',
      headers: { 'X-Gitlab-Token': secret },
      secrets: ['new', secret],
      want: true,
    },
    { name: 'gitlab, wrong token', provider: 'gitlab', headers: { 'X-Gitlab-Token': `${secret}x` }, want: false },
    { name: 'gitlab, no token', provider: 'gitlab', headers: {}, want: false },
    {
      name: 'gitlab, empty token never matches',
      provider: 'gitlab',
      headers: { 'X-Gitlab-Token': '' },
      secrets: [''],
      want: false,
    },
    {
      name: 'gitlab, no tokens configured',
      provider: 'gitlab',
      headers: { 'X-Gitlab-Token': 'x' },
      secrets: [],
      want: false,
    },
  ]
  for (const row of rows) {
    it(row.name, async () => {
      const receiver: Receiver = receivers[row.provider]
      const headers = new Headers(row.headers)
      const secrets = row.secrets ?? [secret]
      const isHeaderGood = await receiver.verifyHeaders(headers, secrets)
      const isGood = isHeaderGood && (await receiver.verifyBody(headers, row.body ?? body, secrets, noTools))
      assert.equal(isGood, row.want)
    })
  }
})

describe('decoding', () => {
  const github = (
    event: string,
    payload: unknown,
    more: Record<string, string> = {},
  ): ReturnType<typeof receivers.github.decode> =>
    receivers.github.decode(
      new Headers({ 'x-github-event': event, 'x-github-delivery': 'd1', ...more }),
      encode(payload),
    )
  const gitlab = (event: string, payload: unknown): ReturnType<typeof receivers.gitlab.decode> =>
    receivers.gitlab.decode(new Headers({ 'x-gitlab-event': event, 'idempotency-key': 'd2' }), encode(payload))

  it('reads a push of GitHub', () => {
    assert.deepEqual(github('push', githubPush), {
      kind: 'push',
      event: 'push',
      deliveryId: 'd1',
      notices: [
        {
          provider: 'github',
          deliveryId: 'd1',
          urls: Object.values(githubPush.repository),
          ref: 'refs/heads/main',
          before: 'b'.repeat(40),
          after: commit,
          actor: 'octo',
        },
      ],
    })
  })
  it('reads the form encoding of GitHub', () => {
    const form = new URLSearchParams({ payload: JSON.stringify(githubPush) }).toString()
    const decoded = github('push', form, { 'content-type': 'application/x-www-form-urlencoded; charset=utf-8' })
    assert.equal(decoded.kind === 'push' && decoded.notices[0]?.after, commit)
  })
  it('reads a push of GitLab; a created branch has no commit before', () => {
    const decoded = gitlab('Push Hook', gitlabPush)
    assert.ok(decoded.kind === 'push')
    assert.deepEqual(decoded.notices[0], {
      provider: 'gitlab',
      deliveryId: 'd2',
      urls: ['https://gitlab.example/o/r.git', 'git@gitlab.example:o/r.git', 'https://gitlab.example/o/r'],
      ref: 'refs/heads/main',
      after: commit,
      actor: 'jane',
    })
  })
  it('reads tags, also deleted ones, which change what a range of versions resolves to', () => {
    const tag = gitlab('Tag Push Hook', { ...gitlabPush, ref: 'refs/tags/v1', after: zero, before: commit })
    assert.ok(tag.kind === 'push')
    assert.equal(tag.notices[0]?.ref, 'refs/tags/v1')
    assert.equal(tag.notices[0]?.after, undefined)
  })
  it('does nothing about a branch that was deleted, and says why', () => {
    const want = {
      kind: 'ignored',
      reason: 'refs/heads/main was deleted: there is nothing to fetch',
      ref: 'refs/heads/main',
    }
    const deleted = github('push', { ...githubPush, deleted: true, after: zero })
    assert.deepEqual(deleted, { ...want, event: 'push', deliveryId: 'd1' })
    assert.deepEqual(gitlab('Push Hook', { ...gitlabPush, after: zero }), {
      ...want,
      event: 'Push Hook',
      deliveryId: 'd2',
    })
  })
  it('knows ping and leaves other events alone', () => {
    assert.equal(github('ping', { zen: 'x' }).kind, 'ping')
    assert.equal(github('issues', {}).kind, 'ignored')
    assert.equal(gitlab('Issue Hook', {}).kind, 'ignored')
    assert.equal(gitlab('System Hook', { event_name: 'user_create' }).kind, 'ignored')
    assert.equal(gitlab('System Hook', gitlabPush).kind, 'push')
  })

  const hostile: { name: string; change: object }[] = [
    { name: 'ref is a number', change: { ref: 7 } },
    { name: 'ref is null', change: { ref: null } },
    { name: 'ref is a bare branch', change: { ref: 'main' } },
    { name: 'ref with a line break', change: { ref: 'refs/heads/a\nb' } },
    { name: 'ref with NUL', change: { ref: 'refs/heads/a\u0000b' } },
    { name: 'ref of a megabyte', change: { ref: `refs/heads/${'x'.repeat(1 << 20)}` } },
    { name: 'after is an object', change: { after: {} } },
    { name: 'after is not a commit', change: { after: '--upload-pack=x' } },
    { name: 'repository and project are null', change: { repository: null, project: null } },
    { name: 'repository and project are arrays', change: { repository: [], project: [] } },
    { name: 'URLs are objects', change: { repository: { clone_url: {} }, project: { git_http_url: {} } } },
    { name: 'no URL at all', change: { repository: {}, project: {} } },
    {
      name: 'URL of a megabyte',
      change: { repository: { clone_url: 'x'.repeat(1 << 20) }, project: { url: 'x'.repeat(1 << 20) } },
    },
    { name: 'actor is a list', change: { sender: { login: [] }, user_username: [] } },
  ]
  for (const { name, change } of hostile) {
    it(`refuses: ${name}`, () => {
      const isPayloadInvalid = (error: unknown): boolean =>
        isEngineError(error) && error.code === 'payload-invalid' && error.message.length < 2000
      assert.throws(() => github('push', { ...githubPush, ...change }), isPayloadInvalid)
      assert.throws(() => gitlab('Push Hook', { ...gitlabPush, ...change }), isPayloadInvalid)
    })
  }
  it('names every wrong field, and no value', () => {
    assert.throws(
      () => github('push', { ...githubPush, ref: 'hunter2', after: 'hunter2' }),
      (error: Error) => /^ref: .*\nafter: /.test(error.message) && !error.message.includes('hunter2'),
    )
  })
  it('survives nesting', () => {
    const deep = '['.repeat(200_000) + ']'.repeat(200_000)
    assert.throws(() => github('push', deep), { code: 'payload-invalid' })
    assert.throws(() => github('push', `{"ref":${deep}}`), { code: 'payload-invalid' })
  })
  it('any bytes give a decision or a payload error, never a crash', () => {
    const event = fc.constantFrom('push', 'ping', '', 'Push Hook', 'Tag Push Hook', 'System Hook')
    fc.assert(
      fc.property(event, fc.oneof(fc.json(), fc.string()), (name, text) => {
        for (const receiver of Object.values(receivers)) {
          try {
            receiver.decode(new Headers({ 'x-github-event': name, 'x-gitlab-event': name }), encode(text))
          } catch (error) {
            assert.ok(isEngineError(error) && error.code === 'payload-invalid', String(error))
          }
        }
      }),
      { numRuns: 300 },
    )
  })
})

describe('table and comparison', () => {
  it('knows its providers only', () => {
    assert.equal(isProvider('github'), true)
    for (const name of ['', 'toString', '__proto__', 'GitHub', 'constructor']) assert.equal(isProvider(name), false)
  })
  it('compares', async () => {
    assert.equal(await isEqualConstantTime('abc', 'abc'), true)
    assert.equal(await isEqualConstantTime('abc', 'abd'), false)
    assert.equal(await isEqualConstantTime('abc', 'abcd'), false)
    assert.equal(await matchesAnySecret('x', []), false)
  })
})
