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

/** A ConfigMap that is there, and a Job among the chart's objects that fails with `value: bad`. */
const breakable = {
  'templates/a.yaml': configMapTemplate('a'),
  'templates/job.yaml': failingJobTemplate,
}
const value = (text: string): object => ({ values: { value: text } })

describe('what a failed action leads to', () => {
  it('install without retries: stalled, and tried again when the values change', async () => {
    const made = await scenario(breakable)
    await made.release(value('bad'))
    const failed = await made.reconcile()
    assert.equal(failed.reason, 'RetriesExceeded', failed.message)
    assert.deepEqual(await made.revisions(), ['v1 failed'])
    assert.equal(await made.condition('Stalled'), 'True RetriesExceeded')
    assert.equal(await made.condition('Ready'), 'False InstallFailed')
    assert.equal((await made.object())['status'].installFailures, 1)
    await made.reconcile()
    assert.deepEqual(await made.revisions(), ['v1 failed'])
    await made.release(value('good'))
    assert.equal((await made.reconcile()).state, 'ready')
    assert.deepEqual(await made.revisions(), ['v1 failed', 'v2 deployed'])
    assert.equal(await made.condition('Stalled'), 'none')
    assert.equal((await made.object())['status'].installFailures, undefined)
  })

  it('install with a retry: uninstalled, tried again, stalled', async () => {
    const made = await scenario(breakable)
    await made.release({ ...value('bad'), install: { remediation: { retries: 1 } } })
    const failed = await made.reconcile()
    assert.equal(failed.reason, 'RetriesExceeded', failed.message)
    const reasons = await made.events()
    assert.ok(reasons.includes('InstallFailed'), reasons.join())
    assert.ok(reasons.includes('UninstallSucceeded'))
    assert.equal((await made.object())['status'].installFailures, 2)
    assert.deepEqual(await made.revisions(), ['v1 failed'])
  })

  it('upgrade with a retry: rolled back each time, then stalled with the old release in place', async () => {
    const made = await scenario(breakable)
    await made.release({ ...value('good'), upgrade: { remediation: { retries: 1 } } })
    assert.equal((await made.reconcile()).state, 'ready')
    await made.release({ ...value('bad'), upgrade: { remediation: { retries: 1 } } })
    const failed = await made.reconcile()
    assert.equal(failed.reason, 'RetriesExceeded', failed.message)
    assert.equal(await made.condition('Remediated'), 'True RollbackSucceeded')
    assert.equal(await made.condition('Ready'), 'False RollbackSucceeded')
    assert.equal((await made.find('ConfigMap', 'a'))?.['data'].value, 'good')
    assert.equal((await made.revisions()).at(-1), 'v5 deployed')
    await made.release({ ...value('good'), upgrade: { remediation: { retries: 1 } } })
    assert.equal((await made.reconcile()).state, 'ready')
    assert.equal(await made.condition('Ready'), 'True UpgradeSucceeded')
    assert.equal((await made.revisions()).at(-1), 'v5 deployed')
  })

  it('upgrade with strategy uninstall: uninstalled, then installed afresh', async () => {
    const made = await scenario(breakable)
    const upgrade = { remediation: { retries: 0, strategy: 'uninstall', remediateLastFailure: true } }
    await made.release({ ...value('good'), upgrade })
    await made.reconcile()
    await made.release({ ...value('bad'), upgrade })
    await made.reconcile()
    const reasons = await made.events()
    assert.ok(reasons.includes('UpgradeFailed') && reasons.includes('UninstallSucceeded'), reasons.join())
    assert.equal((await made.object())['status'].lastAttemptedReleaseAction, 'install')
  })

  it('RetryOnFailure: never remediated, a failed install is upgraded, counters go with success', async () => {
    const made = await scenario(breakable)
    const install = { strategy: { name: 'RetryOnFailure', retryInterval: '1s' } }
    await made.release({ ...value('bad'), install, upgrade: install })
    const failed = await made.reconcile()
    assert.equal(failed.state, 'failed', failed.message)
    assert.equal(await made.condition('Reconciling'), 'True ProgressingWithRetry')
    assert.equal(await made.condition('Stalled'), 'none')
    await made.reconcile()
    assert.deepEqual(await made.revisions(), ['v1 failed', 'v2 failed'])
    await made.release({ ...value('good'), install, upgrade: install })
    assert.equal((await made.reconcile()).state, 'ready')
    const { status } = await made.object()
    assert.deepEqual(
      [status.failures, status.upgradeFailures, status.installFailures],
      [undefined, undefined, undefined],
    )
  })

  it('an upgrade that does not render stores nothing, and says where', async () => {
    const made = await scenario()
    await made.release(value('one'))
    await made.reconcile()
    await made.chart({
      'templates/b.yaml': 'a: {{ fail "not today" }}\n',
      'Chart.yaml': 'apiVersion: v2\nname: app\nversion: 1.0.1\n',
    })
    const failed = await made.reconcile()
    assert.equal(failed.reason, 'UpgradeFailed')
    assert.match(failed.message ?? '', /not today/)
    assert.deepEqual(await made.revisions(), ['v1 deployed'])
    assert.equal((await made.object())['status'].upgradeFailures, undefined)
    assert.equal((await made.object())['status'].failures, 1)
  })

  it('forceAt upgrades once, resetAt clears the counters', async () => {
    const made = await scenario(breakable)
    await made.release(value('bad'))
    await made.reconcile()
    const ask = (token: string, more: object): Promise<void> =>
      made.release(value('bad'), { annotations: { 'reconcile.fluxcd.io/requestedAt': token, ...more } })
    await ask('1', { 'reconcile.fluxcd.io/resetAt': '1' })
    await made.reconcile()
    assert.deepEqual(await made.revisions(), ['v1 failed', 'v2 failed'])
    await ask('2', { 'reconcile.fluxcd.io/forceAt': '2' })
    await made.reconcile()
    await made.reconcile()
    assert.deepEqual(await made.revisions(), ['v1 failed', 'v2 failed', 'v3 failed'])
    const { status } = await made.object()
    assert.deepEqual([status.lastHandledForceAt, status.lastHandledReconcileAt], ['2', '2'])
  })
})

