import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { bundleCli, writeKubeconfig, type Cli, type CliResult } from '../support/cli.ts'
import { useCluster } from '../support/cluster.ts'
import { awaitRun, deliverPush, startDeployment, type Platform } from '../support/deployment.ts'
import { createScenario, type Scenario } from '../support/scenario.ts'

const cluster = useCluster()
const configMap = (color: string): string =>
  `apiVersion: v1\nkind: ConfigMap\nmetadata: { name: a, namespace: $NAMESPACE }\ndata: { color: ${color} }\n`
const colorOf = async (made: Scenario): Promise<unknown> =>
  (await made.client.find({ apiVersion: 'v1', kind: 'ConfigMap', namespace: made.namespace, name: 'a' }))?.['data']
    .color

/** With a kubeconfig alone: what the verbs write, runs of the engine respect, and what those say, the verbs show. */
describe('the verbs, with a kubeconfig', () => {
  let directory: string
  let cli: Cli
  let kubeconfig: string
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'sluice-safety-'))
    kubeconfig = join(directory, 'kubeconfig')
    cli = await bundleCli(directory)
    await writeKubeconfig(kubeconfig, cluster.address)
  })
  after(() => rm(directory, { recursive: true, force: true }))

  it('suspend and resume a cluster; get, why, status and reconcile say so', async () => {
    const made = await createScenario(cluster, { files: { 'app/a.yaml': configMap('blue') } })
    try {
      Object.assign(made.deps, { settings: { ...made.deps.settings, holdNamespace: made.namespace } })
      const k = (...args: readonly string[]): Promise<CliResult> =>
        cli.run([...args, '-n', made.namespace, '--kubeconfig', kubeconfig, '--timeout', '20s'])
      await made.kustomization()
      await made.pushed()
      const suspended = await k('suspend', 'cluster', '--reason', 'the disk is full', '--until', '2h')
      assert.equal(suspended.code, 0, suspended.stderr)
      const head = (await made.repository.head()) ?? ''
      for (const args of [
        ['get', 'ks'],
        ['status', head],
      ])
        assert.match((await k(...args)).stderr, /the cluster is suspended by ada until .*Z: the disk is full/)
      const why = await k('why', 'ks/app', '-o', 'table')
      assert.equal(why.code, 1)
      assert.match(why.stdout, /Cluster is suspended by ada[^]*sluice resume cluster/)
      const refused = await k('reconcile', 'ks', 'app')
      assert.equal(refused.code, 1, refused.stderr)
      assert.match(refused.stderr, /the cluster is suspended by ada.*resume it first/)
      await made.push({ 'app/a.yaml': configMap('green') })
      assert.equal(await colorOf(made), 'blue')
      assert.equal((await k('resume', 'cluster')).code, 0)
      await made.scan()
      assert.equal(await colorOf(made), 'green')
    } finally {
      await made.close()
    }
  })

  it('say what waits for a window and what is pinned', async () => {
    const made = await createScenario(cluster, { files: { 'app/a.yaml': configMap('blue') } })
    try {
      const k = (...args: readonly string[]): Promise<CliResult> =>
        cli.run([...args, '-n', made.namespace, '--kubeconfig', kubeconfig, '--timeout', '20s'])
      await made.kustomization()
      await made.pushed()
      const blue = (await made.repository.head()) ?? ''
      const windows = [{ name: 'freeze', kind: 'deny', when: 'daily', timeZone: 'UTC' }] as const
      Object.assign(made.deps, { settings: { ...made.deps.settings, windows } })
      await made.push({ 'app/a.yaml': configMap('green') })
      const why = await k('why', 'ks/app', '-o', 'table')
      assert.match(why.stdout, /is held back by a window[^]*held by window 'freeze'[^]*--override REASON/)
      assert.match((await k('get', 'ks', '-o', 'table')).stdout, /held by window 'freeze'/)
      Object.assign(made.deps, { settings: { ...made.deps.settings, windows: [] } })
      await made.scan()
      assert.equal(await colorOf(made), 'green')
      const pin = await k('pin', 'ks', 'app', '--revision', blue, '--reason', 'it leaks', '--no-wait')
      assert.equal(pin.code, 0, pin.stderr)
      await made.scan()
      assert.equal(await colorOf(made), 'blue')
      const pinned = await k('why', 'ks/app', '-o', 'table')
      assert.equal(pinned.code, 0, pinned.stdout)
      assert.match(pinned.stdout, /pinned to .* by ada: it leaks; its source is at main@sha1:/)
      assert.match((await k('get', 'ks', '-o', 'table')).stdout, /\(pinned to .* by ada: it leaks\)/)
      const short = await k('pin', 'ks', 'app', '--revision', blue.slice(0, 8), '--no-wait')
      assert.notEqual(short.code, 0)
      assert.match(short.stderr, /whole name/)
      assert.match((await k('approve', 'prune', 'ks', 'app')).stderr, /holds no prune back/)
    } finally {
      await made.close()
    }
  })
})

/** What a deployment answers, and shows. */
for (const platform of ['node', 'workerd'] as const satisfies readonly Platform[]) {
  describe(`a deployment on ${platform}`, () => {
    it('suspends its clusters by a trigger, shows it, and goes on with what was pushed', async () => {
      const made = await createScenario(cluster, { files: { 'app/a.yaml': configMap('blue') } })
      const { namespace } = made
      const deployment = await startDeployment(platform, {
        clusters: { test: cluster.address },
        namespaces: [namespace],
        settings: { holdNamespace: namespace },
      })
      try {
        await made.kustomization()
        const headers = { authorization: `Bearer ${deployment.triggerToken}` }
        const send = async (wish: object): Promise<{ readonly status: number; readonly text: string }> => {
          const body = JSON.stringify({ actor: 'ada', ...wish })
          const answer = await fetch(`${deployment.url}/trigger`, { method: 'POST', headers, body })
          return { status: answer.status, text: await answer.text() }
        }
        const read = async (path: string): Promise<string> =>
          (await fetch(`${deployment.url}${path}`, { headers })).text()
        const first = await send({ all: true, wait: 60 })
        assert.equal(first.status, 200, first.text)
        assert.equal(await colorOf(made), 'blue')
        const suspended = await send({ action: 'suspend', all: true, reason: 'the audit' })
        assert.equal(suspended.status, 200, suspended.text)
        const after = await made.repository.commit({
          'app/a.yaml': configMap('green').replace('$NAMESPACE', namespace),
        })
        const { run } = await deliverPush(deployment, { url: made.repository.url, after })
        const record = await awaitRun(deployment, run ?? '')
        assert.match(JSON.stringify(record), /the cluster is suspended by ada: the audit/)
        assert.equal(await colorOf(made), 'blue')
        assert.match(
          await read('/api/clusters'),
          /"held":\{"kind":"suspended","message":"the cluster is suspended by ada/,
        )
        const objects = JSON.parse(await read('/api/objects?kind=Kustomization')) as { objects: { state: string }[] }
        assert.equal(objects.objects[0]?.state, 'suspended')
        assert.match(await read('/ui'), /the cluster is suspended by ada: the audit/)
        const resumed = await send({ action: 'resume', all: true, wait: 60 })
        assert.equal(resumed.status, 200, resumed.text)
        assert.equal(await colorOf(made), 'green')
      } finally {
        await deployment.stop()
        await made.close()
      }
    })
  })
}
