import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { gitCredentials, makeCommits, openOwnBranch, type NewCommits, type OwnBranch } from '../../src/sources/index.ts'
import { GitServer, type GitServerOptions } from '../support/git-server.ts'
import { makeGitDeps } from '../support/git-sources.ts'

const signature = { name: 'Bot', email: 'bot@example.com', time: 1_700_000_000 }
const branch = 'sluice/rendered/7'

/** Two commits: a file that stays, and one that changes. */
function pair(color: string): NewCommits {
  const commit = (files: { readonly [path: string]: string }, title: string) => ({
    files: { 'a/b.yaml': 'stays: true\n', 'a.yaml': 'x: 1\n', ...files },
    message: ({ tree, parents }: { readonly tree: string; readonly parents: readonly string[] }) =>
      `${title}\n\nOf: ${tree} ${parents.join()}\n`,
  })
  return makeCommits(
    [commit({ 'a/c.yaml': 'color: red\n' }, 'Base'), commit({ 'a/c.yaml': `color: ${color}\n` }, 'Head')],
    signature,
  )
}

async function withServer(
  options: GitServerOptions,
  work: (server: GitServer, open: (url: string, password?: string) => Promise<OwnBranch>) => Promise<void>,
): Promise<void> {
  await using server = await GitServer.start(options)
  const deps = makeGitDeps()
  try {
    await work(server, (url, password) =>
      openOwnBranch(deps, {
        url,
        branch,
        credentials: gitCredentials({
          url,
          ...(password === undefined ? {} : { secret: { username: 'x', password } }),
        }),
      }),
    )
  } finally {
    deps.close()
  }
}

describe('a branch that only programs write', () => {
  for (const protocol of [1, 2] as const)
    it(`is made, replaced and deleted (protocol ${protocol})`, () =>
      withServer({ protocol }, async (server, open) => {
        const repository = await server.create('team/app', { 'a.txt': 'a\n' })
        const first = await open(repository.url)
        assert.equal(first.tip, undefined)
        assert.equal(await first.readTip(), undefined)
        const commits = pair('blue')
        assert.deepEqual(pair('blue').ids, commits.ids, 'the same twice')
        await first.replace(commits)
        await repository.git('fsck', '--strict')
        assert.equal(await repository.git('rev-list', '--reverse', branch), commits.ids.join('\n'))
        assert.match(await repository.git('diff', '-U0', commits.ids[0] ?? '', branch), /-color: red\n\+color: blue$/)
        assert.equal(
          await repository.git('log', '-1', '--format=%an <%ae> %ct %s', branch),
          'Bot <bot@example.com> 1700000000 Head',
        )
        const second = await open(repository.url)
        assert.equal(second.tip, commits.ids[1])
        const tip = await second.readTip()
        assert.deepEqual(tip?.parents, [commits.ids[0]])
        assert.equal(tip.message, `Head\n\nOf: ${tip.tree} ${commits.ids[0]}\n`)
        const others = pair('green')
        await second.replace(others)
        assert.equal(await repository.git('rev-parse', branch), others.ids[1])
        await (await open(repository.url)).delete()
        assert.equal((await open(repository.url)).tip, undefined)
        await (await open(repository.url)).delete()
      }))

  it('is left alone where somebody has moved it meanwhile', () =>
    withServer({}, async (server, open) => {
      const repository = await server.create('team/app', { 'a.txt': 'a\n' })
      const opened = await open(repository.url)
      await repository.setBranch(branch, (await repository.head()) ?? '')
      await assert.rejects(opened.replace(pair('blue')), { code: 'git-push-refused', disposition: 'retry' })
      assert.equal(await repository.git('rev-parse', branch), await repository.head())
      const known = await open(repository.url)
      const theirs = await repository.commit({ 'b.txt': 'b\n' }, { branch })
      await assert.rejects(known.delete(), { code: 'git-push-refused' })
      assert.equal(await repository.git('rev-parse', branch), theirs)
    }))

  it('needs the right to write', () =>
    withServer({ auth: { username: 'x', password: 'right' } }, async (server, open) => {
      const repository = await server.create('team/app', { 'a.txt': 'a\n' })
      await (await open(repository.url, 'right')).replace(pair('blue'))
      await assert.rejects(open(repository.url, 'wrong'), { code: 'git-authentication' })
      await repository.git('config', 'http.receivepack', 'false')
      await assert.rejects((await open(repository.url, 'right')).replace(pair('green')), (error: Error) => {
        assert.match(error.message, /needs the right to write/)
        assert.doesNotMatch(error.message, /right'|x:right/)
        return true
      })
    }))
})
