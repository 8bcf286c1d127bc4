import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import type { FetchArtifactOptions, GitArtifact } from '../../src/sources/index.ts'
import { fetchArtifact } from '../../src/sources/index.ts'
import { GitServer } from '../support/git-server.ts'
import type { GitTestFile } from '../support/git-repository.ts'
import { listPaths, makeGitDeps, readText } from '../support/git-sources.ts'

describe('what the artifact of a GitRepository shows', () => {
  let server: GitServer
  const deps = makeGitDeps()
  let count = 0
  before(async () => {
    server = await GitServer.start()
  })
  after(async () => {
    deps.close()
    await server.close()
  })

  async function artifactOf(
    files: { [path: string]: GitTestFile },
    rest: Partial<FetchArtifactOptions> = {},
  ): Promise<GitArtifact> {
    const repository = await server.create(`rules/${count++}`, files)
    return fetchArtifact(deps, { url: repository.url, ref: { branch: 'main' }, ...rest })
  }

  it('ignore files of the repository, nested, with spec.ignore last', async () => {
    const files = {
      '.sourceignore': '*.md\n!keep.md\n/docs\n',
      '.gitignore': 'x',
      '.github/ci.yaml': 'x',
      'a/readme.md': 'x',
      'a/keep.md': 'x',
      'a/photo.png': 'x',
      'docs/x.yaml': 'x',
      'b/.sourceignore': 'secret.yaml\n',
      'b/secret.yaml': 'x',
      'b/deep/secret.yaml': 'x',
      'c/secret.yaml': 'x',
    }
    const plain = await artifactOf(files)
    assert.deepEqual(listPaths(plain.files), [
      '.github/ci.yaml',
      '.sourceignore',
      'a/keep.md',
      'a/photo.png',
      'b/.sourceignore',
      'c/secret.yaml',
    ])
    const spec = await artifactOf(files, { ignore: '# all but c\n/*\n!/c\n' })
    assert.deepEqual(listPaths(spec.files), ['c/secret.yaml'])
    assert.notEqual(plain.digest, spec.digest)
    assert.throws(() => spec.files.read('a/keep.md'), { code: 'file-not-found' })
    assert.equal(spec.files.stat('a'), undefined)
  })

  it('without rules: pictures, archives and CI files go', async () => {
    const artifact = await artifactOf({
      'a.yaml': '',
      'x/b.png': '',
      'c.tar.gz': '',
      '.github/w.yaml': '',
      'd/.sops.yaml': '',
      '.gitmodules': '',
    })
    assert.deepEqual(listPaths(artifact.files), ['a.yaml'])
    assert.equal(artifact.files.stat('x')?.kind, 'directory')
    assert.deepEqual(artifact.files.list('x'), [])
  })

  it('symbolic links are not part of it, submodules cannot be read', async () => {
    const artifact = await artifactOf({
      'a.yaml': '',
      link: { symlink: 'a.yaml' },
      'evil/passwd': { symlink: '../../../etc/passwd' },
      sub: { submodule: '1'.repeat(40) },
    })
    assert.equal(artifact.files.stat('link'), undefined)
    assert.throws(() => artifact.files.read('evil/passwd'), { code: 'file-not-found' })
    assert.equal(artifact.files.stat('sub')?.kind, 'submodule')
    assert.throws(() => artifact.files.read('sub'), { code: 'git-submodule', message: /"sub" is a submodule/ })
    await artifact.prefetch([''])
  })

  it('sparseCheckout keeps what starts with the text', async () => {
    const files = {
      'charts/a': '',
      'charts-old/b': '',
      'apps/c': '',
      'apps/x/d': '',
      'root.yaml': '',
      '.sourceignore': 'b\n',
    }
    const charts = await artifactOf(files, { sparseCheckout: ['./charts'] })
    assert.deepEqual(listPaths(charts.files), ['charts/a', 'charts-old/b'])
    assert.equal(charts.files.stat('apps'), undefined)
    assert.deepEqual(listPaths((await artifactOf(files, { sparseCheckout: ['apps/x', 'root'].slice(0, 1) })).files), [
      'apps/x/d',
    ])
    assert.deepEqual(listPaths((await artifactOf(files, { sparseCheckout: ['charts/'] })).files), ['charts/a'])
    await assert.rejects(artifactOf(files, { sparseCheckout: ['chart'] }), {
      message: /sparse checkout dir 'chart' does not exist/,
    })
    await assert.rejects(artifactOf(files, { sparseCheckout: ['../x'] }), { name: 'EngineError', code: 'unsafe-path' })
  })

  it('include puts other artifacts in, and their ignore files count', async () => {
    const shared = await artifactOf({
      'base/k.yaml': 'shared',
      'base/.sourceignore': 'hidden\n',
      'base/hidden': '',
      'x/y': '',
    })
    const include = (fromPath?: string, toPath?: string): Partial<FetchArtifactOptions> => ({
      include: [
        {
          name: 'shared',
          files: shared.files,
          revision: shared.revision,
          ...(fromPath === undefined ? {} : { fromPath }),
          ...(toPath === undefined ? {} : { toPath }),
        },
      ],
    })
    const whole = await artifactOf({ 'a.yaml': 'own' }, include())
    assert.deepEqual(listPaths(whole.files), [
      'a.yaml',
      'shared/base/.sourceignore',
      'shared/base/k.yaml',
      'shared/x/y',
    ])
    const part = await artifactOf({ 'a.yaml': 'own', 'lib/k.yaml': 'own', 'lib/z': 'own' }, include('./base', 'lib'))
    assert.deepEqual(listPaths(part.files), ['a.yaml', 'lib/.sourceignore', 'lib/k.yaml', 'lib/z'])
    await shared.prefetch([''])
    await part.prefetch([''])
    assert.equal(readText(part.files, 'lib/k.yaml'), 'shared')
    assert.equal(readText(part.files, 'lib/z'), 'own')
    await assert.rejects(artifactOf({ a: '' }, include('nope')), { reason: 'CopyFailure' })
    await assert.rejects(artifactOf({ a: '' }, include('', '../up')), { reason: 'IllegalPath' })
  })

  it('names Git LFS pointers that were read', async () => {
    const pointer = 'version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n'
    const artifact = await artifactOf({ 'big.yaml': pointer, 'a.yaml': 'a' })
    await artifact.prefetch([''])
    readText(artifact.files, 'a.yaml')
    assert.deepEqual(artifact.lfsPointers(), [])
    assert.equal(readText(artifact.files, 'big.yaml'), pointer)
    assert.deepEqual(artifact.lfsPointers(), ['big.yaml'])
  })

  it('ids of directories change with what is shown, and only then', async () => {
    const repository = await server.create('rules/ids', {
      'a/x': '1',
      'a/y.md': '1',
      'b/z': '1',
      '.sourceignore': '*.md\n',
    })
    const options = { url: repository.url, ref: { branch: 'main' } }
    const first = await fetchArtifact(deps, options)
    await repository.commit({ 'b/z': '2' })
    const second = await fetchArtifact(deps, options)
    assert.equal(first.files.stat('a')?.id, second.files.stat('a')?.id)
    assert.notEqual(first.files.stat('b')?.id, second.files.stat('b')?.id)
    await repository.commit({ '.sourceignore': '*.txt\n' })
    const third = await fetchArtifact(deps, options)
    assert.notEqual(second.files.stat('a')?.id, third.files.stat('a')?.id)
    assert.deepEqual(listPaths(third.files, 'a'), ['a/x', 'a/y.md'])
  })

  it('what cannot be used is named before anything is fetched', async () => {
    const ssh = { url: 'ssh://git@example.com/a/b' }
    await assert.rejects(fetchArtifact(deps, ssh), { code: 'git-unsupported', message: /over SSH/ })
    for (const bad of ['git@example.com:a/b.git', 'ftp://example.com/a', 'nonsense']) {
      await assert.rejects(fetchArtifact(deps, { url: bad }), { name: 'EngineError', reason: 'URLInvalid' })
    }
  })
})
