import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { createServer, type AddressInfo } from 'node:net'
import { after, before, describe, it } from 'node:test'
import { artifactBlobKey } from '../../src/sources/index.ts'
import { Canaries } from '../support/canaries.ts'
import { useCluster } from '../support/cluster.ts'
import { makeChart } from '../support/chart-server.ts'
import type { TestObject } from '../support/kube-test-client.ts'
import { S3Server } from '../support/s3-server.ts'
import { createScenario, nodeOf, type Scenario } from '../support/scenario.ts'

const cluster = useCluster()
const open: Scenario[] = []
let s3: S3Server | undefined

before(async () => {
  s3 = await S3Server.start({ buckets: ['files', 'chart', 'failing', 'seen'] })
})
after(async () => {
  for (const made of open) await made.close()
  await s3?.close()
})

const group = 'source.toolkit.fluxcd.io/v1'
const configMap = (value: string): string =>
  `apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: app\ndata:\n  value: ${value}\n`
const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex')
const md5 = (text: string): string => createHash('md5').update(text).digest('hex')

interface Made extends Scenario {
  readonly server: S3Server
  bucket(spec: object): Promise<void>
  read(kind?: string, name?: string, apiVersion?: string): Promise<TestObject>
  look(): Promise<TestObject>
}

async function scenario(server: S3Server): Promise<Made> {
  const canaries = new Canaries()
  canaries.add('secret key of the bucket', server.secretKey)
  const made = await createScenario(cluster, { files: { 'README.md': 'x' }, canaries })
  open.push(made)
  const { namespace, client } = made
  await client.apply({
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: 'keys', namespace },
    stringData: { accesskey: server.accessKey, secretkey: server.secretKey },
  })
  const read = (kind = 'Bucket', name = 'bucket', apiVersion = group): Promise<TestObject> =>
    client.get({ apiVersion, kind, namespace, name })
  return {
    ...made,
    server,
    bucket: async (spec) => {
      await client.apply({
        apiVersion: group,
        kind: 'Bucket',
        metadata: { name: 'bucket', namespace },
        spec: Object.fromEntries(
          Object.entries({
            interval: '10m',
            endpoint: server.endpoint,
            insecure: true,
            secretRef: { name: 'keys' },
            ...spec,
          }).filter(([, value]) => value !== null),
        ),
      })
    },
    read,
    look: async () => {
      await made.run({ kind: 'trigger', target: { source: { kind: 'Bucket', namespace, name: 'bucket' } } })
      return read()
    },
  }
}

const conditionOf = (object: TestObject, type: string): string => {
  const found = (object['status']?.conditions ?? []).find((one: { type: string }) => one.type === type)
  return found === undefined ? 'none' : `${found.status} ${found.reason} ${found.message}`
}
const eventsOf = async (made: Scenario): Promise<string[]> => {
  const events = await made.client.list({ apiVersion: 'v1', kind: 'Event', namespace: made.namespace, name: '' })
  return events
    .filter((event) => event['involvedObject'].kind === 'Bucket')
    .map((event) => `${event['type']} ${event['reason']} ${event['message']}`)
}

function withServer(name: string, work: (server: S3Server) => Promise<void>): void {
  it(name, async (t) => {
    if (s3 === undefined) return t.skip('no Go here to build the S3 server with')
    await work(s3)
  })
}

