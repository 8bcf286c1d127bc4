import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Run } from '../../src/coordinator/index.ts'
import { useCluster } from '../support/cluster.ts'
import { startDeployment, type Platform } from '../support/deployment.ts'
import { createScenario } from '../support/scenario.ts'

const cluster = useCluster()
const configMap = (color: string): string =>
  `apiVersion: v1\nkind: ConfigMap\nmetadata: { name: a, namespace: $NAMESPACE }\ndata: { color: ${color} }\n`

interface Line {
  readonly type: string
  readonly run: Run
  readonly node?: { readonly name: string; readonly state: string }
}

/** What a trigger asks for besides a run, on both platforms. */
for (const platform of ['node', 'workerd'] as const satisfies readonly Platform[]) {
  describe(`a trigger on ${platform}`, () => {
    it('plans without a write, suspends, resumes, and tells how it goes', async () => {
      const made = await createScenario(cluster, { files: { 'app/a.yaml': configMap('blue') } })
      const { namespace, client } = made
      const deployment = await startDeployment(platform, {
        clusters: { test: cluster.address },
        namespaces: [namespace],
      })
      try {
        await made.kustomization()
        const object = { kind: 'Kustomization', namespace, name: 'app' }
        const send = (wish: object, headers: object = {}): Promise<Response> =>
          fetch(`${deployment.url}/trigger`, {
            method: 'POST',
            headers: { authorization: `Bearer ${deployment.triggerToken}`, ...headers },
            body: JSON.stringify({ actor: 'ada', ...wish }),
          })
        const follow = async (wish: object): Promise<readonly Line[]> => {
          const answer = await send(wish, { accept: 'application/x-ndjson' })
          assert.equal(answer.status, 200)
          const lines = (await answer.text()).trimEnd().split('\n')
          return lines.map((line) => JSON.parse(line) as Line)
        }
        const done = await follow({ all: true })
        assert.equal(done.at(-1)?.run.state, 'succeeded', JSON.stringify(done.at(-1)))
        assert.ok(done.some(({ node }) => node?.name === 'app' && node.state === 'ready'))

        await made.repository.commit({ 'app/a.yaml': configMap('green').replace('$NAMESPACE', namespace) })
        const mark = await cluster.auditMark()
        const source = { kind: 'GitRepository', namespace, name: 'app' }
        const planned = (await (await send({ source, plan: true, wait: 60 })).json()) as Run
        assert.equal(planned.plan, true)
        assert.deepEqual(
          planned.records[0]?.nodes[0]?.changes.map(({ object: id, action }) => [id, action]),
          [[`ConfigMap/${namespace}/a`, 'configured']],
        )
        // The lock that replicas share is the deployment's own, and in no tenant's namespace.
        const { requests } = await cluster.requestCounts(mark)
        const writes = requests.filter(
          ({ verb, uri }) =>
            !['get', 'list', 'watch'].includes(verb) && uri.includes(namespace) && !uri.includes('dryRun=All'),
        )
        assert.deepEqual(writes, [])
        assert.ok(requests.some(({ verb, uri }) => verb === 'patch' && uri.includes('dryRun=All')))

        const suspended = await send({ action: 'suspend', object, reason: 'maintenance', until: '1h' })
        assert.equal(suspended.status, 200)
        const ref = { apiVersion: 'kustomize.toolkit.fluxcd.io/v1', ...object }
        const held = await client.get(ref)
        assert.equal(held['spec'].suspend, true)
        assert.equal(held.metadata.annotations?.['sluice.dev/suspended-by'], 'ada')
        assert.equal((await send({ action: 'suspend', object: { ...object, name: 'none' } })).status, 404)
        assert.equal((await send({ object, force: true })).status, 409)

        const resumed = await follow({ action: 'resume', object })
        assert.equal(resumed.at(-1)?.run.state, 'succeeded', JSON.stringify(resumed.at(-1)))
        assert.equal((await client.get(ref))['spec'].suspend, undefined)
      } finally {
        await deployment.stop()
        await made.close()
      }
    })
  })
}
