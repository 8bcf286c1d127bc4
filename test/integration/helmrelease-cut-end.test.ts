import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { useCluster } from '../support/cluster.ts'
import { everyCut, maps, once, requestsOf, value, type Cuttable } from '../support/release-cuts.ts'

const cluster = useCluster()

describe('a release whose end is killed at any request', () => {
  it('while rolling back: the next run ends in the old release', async (t) => {
    const upgrade = { timeout: '300ms', remediation: { retries: 0, remediateLastFailure: true } }
    const bad = { values: { value: 'two' }, upgrade }
    const prepare = async (one: Cuttable): Promise<void> => {
      await one.made.chart({ 'templates/after.yaml': null, 'templates/before.yaml': null, 'templates/gone.yaml': null })
      await one.made.release(value('one', { upgrade }))
      await one.made.reconcile()
      await one.made.chart({
        'Chart.yaml': 'apiVersion: v2\nname: app\nversion: 1.0.1\n',
        'templates/pod.yaml':
          '{{- if eq .Values.value "two" }}\napiVersion: v1\nkind: Pod\nmetadata:\n  name: stuck\n  annotations: { fake-kubelet.sluice.dev/behaviour: never-ready }\nspec: { containers: [{ name: c, image: example/app:1 }] }\n{{- end }}\n',
      })
      await one.made.release(bad)
    }
    const requests = await requestsOf(cluster, prepare)
    t.diagnostic(`${requests.length} requests, ${requests.filter((method) => method !== 'GET').length} of them writes`)
    await everyCut(cluster, requests, prepare, async (one, where) => {
      assert.match((await one.made.revisions()).at(-1) ?? '', /^v3 deployed$/, where)
      assert.deepEqual(await maps(one.made), ['kept=one', 'old=one'], where)
      assert.equal(await one.made.condition('Remediated'), 'True RollbackSucceeded', where)
    })
  })

  it('while uninstalling: the next run leaves nothing', async (t) => {
    const prepare = async (one: Cuttable): Promise<void> => {
      await one.made.release(value('one'))
      await one.made.reconcile()
      const { namespace } = one.made
      await one.made.client.delete({
        apiVersion: 'helm.toolkit.fluxcd.io/v2',
        kind: 'HelmRelease',
        namespace,
        name: 'app',
      })
    }
    const requests = await requestsOf(cluster, prepare)
    t.diagnostic(`${requests.length} requests, ${requests.filter((method) => method !== 'GET').length} of them writes`)
    await everyCut(cluster, requests, prepare, async (one, where) => {
      assert.deepEqual(await one.made.revisions(), [], where)
      assert.deepEqual(await maps(one.made), [], where)
      await once(one, ['gone'], where)
    })
  })
})
