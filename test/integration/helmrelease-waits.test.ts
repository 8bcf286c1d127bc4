import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { useCluster } from '../support/cluster.ts'
import {
  configMapTemplate,
  failingJobTemplate,
  useReleaseScenarios,
  hookTemplate,
  type ReleaseScenario,
} from '../support/release-scenario.ts'

const cluster = useCluster()
const scenario = useReleaseScenarios(cluster)

async function released(made: ReleaseScenario): Promise<string> {
  const conditions = (await made.object())['status'].conditions as { type: string; message: string }[]
  return conditions.find((condition) => condition.type === 'Released')?.message ?? ''
}

describe('how a release waits', () => {
  it('waitStrategy poller ends with the first failure, legacy with the timeout', async () => {
    const made = await scenario({ 'templates/job.yaml': failingJobTemplate })
    await made.release({ values: { value: 'bad' }, timeout: '30s', waitStrategy: { name: 'poller' } })
    assert.equal((await made.reconcile()).state, 'failed')
    assert.match(await released(made), /resources not ready/)
    const other = await scenario({ 'templates/job.yaml': failingJobTemplate })
    await other.release({ values: { value: 'bad' }, timeout: '2s', waitStrategy: { name: 'legacy' } })
    assert.equal((await other.reconcile()).state, 'failed')
    assert.match(await released(other), /timeout waiting for/)
  })

  it('healthCheckExprs say when an object of a kind is healthy', async () => {
    const made = await scenario({ 'templates/a.yaml': configMapTemplate('a') })
    const healthCheckExprs = [{ apiVersion: 'v1', kind: 'ConfigMap', current: 'data.value == "done"' }]
    await made.release({ values: { value: 'begun' }, timeout: '1s', healthCheckExprs })
    assert.equal((await made.reconcile()).state, 'failed')
    assert.match(await released(made), /ConfigMap\/.*a/)
    await made.release({ values: { value: 'done' }, timeout: '1s', healthCheckExprs })
    assert.equal((await made.reconcile()).state, 'ready')
    await made.release({ healthCheckExprs: [{ apiVersion: 'v1', kind: 'ConfigMap', current: 'data.value ==' }] })
    await made.reconcile()
    assert.equal(await made.condition('Stalled'), 'True InvalidCELExpression')
  })
})

describe('postRenderStrategy', () => {
  /** A hook with the name of an object of the manifest. */
  const files = {
    'templates/a.yaml': configMapTemplate('a'),
    'templates/hook.yaml': configMapTemplate('a', 'value: hook', '  annotations: { helm.sh/hook: pre-install }\n'),
  }
  const commonMetadata = { labels: { team: 'a' } }

  it('combined refuses a hook that has the name of an object', async () => {
    const made = await scenario(files)
    await made.release({ commonMetadata, postRenderStrategy: 'combined' })
    assert.equal((await made.reconcile()).state, 'failed')
    assert.match(await released(made), /already registered id/)
  })

  for (const [strategy, isLabelled] of [
    ['separate', true],
    ['nohooks', false],
  ] as const)
    it(`${strategy}: hooks ${isLabelled ? 'get' : 'do not get'} what is common`, async () => {
      const hook = hookTemplate('before', { hook: 'pre-install' })
      const made = await scenario({ 'templates/a.yaml': configMapTemplate('a'), 'templates/hook.yaml': hook })
      await made.release({ commonMetadata, postRenderStrategy: strategy })
      const node = await made.reconcile()
      assert.equal(node.state, 'ready', node.message)
      assert.equal((await made.find('ConfigMap', 'a'))?.metadata.labels?.['team'], 'a')
      const job = await made.find('Job', 'before', 'batch/v1')
      assert.equal(job?.metadata.labels?.['team'], isLabelled ? 'a' : undefined)
    })
})

describe('persistentClient', () => {
  it('false changes nothing: there is one client for a run either way', async () => {
    const made = await scenario({ 'templates/a.yaml': configMapTemplate('a') })
    await made.release({ persistentClient: false })
    assert.equal((await made.reconcile()).state, 'ready')
  })
})
