import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { createNodeHttpClient } from '../../src/platforms/node/http.ts'
import type { GitDeps } from '../../src/sources/index.ts'
import {
  GitObjectCache,
  defaultGitLimits,
  fetchArtifact,
  gitCredentials,
  resolveRevision,
} from '../../src/sources/index.ts'
import { walkFiles } from '../../src/files/index.ts'
import type { FileTree } from '../../src/ports/index.ts'
import { GitServer } from '../support/git-server.ts'

const http = createNodeHttpClient({ egress: { allowPrivate: true } })
after(() => http.close())

function makeDeps(overrides: Partial<GitDeps> = {}): GitDeps {
  return {
    http,
    cache: new GitObjectCache(),
    clock: { now: () => Date.now(), sleep: () => Promise.resolve() },
    limits: defaultGitLimits,
    egress: { allowPrivate: true },
    ...overrides,
  }
}

const text = (tree: FileTree, path: string): string => new TextDecoder().decode(tree.read(path))
const paths = (tree: FileTree): string[] => [...walkFiles(tree)].map(([path]) => path)

describe('a GitRepository over HTTP', () => {
  let server: GitServer
  before(async () => {
    server = await GitServer.start()
  })
  after(() => server.close())

  it('fetches directories first and files when they are wanted', async () => {
    const repository = await server.create('team/app', {
      'deploy/a.yaml': 'a: 1\n',
      'deploy/b.yaml': 'b: 1\n',
      'other/c.yaml': 'c: 1\n',
      'logo.png': 'x',
    })
    const deps = makeDeps()
    const commit = await repository.head()
    const resolved = await resolveRevision(deps, { url: repository.url, ref: { branch: 'main' } })
    assert.deepEqual(resolved, { revision: `main@sha1:${commit}`, commit, reference: 'refs/heads/main' })
    const artifact = await fetchArtifact(deps, { url: repository.url, resolved })
    assert.equal(artifact.revision, `main@sha1:${commit}`)
    assert.deepEqual(paths(artifact.files), ['deploy/a.yaml', 'deploy/b.yaml', 'other/c.yaml'])
    assert.equal(artifact.files.stat('deploy')?.id, await repository.revParse('main:deploy'))
    assert.throws(() => artifact.files.read('deploy/a.yaml'), { name: 'PendingFiles' })
    server.reset()
    await artifact.prefetch(['deploy'])
    assert.equal(text(artifact.files, 'deploy/a.yaml'), 'a: 1\n')
    assert.equal(text(artifact.files, 'deploy/b.yaml'), 'b: 1\n')
    assert.throws(() => artifact.files.read('other/c.yaml'), { name: 'PendingFiles' })
    assert.equal(server.reset().requests, 1)
  })
})
void gitCredentials
