import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { Canaries } from '../support/canaries.ts'
import { startTestCluster, useCluster } from '../support/cluster.ts'
import type { ControlPlaneAddress } from '../support/control-plane.ts'
import { installCrds } from '../support/crds.ts'
import { awaitRun, deliverPush, startDeployment, type Platform } from '../support/deployment.ts'
import { fakeGitHub } from '../support/fake-github.ts'
import { GitServer } from '../support/git-server.ts'
import { createKubeTestClient, type KubeTestClient } from '../support/kube-test-client.ts'
import { startNotifyServer } from '../support/notify-server.ts'

const cluster = useCluster()
let green: { readonly address: ControlPlaneAddress; readonly client: KubeTestClient; stop(): Promise<void> }
before(async () => {
  const started = await startTestCluster(() => undefined)
  const client = createKubeTestClient(started.address)
  green = {
    address: started.address,
    client,
    stop: async () => {
      client.close()
      await started.stop()
    },
  }
})
after(() => green.stop())

const platforms: readonly Platform[] = ['node', 'workerd']
const configMap = (name: string): string => `apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: ${name}\n`

/** Waits until something is so; fails with what it says instead. */
async function eventually(check: () => void, timeoutMs = 30_000): Promise<void> {
  for (const end = Date.now() + timeoutMs; ;) {
    try {
      return check()
    } catch (error) {
      if (Date.now() > end) throw error
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
  }
}

/** Without what depends on whether the scan at the start was sooner. */
function shortened(latest: { readonly [context: string]: string }): { readonly [context: string]: string } {
  return Object.fromEntries(
    Object.entries(latest).map(([context, text]) => [context, text.replace(/: (?:1 applied|up to date)$/, '')]),
  )
}

for (const platform of platforms) {
  describe(`feedback of a deployment on ${platform}`, () => {
    const closers: (() => Promise<void>)[] = []
    after(async () => {
      for (const close of closers.toReversed()) await close()
    })

    it('tells the forge of each cluster and of all, and people of errors and when they are over', async () => {
      const clients = [cluster.client, green.client]
      const namespace = await cluster.namespace()
      await green.client.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } })
      await Promise.all(clients.map((client) => installCrds(client)))
      const canaries = new Canaries()
      const token = canaries.make('forge')
      const hook = canaries.make('hook')
      const [git, forge, chat] = await Promise.all([GitServer.start(), startNotifyServer(), startNotifyServer()])
      closers.push(
        () => git.close(),
        () => forge.close(),
        () => chat.close(),
      )
      const github = fakeGitHub(forge, { token })
      const repository = await git.create(`team/${namespace}`, { 'app/a.yaml': configMap('a') })
      const feedback = {
        forge: 'github',
        repository: `${new URL(repository.url).origin}/team/*`,
        apiHost: forge.origin,
        tokenSecret: 'FORGE_TOKEN',
        deployments: true,
      }
      const deployment = await startDeployment(platform, {
        clusters: { blue: cluster.address, green: green.address },
        namespaces: [namespace],
        settings: { publicUrl: 'https://sluice.example.com' },
        env: { FEEDBACK: JSON.stringify([feedback]), FORGE_TOKEN: token },
        log: (line) => canaries.see('log', line),
      })
      closers.push(() => deployment.stop())
      const apply = async (kind: string, group: string, name: string, spec: object): Promise<void> => {
        const apiVersion = `${group}.toolkit.fluxcd.io/${group === 'notification' ? 'v1beta3' : 'v1'}`
        for (const client of clients) await client.apply({ apiVersion, kind, metadata: { name, namespace }, spec })
      }
      await apply('GitRepository', 'source', 'app', { interval: '1h', url: repository.url, ref: { branch: 'main' } })
      await apply('Kustomization', 'kustomize', 'app', {
        interval: '1h',
        path: './app',
        prune: true,
        targetNamespace: namespace,
        sourceRef: { kind: 'GitRepository', name: 'app' },
      })
      const secret = { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'chat', namespace } }
      for (const client of clients) await client.apply({ ...secret, stringData: { address: `${chat.origin}/${hook}` } })
      await apply('Provider', 'notification', 'chat', { type: 'slack', secretRef: { name: 'chat' } })
      await apply('Alert', 'notification', 'chat', {
        providerRef: { name: 'chat' },
        eventSeverity: 'error',
        eventSources: [{ kind: 'Kustomization', name: '*' }],
      })
      const push = async (files: {
        readonly [path: string]: string | null
      }): Promise<{ commit: string; id: string; state: string }> => {
        const commit = await repository.commit(files)
        const { run: id = '' } = await deliverPush(deployment, { url: repository.url, after: commit })
        return { commit, id, state: (await awaitRun(deployment, id)).state }
      }
      const colours = (): readonly string[] =>
        chat.received.map(
          ({ body }) => (JSON.parse(body) as { attachments: { color: string }[] }).attachments[0]?.color ?? '',
        )

      const good = await push({ 'app/b.yaml': configMap('b') })
      assert.equal(good.state, 'succeeded')
      await eventually(() =>
        assert.deepEqual(shortened(github.latest(good.commit)), {
          sluice: 'success: 2 of 2 clusters up to date',
          'sluice/blue': 'success',
          'sluice/green': 'success',
        }),
      )
      assert.equal(github.statuses.get(good.commit)?.[0]?.target_url, `https://sluice.example.com/runs/${good.id}`)
      assert.deepEqual(colours(), [])

      const bad = await push({ 'app/b.yaml': configMap('Not_A_Name') })
      assert.equal(bad.state, 'failed')
      await eventually(() =>
        assert.deepEqual(github.latest(bad.commit), {
          sluice: 'failure: 2 of 2 clusters failed (blue, green)',
          'sluice/blue': 'failure: 1 of 1 failed',
          'sluice/green': 'failure: 1 of 1 failed',
        }),
      )
      assert.match(github.latest(good.commit)['sluice'] ?? '', /^success/)
      await eventually(() => assert.deepEqual(colours(), ['danger', 'danger'], 'each cluster tells once'))

      const fixed = await push({ 'app/b.yaml': configMap('b') })
      await eventually(() => assert.equal(github.latest(fixed.commit)['sluice'], 'success: 2 of 2 clusters up to date'))
      await eventually(() => assert.deepEqual(colours(), ['danger', 'danger', 'good', 'good']))

      await eventually(() => {
        const last = new Map(
          github.deployments.map(({ sha, environment, statuses }) => [`${sha} ${environment}`, statuses[0]?.state]),
        )
        for (const environment of ['blue', 'green']) {
          assert.equal(last.get(`${good.commit} ${environment}`), 'success')
          assert.equal(last.get(`${bad.commit} ${environment}`), 'failure')
          assert.equal(last.get(`${fixed.commit} ${environment}`), 'success')
        }
      })
      const events = await cluster.client.list({ apiVersion: 'v1', kind: 'Event', namespace, name: '' })
      for (const event of events) canaries.see('event', JSON.stringify(event))
      canaries.assertNone(10)
    })
  })
}
