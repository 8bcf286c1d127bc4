import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { after, before, describe, it } from 'node:test'
import { createNodeHttpClient } from '../../src/platforms/node/http.ts'
import { chartLayerType, type S3Options } from '../../src/sources/index.ts'
import { ChartServer, hexDigest, makeChart, makeIndex } from '../support/chart-server.ts'
import { startHttpProxy, type Front } from '../support/fronts.ts'
import { systemClock } from '../support/memory-ports.ts'
import { TestRegistry } from '../support/registry.ts'
import { S3Server } from '../support/s3-server.ts'
import { runSourceSteps, type SourceSeen, type SourceStep } from '../support/source-steps.ts'
import { makeTgz } from '../support/tar.ts'
import { startWorker } from '../support/workerd.ts'

/** A place where sources run. Steps of one call run at the same time. */
interface Host {
  run(steps: readonly SourceStep[], options?: { readonly allowPrivate?: boolean }): Promise<readonly SourceSeen[]>
  close(): Promise<void>
}

const hosts: { readonly [name: string]: () => Promise<Host> } = {
  node: async () => {
    const clients = [true, false].map((allowPrivate) => createNodeHttpClient({ egress: { allowPrivate } }))
    return {
      run: async (steps, { allowPrivate = true } = {}) => {
        const http = clients[allowPrivate ? 0 : 1]
        assert.ok(http)
        return runSourceSteps({ http, clock: systemClock, egress: { allowPrivate } }, steps)
      },
      close: async () => clients.forEach((client) => client.close()),
    }
  },
  workerd: async () => {
    const entry = new URL('../support/source-steps-worker.ts', import.meta.url)
    const worker = await startWorker({ env: {}, entry })
    return {
      run: async (steps, { allowPrivate = true } = {}) => {
        const response = await fetch(worker.url, { method: 'POST', body: JSON.stringify({ steps, allowPrivate }) })
        assert.equal(response.status, 200, await response.clone().text())
        return (await response.json()) as SourceSeen[]
      },
      close: () => worker.stop(),
    }
  },
}

const canary = 'c4n4ry-0123456789'
const flux = 'application/vnd.cncf.flux.content.v1.tar+gzip'
const md5 = (text: string): string => createHash('md5').update(text).digest('hex')

