import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { GitObjectCache, fetchArtifact, gitCredentials } from '../../src/sources/index.ts'
import { GitServer } from '../support/git-server.ts'
import { listPaths, makeGitDeps, readText } from '../support/git-sources.ts'

const main = { ref: { branch: 'main' } }
const canary = 'c4n4ry'

function modules(...entries: [path: string, url: string][]): string {
  return entries.map(([path, url]) => `[submodule "${path}"]\n\tpath = ${path}\n\turl = ${url}\n`).join('')
}

describe('submodules', () => {
  let server: GitServer
  let other: GitServer
  const deps = makeGitDeps()
  const fresh = (): typeof deps => ({ ...deps, cache: new GitObjectCache() })
  before(async () => {
    server = await GitServer.start({ auth: { username: 'u', password: canary } })
    other = await GitServer.start()
  })
  after(async () => {
    deps.close()
    await server.close()
    await other.close()
  })
  const credentials = (url: string): ReturnType<typeof gitCredentials> =>
    gitCredentials({ url, secret: { username: 'u', password: canary } })

  it('are fetched at the commit that the tree names, in submodules too, with their own ignore files', async () => {
    const leaf = await server.create('sub/leaf', {
      'deep.yaml': 'deep: 1\n',
      'hidden.yaml': 'h\n',
      '.sourceignore': 'hidden.yaml\n',
    })
    const leafCommit = (await leaf.head()) ?? ''
    await leaf.commit({ 'deep.yaml': 'deep: 2\n' })
    const middle = await server.create('sub/middle', {
      'lib/x.yaml': 'x: 1\n',
      'lib/leaf': { submodule: leafCommit },
      '.gitmodules': modules(['lib/leaf', '../leaf.git']),
    })
    const top = await server.create('sub/top', {
      'app/a.yaml': 'a: 1\n',
      'app/middle': { submodule: (await middle.head()) ?? '' },
      unnamed: { submodule: leafCommit },
      '.gitmodules': modules(['app/middle', './../middle'], ['gone', '../nope.git']),
    })
    const options = { url: top.url, ...main, credentials: credentials(top.url) }
    const one = fresh()
    const artifact = await fetchArtifact(one, { ...options, recurseSubmodules: true })
    assert.deepEqual(listPaths(artifact.files), [
      'app/a.yaml',
      'app/middle/lib/leaf/.sourceignore',
      'app/middle/lib/leaf/deep.yaml',
      'app/middle/lib/x.yaml',
      'unnamed',
    ])
    server.reset()
    await artifact.prefetch(['app'])
    assert.equal(server.reset().requests, 3)
    assert.equal(readText(artifact.files, 'app/middle/lib/leaf/deep.yaml'), 'deep: 1\n')
    assert.equal(readText(artifact.files, 'app/middle/lib/x.yaml'), 'x: 1\n')
    const without = await fetchArtifact(one, options)
    assert.throws(() => without.files.read('app/middle'), { code: 'git-submodule', message: /recurseSubmodules/ })
    assert.notEqual(without.digest, artifact.digest)
    const again = await fetchArtifact(fresh(), {
      ...options,
      recurseSubmodules: true,
      sparseCheckout: ['app/middle/lib/leaf'],
    })
    assert.deepEqual(listPaths(again.files), ['app/middle/lib/leaf/.sourceignore', 'app/middle/lib/leaf/deep.yaml'])
  })

  it('at another host get no credentials', async () => {
    const lib = await other.create('team/lib', { 'l.yaml': 'l: 1\n' })
    const top = await server.create('sub/foreign', {
      lib: { submodule: (await lib.head()) ?? '' },
      '.gitmodules': modules(['lib', lib.url]),
    })
    other.reset()
    const artifact = await fetchArtifact(fresh(), {
      url: top.url,
      ...main,
      credentials: credentials(top.url),
      recurseSubmodules: true,
    })
    await artifact.prefetch(['lib'])
    assert.equal(readText(artifact.files, 'lib/l.yaml'), 'l: 1\n')
    const { authorizations } = other.reset()
    assert.ok(authorizations.length > 0)
    assert.deepEqual([...new Set(authorizations)], [undefined])
  })

  it('that contain each other end after ten levels', async () => {
    const ring = await other.create('ring/self', { 'r.yaml': 'r: 1\n' })
    let commit = (await ring.head()) ?? ''
    for (let level = 0; level < 12; level++) {
      commit = await ring.commit({ again: { submodule: commit }, '.gitmodules': modules(['again', ring.url]) })
    }
    const artifact = await fetchArtifact(fresh(), { url: ring.url, ...main, recurseSubmodules: true })
    const deepest =
      listPaths(artifact.files)
        .filter((path) => path.endsWith('r.yaml'))
        .at(0) ?? ''
    assert.equal(deepest.split('/').length, 11)
  })

  it('with paths, URLs and hosts that must not be are refused', async () => {
    const rows: [path: string, url: string, want: object][] = [
      ['../up', other.origin, { code: 'git-submodule' }],
      ['/etc', other.origin, { code: 'git-submodule' }],
      ['a/.git/hooks', other.origin, { code: 'git-submodule' }],
      ['lib', 'file:///etc', { code: 'git-submodule', message: /"lib"/ }],
      ['lib', 'ext::sh -c "touch pwned"', { code: 'git-submodule' }],
      ['lib', '-u./payload', { code: 'git-submodule' }],
      ['lib', `${other.origin}/none.git`, { code: 'git-not-found' }],
      ['lib', 'http://169.254.169.254/x.git', { code: 'egress-refused' }],
      ['lib', 'git@10.0.0.1:x/y.git', { code: 'git-unsupported' }],
    ]
    for (const [index, [path, url, want]] of rows.entries()) {
      const top = await other.create(`bad/${index}`, {
        lib: { submodule: '1'.repeat(40) },
        '.gitmodules': modules([path, url]),
      })
      const one = { ...fresh(), egress: { allowHosts: ['127.0.0.1'] } }
      await assert.rejects(
        fetchArtifact(one, { url: top.url, ...main, recurseSubmodules: true }),
        want,
        `${path} ${url}`,
      )
    }
    const linked = await other.create('bad/link', {
      real: modules(['lib', other.origin]),
      '.gitmodules': { symlink: 'real' },
      lib: { submodule: '1'.repeat(40) },
    })
    await fetchArtifact(fresh(), { url: linked.url, ...main, recurseSubmodules: true })
  })
})
