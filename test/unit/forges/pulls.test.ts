import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, it } from 'node:test'
import {
  createForge,
  createPullRequests,
  maxCommentBytes,
  type ForgeKind,
  type PullRequests,
  type PullStatus,
} from '../../../src/forges/index.ts'
import { createNodeHttpClient } from '../../../src/platforms/node/http.ts'
import { createFetchCache, receivers, type Decoded, type VerifyTools } from '../../../src/receivers/index.ts'
import { startForge, type ForgeServer } from '../../support/forge-api/server.ts'
import { addComment, headRef } from '../../support/forge-api/pull-keeper.ts'
import type { KeptPull, KeptRepository } from '../../support/forge-api/types.ts'

const kinds: readonly ForgeKind[] = ['github', 'gitlab', 'gitea']
const id = 'team/fleet'
const files = {
  'apps/web.yaml': 'a: 1\n',
  'apps/old.yaml': 'old: file with words\n',
  'docs/moved.md': 'x\ny\nz\nwords of a page\n',
}

const where = { owner: 'team', name: 'fleet', token: 'unused' }
const noHttp = { send: () => Promise.reject(new Error('no request is expected')) }
const noTools: VerifyTools = {
  http: noHttp,
  egress: {},
  fetched: createFetchCache(),
  now: () => 0,
  signal: new AbortController().signal,
}

interface Scene {
  readonly pulls: PullRequests
  readonly server: ForgeServer
  readonly repository: KeptRepository
  readonly statuses: PullStatus[]
  readonly slept: number[]
}

async function withPulls(
  kind: ForgeKind,
  work: (scene: Scene) => Promise<void>,
  options: { readonly token?: string; readonly app?: boolean } = {},
): Promise<void> {
  const server = await startForge(kind, { hasApp: options.app === true })
  const http = createNodeHttpClient({ egress: { allowPrivate: true } })
  const statuses: PullStatus[] = []
  const slept: number[] = []
  const token = options.token ?? (options.app === true ? 'canary-token-of-the-installation' : server.token)
  const target = { host: server.host, owner: 'team', name: 'fleet', token: () => Promise.resolve(token) }
  const deps = {
    http,
    egress: { allowPrivate: true },
    clock: { now: () => 1_800_000_000_000, sleep: async (ms: number) => void slept.push(ms) },
    setStatus: async (status: PullStatus) => void statuses.push(status),
  }
  try {
    const repository = await server.create('team', 'fleet', files)
    const pulls = createPullRequests(kind, deps, options.app === true ? { ...target, app: { id: 4711 } } : target)
    await work({ pulls, server, repository, statuses, slept })
  } finally {
    await server.close()
    http.close()
  }
}

const opened = (server: ForgeServer, more: object = {}): Promise<KeptPull> =>
  server.pulls.open(id, {
    branch: 'topic',
    files: {
      'apps/web.yaml': 'a: 2\n',
      'apps/new.yaml': 'b: 1\n',
      'apps/old.yaml': null,
      'docs/moved.md': null,
      'docs/to.md': files['docs/moved.md'],
    },
    labels: ['plan'],
    ...more,
  })

/** What a forge says of a time: only GitLab tells parts of a second, of the others the end of the second counts. */
function saidOf(kind: ForgeKind, time: string | undefined): number {
  const at = Date.parse(time ?? '')
  return kind === 'gitlab' ? at : Math.floor(at / 1000) * 1000 + 999
}