describe('a Bucket', () => {
  withServer(
    'is applied, and again when its content changes; nothing is downloaded when it does not',
    async (server) => {
      const made = await scenario(server)
      await server.put('files', 'deploy/app.yaml', configMap('one'))
      await made.bucket({ bucketName: 'files', timeout: '30s', region: 'us-east-1' })
      await made.kustomization('app', { path: './deploy', sourceRef: { kind: 'Bucket', name: 'bucket' } })
      const first = await made.scan()
      assert.equal(first.state, 'succeeded', JSON.stringify(first))
      assert.equal((await made.read('ConfigMap', 'app', 'v1'))['data'].value, 'one')
      const revision = `sha256:${sha256(`deploy/app.yaml ${md5(configMap('one'))}\n`)}`
      const bucket = await made.read()
      const { artifact } = bucket['status']
      assert.equal(artifact.revision, revision)
      assert.equal(artifact.path, `bucket/${made.namespace}/bucket/${revision.slice(7)}.tar.gz`)
      assert.match(artifact.digest, /^sha256:[0-9a-f]{64}$/)
      assert.ok(artifact.url.endsWith(artifact.path) && artifact.size > 0)
      for (const type of ['Ready', 'ArtifactInStorage'])
        assert.equal(conditionOf(bucket, type), `True Succeeded stored artifact: revision '${revision}'`)
      assert.equal(conditionOf(bucket, 'Reconciling'), 'none')
      assert.equal(bucket['status'].observedGeneration, 1)
      assert.deepEqual(bucket['metadata'].finalizers, ['finalizers.fluxcd.io'])
      assert.deepEqual(await eventsOf(made), [
        "Normal NewArtifact stored artifact with 1 fetched files from 'files' bucket",
      ])

      const sent: string[] = []
      const { http } = made.deps
      const watched = {
        send: (request: Parameters<typeof http.send>[0]) => (sent.push(request.url), http.send(request)),
      }
      Object.assign(made.deps, { http: watched })
      await made.look()
      assert.equal(sent.length, 1, sent.join('\n'))
      assert.match(sent[0] ?? '', /\/files\/\?.*list-type=2/)
      Object.assign(made.deps, { http })

      await server.put('files', 'deploy/app.yaml', configMap('two'))
      const second = (await made.run({ kind: 'trigger', target: 'cluster' })).record
      assert.equal(second.state, 'succeeded', JSON.stringify(second))
      assert.equal((await made.read('ConfigMap', 'app', 'v1'))['data'].value, 'two')

      // The artifact is made again where the store has lost it.
      const lost = (await made.read())['status'].artifact
      const key = artifactBlobKey({ cluster: 'test', path: lost.path })
      assert.notEqual(await made.deps.blobs.get(key), undefined)
      await made.deps.blobs.delete(key)
      await made.client.patch(
        { apiVersion: 'kustomize.toolkit.fluxcd.io/v1', kind: 'Kustomization', namespace: made.namespace, name: 'app' },
        { spec: { force: true } },
      )
      assert.equal((await made.run({ kind: 'trigger', target: 'cluster' })).record.state, 'succeeded')
      assert.notEqual(await made.deps.blobs.get(key), undefined)
      assert.equal((await made.read())['status'].artifact.digest, lost.digest)
    },
  )

  withServer('holds a chart for a HelmRelease', async (server) => {
    const made = await scenario(server)
    await server.put('chart', 'charts/web/Chart.yaml', 'apiVersion: v2\nname: web\nversion: 1.2.3\n')
    await server.put(
      'chart',
      'charts/web/templates/c.yaml',
      'apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: web\ndata:\n  version: {{ .Chart.Version | quote }}\n',
    )
    await server.put('chart', 'packaged/other-2.0.0.tgz', makeChart('other', '2.0.0'))
    await made.bucket({ bucketName: 'chart' })
    const release = (name: string, chart: string, extra = {}): Promise<unknown> =>
      made.client.apply({
        apiVersion: 'helm.toolkit.fluxcd.io/v2',
        kind: 'HelmRelease',
        metadata: { name, namespace: made.namespace },
        spec: { interval: '10m', chart: { spec: { chart, sourceRef: { kind: 'Bucket', name: 'bucket' }, ...extra } } },
      })
    await release('web', './charts/web', { reconcileStrategy: 'Revision' })
    await release('other', './packaged/other-2.0.0.tgz')
    const record = await made.scan()
    assert.equal(record.state, 'succeeded', JSON.stringify(record))
    const { revision } = (await made.read())['status'].artifact
    assert.equal((await made.read('ConfigMap', 'web', 'v1'))['data'].version, `1.2.3+${revision.slice(7, 19)}`)
    assert.equal((await made.read('ConfigMap', 'other', 'v1'))['data'].version, '2.0.0')
  })

  withServer('says what is wrong in the words of Flux, and recovers', async (server) => {
    const made = await scenario(server)
    const { namespace } = made
    await server.put('failing', 'a', 'a')
    const secret = (name: string, stringData: object): Promise<unknown> =>
      made.client.apply({ apiVersion: 'v1', kind: 'Secret', metadata: { name, namespace }, stringData })
    await secret('half', { accesskey: 'x' })
    await secret('wrong', { accesskey: server.accessKey, secretkey: 'not-the-key' })
    await secret('proxy', { address: 'nothing' })
    await secret('cert', { 'tls.crt': 'x' })
    const rows: [spec: object, wanted: RegExp, stalled?: boolean][] = [
      [{ bucketName: 'nowhere' }, /^True BucketOperationFailed bucket 'nowhere' not found$/],
      [{ secretRef: { name: 'none' } }, /^True AuthenticationFailed failed to get secret '.*\/none'/],
      [
        { secretRef: { name: 'half' } },
        /^True AuthenticationFailed invalid 'half' secret data: required fields 'accesskey' and 'secretkey'$/,
      ],
      [
        { secretRef: { name: 'wrong' } },
        /^True BucketOperationFailed indexation of objects from bucket 'failing' failed: .*\(SignatureDoesNotMatch\)/,
      ],
      [{ proxySecretRef: { name: 'proxy' } }, /^True AuthenticationFailed .*'address'/],
      [{ certSecretRef: { name: 'cert' }, insecure: false }, /^True AuthenticationFailed .*tls\.key/],
      [{ endpoint: 'https://s3.example.com' }, /^True AuthenticationFailed spec\.endpoint/],
      [{ endpoint: '127.0.0.1:1' }, /^True BucketOperationFailed .*ECONNREFUSED/],
      [
        { secretRef: null, provider: 'aws', region: 'eu-west-1' },
        /^True AuthenticationFailed this deployment has no credentials of AWS/,
      ],
      [
        { secretRef: null, provider: 'aws', serviceAccountName: 'nobody' },
        /^True AuthenticationFailed failed to get service account '.*\/nobody'/,
      ],
    ]
    // A server that takes connections and never answers.
    const silent = createServer()
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve))
    const { port } = silent.address() as AddressInfo
    rows.push([{ endpoint: `127.0.0.1:${port}`, timeout: '1s' }, /^True BucketOperationFailed .* in time$/])
    const good = { bucketName: 'failing', region: null }
    for (const [spec, wanted] of rows) {
      await made.bucket({ ...good, ...spec })
      const object = await made.look()
      assert.match(conditionOf(object, 'FetchFailed'), wanted)
      assert.equal(conditionOf(object, 'Ready'), conditionOf(object, 'FetchFailed').replace('True', 'False'))
      assert.match(conditionOf(object, 'Reconciling'), /^True ProgressingWithRetry/)
      assert.equal(object['status'].artifact, undefined)
    }
    silent.close()
    await made.client.delete({ apiVersion: group, kind: 'Bucket', namespace, name: 'bucket' })
    await made.look().catch(() => undefined)
    await made.bucket(good)
    const fine = await made.look()
    assert.match(conditionOf(fine, 'Ready'), /^True Succeeded/)
    await made.bucket({ ...good, bucketName: 'nowhere' })
    const broken = await made.look()
    assert.match(conditionOf(broken, 'FetchFailed'), /not found/)
    assert.equal(broken['status'].artifact.revision, fine['status'].artifact.revision)
    await made.bucket(good)
    const recovered = await made.look()
    assert.match(conditionOf(recovered, 'Ready'), /^True Succeeded/)
    assert.equal(conditionOf(recovered, 'FetchFailed'), 'none')
    const events = await eventsOf(made)
    assert.ok(events.includes("Warning BucketOperationFailed bucket 'nowhere' not found"), events.join('\n'))
    assert.ok(
      events.includes("Normal Succeeded stored artifact with 1 fetched files from 'failing' bucket"),
      events.join('\n'),
    )
  })

  withServer('has a prefix, patterns and a switch to leave it alone; what was observed is noted', async (server) => {
    const made = await scenario(server)
    for (const key of ['a/one.yaml', 'a/two.txt', 'b/three.yaml']) await server.put('seen', key, key)
    await made.bucket({ bucketName: 'seen', prefix: 'a/', ignore: '*.txt' })
    const first = await made.look()
    assert.equal(first['status'].artifact.revision, `sha256:${sha256(`a/one.yaml ${md5('a/one.yaml')}\n`)}`)
    assert.equal(first['status'].observedIgnore, '*.txt')
    await made.bucket({ bucketName: 'seen', suspend: true })
    assert.equal((await made.look())['status'].observedGeneration, 1)
    await made.bucket({ bucketName: 'seen', ignore: 'b/', suspend: false })
    const second = await made.look()
    assert.equal(second['status'].observedIgnore, 'b/')
    assert.notEqual(second['status'].artifact.revision, first['status'].artifact.revision)
    await made.client.patch(
      { apiVersion: group, kind: 'Bucket', namespace: made.namespace, name: 'bucket' },
      { metadata: { annotations: { 'reconcile.fluxcd.io/requestedAt': 'now' } } },
    )
    assert.equal((await made.look())['status'].lastHandledReconcileAt, 'now')
    // Flux's controller would go on from here: the same revision, the same digest.
    await made.client.delete({ apiVersion: group, kind: 'Bucket', namespace: made.namespace, name: 'bucket' })
    await assert.rejects(made.look())
  })

  withServer('that cannot be fetched fails those who need it, naming it', async (server) => {
    const made = await scenario(server)
    await made.bucket({ bucketName: 'nowhere' })
    await made.kustomization('app', { path: './', sourceRef: { kind: 'Bucket', name: 'bucket' } })
    const node = nodeOf(await made.scan(), 'Kustomization/app')
    assert.equal(node.reason, 'ArtifactFailed')
    assert.match(node.message ?? '', /bucket 'nowhere' not found/)
  })
})
