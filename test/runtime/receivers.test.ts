import assert from 'node:assert/strict'
import { createHash, createHmac, randomUUID } from 'node:crypto'
import { after, describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Delivery } from '../../src/observe/index.ts'
import { useCluster } from '../support/cluster.ts'
import { installCrds } from '../support/crds.ts'
import { awaitRun, startDeployment, type Platform } from '../support/deployment.ts'
import { GitServer } from '../support/git-server.ts'

const cluster = useCluster()
const token = 'the token of a Receiver'
const requestedAt = 'reconcile.fluxcd.io/requestedAt'

for (const platform of ['node', 'workerd'] satisfies readonly Platform[]) {
  describe(`Receiver objects on ${platform}`, () => {
    const closers: (() => Promise<void>)[] = []
    after(async () => {
      for (const close of closers.toReversed()) await close()
    })

    it('get their path by a scan, and a delivery becomes a run', async () => {
      await installCrds(cluster.client)
      const namespace = await cluster.namespace()
      const git = await GitServer.start()
      closers.push(() => git.close())
      const repository = await git.create(`team/${namespace}`, { 'app/a.yaml': '' })
      const { server, caPem, token: own } = cluster.address
      const deployment = await startDeployment(platform, {
        clusters: { main: { server, caPem, token: own } },
        namespaces: [namespace],
        scanIntervalSeconds: 1,
      })
      closers.push(() => deployment.stop())
      const source = { apiVersion: 'source.toolkit.fluxcd.io/v1', kind: 'GitRepository', namespace, name: 'app' }
      await cluster.client.apply({
        apiVersion: source.apiVersion,
        kind: source.kind,
        metadata: { name: source.name, namespace },
        spec: { interval: '24h', url: repository.url, ref: { branch: 'main' } },
      })
      await cluster.client.apply({
        apiVersion: 'v1',
        kind: 'Secret',
        metadata: { name: 'hook', namespace },
        stringData: { token },
      })
      await cluster.client.apply({
        apiVersion: 'notification.toolkit.fluxcd.io/v1',
        kind: 'Receiver',
        metadata: { name: 'hook', namespace },
        spec: {
          type: 'github',
          secretRef: { name: 'hook' },
          resources: [{ kind: 'GitRepository', name: 'app', filter: "req.ref == 'refs/heads/main'" }],
        },
      })
      const path = `/hook/${createHash('sha256').update(`${token}hook${namespace}`).digest('hex')}`
      const body = '{"ref":"refs/heads/main"}'
      const send = async (text: string): Promise<number> => {
        const response = await fetch(`${deployment.url}${path}`, {
          method: 'POST',
          body: text,
          headers: {
            'content-type': 'application/json',
            'x-github-event': 'push',
            'x-github-delivery': randomUUID(),
            'x-hub-signature-256': `sha256=${createHmac('sha256', token).update(body).digest('hex')}`,
          },
        })
        assert.equal(await response.text(), '')
        return response.status
      }
      let status = await send(body)
      for (let attempt = 0; status === 404 && attempt < 100; attempt++) {
        await deployment.scan()
        await sleep(200)
        status = await send(body)
      }
      assert.equal(status, 200)
      await cluster.client.waitFor(
        { apiVersion: 'notification.toolkit.fluxcd.io/v1', kind: 'Receiver', namespace, name: 'hook' },
        (receiver) => receiver?.['status']?.webhookPath === path,
      )
      const annotation = (await cluster.client.get(source)).metadata.annotations?.[requestedAt]
      assert.ok(annotation)
      assert.equal(await send(`${body} `), 400)
      const deliveries = async (): Promise<readonly Delivery[]> => {
        const headers = { authorization: `Bearer ${deployment.triggerToken}` }
        const response = await fetch(`${deployment.url}/deliveries`, { headers })
        return ((await response.json()) as { deliveries: Delivery[] }).deliveries
      }
      // Records are written after the answer.
      let records = await deliveries()
      for (let attempt = 0; records.length < 2 && attempt < 50; attempt++) {
        await sleep(100)
        records = await deliveries()
      }
      assert.deepEqual(records.map(({ outcome }) => outcome).toSorted(), ['refused', 'run'])
      const run = await awaitRun(deployment, records.find(({ outcome }) => outcome === 'run')?.run ?? '')
      assert.equal(run.trigger, 'trigger')
      assert.equal((await cluster.client.get(source))['status'].lastHandledReconcileAt, annotation)
      const unknown = await fetch(`${deployment.url}/hook/${'0'.repeat(64)}`, { method: 'POST' })
      assert.equal(unknown.status, 404)
    })
  })
}