describe('hooks', () => {
  const hooks = (event: string): { [path: string]: string } => ({
    'templates/a.yaml': configMapTemplate('a'),
    'templates/one.yaml': hookTemplate('one', { hook: event, 'hook-weight': '5' }),
    'templates/two.yaml': hookTemplate('two', { hook: event, 'hook-weight': '-5' }),
  })
  const started = async (made: ReleaseScenario): Promise<string[]> => {
    const jobs = await Promise.all(['one', 'two'].map((name) => made.find('Job', name, 'batch/v1')))
    return jobs
      .filter((job) => job !== undefined)
      .toSorted((a, b) => Number(a.metadata.resourceVersion) - Number(b.metadata.resourceVersion))
      .map((job) => job.metadata.name)
  }

  for (const event of ['pre-install', 'post-install']) {
    it(`${event}: by weight`, async () => {
      const made = await scenario(hooks(event))
      await made.release()
      const ready = await made.reconcile()
      assert.equal(ready.state, 'ready', ready.message)
      assert.deepEqual(await started(made), ['two', 'one'])
    })
  }

  it('pre- and post-upgrade run with an upgrade only, also those of both events', async () => {
    const made = await scenario({
      'templates/a.yaml': configMapTemplate('a'),
      'templates/one.yaml': hookTemplate('one', { hook: 'pre-upgrade' }),
      'templates/two.yaml': hookTemplate('two', { hook: 'post-install,post-upgrade' }),
    })
    await made.release(value('one'))
    await made.reconcile()
    assert.equal(await made.find('Job', 'one', 'batch/v1'), undefined)
    const before = (await made.find('Job', 'two', 'batch/v1'))?.metadata.uid
    assert.ok(before)
    await made.release(value('two'))
    const ready = await made.reconcile()
    assert.equal(ready.state, 'ready', ready.message)
    assert.ok(await made.find('Job', 'one', 'batch/v1'))
    assert.notEqual((await made.find('Job', 'two', 'batch/v1'))?.metadata.uid, before)
  })

  it('pre- and post-delete run with an uninstall', async () => {
    const made = await scenario({
      'templates/a.yaml': configMapTemplate('a'),
      'templates/one.yaml': hookTemplate('one', { hook: 'pre-delete' }),
      'templates/two.yaml': hookTemplate('two', { hook: 'post-delete' }),
    })
    await made.release()
    await made.reconcile()
    await made.client.delete({
      apiVersion: 'helm.toolkit.fluxcd.io/v2',
      kind: 'HelmRelease',
      namespace: made.namespace,
      name: 'app',
    })
    const gone = await made.reconcile()
    assert.equal(gone.reason, 'Deleted', gone.message)
    assert.equal((await started(made)).length, 2)
    assert.equal(await made.find('ConfigMap', 'a'), undefined)
    assert.deepEqual(await made.revisions(), [])
  })

  it('delete policies: hook-succeeded, hook-failed, and neither', async () => {
    const made = await scenario({
      'templates/a.yaml': configMapTemplate('a'),
      'templates/one.yaml': hookTemplate('one', { hook: 'pre-install', 'hook-delete-policy': 'hook-succeeded' }),
      'templates/two.yaml': hookTemplate(
        'two',
        { hook: 'post-install', 'hook-delete-policy': 'hook-failed', 'hook-weight': '1' },
        'fail',
      ),
      'templates/three.yaml': hookTemplate('three', { hook: 'post-install' }),
    })
    await made.release()
    const failed = await made.reconcile()
    assert.match(
      (await made.object())['status'].conditions.find((c: { type: string }) => c.type === 'Released').message,
      /post-install/,
      failed.message,
    )
    assert.equal(await made.find('Job', 'one', 'batch/v1'), undefined)
    assert.equal(await made.find('Job', 'two', 'batch/v1'), undefined)
    assert.ok(await made.find('Job', 'three', 'batch/v1'))
    assert.deepEqual(await made.revisions(), ['v1 failed'])
  })

  it('disableHooks leaves them out', async () => {
    const made = await scenario(hooks('pre-install'))
    await made.release({ install: { disableHooks: true } })
    await made.reconcile()
    assert.deepEqual(await started(made), [])
  })
})

