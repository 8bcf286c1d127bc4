import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import type { GitReference } from '../../src/sources/index.ts'
import { fetchArtifact, resolveRevision } from '../../src/sources/index.ts'
import { GitServer } from '../support/git-server.ts'
import type { GitTestRepository } from '../support/git-repository.ts'
import { makeGitDeps, readText } from '../support/git-sources.ts'

describe('spec.ref', () => {
  let server: GitServer
  let repository: GitTestRepository
  const deps = makeGitDeps()
  const commits: { [name: string]: string } = {}

  before(async () => {
    server = await GitServer.start()
    repository = await server.create('team/refs')
    commits['one'] = await repository.commit({ f: 'one' })
    await repository.tag('light')
    await repository.tag('v1.0.0', { message: 'first' })
    await repository.tag('team/nested', { message: 'nested' })
    commits['two'] = await repository.commit({ f: 'two' })
    await repository.setBranch('master', commits['one'])
    await repository.setBranch('feature/x', commits['two'])
    await repository.git('update-ref', 'refs/pull/7/head', commits['two'])
    commits['three'] = await repository.commit({ f: 'three' })
    await repository.git('symbolic-ref', 'HEAD', 'refs/heads/main')
  })
  after(async () => {
    deps.close()
    await server.close()
  })

  const rows: { name: string; ref?: GitReference; want: string; at: string }[] = [
    { name: 'nothing: master', want: 'master@sha1:', at: 'one' },
    {
      name: 'empty fields count as nothing',
      ref: { branch: '', tag: '', commit: '' },
      want: 'master@sha1:',
      at: 'one',
    },
    { name: 'branch', ref: { branch: 'main' }, want: 'main@sha1:', at: 'three' },
    { name: 'branch with a slash', ref: { branch: 'feature/x' }, want: 'feature/x@sha1:', at: 'two' },
    { name: 'lightweight tag', ref: { tag: 'light' }, want: 'light@sha1:', at: 'one' },
    { name: 'annotated tag stands for its commit', ref: { tag: 'v1.0.0' }, want: 'v1.0.0@sha1:', at: 'one' },
    { name: 'tag with a slash', ref: { tag: 'team/nested' }, want: 'team/nested@sha1:', at: 'one' },
    { name: 'tag before branch', ref: { tag: 'light', branch: 'main' }, want: 'light@sha1:', at: 'one' },
    { name: 'name: branch', ref: { name: 'refs/heads/main' }, want: 'refs/heads/main@sha1:', at: 'three' },
    { name: 'name: annotated tag', ref: { name: 'refs/tags/v1.0.0' }, want: 'refs/tags/v1.0.0@sha1:', at: 'one' },
    { name: 'name: peeled tag', ref: { name: 'refs/tags/v1.0.0^{}' }, want: 'refs/tags/v1.0.0^{}@sha1:', at: 'one' },
    { name: 'name: lightweight tag', ref: { name: 'refs/tags/light' }, want: 'refs/tags/light@sha1:', at: 'one' },
    { name: 'name: any other', ref: { name: 'refs/pull/7/head' }, want: 'refs/pull/7/head@sha1:', at: 'two' },
    { name: 'name: HEAD', ref: { name: 'HEAD' }, want: 'HEAD@sha1:', at: 'three' },
    {
      name: 'name before tag',
      ref: { name: 'refs/heads/main', tag: 'light' },
      want: 'refs/heads/main@sha1:',
      at: 'three',
    },
  ]
  for (const { name, ref, want, at } of rows) {
    it(name, async () => {
      const options = ref === undefined ? { url: repository.url } : { url: repository.url, ref }
      const resolved = await resolveRevision(deps, options)
      assert.equal(resolved.revision, want + commits[at])
      assert.equal(resolved.commit, commits[at])
      const artifact = await fetchArtifact(deps, { ...options, resolved })
      await artifact.prefetch([''])
      assert.equal(readText(artifact.files, 'f'), at)
    })
  }

  it('commit, alone and with a branch or a name', async () => {
    const commit = commits['two'] as string
    for (const [ref, want] of [
      [{ commit }, `sha1:${commit}`],
      [{ commit, branch: 'main' }, `main@sha1:${commit}`],
      [{ commit, name: 'refs/heads/main', branch: 'main' }, `refs/heads/main@sha1:${commit}`],
      [{ commit, tag: 'light', semver: '*' }, `sha1:${commit}`],
    ] as const) {
      const artifact = await fetchArtifact(deps, { url: repository.url, ref })
      assert.equal(artifact.revision, want)
      await artifact.prefetch([''])
      assert.equal(readText(artifact.files, 'f'), 'two')
    }
  })

  it('says what is missing', async () => {
    const missing: [GitReference, RegExp][] = [
      [{ branch: 'nope' }, /couldn't find remote ref "refs\/heads\/nope"/],
      [{ tag: 'nope' }, /couldn't find remote ref "refs\/tags\/nope"/],
      [{ name: 'refs/heads/nope' }, /unable to resolve ref 'refs\/heads\/nope' to a specific commit/],
      [{ name: 'refs/tags/light^{}' }, /unable to resolve ref/],
      [{ name: '/refs/heads/main' }, /cannot begin or end with a slash/],
      [{ name: 'refs/heads/' }, /cannot begin or end with a slash/],
      [{ branch: 'mai' }, /couldn't find/],
      [{ commit: 'abc123' }, /full SHA-1/],
      [{ commit: commits['one'] as string, branch: 'nope' }, /couldn't find/],
    ]
    for (const [ref, message] of missing) {
      await assert.rejects(resolveRevision(deps, { url: repository.url, ref }), {
        name: 'EngineError',
        reason: 'GitOperationFailed',
        message,
      })
    }
    const unknown = { url: repository.url, ref: { commit: 'f'.repeat(40) } }
    await assert.rejects(fetchArtifact(deps, unknown), { name: 'EngineError', code: 'git-not-our-ref' })
    const tag = await repository.revParse('v1.0.0')
    await assert.rejects(fetchArtifact(deps, { url: repository.url, ref: { commit: tag } }), {
      code: 'git-not-a-commit',
    })
  })

  it('tells an empty repository and a missing one apart', async () => {
    const empty = await server.create('team/empty')
    await assert.rejects(resolveRevision(deps, { url: empty.url, ref: { branch: 'main' } }), {
      reason: 'EmptyGitRepository',
    })
    await assert.rejects(resolveRevision(deps, { url: `${server.origin}/team/none.git` }), { code: 'git-not-found' })
  })
})
