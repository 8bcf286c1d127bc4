import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { pinObject, unpinObject } from '../../src/reconcile/index.ts'
import { useCluster } from '../support/cluster.ts'
import { ChartServer, hexDigest, makeChart } from '../support/chart-server.ts'
import { systemClock } from '../support/memory-ports.ts'
import { TestRegistry } from '../support/registry.ts'
import { configMapTemplate, createReleaseScenario } from '../support/release-scenario.ts'
import { makeTgz } from '../support/tar.ts'
import { requestsOf } from '../support/requests.ts'
import { createScenario, nodeOf, type Scenario } from '../support/scenario.ts'

const cluster = useCluster()
const configMap = (color: string): string =>
  `apiVersion: v1\nkind: ConfigMap\nmetadata: { name: a, namespace: $NAMESPACE }\ndata: { color: ${color} }\n`

const colorOf = async (made: Scenario): Promise<unknown> =>
  (await made.client.find({ apiVersion: 'v1', kind: 'ConfigMap', namespace: made.namespace, name: 'a' }))?.['data']
    .color

/** The object, and one of its conditions. */
async function read(made: Scenario, kind: 'Kustomization' | 'GitRepository', type = 'Ready') {
  const group = kind === 'GitRepository' ? 'source' : 'kustomize'
  const ref = { apiVersion: `${group}.toolkit.fluxcd.io/v1`, kind, namespace: made.namespace, name: 'app' }
  const object = await made.client.get(ref)
  const condition = object['status'].conditions.find((one: { type: string }) => one.type === type)
  return { object, condition: condition as { status: string; reason: string; message: string } | undefined }
}

const keyOf = (made: Scenario, kind: string) => ({ kind, namespace: made.namespace, name: 'app' })

