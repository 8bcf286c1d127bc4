import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { after, before, describe, it } from 'node:test'
import { artifactBlobKey, chartLayerType } from '../../src/sources/index.ts'
import { Canaries } from '../support/canaries.ts'
import { makeCertificates, type TestCertificates } from '../support/certificates.ts'
import { makeChart } from '../support/chart-server.ts'
import { useCluster } from '../support/cluster.ts'
import { startHttpProxy, startTlsFront, type Front } from '../support/fronts.ts'
import type { TestObject } from '../support/kube-test-client.ts'
import { TestRegistry } from '../support/registry.ts'
import { S3Server } from '../support/s3-server.ts'
import { createScenario, type Scenario } from '../support/scenario.ts'
import { makeTgz } from '../support/tar.ts'

const cluster = useCluster()
const group = 'source.toolkit.fluxcd.io/v1'
const flux = 'application/vnd.cncf.flux.content.v1.tar+gzip'
const password = `c4n4ry-${randomBytes(12).toString('hex')}`
const open: { close(): Promise<void> }[] = []
let registry: TestRegistry | undefined
let s3: S3Server | undefined
let certificates: TestCertificates
let stranger: TestCertificates
const layers: { readonly [name: string]: Uint8Array } = {
  first: makeTgz([{ name: 'a.yaml', content: 'first' }]),
  second: makeTgz([{ name: 'b.yaml', content: 'second' }]),
}

before(async () => {
  certificates = makeCertificates()
  stranger = makeCertificates()
  registry = await TestRegistry.start()
  s3 = await S3Server.start({ buckets: ['one'] })
  await s3?.put('one', 'a.yaml', 'a')
  const at = (name: string, mediaType: string) => ({ mediaType, bytes: layers[name] ?? new Uint8Array() })
  await registry?.push('team/app', 'latest', [at('first', flux), at('second', 'application/x.second')])
  await registry?.push('team/chart', '1.0.0', [{ mediaType: chartLayerType, bytes: makeChart('web', '1.0.0') }])
})
after(async () => {
  for (const one of open) await one.close()
  await registry?.close()
  await s3?.close()
})

interface Made extends Scenario {
  secret(name: string, stringData: object, type?: string): Promise<void>
  look(kind: string, spec: object): Promise<TestObject>
}

async function scenario(): Promise<Made> {
  const canaries = new Canaries()
  // The key of a client certificate is one too: a line of it is enough.
  canaries.add('client key', certificates.client.key.split('\n')[1] ?? '')
  const made = await createScenario(cluster, { files: { f: 'x' }, canaries })
  open.push(made)
  const { client, namespace } = made
  let count = 0
  return {
    ...made,
    secret: async (name, stringData, type = 'Opaque') => {
      await client.apply({ apiVersion: 'v1', kind: 'Secret', type, metadata: { name, namespace }, stringData })
    },
    look: async (kind, spec) => {
      const name = `s${++count}`
      await client.apply({
        apiVersion: group,
        kind,
        metadata: { name, namespace },
        spec: { interval: '10m', timeout: '10s', ...spec },
      })
      await made.run({ kind: 'trigger', target: { source: { kind, namespace, name } } })
      const object = await client.get({ apiVersion: group, kind, namespace, name })
      canaries.see(`${kind} ${name}`, JSON.stringify(object))
      return object
    },
  }
}

const keyOf = (object: TestObject): string => artifactBlobKey({ cluster: 'test', path: object['status'].artifact.path })
const ready = (object: TestObject): string => {
  const found = (object['status']?.conditions ?? []).find((one: { type: string }) => one.type === 'Ready')
  return `${found?.status} ${found?.reason} ${found?.message}`
}

/** The same on the way to a registry and to a bucket. */
const kinds: {
  readonly kind: string
  readonly target: () => string | undefined
  readonly spec: (host: string) => object
  readonly failure: string
}[] = [
  {
    kind: 'OCIRepository',
    target: () => registry?.host,
    spec: (host) => ({ url: `oci://${host}/team/app` }),
    failure: 'OCIArtifactPullFailed',
  },
  {
    kind: 'Bucket',
    target: () => s3?.endpoint,
    spec: (endpoint) => ({ endpoint, bucketName: 'one', secretRef: { name: 'keys' } }),
    failure: 'BucketOperationFailed',
  },
]

