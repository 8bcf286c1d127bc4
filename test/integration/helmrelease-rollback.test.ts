import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { useCluster } from '../support/cluster.ts'
import {
  configMapTemplate,
  failingJobTemplate,
  useReleaseScenarios,
  hookTemplate,
  type ReleaseScenario,
  type ReleaseScenarioOptions,
} from '../support/release-scenario.ts'

const cluster = useCluster()
const scenario = useReleaseScenarios(cluster)

const neverReady = `apiVersion: v1
kind: Pod
metadata: { name: never, annotations: { fake-kubelet.sluice.dev/behaviour: never-ready } }
spec: { containers: [{ name: c, image: example/app:1 }] }
`

/** Text of a template that is there with `value: good` only. */
const onlyGood = (text: string): string => `{{- if eq .Values.value "good" }}\n${text}{{- end }}\n`
const upgrade = { remediation: { retries: 0, remediateLastFailure: true } }
const value = (text: string): object => ({ values: { value: text } })

/** A release that was good: its upgrade to `value: bad` fails, and so is rolled back. */
async function good(
  files: ReleaseScenarioOptions['files'],
  spec: { readonly [field: string]: object },
): Promise<ReleaseScenario> {
  const made = await scenario({
    'templates/a.yaml': configMapTemplate('a'),
    'templates/job.yaml': failingJobTemplate,
    ...files,
  })
  await made.release({ ...value('good'), upgrade, ...spec })
  const node = await made.reconcile()
  assert.equal(node.state, 'ready', node.message)
  return made
}

/** Upgrades it; returns what became of the rollback. */
async function rolledBack(made: ReleaseScenario, spec: { readonly [field: string]: object }): Promise<string> {
  await made.release({ ...value('bad'), upgrade, ...spec })
  await made.reconcile()
  return await made.condition('Remediated')
}

async function managersOf(made: ReleaseScenario): Promise<string[]> {
  const entries = (await made.find('ConfigMap', 'a'))?.metadata['managedFields'] as {
    manager: string
    operation: string
  }[]
  const own = entries.filter(({ manager }) => manager === 'helm-controller')
  return own.map(({ operation }) => operation).toSorted()
}