for (const [name, start] of Object.entries(hosts)) {
  describe(`sources on ${name}`, () => {
    let host: Host
    let helm: ChartServer
    let registry: TestRegistry | undefined
    let s3: S3Server | undefined
    const fronts: Front[] = []
    before(async () => {
      host = await start()
      helm = await ChartServer.start()
      registry = await TestRegistry.start()
      s3 = await S3Server.start({ buckets: ['one'] })
    })
    after(async () => {
      await host.close()
      await helm.close()
      await registry?.close()
      await s3?.close()
      for (const front of fronts) await front.close()
    })
    const only = async (step: SourceStep): Promise<SourceSeen> => (await host.run([step]))[0] ?? {}

    describe('a Helm repository', () => {
      const charts = ['1.0.0', '1.1.0', '2.0.0'].map((version) => ({ version, bytes: makeChart('web', version) }))
      const step = (version: string, rest = {}): SourceStep => ({
        kind: 'helm',
        url: helm.url,
        chart: 'web',
        version,
        ...rest,
      })
      before(() => {
        for (const { version, bytes } of charts) helm.files.set(`/web-${version}.tgz`, bytes)
        const versions = charts.map(({ version, bytes }) => ({
          name: 'web',
          version,
          url: `web-${version}.tgz`,
          digest: hexDigest(bytes),
        }))
        helm.files.set('/index.yaml', makeIndex(versions))
        helm.files.set(
          '/wrong/index.yaml',
          makeIndex([{ name: 'web', version: '1.0.0', url: 'web-1.0.0.tgz', digest: hexDigest('x') }]),
        )
        helm.files.set('/wrong/web-1.0.0.tgz', makeChart('web', '1.0.0'))
      })

      it('gives the chart of a range', async () => {
        const seen = await only(step('1.x'))
        assert.equal(seen.digest, hexDigest(charts[1]?.bytes ?? ''), JSON.stringify(seen))
        assert.match(seen.revision ?? '', /^sha256:[0-9a-f]{64} 1\.1\.0$/)
        assert.equal((await only(step('9.x'))).error?.reason, 'InvalidChartReference')
      })

      it('that answers late, in part or not at all is asked again', async () => {
        helm.misbehave('/index.yaml', { kind: 'status', status: 503 }, { kind: 'truncate', after: 100 })
        helm.misbehave('/web-2.0.0.tgz', { kind: 'status', status: 429, headers: { 'retry-after': '0' } })
        const seen = await only(step('2.x'))
        assert.equal(seen.digest, hexDigest(charts[2]?.bytes ?? ''), JSON.stringify(seen))
        helm.misbehave('/index.yaml', { kind: 'hang' })
        const hung = await only(step('2.x', { timeoutMs: 300 }))
        assert.equal(hung.error?.disposition, 'retry', JSON.stringify(hung))
      })

      it('logs in, and keeps its credentials from other hosts', async () => {
        const guarded = await ChartServer.start()
        const other = await ChartServer.start()
        guarded.login = `u:${canary}`
        guarded.files.set(
          '/index.yaml',
          makeIndex([{ name: 'web', version: '1.0.0', url: `${other.otherUrl}/web.tgz` }]),
        )
        other.files.set('/web.tgz', makeChart('web', '1.0.0'))
        const secret = { username: 'u', password: canary }
        const good = await only(step('1.x', { url: guarded.url, secret }))
        assert.equal(good.digest, hexDigest(makeChart('web', '1.0.0')), JSON.stringify(good))
        assert.deepEqual(
          other.seen.map(({ authorization }) => authorization),
          [undefined],
        )
        const bad = await only(step('1.x', { url: guarded.url, secret: { ...secret, password: `${canary}x` } }))
        assert.equal(bad.error?.reason, 'AuthenticationFailed')
        assert.ok(!JSON.stringify(bad).includes(canary))
        await guarded.close()
        await other.close()
      })

      it('with a chart of another digest is refused', async () => {
        const seen = await only(step('1.x', { url: `${helm.url}/wrong` }))
        assert.match(seen.error?.code ?? JSON.stringify(seen), /digest/)
      })
    })

    describe('a registry', () => {
      const layer = (files: { readonly [path: string]: string }): { mediaType: string; bytes: Uint8Array } => ({
        mediaType: flux,
        bytes: makeTgz(Object.entries(files).map(([path, content]) => ({ name: path, content }))),
      })
      const chart = makeChart('web', '1.1.0')
      it('gives artifacts and charts', async (t) => {
        if (registry === undefined) return t.skip('no Go here to build the registry with')
        const digests: { [tag: string]: string } = {}
        for (const tag of ['1.0.0', '1.2.0', 'latest'])
          digests[tag] = await registry.push('app', tag, [
            layer({ 'a.yaml': tag, '.sourceignore': '*.md', 'b.md': 'b' }),
          ])
        await registry.push('charts/web', '1.1.0', [{ mediaType: chartLayerType, bytes: chart }])
        const url = `oci://${registry.host}/app`
        const [latest, ranged, exact, packed] = await host.run([
          { kind: 'oci', url },
          { kind: 'oci', url, ref: { semver: '1.x' } },
          { kind: 'oci', url, ref: { digest: digests['1.0.0'] ?? '' } },
          { kind: 'oci', url: `oci://${registry.host}/charts/web`, ref: { tag: '1.1.0' }, isChart: true },
        ])
        assert.deepEqual(latest?.files, { '.sourceignore': '*.md', 'a.yaml': 'latest' })
        assert.equal(ranged?.revision, `1.2.0@${digests['1.2.0']}`)
        assert.equal(exact?.files?.['a.yaml'], '1.0.0')
        assert.equal(packed?.digest, hexDigest(chart))
      })

      it('refuses damage and logins', async (t) => {
        if (registry === undefined) return t.skip('no Go here to build the registry with')
        const { host: at } = registry
        const broken = await registry.push('broken', 'latest', [
          { mediaType: flux, bytes: new TextEncoder().encode('no tar') },
        ])
        const traversal = makeTgz([{ name: '../evil', content: 'x' }])
        await registry.push('traversal', 'latest', [{ mediaType: flux, bytes: traversal }])
        const [damaged, outside, missing, unreadable] = await host.run([
          { kind: 'oci', url: `oci://${at}/broken`, ref: { digest: broken } },
          { kind: 'oci', url: `oci://${at}/traversal` },
          { kind: 'oci', url: `oci://${at}/none` },
          { kind: 'oci', url: `oci://${at}/app`, secret: { '.dockerconfigjson': `{"auths":"${canary}"}` } },
        ])
        assert.equal(damaged?.error?.code, 'archive-invalid')
        assert.equal(outside?.error?.code, 'unsafe-path')
        assert.equal(missing?.error?.reason, 'OCIArtifactPullFailed')
        assert.equal(unreadable?.error?.reason, 'AuthenticationFailed')
        assert.ok(!JSON.stringify([damaged, outside, missing, unreadable]).includes(canary))
      })
    })

    describe('a bucket', () => {
      const optionsOf = (server: S3Server): S3Options => ({
        bucket: 'one',
        endpoint: server.endpoint,
        insecure: true,
        credentials: { accessKeyId: server.accessKey, secretAccessKey: server.secretKey },
        transport: {},
      })
      const files = { 'deploy/a.yaml': 'a: 1\n', 'deploy/ü b+c.yaml': 'b: 1\n', 'notes.md': 'n' }
      before(async () => {
        for (const [key, content] of Object.entries(files)) await s3?.put('one', key, content)
        await s3?.put('one', '.sourceignore', '*.md\n')
      })

      it('gives its files', async (t) => {
        if (s3 === undefined) return t.skip('no Go here to build the S3 server with')
        const options = optionsOf(s3)
        const [all, some, hidden] = await host.run([
          { kind: 'bucket', options },
          { kind: 'bucket', options, prefix: 'deploy/a' },
          { kind: 'bucket', options, ignore: 'deploy/' },
        ])
        const { 'notes.md': _, ...shown } = files
        assert.deepEqual(all?.files, { '.sourceignore': '*.md\n', ...shown })
        const lines = Object.entries(shown).map(([key, content]) => `${key} ${md5(content)}\n`)
        assert.equal(all?.revision, `sha256:${createHash('sha256').update(lines.join('')).digest('hex')}`)
        assert.deepEqual(some?.files, { '.sourceignore': '*.md\n', 'deploy/a.yaml': 'a: 1\n' })
        assert.deepEqual(hidden?.files, { '.sourceignore': '*.md\n' })
      })

      it('refuses wrong keys, private addresses and what the platform cannot do, without showing a key', async (t) => {
        if (s3 === undefined) return t.skip('no Go here to build the S3 server with')
        const options = optionsOf(s3)
        const credentials = { accessKeyId: s3.accessKey, secretAccessKey: canary }
        const denied = await only({ kind: 'bucket', options: { ...options, credentials } })
        assert.match(denied.error?.message ?? '', /status 403 \(SignatureDoesNotMatch\)/)
        const nowhere = await only({ kind: 'bucket', options: { ...options, bucket: 'nowhere' } })
        assert.equal(nowhere.error?.code, 'bucket-not-found')
        const [refused] = await host.run([{ kind: 'bucket', options }], { allowPrivate: false })
        assert.equal(refused?.error?.code, 'egress-refused')
        const proxy = await startHttpProxy(s3.endpoint, `u:${canary}`)
        fronts.push(proxy)
        const through = await only({
          kind: 'bucket',
          options: {
            ...options,
            transport: { proxy: { url: `http://${proxy.host}`, username: 'u', password: canary } },
          },
        })
        if (name === 'node') assert.deepEqual(Object.keys(through.files ?? {}).length, 3, JSON.stringify(through))
        else assert.equal(through.error?.code, 'http-unsupported')
        assert.ok(!JSON.stringify([denied, nowhere, refused, through.error]).includes(canary))
      })
    })
  })
}