describe('a pin', () => {
  it('of a GitRepository keeps it at a commit of its history, says where the reference is, and ends by itself', async () => {
    const made = await createScenario(cluster, { files: { 'app/a.yaml': configMap('blue') } })
    try {
      await made.kustomization()
      await made.pushed()
      const blue = (await made.repository.head()) ?? ''
      await made.push({ 'app/a.yaml': configMap('green') })
      assert.equal(await colorOf(made), 'green')
      const key = keyOf(made, 'GitRepository')
      const wish = { to: `main@sha1:${blue}`, by: 'ada', reason: 'green leaks', until: Date.now() + 3_600_000 }
      assert.equal((await pinObject(requestsOf(made), key, wish)).unchanged, false)
      assert.equal((await pinObject(requestsOf(made), key, wish)).unchanged, true)
      await made.scan()
      assert.equal(await colorOf(made), 'blue')
      await made.push({ 'app/a.yaml': configMap('yellow') })
      const yellow = (await made.repository.head()) ?? ''
      assert.equal(await colorOf(made), 'blue')
      const { object, condition } = await read(made, 'GitRepository', 'Pinned')
      assert.equal(object['status'].artifact.revision, `main@sha1:${blue}`)
      assert.equal(object['spec'].ref.commit, undefined)
      assert.match(
        condition?.message ?? '',
        new RegExp(`^pinned to ${blue} by ada .*: green leaks; the reference is at main@sha1:${yellow}$`),
      )
      // Its time is over.
      const past = { ...systemClock, now: () => Date.now() - 7_200_000 }
      await pinObject(requestsOf(made, past), key, { ...wish, until: Date.now() - 1_000 })
      await made.scan()
      await made.pushed()
      assert.equal(await colorOf(made), 'yellow')
      const after = await read(made, 'GitRepository', 'Pinned')
      assert.equal(after.condition, undefined)
      assert.equal(after.object.metadata.annotations?.['sluice.dev/pin'], undefined)
    } finally {
      await made.close()
    }
  })

  it('of a Kustomization renders that commit while its source goes on, and lets who depends on it go on', async () => {
    const other = configMap('blue').replace('name: a', 'name: b')
    const made = await createScenario(cluster, { files: { 'app/a.yaml': configMap('blue'), 'other/b.yaml': other } })
    try {
      await made.kustomization()
      await made.kustomization('late', { path: './other', dependsOn: [{ name: 'app' }] })
      await made.pushed()
      const blue = (await made.repository.head()) ?? ''
      await made.push({ 'app/a.yaml': configMap('green') })
      const green = (await made.repository.head()) ?? ''
      const key = keyOf(made, 'Kustomization')
      await pinObject(requestsOf(made), key, { to: blue, by: 'ada' })
      await made.scan()
      assert.equal(await colorOf(made), 'blue')
      const pinned = await read(made, 'Kustomization')
      assert.equal(pinned.condition?.message, `Applied revision: main@sha1:${blue}`)
      assert.equal((await read(made, 'GitRepository')).object['status'].artifact.revision, `main@sha1:${green}`)
      const record = await made.push({
        'app/a.yaml': configMap('yellow'),
        'other/b.yaml': other.replace('blue', 'green'),
      })
      assert.equal(nodeOf(record, 'Kustomization/late').state, 'ready')
      assert.equal(await colorOf(made), 'blue')
      // Neither is there anything to do while nothing changes.
      assert.deepEqual((await made.pushed()).nodes, [])
      await unpinObject(requestsOf(made), key, 'ada')
      await made.scan()
      assert.equal(await colorOf(made), 'yellow')
    } finally {
      await made.close()
    }
  })

  it('to a commit that the reference does not lead to is refused, and the last one stays', async () => {
    const made = await createScenario(cluster, { files: { 'app/a.yaml': configMap('blue') } })
    try {
      await made.kustomization()
      await made.pushed()
      const head = (await made.repository.head()) ?? ''
      const evil = await made.repository.commit(
        { 'app/a.yaml': configMap('red').replace('$NAMESPACE', made.namespace) },
        { branch: 'evil' },
      )
      for (const kind of ['GitRepository', 'Kustomization'] as const) {
        const key = keyOf(made, kind)
        await pinObject(requestsOf(made), key, { to: evil, by: 'mallory' })
        await made.scan()
        assert.match(
          (await read(made, kind)).condition?.message ?? '',
          /is refused: it is not in the history of the reference/,
        )
        assert.equal((await read(made, kind)).condition?.reason, 'PinRefused')
        assert.equal(await colorOf(made), 'blue')
        await unpinObject(requestsOf(made), key, 'ada')
        await made.scan()
        assert.equal((await read(made, kind)).condition?.status, 'True')
      }
      const { object } = await read(made, 'GitRepository')
      assert.equal(object['status'].artifact.revision, `main@sha1:${head}`)
    } finally {
      await made.close()
    }
  })

  it('of a HelmRelease is a version of its chart; of another chart its source is pinned', async () => {
    const server = await ChartServer.start()
    const made = await createReleaseScenario(cluster, { files: { 'templates/a.yaml': configMapTemplate('a') } })
    try {
      const { namespace, client } = made
      const entries = ['1.0.0', '1.1.0'].map((version) => {
        const bytes = makeChart('app', version)
        server.files.set(`/app-${version}.tgz`, bytes)
        return `  - name: app\n    apiVersion: v2\n    version: ${version}\n    digest: ${hexDigest(bytes)}\n    urls: [app-${version}.tgz]\n`
      })
      server.files.set('/index.yaml', new TextEncoder().encode(`apiVersion: v1\nentries:\n  app:\n${entries.join('')}`))
      await client.apply({
        apiVersion: 'source.toolkit.fluxcd.io/v1',
        kind: 'HelmRepository',
        metadata: { name: 'charts', namespace },
        spec: { url: server.url, interval: '1m' },
      })
      const sourceRef = { kind: 'HelmRepository', name: 'charts' }
      await made.release({ chart: { spec: { chart: 'app', version: '1.x', sourceRef } } })
      const versionOf = async (): Promise<string> => (await made.object())['status'].history[0].chartVersion
      await made.reconcile()
      assert.equal(await versionOf(), '1.1.0')
      const key = keyOf(made, 'HelmRelease')
      await pinObject(requestsOf(made), key, { to: '1.0.0', by: 'ada' })
      await made.scan()
      assert.equal(await versionOf(), '1.0.0')
      assert.equal((await made.object())['spec'].chart.spec.version, '1.x')
      await unpinObject(requestsOf(made), key, 'ada')
      await made.scan()
      assert.equal(await versionOf(), '1.1.0')
      await made.release()
      await assert.rejects(
        pinObject(requestsOf(made), key, { to: '1.0.0', by: 'ada' }),
        /comes from a GitRepository; pin that source/,
      )
    } finally {
      await made.close()
      await server.close()
    }
  })

  it('of an OCIRepository is a digest', async (t) => {
    const registry = await TestRegistry.start()
    if (registry === undefined) return t.skip('no Go here to build the registry with')
    const made = await createScenario(cluster, { files: { 'README.md': 'x' } })
    try {
      const { namespace, client } = made
      const push = (color: string): Promise<string> => {
        const content = configMap(color).replace('$NAMESPACE', namespace)
        const bytes = makeTgz([{ name: 'app/a.yaml', content }])
        return registry.push('manifests/app', 'latest', [
          { mediaType: 'application/vnd.cncf.flux.content.v1.tar+gzip', bytes },
        ])
      }
      const blue = await push('blue')
      await client.apply({
        apiVersion: 'source.toolkit.fluxcd.io/v1',
        kind: 'OCIRepository',
        metadata: { name: 'app', namespace },
        spec: { interval: '1s', url: `oci://${registry.host}/manifests/app`, insecure: true },
      })
      await made.kustomization('app', { sourceRef: { kind: 'OCIRepository', name: 'app' } })
      await made.scan()
      await push('green')
      await pinObject(requestsOf(made), keyOf(made, 'OCIRepository'), { to: `latest@${blue}`, by: 'ada' })
      await made.run({ kind: 'trigger', target: 'cluster' })
      assert.equal(await colorOf(made), 'blue')
      await unpinObject(requestsOf(made), keyOf(made, 'OCIRepository'), 'ada')
      await made.scan()
      assert.equal(await colorOf(made), 'green')
    } finally {
      await made.close()
      await registry.close()
    }
  })

  it('to what is none is refused by who is asked', async () => {
    const made = await createScenario(cluster, { files: { 'app/a.yaml': configMap('blue') } })
    try {
      await made.kustomization()
      const ctx = requestsOf(made)
      const by = 'ada'
      await assert.rejects(pinObject(ctx, keyOf(made, 'Kustomization'), { to: 'main', by }), { code: 'pin-invalid' })
      await assert.rejects(pinObject(ctx, keyOf(made, 'GitRepository'), { to: 'abcdef12', by }), {
        code: 'pin-invalid',
      })
      await assert.rejects(pinObject(ctx, keyOf(made, 'HelmRepository'), { to: '1.2.3', by }), { code: 'pin-invalid' })
      await assert.rejects(pinObject(ctx, keyOf(made, 'HelmRelease'), { to: '1.2.3', by }), { code: 'not-found' })
    } finally {
      await made.close()
    }
  })
})