describe('spec.rollback', () => {
  for (const disableHooks of [false, true])
    it(`disableHooks ${disableHooks}: hooks of a rollback ${disableHooks ? 'are left out' : 'run'}`, async () => {
      const hooks = `${hookTemplate('before', { hook: 'pre-rollback' })}---\n${hookTemplate('after', { hook: 'post-rollback' })}`
      const made = await good({ 'templates/hooks.yaml': hooks }, {})
      assert.equal(await rolledBack(made, { rollback: { disableHooks } }), 'True RollbackSucceeded')
      assert.equal((await made.find('ConfigMap', 'a'))?.['data'].value, 'good')
      for (const name of ['before', 'after'])
        assert.equal((await made.find('Job', name, 'batch/v1')) === undefined, disableHooks)
    })

  for (const [rollback, expected] of [
    [{ timeout: '1s' }, 'False RollbackFailed'],
    [{ timeout: '1s', disableWait: true }, 'True RollbackSucceeded'],
  ] as const)
    it(`${JSON.stringify(rollback)}: a rollback that does not get healthy in time: ${expected}`, async () => {
      const install = { disableWait: true }
      const made = await good({ 'templates/pod.yaml': onlyGood(neverReady) }, { install })
      assert.equal(await rolledBack(made, { install, rollback }), expected)
    })

  it('timeout takes the place of spec.timeout', async () => {
    const slow = neverReady.replace('never-ready', 'ready-after=2500ms')
    const install = { disableWait: true }
    const made = await good({ 'templates/pod.yaml': onlyGood(slow) }, { install })
    await made.release({
      ...value('bad'),
      timeout: '1s',
      install,
      upgrade: { ...upgrade, timeout: '20s' },
      rollback: { timeout: '20s' },
    })
    await made.reconcile()
    assert.equal(await made.condition('Remediated'), 'True RollbackSucceeded')
  })

  for (const force of [false, true])
    it(`force ${force}: what others have added to an object ${force ? 'goes' : 'stays'}`, async () => {
      const install = { serverSideApply: false }
      const made = await good({}, { install, rollback: { force } })
      await made.client.patch(
        { apiVersion: 'v1', kind: 'ConfigMap', namespace: made.namespace, name: 'a' },
        { data: { byHand: 'x' } },
      )
      assert.equal(await rolledBack(made, { install, rollback: { force } }), 'True RollbackSucceeded')
      const expected = { value: 'good', ...(force ? {} : { byHand: 'x' }) }
      assert.deepEqual((await made.find('ConfigMap', 'a'))?.['data'], expected)
    })

  for (const [installed, mode, expected] of [
    [true, 'auto', ['Apply']],
    [true, 'disabled', ['Apply', 'Update']],
    [false, 'auto', ['Update']],
    [false, 'enabled', ['Apply']],
  ] as const)
    it(`serverSideApply ${mode} for a release that was applied ${installed ? 'by the server' : 'on the client'}`, async () => {
      const spec = { install: { serverSideApply: installed }, rollback: { serverSideApply: mode } }
      const made = await good({}, spec)
      assert.deepEqual(await managersOf(made), [installed ? 'Apply' : 'Update'])
      assert.equal(await rolledBack(made, spec), 'True RollbackSucceeded')
      assert.deepEqual(await managersOf(made), expected)
      assert.deepEqual((await made.find('ConfigMap', 'a'))?.['data'], { value: 'good' })
    })

  for (const disableWaitForJobs of [false, true])
    it(`disableWaitForJobs ${disableWaitForJobs}: a Job that does not end ${disableWaitForJobs ? 'does not matter' : 'is a failure'}`, async () => {
      const job = `apiVersion: batch/v1
kind: Job
metadata: { name: long }
spec:
  template:
    metadata: { annotations: { fake-kubelet.sluice.dev/behaviour: never-ready } }
    spec: { restartPolicy: Never, containers: [{ name: job, image: example/job:1 }] }
`
      const spec = { install: { disableWaitForJobs: true }, rollback: { timeout: '2s', disableWaitForJobs } }
      const made = await good({ 'templates/long.yaml': onlyGood(job) }, spec)
      const expected = disableWaitForJobs ? 'True RollbackSucceeded' : 'False RollbackFailed'
      assert.equal(await rolledBack(made, spec), expected)
      assert.ok(await made.find('Job', 'long', 'batch/v1'))
    })

  for (const cleanupOnFail of [false, true])
    it(`cleanupOnFail ${cleanupOnFail} ${cleanupOnFail ? 'deletes' : 'keeps'} what was created where not all of it could be applied`, async () => {
      const other = `test-${crypto.randomUUID().slice(0, 8)}`
      await cluster.client.create({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: other } })
      const elsewhere = configMapTemplate('elsewhere', 'a: b', `  namespace: ${other}\n`)
      const files = { 'templates/fresh.yaml': onlyGood(`${configMapTemplate('fresh')}---\n${elsewhere}`) }
      const made = await good(files, { rollback: { cleanupOnFail } })
      await made.client.delete({ apiVersion: 'v1', kind: 'Namespace', name: other })
      assert.equal(await rolledBack(made, { rollback: { cleanupOnFail } }), 'False RollbackFailed')
      assert.equal((await made.find('ConfigMap', 'fresh')) === undefined, cleanupOnFail)
      assert.deepEqual((await made.find('ConfigMap', 'a'))?.['data'], { value: 'good' })
    })

  it('cleanupOnFail leaves alone what was applied and is slow to get healthy', async () => {
    const spec = { install: { disableWait: true }, rollback: { timeout: '1s', cleanupOnFail: true } }
    const made = await good({ 'templates/pod.yaml': onlyGood(`${neverReady}---\n${configMapTemplate('fresh')}`) }, spec)
    assert.equal(await rolledBack(made, spec), 'False RollbackFailed')
    assert.ok(await made.find('ConfigMap', 'fresh'))
    assert.deepEqual(await made.revisions(), ['v1 deployed', 'v2 failed', 'v3 failed'])
  })
})

describe('what a rollback goes back to', () => {
  it('is not forgotten, however many upgrades have failed since', async () => {
    const made = await good({}, {})
    const job = failingJobTemplate.replace('eq .Values.value "bad"', 'ne .Values.value "good"')
    await made.chart({ 'Chart.yaml': 'apiVersion: v2\nname: app\nversion: 1.0.1\n', 'templates/job.yaml': job })
    for (const text of ['1', '2', '3', '4', '5', '6']) {
      await made.release({ ...value(text), upgrade: { remediation: { retries: 0 } }, maxHistory: 0 })
      assert.equal((await made.reconcile()).reason, 'RetriesExceeded')
    }
    await made.release({ ...value('7'), upgrade, maxHistory: 0 })
    await made.reconcile()
    assert.equal(await made.condition('Remediated'), 'True RollbackSucceeded')
    assert.deepEqual((await made.find('ConfigMap', 'a'))?.['data'], { value: 'good' })
  })

  it('counts as upgraded once it is what is wanted: it is tested then, and no longer remediated', async () => {
    const made = await good({ 'templates/test.yaml': hookTemplate('test', { hook: 'test' }, 'fail') }, {})
    assert.equal(await rolledBack(made, {}), 'True RollbackSucceeded')
    // What there is, as the rollback left it; its tests fail.
    await made.release({ ...value('good'), test: { enable: true } })
    assert.equal((await made.reconcile()).reason, 'RetriesExceeded')
    assert.equal(await made.condition('Remediated'), 'none')
    assert.equal(await made.condition('Released'), 'True UpgradeSucceeded')
    assert.equal(await made.condition('Ready'), 'False TestFailed')
    assert.deepEqual(await made.revisions(), ['v1 superseded', 'v2 failed', 'v3 deployed'])
  })
})