for (const { kind, target, spec, failure } of kinds) {
  describe(`the way to the server of one ${kind}`, () => {
    const setUp = async (t: { skip(message: string): void }): Promise<Made | undefined> => {
      if (target() === undefined) return (t.skip('no Go here to build the server with'), undefined)
      const made = await scenario()
      await made.secret('keys', { accesskey: s3?.accessKey, secretkey: s3?.secretKey })
      await made.secret('trust', { 'ca.crt': certificates.ca })
      await made.secret('client', {
        'ca.crt': certificates.ca,
        'tls.crt': certificates.client.cert,
        'tls.key': certificates.client.key,
      })
      await made.secret('stranger', {
        'ca.crt': certificates.ca,
        'tls.crt': stranger.client.cert,
        'tls.key': stranger.client.key,
      })
      return made
    }
    const front = async (start: Promise<Front>): Promise<Front> => {
      const started = await start
      open.push(started)
      return started
    }

    it('is TLS with a private authority, and with a client certificate', async (t) => {
      const made = await setUp(t)
      if (made === undefined) return
      const plain = await front(startTlsFront(target() ?? '', { certificates }))
      const strict = await front(startTlsFront(target() ?? '', { certificates, clientCertificates: true }))
      const rows: [host: string, certSecret: string | undefined, wanted: RegExp][] = [
        [plain.host, 'trust', /^True Succeeded/],
        [plain.host, undefined, new RegExp(`^False ${failure} .*no answer from`)],
        [strict.host, 'client', /^True Succeeded/],
        [strict.host, 'trust', new RegExp(`^False ${failure}`)],
        [strict.host, 'stranger', new RegExp(`^False ${failure}`)],
        [plain.host, 'none', /^False AuthenticationFailed failed to get secret '.*\/none'/],
      ]
      for (const [host, name, wanted] of rows) {
        const certSecretRef = name === undefined ? {} : { certSecretRef: { name } }
        const found = await made.look(kind, { ...spec(host), ...certSecretRef })
        assert.match(ready(found), wanted, `${host} ${name}`)
      }
    })

    it('is a proxy with a login', async (t) => {
      const made = await setUp(t)
      if (made === undefined) return
      const proxy = await front(startHttpProxy(target() ?? '', `ada:${password}`))
      const address = `http://${proxy.host}`
      await made.secret('proxy', { address, username: 'ada', password })
      await made.secret('stranger', { address, username: 'ada', password: 'wrong' })
      const through = (name: string): object => ({
        ...spec(target() ?? ''),
        insecure: true,
        proxySecretRef: { name },
      })
      assert.match(ready(await made.look(kind, through('proxy'))), /^True Succeeded/)
      assert.ok(proxy.seen.length > 0)
      const refused = ready(await made.look(kind, through('stranger')))
      assert.match(refused, new RegExp(`^False ${failure}`))
      assert.ok(!refused.includes(password))
      await made.secret('odd', { address: 'nothing' })
      assert.match(ready(await made.look(kind, through('odd'))), /^False AuthenticationFailed .*'address'/)
    })
  })
}

describe('an OCIRepository', () => {
  it("logs in with its service account's pull secrets", async (t) => {
    if (registry === undefined) return t.skip('no Go here to build the registry with')
    const made = await scenario()
    const front = await startTlsFront(registry.host, { certificates, login: `ada:${password}` })
    open.push(front)
    await made.secret('trust', { 'ca.crt': certificates.ca })
    const config = (secret: string): object => ({
      '.dockerconfigjson': JSON.stringify({ auths: { [front.host]: { username: 'ada', password: secret } } }),
    })
    await made.secret('pull', config(password), 'kubernetes.io/dockerconfigjson')
    await made.secret('wrong', config('nothing'), 'kubernetes.io/dockerconfigjson')
    const account = (name: string, secrets: readonly string[]): Promise<unknown> =>
      made.client.apply({
        apiVersion: 'v1',
        kind: 'ServiceAccount',
        metadata: { name, namespace: made.namespace },
        imagePullSecrets: secrets.map((secret) => ({ name: secret })),
      })
    await account('puller', ['pull'])
    await account('stranger', ['wrong'])
    await account('nobody', [])
    await account('broken', ['missing'])
    const spec = { url: `oci://${front.host}/team/app`, certSecretRef: { name: 'trust' } }
    const rows: [serviceAccountName: string, wanted: RegExp][] = [
      ['puller', /^True Succeeded stored artifact for digest 'latest@sha256:/],
      ['stranger', /^False AuthenticationFailed .*status 401/],
      ['nobody', /^False AuthenticationFailed .*status 401/],
      ['broken', /^False AuthenticationFailed failed to get secret '.*\/missing'/],
      ['absent', /^False AuthenticationFailed failed to get service account '.*\/absent'/],
    ]
    for (const [serviceAccountName, wanted] of rows)
      assert.match(ready(await made.look('OCIRepository', { ...spec, serviceAccountName })), wanted)
    assert.match(ready(await made.look('OCIRepository', { ...spec, secretRef: { name: 'pull' } })), /^True/)
  })

  it('takes the layer that is selected, as files or as it is', async (t) => {
    if (registry === undefined) return t.skip('no Go here to build the registry with')
    const made = await scenario()
    const spec = { url: `oci://${registry.host}/team/app`, insecure: true }
    const second = { mediaType: 'application/x.second' }
    const copied = await made.look('OCIRepository', { ...spec, layerSelector: { ...second, operation: 'copy' } })
    const stored = await made.deps.blobs.get(keyOf(copied))
    assert.deepEqual(Buffer.from(stored ?? []), Buffer.from(layers['second'] ?? []))
    assert.match(copied['status'].artifact.path, /\.tgz$/)
    assert.deepEqual(copied['status'].observedLayerSelector, { ...second, operation: 'copy' })
    const extracted = await made.look('OCIRepository', { ...spec, layerSelector: second })
    assert.notEqual(extracted['status'].artifact.digest, copied['status'].artifact.digest)
    const tree = execFileSync('tar', ['-tz'], {
      input: await made.deps.blobs.get(keyOf(extracted)),
      encoding: 'utf8',
    })
    assert.equal(tree.trim(), 'b.yaml')
    const none = await made.look('OCIRepository', { ...spec, layerSelector: { mediaType: 'application/x.none' } })
    assert.match(ready(none), /^False OCIArtifactLayerOperationFailed .*application\/x\.none/)
    const chart = await made.look('OCIRepository', {
      ...spec,
      url: `oci://${registry.host}/team/chart`,
      ref: { semver: '1.x' },
      layerSelector: { mediaType: chartLayerType, operation: 'copy' },
    })
    assert.match(chart['status'].artifact.revision, /^1\.0\.0@sha256:/)
  })
})
