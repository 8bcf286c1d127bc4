import assert from 'node:assert/strict'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before, describe, it } from 'node:test'
import type { Kustomization } from '../../src/api/index.ts'
import { DiagnosticsError, isEngineError } from '../../src/base/index.ts'
import { MemoryTree } from '../../src/files/index.ts'
import { createNodeHttpClient } from '../../src/platforms/node/http.ts'
import { createCaches, defaultLimits, defaultSettings, type EngineDeps } from '../../src/reconcile/index.ts'
import { buildKustomization } from '../../src/reconcile/kustomization/build.ts'
import { createRemoteBases } from '../../src/reconcile/kustomization/remote-bases.ts'
import { GitServer } from '../support/git-server.ts'
import type { GitTestRepository } from '../support/git-repository.ts'
import { systemClock } from '../support/memory-ports.ts'

const map = (name: string): string => `apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: ${name}\n`

describe('resources and bases at a URL', () => {
  const http = createNodeHttpClient({ egress: { allowPrivate: true } })
  let git: GitServer
  let repository: GitTestRepository
  let files: Server
  let filesUrl = ''
  let first = ''
  let loose = ''
  before(async () => {
    git = await GitServer.start()
    const common = await git.create('team/common', {
      'base/kustomization.yaml': 'resources: [common.yaml]\n',
      'base/common.yaml': map('common'),
      'loose/kustomization.yaml': 'resources: [../base/common.yaml]\n',
    })
    loose = `${common.url}//loose`
    repository = await git.create('team/base', {
      'deploy/kustomization.yaml': `resources: [map.yaml, ../shared, "${common.url}//base?ref=main"]\nnamePrefix: base-\n`,
      'deploy/map.yaml': map('map'),
      'shared/kustomization.yaml': 'resources: [shared.yaml]\n',
      'shared/shared.yaml': map('shared'),
      'component/kustomization.yaml':
        'apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\ncommonAnnotations: {from: component}\n',
    })
    first = (await repository.head()) ?? ''
    await repository.git('tag', 'v1')
    await repository.commit({ 'deploy/map.yaml': map('newer') })
    files = createServer((request, response) => {
      if (request.url === '/app.yaml') response.end(map('from-a-file'))
      else if (request.url === '/secret.yaml') response.writeHead(302, { location: 'http://169.254.169.254/x' }).end()
      else response.writeHead(404).end('no')
    })
    await new Promise<void>((resolve) => files.listen(0, '127.0.0.1', resolve))
    filesUrl = `http://127.0.0.1:${(files.address() as AddressInfo).port}`
  })
  after(async () => {
    files.close()
    await git.close()
    http.close()
  })

  async function names(kustomization: string, options: { allowed?: boolean; egress?: object } = {}): Promise<string[]> {
    const settings = { ...defaultSettings, egress: options.egress ?? { allowHosts: ['127.0.0.1'] } }
    const deps = {
      http,
      clock: systemClock,
      limits: defaultLimits,
      settings,
      caches: createCaches(),
    } as unknown as EngineDeps
    const signal = AbortSignal.timeout(30_000)
    const object: Kustomization = {
      apiVersion: 'kustomize.toolkit.fluxcd.io/v1',
      kind: 'Kustomization',
      metadata: { name: 'app', namespace: 'apps' },
      spec: { interval: '1m', path: './', prune: true, sourceRef: { kind: 'GitRepository', name: 'app' } },
    }
    const tree = new MemoryTree({ 'kustomization.yaml': kustomization })
    const remote = options.allowed === false ? undefined : createRemoteBases({ deps, signal })
    const built = await buildKustomization(object, tree, new Map(), { strictSubstitution: true, signal, remote })
    return built.objects.map((one) => {
      const { name, annotations } = one['metadata'] as { name: string; annotations?: { from?: string } }
      return annotations?.from === undefined ? name : `${name} from ${annotations.from}`
    })
  }
  const resources = (...urls: string[]): string => `resources: ${JSON.stringify(urls)}\n`

  it('are fetched: a directory of a repository with what it refers to, by branch, tag, commit and by default', async () => {
    const at = (query: string): string => resources(`${repository.url}//deploy${query}`)
    const newest = ['base-newer', 'base-shared', 'base-common']
    const tagged = ['base-map', 'base-shared', 'base-common']
    assert.deepEqual(await names(at('')), newest)
    assert.deepEqual(await names(at('?ref=main')), newest)
    assert.deepEqual(await names(at('?ref=refs/heads/main')), newest)
    assert.deepEqual(await names(at('?ref=v1')), tagged)
    assert.deepEqual(await names(at('?version=v1')), tagged)
    assert.deepEqual(await names(at(`?ref=${first}`)), tagged)
  })

  it('are fetched: a file, and a component', async () => {
    const text = `${resources(`${filesUrl}/app.yaml`)}components: ["${repository.url}//component"]\n`
    assert.deepEqual(await names(text), ['from-a-file from component'])
  })

  const failures: readonly { readonly name: string; readonly url: () => string; readonly message: RegExp }[] = [
    { name: 'a file that is not there', url: () => `${filesUrl}/gone.yaml`, message: /does not exist \(status 404\)/ },
    {
      name: 'a branch that is not there',
      url: () => `${repository.url}//deploy?ref=x`,
      message: /no branch or tag 'x'/,
    },
    {
      name: 'a directory that is not there',
      url: () => `${repository.url}//nothing`,
      message: /no directory 'nothing'/,
    },
    {
      name: 'a redirect to the metadata of a cloud',
      url: () => `${filesUrl}/secret.yaml`,
      message: /169\.254\.169\.254/,
    },
    { name: 'an address that is not allowed', url: () => 'http://10.0.0.1/a.yaml', message: /10\.0\.0\.1/ },
    // kustomize never lets a clone read files outside of its directory, whatever the load restrictor says.
    { name: 'a file outside of the base', url: () => loose, message: /not in or below 'loose'/ },
    { name: 'SSH', url: () => 'git@127.0.0.1:team/base.git//deploy', message: /over https only/ },
  ]
  for (const failure of failures) {
    it(`are reported by their URL: ${failure.name}`, async () => {
      await assert.rejects(names(resources(failure.url())), (error) => {
        assert.ok(isEngineError(error))
        assert.match(error.message, failure.message)
        assert.equal(error.reason, 'BuildFailed')
        return true
      })
    })
  }

  it('are refused where the deployment says so, and no password in the URL is shown', async () => {
    const url = `http://user:pass-word@${filesUrl.slice('http://'.length)}/app.yaml`
    await assert.rejects(names(resources(url), { allowed: false }), (error) => {
      assert.ok(error instanceof DiagnosticsError)
      assert.match(error.message, /not allowed here/)
      assert.doesNotMatch(error.message, /pass-word/)
      return true
    })
    await assert.rejects(names(resources(url.replace('app.yaml', 'gone.yaml'))), (error) => {
      assert.ok(isEngineError(error))
      assert.doesNotMatch(error.message, /pass-word/)
      return true
    })
  })

  it('that lead in a circle end', async () => {
    const circle = await git.create('team/circle', { 'kustomization.yaml': 'resources: []\n' })
    await circle.commit({ 'kustomization.yaml': `resources: ["${circle.url}"]\n` })
    await assert.rejects(names(resources(circle.url)), (error) => isEngineError(error))
  })
})