describe('tests of a release', () => {
  const files = (behaviour = ''): { [path: string]: string } => ({
    'templates/a.yaml': configMapTemplate('a'),
    'templates/one.yaml': hookTemplate('one', { hook: 'test' }, behaviour),
    'templates/two.yaml': hookTemplate('two', { hook: 'test' }),
  })

  it('run after an install, once, and are in the history', async () => {
    const made = await scenario(files())
    await made.release({ test: { enable: true } })
    const ready = await made.reconcile()
    assert.equal(ready.state, 'ready', ready.message)
    assert.equal(await made.condition('TestSuccess'), 'True TestSucceeded')
    assert.equal(await made.condition('Ready'), 'True TestSucceeded')
    const { testHooks } = (await made.object())['status'].history[0]
    assert.deepEqual(Object.keys(testHooks).sort(), ['one', 'two'])
    assert.equal(testHooks.one.phase, 'Succeeded')
    const uid = (await made.find('Job', 'one', 'batch/v1'))?.metadata.uid
    await made.reconcile()
    assert.equal((await made.find('Job', 'one', 'batch/v1'))?.metadata.uid, uid)
  })

  it('filters choose them', async () => {
    const made = await scenario(files('fail'))
    await made.release({ test: { enable: true, filters: [{ name: 'one', exclude: true }] } })
    const ready = await made.reconcile()
    assert.equal(ready.state, 'ready', ready.message)
    assert.equal(await made.find('Job', 'one', 'batch/v1'), undefined)
    assert.deepEqual(Object.keys((await made.object())['status'].history[0].testHooks), ['two'])
  })

  it('a failure is remediated, unless it is ignored', async () => {
    const made = await scenario(files('fail'))
    await made.release({ test: { enable: true } })
    const failed = await made.reconcile()
    assert.equal(failed.reason, 'RetriesExceeded', failed.message)
    assert.equal(await made.condition('TestSuccess'), 'False TestFailed')
    const ignoring = await scenario(files('fail'))
    await ignoring.release({ test: { enable: true, ignoreFailures: true } })
    assert.equal((await ignoring.reconcile()).state, 'ready')
    assert.equal(await ignoring.condition('Ready'), 'True InstallSucceeded')
  })

  it('test.timeout takes the place of spec.timeout', async () => {
    const made = await scenario(files('succeed-after=2500ms'))
    await made.release({ timeout: '1s', test: { enable: true, timeout: '20s' } })
    assert.equal((await made.reconcile()).state, 'ready')
    const other = await scenario(files('never-ready'))
    await other.release({ test: { enable: true, timeout: '1s' } })
    assert.equal((await other.reconcile()).reason, 'RetriesExceeded')
    const { status } = await other.object()
    const { reason, message } = status.conditions.find((one: { type: string }) => one.type === 'TestSuccess')
    assert.equal(reason, 'TestFailed')
    assert.match(message, /timed out/)
    assert.equal(status.history[0].testHooks.one.phase, 'Failed')
  })
})