for (const kind of kinds) {
  describe(`pull requests at ${kind}`, () => {
    it('are read: ends, author, labels, reviews, and where they left the base', () =>
      withPulls(kind, async ({ pulls, server, repository }) => {
        const left = await repository.git.head()
        const pull = await opened(server, { isDraft: true })
        const moved = await server.push(id, { 'other.yaml': 'c: 1\n' })
        pull.last = { ...pull.last, base: moved }
        pull.reviews.push(
          { by: 'joe', verdict: 'approved', commit: pull.last.head },
          { by: 'ann', verdict: 'changes-requested', commit: pull.last.head },
          { by: 'joe', verdict: 'commented', commit: pull.last.head },
        )
        const found = await pulls.read(1)
        assert.ok(found !== undefined)
        const { webUrl, author, reviews, ...facts } = found
        assert.deepEqual(facts, {
          number: 1,
          title: 'A change',
          state: 'open',
          isDraft: true,
          isFork: false,
          base: { branch: 'main', commit: moved },
          head: { branch: 'topic', commit: pull.last.head, repository: id },
          headRef: headRef(kind, 1),
          mergeBase: left,
          labels: ['plan'],
        })
        assert.equal(await repository.git.head(found.headRef), pull.last.head)
        assert.ok(webUrl.startsWith(server.host))
        assert.deepEqual([author.login, author.isBot], ['jane', false])
        const told = reviews.map(({ by, verdict }) => `${by.login} ${verdict}`)
        // GitLab knows approvals only.
        assert.deepEqual(told, kind === 'gitlab' ? ['joe approved'] : ['joe approved', 'ann changes-requested'])
        assert.equal(await pulls.readBranch('main'), moved)
        assert.equal(await pulls.readBranch('feature/none'), undefined)
        await repository.git.setBranch('feature/one', left)
        assert.equal(await pulls.readBranch('feature/one'), left)
        for (const odd of ['', '..', '../../other/pulls', 'a//b', 'a/./b'])
          await assert.rejects(pulls.readBranch(odd), { code: 'forge-request' }, odd)
        assert.equal(await pulls.read(2), undefined)
        await assert.rejects(pulls.read(0), { code: 'forge-request' })
      }))

    it('from forks are known as such, also when the fork is gone', () =>
      withPulls(kind, async ({ pulls, server, repository }) => {
        const fork = await server.pulls.fork(id, 'mallory')
        const pull = await opened(server, { fork, author: 'mallory' })
        const found = await pulls.read(pull.number)
        assert.deepEqual([found?.isFork, found?.head.repository], [true, 'mallory/fleet'])
        assert.equal(await repository.git.head(found?.headRef), pull.last.head)
        pull.isSourceGone = true
        const gone = await pulls.read(pull.number)
        assert.deepEqual([gone?.isFork, gone?.head.repository, gone?.head.commit], [true, undefined, pull.last.head])
      }))

    if (kind === 'gitea')
      it('without a branch, pushed for review by who may only read, count as those of forks', () =>
        withPulls(kind, async ({ pulls, server }) => {
          const pull = await opened(server, { author: 'mallory' })
          assert.equal((await pulls.read(pull.number))?.isFork, false)
          pull.isForReview = true
          assert.equal((await pulls.read(pull.number))?.isFork, true)
        }))

    it('list their files, page by page', () =>
      withPulls(kind, async ({ pulls, server }) => {
        await opened(server)
        const { files: found, isComplete } = await pulls.listFiles(1)
        assert.ok(isComplete)
        assert.deepEqual(
          found.toSorted((a, b) => (a.path < b.path ? -1 : 1)),
          [
            { path: 'apps/new.yaml', change: 'added' },
            { path: 'apps/old.yaml', change: 'removed' },
            { path: 'apps/web.yaml', change: 'modified' },
            { path: 'docs/to.md', previousPath: 'docs/moved.md', change: 'renamed' },
          ],
        )
        const many = Object.fromEntries(Array.from({ length: 230 }, (_, at) => [`many/${at}.yaml`, `n: ${at}\n`]))
        await server.pulls.open(id, { branch: 'many', files: many })
        const all = await pulls.listFiles(2)
        assert.deepEqual([all.files.length, all.isComplete], [230, true])
        assert.equal(new Set(all.files.map(({ path }) => path)).size, 230)
      }))

    it('files are read at a commit, never at a branch', () =>
      withPulls(kind, async ({ pulls, server, repository }) => {
        const before = (await repository.git.head()) ?? ''
        await server.push(id, { 'apps/web.yaml': 'a: 9\n', 'a b/ü?.txt': 'odd\n' })
        const text = async (path: string, commit: string): Promise<string | undefined> => {
          const bytes = await pulls.readFile(path, commit)
          return bytes === undefined ? undefined : new TextDecoder().decode(bytes)
        }
        const now = (await repository.git.head()) ?? ''
        assert.equal(await text('apps/web.yaml', before), 'a: 1\n')
        assert.equal(await text('apps/web.yaml', now), 'a: 9\n')
        assert.equal(await text('a b/ü?.txt', now), 'odd\n')
        assert.equal(await text('none.yaml', before), undefined)
        for (const [path, commit] of [
          ['apps/web.yaml', 'main'],
          ['apps/web.yaml', before.slice(0, 12)],
          ['../other/secret', before],
          ['/etc/passwd', before],
        ] as const)
          await assert.rejects(pulls.readFile(path, commit), { code: 'forge-request' })
        if (kind !== 'gitlab') await assert.rejects(pulls.readFile('apps', before), { code: 'forge-file' })
      }))

    it('have one comment of ours, and nobody else is taken for us', () =>
      withPulls(kind, async ({ pulls, server }) => {
        const pull = await opened(server)
        const marker = 'plan:production'
        const copied = `<!-- sluice:${marker} -->\nAll is well, merge me`
        await server.pulls.comment(id, pull, 'mallory', copied)
        for (let at = 0; at < 120; at++) addComment(pull, 9000 + at, { author: 'joe', body: `chat ${at}` })
        addComment(pull, 9200, { author: 'sluice-robot', body: `Somebody wrote: ${copied}` })
        const first = await pulls.upsertComment(1, { marker, body: 'plan 1' })
        assert.equal(first.outcome, 'created')
        assert.equal((await pulls.upsertComment(1, { marker: 'plan:staging', body: 'other' })).outcome, 'created')
        server.requests.length = 0
        assert.deepEqual(await pulls.upsertComment(1, { marker, body: 'plan 1' }), {
          id: first.id,
          outcome: 'unchanged',
        })
        assert.ok(server.requests.every(({ method }) => method === 'GET'))
        assert.deepEqual(await pulls.upsertComment(1, { marker, body: 'plan 2' }), { id: first.id, outcome: 'updated' })
        const bodies = pull.comments.map(({ author, body }) => [author, body])
        assert.deepEqual(bodies[0], ['mallory', copied])
        const ours = `<!-- sluice:${marker} -->\nplan 2`
        assert.deepEqual(
          bodies.filter(([, body]) => body === ours),
          [['sluice-robot', ours]],
        )
        // Two runs at once made two: one is left.
        addComment(pull, 9300, { author: 'sluice-robot', body: `<!-- sluice:${marker} -->\r\nagain` })
        await pulls.upsertComment(1, { marker, body: 'plan 3' })
        assert.equal(
          pull.comments.some((one) => one.id === 9300),
          false,
        )
        assert.equal(await pulls.deleteComment(1, marker), true)
        assert.equal(await pulls.deleteComment(1, marker), false)
        assert.deepEqual(pull.comments.filter(({ author }) => author === 'mallory').length, 1)
        await assert.rejects(pulls.upsertComment(1, { marker, body: 'ü'.repeat(maxCommentBytes / 2) }), {
          code: 'comment-too-large',
        })
        if (kind === 'gitlab') {
          // Notes of GitLab itself are of whoever did something.
          addComment(pull, 9400, { author: 'system', body: `<!-- sluice:${marker} -->` })
          assert.equal(await pulls.readComment(1, '9400'), undefined)
        }
        await assert.rejects(pulls.upsertComment(1, { marker: 'a --> b', body: '' }), { code: 'forge-request' })
      }))

    it('among too many comments none is added', () =>
      withPulls(kind, async ({ pulls, server }) => {
        const pull = await opened(server)
        for (let at = 0; at < 2100; at++) addComment(pull, 10_000 + at, { author: 'joe', body: 'chat' })
        const wish = { marker: 'plan', body: 'b' }
        if (kind === 'gitea') assert.equal((await pulls.upsertComment(1, wish)).outcome, 'created')
        else await assert.rejects(pulls.upsertComment(1, wish), { code: 'forge-answer' })
      }))

    it('comments are read again, only where they belong', () =>
      withPulls(kind, async ({ pulls, server }) => {
        const pull = await opened(server)
        await server.pulls.open(id, { branch: 'second', files: { 'b.yaml': 'b: 1\n' } })
        const made = await server.pulls.comment(id, pull, 'joe', '/apply production')
        const found = await pulls.readComment(1, String(made.id))
        assert.deepEqual([found?.author.login, found?.text, found?.isEdited], ['joe', '/apply production', false])
        assert.equal(found?.createdAt, saidOf(kind, made.createdAt))
        made.body = '/apply everything'
        made.updatedAt = new Date(Date.parse(made.createdAt) + 5000).toISOString()
        assert.equal((await pulls.readComment(1, String(made.id)))?.isEdited, true)
        assert.equal(await pulls.readComment(2, String(made.id)), undefined)
        assert.equal(await pulls.readComment(1, '999999'), undefined)
        await assert.rejects(pulls.readComment(1, '1/../../7'), { code: 'forge-request' })
      }))

    it('checks are statuses where there is no App', () =>
      withPulls(kind, async ({ pulls, server, statuses }) => {
        const { last } = await opened(server)
        const report = {
          commit: last.head,
          name: 'sluice/plan',
          key: 'k',
          summary: 's',
          annotations: [{ path: 'a', line: 1, level: 'failure' as const, message: 'm' }],
        }
        assert.deepEqual(await pulls.reportCheck({ ...report, state: 'running', title: 'is planned' }), {
          as: 'status',
          annotations: 0,
        })
        await pulls.reportCheck({
          ...report,
          state: 'failure',
          title: `2 dangers\n${'x'.repeat(300)}`,
          url: 'https://sluice.test/plans/1',
        })
        assert.deepEqual(
          statuses.map(({ state }) => state),
          ['pending', 'failure'],
        )
        assert.equal(statuses[1]?.description.length, 140)
        assert.equal(statuses[1]?.url, 'https://sluice.test/plans/1')
      }))

    it('people may do what the forge says, nobody else anything', () =>
      withPulls(kind, async ({ pulls, server, repository }) => {
        const roles = { ada: 'admin', meg: 'maintain', joe: 'write', tim: 'triage', sam: 'read', owen: 'deployer' }
        for (const [login, role] of Object.entries(roles)) repository.people.set(login, role)
        server.groups.set('everybody', [...Object.keys(roles), 'kim'])
        const found: { [login: string]: string } = {}
        for (const login of [...Object.keys(roles), 'kim', 'nobody']) found[login] = await pulls.permissionOf(login)
        const shared = { ada: 'admin', joe: 'write', sam: 'read', kim: 'none', nobody: 'none' }
        const want = {
          // A role of an organisation's own counts as what it builds on; Gitea and GitLab have none.
          github: { ...shared, meg: 'maintain', tim: 'triage', owen: 'write' },
          gitlab: { ...shared, meg: 'maintain', tim: 'triage', owen: 'none' },
          gitea: { ...shared, meg: 'write', tim: 'read', owen: 'none' },
        }[kind]
        assert.deepEqual(found, want)
        for (const odd of ['', '../admin', 'a/b', 'a?b', 'x..y', '%2e%2e', 'a b'])
          await assert.rejects(pulls.permissionOf(odd), { code: 'forge-request' }, odd)
      }))

    it('members of organisations, teams and groups are told from others', () =>
      withPulls(kind, async ({ pulls, server }) => {
        server.groups.set('everybody', ['ada', 'joe', 'tim'])
        server.groups.set('team', ['ada', 'joe'])
        server.groups.set('team/leads', kind === 'gitea' ? ['ada'] : ['ada', 'tim?'])
        const is = (login: string, group: string): Promise<boolean> => pulls.isMember(login, group)
        assert.deepEqual(
          [await is('ada', 'team'), await is('joe', 'team'), await is('tim', 'team'), await is('ada', 'none')],
          [true, true, false, false],
        )
        assert.deepEqual(
          [
            await is('ada', 'team/leads'),
            await is('joe', 'team/leads'),
            await is('tim', 'team/leads'),
            await is('ada', 'team/none'),
          ],
          [true, false, false, false],
        )
        await assert.rejects(is('ada', 'team/../x'), { code: 'forge-request' })
      }))

    for (const how of ['merge', 'squash'] as const)
      it(`a ${how === 'merge' ? 'merged' : 'squashed'} one is taken back by another`, () =>
        withPulls(kind, async ({ pulls, server, repository }) => {
          const pull = await opened(server)
          await assert.rejects(pulls.openRevert(1, { title: 't', body: 'b' }), {
            code: 'forge-revert',
            message: /not merged/,
          })
          const before = await repository.git.revParse('main^{tree}')
          const commit = await server.pulls.merge(id, pull, how)
          const merged = await pulls.read(1)
          assert.deepEqual([merged?.state, merged?.mergeCommit], ['merged', commit])
          assert.equal(merged?.mergedAt, saidOf(kind, pull.mergedAt))
          assert.notEqual(await repository.git.revParse('main^{tree}'), before)
          const made = await pulls.openRevert(1, { title: 'Revert "A change"', body: 'It broke.' })
          assert.deepEqual([made.number, made.isNew], [2, true])
          assert.equal(repository.pulls[1]?.title, 'Revert "A change"')
          assert.equal(await repository.git.revParse(`${headRef(kind, 2)}^{tree}`), before)
          assert.deepEqual(await pulls.openRevert(1, { title: 'again', body: '' }), { ...made, isNew: false })
        }))

    it('a revert that needs a person is refused in words', () =>
      withPulls(kind, async ({ pulls, server, repository }) => {
        await server.pulls.merge(id, await opened(server))
        await server.push(id, { 'apps/web.yaml': 'a: 3\n' })
        await assert.rejects(pulls.openRevert(1, { title: 't', body: 'b' }), {
          code: 'forge-revert',
          message: /revert it with git/,
        })
        assert.equal(repository.pulls.length, 1)
      }))

    it('an App or a token without rights is told in words, without the token', () =>
      withPulls(
        kind,
        async ({ pulls, server }) => {
          await opened(server)
          const asks: readonly (() => Promise<unknown>)[] = [
            () => pulls.read(1),
            () => pulls.upsertComment(1, { marker: 'm', body: 'b' }),
            () => pulls.permissionOf('joe'),
          ]
          for (const ask of asks) {
            const error = (await ask().catch((caught: unknown) => caught)) as Error & { code: string }
            assert.equal(error.code, 'forge-unauthorized')
            assert.doesNotMatch(`${error.message}${JSON.stringify(error)}`, /canary/)
          }
        },
        { token: 'canary-wrong-token' },
      ))
  })

  describe(`deliveries of ${kind}`, () => {
    it('tell of pull requests as the receivers read them, signed', () =>
      withPulls(kind, async ({ server, repository }) => {
        const got: Decoded[] = []
        const receiver = createServer((request, response) => {
          const parts: Buffer[] = []
          request.on('data', (part: Buffer) => parts.push(part))
          request.on('end', () => {
            const headers = new Headers(request.headers as { [name: string]: string })
            const body = new Uint8Array(Buffer.concat(parts))
            void receivers[kind].verifyBody(headers, body, ['the secret'], noTools).then((isSigned) => {
              if (isSigned) got.push(receivers[kind].decode(headers, body))
              response.writeHead(isSigned ? 202 : 401).end()
            })
          })
        })
        await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve))
        try {
          const url = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/hook`
          const events = createForge(kind, { http: noHttp, egress: {} }, { ...where, host: server.host }).eventsOf({
            pullRequests: true,
          })
          repository.hooks.push({ id: 1, url, secret: 'the secret', events: [...events], active: true, deliveries: [] })
          const fork = await server.pulls.fork(id, 'mallory')
          const pull = await opened(server, { fork, author: 'mallory' })
          const before = pull.last.head
          const head = await server.pulls.push(id, pull, { 'apps/web.yaml': 'a: 3\n' })
          await server.pulls.comment(id, pull, 'joe', '/plan')
          const merged = await server.pulls.merge(id, pull)
          const second = await server.pulls.open(id, { branch: 'second', files: { b: 'b' } })
          await server.pulls.close(id, second)
          assert.notEqual(before, head)
          assert.deepEqual(
            got.map(({ change, kind: what }) => [
              change?.number ?? what,
              change?.action,
              change?.isFork,
              change?.head?.commit,
            ]),
            [
              [1, 'opened', true, before],
              [1, 'updated', true, head],
              [1, 'commented', kind === 'gitlab' ? true : undefined, kind === 'gitlab' ? head : undefined],
              [1, 'merged', true, head],
              ['push', undefined, undefined, undefined],
              [2, 'opened', false, second.last.head],
              [2, 'closed', false, second.last.head],
            ],
          )
          assert.equal(got[3]?.change?.mergeCommit, merged)
          assert.equal(got[2]?.change?.comment?.author, 'joe')
          assert.ok(repository.hooks[0]?.deliveries.every(({ status }) => status === 202))
        } finally {
          receiver.closeAllConnections()
          receiver.close()
        }
      }))
  })

  describe(`limits of ${kind}`, () => {
    it('are waited out, within bounds', () =>
      withPulls(kind, async ({ pulls, server, slept }) => {
        await opened(server)
        const limit = { status: 429, headers: { 'retry-after': '7' }, json: { message: 'slow down' } }
        server.refusals.push(limit, { ...limit, headers: { 'retry-after': '3' } })
        assert.equal((await pulls.read(1))?.number, 1)
        assert.deepEqual(slept, [7000, 3000])
        server.refusals.push(limit)
        const comment = await pulls.upsertComment(1, { marker: 'm', body: 'b' })
        assert.equal(comment.outcome, 'created')
        server.refusals.push({ ...limit, headers: { 'retry-after': '3600' } })
        await assert.rejects(pulls.read(1), {
          code: 'forge-unavailable',
          disposition: 'retry',
          retryAfterMs: 3_600_000,
        })
      }))

    it('a question is asked again when the forge was not well; a change is not made twice', () =>
      withPulls(kind, async ({ pulls, server, repository, slept }) => {
        await opened(server)
        server.refusals.push({ status: 502 }, { status: 503 })
        assert.equal((await pulls.read(1))?.number, 1)
        assert.deepEqual(slept, [500, 2000])
        for (let at = 0; at < 4; at++) server.refusals.push({ status: 502 })
        await assert.rejects(pulls.read(1), { code: 'forge-unavailable' })
        server.refusals.push({ method: 'POST', status: 500 })
        server.requests.length = 0
        await assert.rejects(pulls.upsertComment(1, { marker: 'first', body: 'b' }), { code: 'forge-unavailable' })
        assert.equal(server.requests.filter(({ method }) => method === 'POST').length, 1)
        assert.equal(repository.pulls[0]?.comments.length, 0)
      }))
  })
}
