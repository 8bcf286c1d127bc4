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

  it('semver: the highest tag in the range', async () => {
    const versions = await server.create('team/versions')
    const ids: { [tag: string]: string } = {}
    const tags = [
      'v1.2.3',
      '1.10.0',
      '1.9.9',
      'v2.0.0-rc.1',
      'v2.0.0',
      'v1.4',
      'junk',
      '3',
      'v03.01.00',
      'chart-9.0.0',
      '4.0.0-beta.2',
    ]
    for (const tag of tags) {
      ids[tag] = await versions.commit({ f: tag })
      await versions.tag(tag, tag.startsWith('v') ? { message: tag } : {})
    }
    // Build metadata is no part of the order: the later commit wins, whatever the names say.
    ids['5.0.0+b'] = await versions.commit({ f: 'b' }, { time: 1_800_000_000 })
    await versions.tag('5.0.0+b')
    ids['5.0.0+c'] = await versions.commit({ f: 'c' }, { time: 1_700_500_000 })
    await versions.tag('5.0.0+c', { message: 'c' })
    const want: [string, string][] = [
      ['*', '5.0.0+b'],
      ['1.x', '1.10.0'],
      ['>=1.0.0 <1.10.0', '1.9.9'],
      ['~1.2', 'v1.2.3'],
      ['>=2.0.0-0 <2.0.0', 'v2.0.0-rc.1'],
      ['^2', 'v2.0.0'],
      ['3.1.0', 'v03.01.00'],
      ['>=4.0.0-0 <5.0.0-0', '4.0.0-beta.2'],
      ['5.0.0', '5.0.0+b'],
    ]
    for (const [semver, tag] of want) {
      const { revision } = await resolveRevision(deps, { url: versions.url, ref: { semver, branch: 'main' } })
      assert.equal(revision, `${tag}@sha1:${ids[tag]}`, semver)
    }
    const nothing = resolveRevision(deps, { url: versions.url, ref: { semver: '>=9' } })
    await assert.rejects(nothing, { message: 'no match found for semver: >=9' })
    const bad = resolveRevision(deps, { url: versions.url, ref: { semver: 'one point two' } })
    await assert.rejects(bad, { message: /^semver parse error: / })
    const both = await resolveRevision(deps, { url: versions.url, ref: { semver: '*', tag: '1.9.9' } })
    assert.equal(both.commit, ids['1.9.9'])
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
