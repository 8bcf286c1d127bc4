import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { gitCredentials, openBranch, type GitBranch } from '../../src/sources/index.ts'
import { GitServer } from '../support/git-server.ts'
import { makeGitDeps } from '../support/git-sources.ts'

const author = { name: 'Ada', email: 'ada@example.com' }

/** A server, and a way to open its branches. */
async function withServer(
  auth: { username: string; password: string } | undefined,
  work: (server: GitServer, open: (url: string, password?: string) => Promise<GitBranch>) => Promise<void>,
): Promise<void> {
  await using server = await GitServer.start(auth === undefined ? {} : { auth })
  const deps = makeGitDeps()
  try {
    await work(server, (url, password) =>
      openBranch(deps, {
        url,
        branch: 'main',
        credentials:
          password === undefined
            ? gitCredentials({ url })
            : gitCredentials({ url, secret: { username: auth?.username ?? 'git', password } }),
      }),
    )
  } finally {
    deps.close()
  }
}

describe('writing to a repository', () => {
  it('puts a commit on a branch, and none where nothing differs', () =>
    withServer(undefined, async (server, open) => {
      const repository = await server.create('team/app', {
        'a.txt': 'a\n',
        'deep/er/b.txt': 'b\n',
        'deep/c.txt': 'c\n',
        'run.sh': { content: '#!/bin/sh\n', executable: true },
      })
      const before = await repository.head()
      const branch = await open(repository.url)
      assert.equal(branch.head, before)
      assert.equal(await branch.read('deep/er/b.txt'), 'b\n')
      assert.equal(await branch.read('deep/er/none.txt'), undefined)
      assert.deepEqual(await branch.list('deep'), ['deep/c.txt', 'deep/er/b.txt'])
      assert.equal(await branch.push({ files: { 'a.txt': 'a\n' }, message: 'x', author }), undefined)
      const files = { 'a.txt': 'A\n', 'run.sh': '#!/bin/bash\n', 'new/d.txt': 'd\n', 'deep/er/b.txt': null }
      const commit = await branch.push({ files, message: 'Change it\n', author })
      assert.equal(await repository.head(), commit)
      assert.equal(await repository.git('rev-parse', 'main~1'), before)
      assert.equal(
        await repository.git('log', '-1', '--format=%an <%ae> %s', 'main'),
        'Ada <ada@example.com> Change it',
      )
      assert.equal(
        await repository.git('ls-tree', '-r', '--format=%(objectmode) %(path)', 'main'),
        '100644 a.txt\n100644 deep/c.txt\n100644 new/d.txt\n100755 run.sh',
      )
      await repository.git('fsck', '--strict')
      assert.equal(await (await open(repository.url)).push({ files, message: 'again', author }), undefined)
    }))

  it('begins a repository that is empty', () =>
    withServer(undefined, async (server, open) => {
      const repository = await server.create('team/empty')
      const branch = await open(repository.url)
      assert.equal(branch.head, undefined)
      assert.deepEqual(await branch.list(''), [])
      const commit = await branch.push({ files: { 'clusters/prod/a.yaml': 'a: 1\n' }, message: 'Begin', author })
      assert.equal(await repository.head(), commit)
      assert.equal(await repository.git('show', 'main:clusters/prod/a.yaml'), 'a: 1')
    }))

  it('is refused, without a trace, where somebody else has pushed meanwhile', () =>
    withServer(undefined, async (server, open) => {
      const repository = await server.create('team/app', { 'a.txt': 'a\n' })
      const branch = await open(repository.url)
      const theirs = await repository.commit({ 'b.txt': 'b\n' })
      await assert.rejects(branch.push({ files: { 'a.txt': 'A\n' }, message: 'x', author }), {
        code: 'git-push-refused',
        disposition: 'retry',
      })
      assert.equal(await repository.head(), theirs)
    }))

  it('needs the credentials, which no message shows', () =>
    withServer({ username: 'git', password: 'canary-password' }, async (server, open) => {
      const repository = await server.create('team/app', { 'a.txt': 'a\n' })
      await assert.rejects(open(repository.url), { code: 'git-authentication' })
      const wrong = await open(repository.url, 'canary-wrong').catch((error: unknown) => error)
      assert.ok(wrong instanceof Error)
      assert.doesNotMatch(`${wrong.message} ${JSON.stringify(wrong)}`, /canary/)
      const branch = await open(repository.url, 'canary-password')
      const commit = await branch.push({ files: { 'a.txt': 'A\n' }, message: 'x', author })
      assert.equal(await repository.head(), commit)
      assert.ok(
        server.counters.authorizations.includes(`Basic ${Buffer.from('git:canary-password').toString('base64')}`),
      )
    }))

  it('says what is missing where the server lets nobody push', () =>
    withServer(undefined, async (server, open) => {
      const repository = await server.create('team/app', { 'a.txt': 'a\n' })
      await repository.git('config', 'http.receivepack', 'false')
      const branch = await open(repository.url)
      await assert.rejects(branch.push({ files: { 'a.txt': 'A\n' }, message: 'x', author }), {
        code: 'git-authentication',
        message: /the token needs the right to write/,
      })
    }))
})
