import assert from 'node:assert/strict'
import { after, describe, it } from 'node:test'
import { Canaries } from '../support/canaries.ts'
import { useCluster } from '../support/cluster.ts'
import { installCrds } from '../support/crds.ts'
import { deliverPush, startDeployment, type Deployment, type Platform, type ShownRun } from '../support/deployment.ts'
import { readExampleChart } from '../support/example-chart.ts'
import { followDirectory, followGit } from '../support/following.ts'
import { GitServer } from '../support/git-server.ts'
import { parsePrometheusText } from '../support/prometheus-text.ts'

const cluster = useCluster()

interface CommitAnswer {
  readonly commit: string
  readonly clusters: readonly {
    readonly cluster: string
    readonly progress: string
    readonly stages: { readonly [stage: string]: number }
    readonly missing: readonly string[]
    readonly objects: readonly { readonly kind: string; readonly name: string; readonly state: string }[]
    readonly error?: { readonly code: string }
  }[]
}

/** Polls until `isDone`; the answer as it was last. */
async function until<T>(look: () => Promise<T>, isDone: (value: T) => boolean): Promise<T> {
  const end = Date.now() + 90_000
  for (;;) {
    const value = await look()
    if (isDone(value) || Date.now() > end) return value
    await new Promise((resolve) => setTimeout(resolve, 200))
  }
}

/** What a page that listens gets first; then it leaves. */
async function firstEvent(deployment: Deployment): Promise<string> {
  const response = await fetch(`${deployment.url}/ui/events`, {
    headers: { authorization: `Bearer ${deployment.triggerToken}` },
    signal: AbortSignal.timeout(30_000),
  })
  let text = ''
  for await (const chunk of response.body ?? []) {
    text += new TextDecoder().decode(chunk as Uint8Array)
    if (text.includes('data: ')) break
  }
  return text
}

