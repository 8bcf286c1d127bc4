import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { after, describe, it } from 'node:test'
import { artifactSignature } from '../../src/sources/index.ts'
import { useCluster } from '../support/cluster.ts'
import { installCrds } from '../support/crds.ts'
import { startDeployment, type Deployment, type Platform } from '../support/deployment.ts'
import { GitServer } from '../support/git-server.ts'
import type { GitTestRepository } from '../support/git-repository.ts'
import { lastingNamespaces } from '../support/lasting-namespaces.ts'

const cluster = useCluster()
const lasting = lastingNamespaces(cluster)
const publicUrl = 'https://sluice.example'
const artifactKey = 'a key for the links of the tests'

interface Answer {
  readonly status: number
  readonly bytes: Buffer
  readonly headers: Headers
}

for (const platform of ['node', 'workerd'] satisfies Platform[]) {
  describe(`artifacts over HTTP on ${platform}`, () => {
    const closers: (() => Promise<void>)[] = []
    let deployment: Deployment
    let repository: GitTestRepository
    let namespace: string
    after(async () => {
      for (const close of closers.toReversed()) await close()
    })

    const read = () =>
      cluster.client.get({ apiVersion: 'source.toolkit.fluxcd.io/v1', kind: 'GitRepository', namespace, name: 'app' })
    const annotate = (annotations: object) =>
      cluster.client.apply({
        apiVersion: 'source.toolkit.fluxcd.io/v1',
        kind: 'GitRepository',
        metadata: { name: 'app', namespace, annotations },
        spec: { interval: '1h', url: repository.url, ref: { branch: 'main' }, ignore: '/notes' },
      })
    const look = async (): Promise<void> => {
      const response = await fetch(`${deployment.url}/trigger`, {
        method: 'POST',
        headers: { authorization: `Bearer ${deployment.triggerToken}` },
        body: JSON.stringify({ source: { kind: 'GitRepository', namespace, name: 'app' }, wait: 60 }),
      })
      assert.equal(response.status, 200, await response.text())
    }
    /** Follows a link as a reader outside would, where the deployment really is. */
    const download = async (link: string, headers: { [name: string]: string } = {}): Promise<Answer> => {
      assert.ok(link.startsWith(`${publicUrl}/artifacts/`), link)
      const response = await fetch(link.replace(publicUrl, deployment.url), { headers })
      return {
        status: response.status,
        bytes: Buffer.from(await response.arrayBuffer()),
        headers: response.headers,
      }
    }

    it('are packed where that is asked for, and are what the status says', async () => {
      await installCrds(cluster.client)
      namespace = await lasting.namespace()
      const git = await GitServer.start()
      closers.push(() => git.close())
      repository = await git.create(`team/${namespace}`, {
        'deploy/app.yaml': 'kind: ConfigMap\n',
        'deploy/run.sh': { content: '#!/bin/sh\n', executable: true },
        'notes/secret.txt': 'not to be shown',
        'README.md': 'x',
      })
      const { server, caPem, token } = cluster.address
      deployment = await startDeployment(platform, {
        clusters: { main: { server, caPem, token } },
        namespaces: [namespace],
        scanIntervalSeconds: 3600,
        settings: { publicUrl },
        artifactKey,
      })
      closers.push(() => deployment.stop())

      await annotate({})
      await look()
      const lazy = (await read())['status'].artifact
      assert.equal(lazy.size, undefined)
      assert.equal(new URL(lazy.url).search, '')
      assert.equal((await download(lazy.url)).status, 401)

      await annotate({ 'sluice.dev/archive': 'enabled' })
      await look()
      const { artifact } = (await read())['status']
      assert.equal(artifact.revision, lazy.revision)
      const answer = await download(artifact.url)
      assert.equal(answer.status, 200, answer.bytes.toString())
      assert.equal(`sha256:${createHash('sha256').update(answer.bytes).digest('hex')}`, artifact.digest)
      assert.equal(answer.bytes.length, artifact.size)
      assert.equal(answer.headers.get('content-length'), String(artifact.size))
      const listed = execFileSync('tar', ['-tvzf', '-'], { input: answer.bytes, encoding: 'utf8' })
      assert.deepEqual(
        listed
          .trim()
          .split('\n')
          .map((line) => [line.slice(0, 10), line.split(' ').at(-1)]),
        [
          ['-rw-------', 'README.md'],
          ['drwxr-x---', 'deploy/'],
          ['-rw-------', 'deploy/app.yaml'],
          ['-rwx------', 'deploy/run.sh'],
        ],
      )
      const again = await download(artifact.url, { 'if-none-match': answer.headers.get('etag') ?? '' })
      assert.equal(again.status, 304)
    })

    it('are given to nobody without a signed link or a token', async () => {
      const { artifact } = (await read())['status']
      const link = new URL(artifact.url)
      const plain = `${link.origin}${link.pathname}`
      const other = artifactSignature(artifactKey, { cluster: 'main', path: `gitrepository/${namespace}/other/x` })
      const forged = artifactSignature('another key than that', { cluster: 'main', path: artifact.path })
      for (const signature of ['', 'x', other, forged, `${link.searchParams.get('signature')}0`])
        assert.equal((await download(`${plain}?signature=${signature}`)).status, 401, signature)
      assert.equal((await download(plain)).status, 401)
      assert.equal((await download(plain, { authorization: 'Bearer wrong-wrong-wrong' })).status, 401)
      assert.equal((await download(plain, { authorization: `Bearer ${deployment.triggerToken}` })).status, 200)
      for (const path of ['', 'main', 'main/gitrepository', 'main/secret/a/b/c', 'main/gitrepository/a/b/..%2fc'])
        assert.equal((await fetch(`${deployment.url}/artifacts/${path}`)).status, 404, path)
    })

    it('are made anew for a new commit; one that is not at hand is asked for later', async () => {
      const before = (await read())['status'].artifact
      await repository.commit({ 'deploy/app.yaml': 'kind: Secret\n' })
      await look()
      const { artifact } = (await read())['status']
      assert.notEqual(artifact.digest, before.digest)
      const { bytes } = await download(artifact.url)
      assert.equal(`sha256:${createHash('sha256').update(bytes).digest('hex')}`, artifact.digest)
      const path = `gitrepository/${namespace}/app/${'0'.repeat(40)}.tar.gz`
      const signature = artifactSignature(artifactKey, { cluster: 'main', path })
      const gone = await download(`${publicUrl}/artifacts/main/${path}?signature=${signature}`)
      assert.equal(gone.status, 404)
      assert.equal(gone.headers.get('retry-after'), '30')
      assert.match(gone.bytes.toString(), /sluice\.dev\/archive/)
    })
  })
}