for (const platform of ['node', 'workerd'] as const satisfies readonly Platform[]) {
  describe(`reading on ${platform}`, () => {
    const closers: (() => Promise<void>)[] = []
    after(async () => {
      for (const close of closers.toReversed()) await close()
    })
    const ask = async (deployment: Deployment, path: string): Promise<{ status: number; text: string }> => {
      const headers = { authorization: `Bearer ${deployment.triggerToken}` }
      const response = await fetch(`${deployment.url}${path}`, { headers })
      return { status: response.status, text: await response.text() }
    }

    it('shows what a push did, in the cluster that answers and in the one that does not, and no secret', async () => {
      await installCrds(cluster.client)
      const namespace = await cluster.namespace()
      const canaries = new Canaries()
      const git = await GitServer.start()
      closers.push(() => git.close())
      const repository = await git.create(`team/${namespace}`, {
        'app/a.yaml': `apiVersion: v1\nkind: ConfigMap\nmetadata: { name: a }\ndata: { value: "${'$'}{token}" }\n`,
        'app/secret.yaml': `apiVersion: v1\nkind: Secret\nmetadata: { name: s }\nstringData: { key: "${canaries.make('secret')}" }\n`,
        ...readExampleChart(),
      })
      const { server, caPem, token } = cluster.address
      const deployment = await startDeployment(platform, {
        clusters: { alive: { server, caPem, token }, dead: { server: 'https://127.0.0.1:9', caPem, token } },
        namespaces: [namespace],
        limits: { requestTimeoutMs: 5000 },
      })
      closers.push(() => deployment.stop())
      canaries.add('token of the cluster', token)
      canaries.add('trigger token', deployment.triggerToken)
      const sourceRef = { kind: 'GitRepository', name: 'app' }
      await followGit(cluster.client, { name: 'app', namespace, url: repository.url })
      const postBuild = { substitute: { token: canaries.make('substitute') } }
      await followDirectory(cluster.client, { name: 'app', namespace, source: 'app' }, { postBuild })
      await cluster.client.apply({
        apiVersion: 'helm.toolkit.fluxcd.io/v2',
        kind: 'HelmRelease',
        metadata: { name: 'greeter', namespace },
        spec: {
          interval: '1h',
          chart: { spec: { chart: './charts/greeter', sourceRef } },
          values: { greeting: canaries.make('value') },
          install: { disableWait: true },
        },
      })
      const commit = (await repository.head()) ?? ''
      const delivered = await deliverPush(deployment, { url: repository.url, after: commit })
      assert.equal(delivered.status, 202)
      const isThere = ({ clusters }: CommitAnswer): boolean =>
        clusters.every(({ progress }) => ['healthy', 'unreachable', 'failed'].includes(progress))
      const trace = await until(
        async () => {
          const { status, text } = await ask(deployment, `/api/commits/${commit}`)
          return status === 200 ? (JSON.parse(text) as CommitAnswer) : { commit, clusters: [] }
        },
        (answer) => answer.clusters.length === 2 && isThere(answer),
      )
      const [alive, dead] = trace.clusters
      assert.equal(alive?.progress, 'healthy', JSON.stringify(trace, null, 1))
      assert.deepEqual(alive.missing, [])
      const { receivedAt = 0, fetchedAt = 0, renderedAt = 0, appliedAt = 0, healthyAt = 0 } = alive.stages
      // A chart may be fetched while something else is rendered already.
      for (const times of [
        [receivedAt, fetchedAt, healthyAt],
        [receivedAt, renderedAt, appliedAt, healthyAt],
      ])
        assert.deepEqual(
          times,
          times.toSorted((a, b) => a - b),
          'stages come one after the other',
        )
      assert.ok(receivedAt > 0)
      assert.equal(dead?.progress, 'unreachable')
      assert.ok(dead.error)

      const id = `Kustomization/${namespace}/app`
      const paths = [
        '/api/clusters',
        '/api/objects',
        `/api/objects/alive/${id}?live=true`,
        `/api/objects/alive/${id}/history`,
        `/api/objects/alive/HelmRelease/${namespace}/greeter?live=true`,
        `/api/objects/alive/HelmRelease/${namespace}/greeter`,
        '/api/drift',
        '/api/clusters/alive',
        '/api/runs?quiet=true',
        `/api/runs/${delivered.run}`,
        `/api/commits/${commit}`,
        '/ui',
        `/ui/objects/alive/${id}?live=true`,
        `/ui/objects/alive/HelmRelease/${namespace}/greeter`,
        `/ui/commits/${commit}`,
        '/ui/runs?quiet=true',
        `/ui/runs/${delivered.run}`,
        '/ui?show=sources',
        '/ui/commits',
        '/ui/deliveries',
        '/api/overview',
        '/api/deliveries',
        '/feed.xml',
        `/badges/alive/${id}.svg`,
        `/badges/${id}.svg`,
        '/metrics',
      ]
      const answers = new Map<string, string>()
      for (const path of paths) {
        const { status, text } = await ask(deployment, path)
        assert.equal(status, 200, `${path}: ${text}`)
        canaries.see(path, text)
        answers.set(path, text)
      }
      canaries.assertNone(paths.length)
      const object = JSON.parse(answers.get(`/api/objects/alive/${id}?live=true`) ?? '') as {
        state: string
        inventory: number
        live: { inventory?: { kind: string; name: string; status: string }[]; error?: object }
      }
      assert.equal(object.state, 'ready')
      assert.equal(object.live.error, undefined, JSON.stringify(object.live))
      assert.deepEqual(object.live.inventory?.map(({ kind, name }) => `${kind}/${name}`).toSorted(), [
        'ConfigMap/a',
        'Secret/s',
      ])
      assert.ok(object.live.inventory.every(({ status }) => status === 'Current'))
      const { live } = JSON.parse(
        answers.get(`/api/objects/alive/HelmRelease/${namespace}/greeter?live=true`) ?? '',
      ) as { live: { releases?: { status: string }[] } }
      assert.deepEqual(
        live.releases?.map(({ status }) => status),
        ['deployed'],
      )
      const { history } = JSON.parse(answers.get(`/api/objects/alive/${id}/history`) ?? '') as {
        history: { run: string; changes: { object: string }[] }[]
      }
      // That of the push, or the scan that came before it.
      assert.ok(history.some(({ run, changes }) => run !== '' && changes.length > 0))
      assert.match(answers.get(`/ui/commits/${commit}`) ?? '', /Healthy in 1 cluster/)
      assert.match(answers.get('/ui') ?? '', /<b>greeter<\/b>/)
      const overview = JSON.parse(answers.get('/api/overview') ?? '') as {
        rows: { name: string; inCluster: { alive?: { state: string; revision?: string } } }[]
      }
      const row = overview.rows.find(({ name }) => name === 'app')
      assert.equal(row?.inCluster.alive?.state, 'ready')
      assert.ok(row.inCluster.alive.revision?.includes(commit))
      assert.match(answers.get('/api/deliveries') ?? '', new RegExp(`"run":"${delivered.run}"`))
      assert.match(answers.get(`/badges/alive/${id}.svg`) ?? '', /app in alive: ready/)
      assert.match(await firstEvent(deployment), /event: version\ndata: \w+\n\n/)
      const samples = parsePrometheusText(answers.get('/metrics') ?? '')
      const ready = samples.filter(({ name, labels }) => name === 'gotk_resource_info' && labels['ready'] === 'True')
      assert.ok(ready.some(({ labels }) => labels['name'] === 'greeter' && labels['cluster'] === 'alive'))
      // A run is counted when it has ended, after its record is there to be read.
      const isCounted = (text: string): boolean => /^sluice_runs_total\{cluster="alive",trigger="push"/m.test(text)
      assert.ok(isCounted(await until(async () => (await ask(deployment, '/metrics')).text, isCounted)))
      const run = JSON.parse((await ask(deployment, `/runs/${delivered.run}`)).text) as ShownRun
      assert.equal(run.records.find((record) => record.cluster === 'alive')?.state, 'succeeded')
    })
  })
}
