import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { KubeRequest } from '../../src/ports/index.ts'
import { runJob, type JobResult } from '../../src/reconcile/index.ts'
import { useCluster } from '../support/cluster.ts'
import { createInjectingTransport } from '../support/cut-transport.ts'
import {
  configMapTemplate,
  dataOf,
  makeReady,
  messageOf,
  useReleaseScenarios,
  type ReleaseScenario,
} from '../support/release-scenario.ts'
import { nodeOf } from '../support/scenario.ts'

const cluster = useCluster()
const scenario = useReleaseScenarios(cluster)

const value = (text: string): { values: { value: string } } => ({ values: { value: text } })

describe('how objects are applied', () => {
  it('disableOpenAPIValidation lets unknown fields through', async () => {
    const files = { 'templates/a.yaml': `${configMapTemplate('a')}unknown: true\n` }
    const made = await scenario(files)
    await made.release({ install: { remediation: { retries: -1 } } })
    const failed = await made.reconcile()
    assert.match(messageOf(await made.object(), 'Released'), /unknown/, failed.message)
    const other = await scenario(files)
    await other.release({ install: { disableOpenAPIValidation: true, serverSideApply: false } })
    await makeReady(other)
  })

  /** A scenario whose server answers 503 to requests that `isHit` picks, while `isBusy`; `hits` counts them. */
  const busyScenario = async (
    isHit: (request: KubeRequest, hits: number) => boolean,
  ): Promise<{ made: ReleaseScenario; state: { isBusy: boolean; hits: number } }> => {
    const state = { isBusy: true, hits: 0 }
    const body = { kind: 'Status', status: 'Failure', code: 503, reason: 'ServiceUnavailable', message: 'busy' }
    const made = await scenario(undefined, {
      wrapTransport: (inner) =>
        createInjectingTransport(inner, (request) => {
          if (!state.isBusy || !isHit(request, state.hits)) return undefined
          state.hits += 1
          return { status: 503, body }
        }),
    })
    return { made, state }
  }
  const lookOnce = async (made: ReleaseScenario): Promise<JobResult> =>
    await runJob(made.deps, {
      kind: 'trigger',
      target: 'cluster',
      runId: crypto.randomUUID(),
      cluster: 'test',
      receivedAt: Date.now(),
    })
  const isLastWrite = ({ method, body }: KubeRequest): boolean =>
    method === 'PUT' && typeof body === 'string' && body.includes('"finished\\":')

  it('a server that is busy with one object fails no release: what has begun waits, and is gone on with', async () => {
    const { made, state } = await busyScenario(
      ({ method, path }) => method === 'PATCH' && path.includes('/configmaps/a?'),
    )
    await made.release()
    const { record, requeueAfterMs } = await lookOnce(made)
    const node = nodeOf(record, 'HelmRelease/app')
    assert.equal(node.state, 'waiting', node.message)
    assert.match(node.message ?? '', /ConfigMap\/.*\/a: /)
    assert.ok(requeueAfterMs !== undefined)
    assert.equal(await made.condition('Ready'), 'Unknown Progressing')
    assert.match(messageOf(await made.object(), 'Ready'), /ConfigMap\/.*\/a: /)
    assert.deepEqual(await made.revisions(), ['v1 pending-install'])
    assert.deepEqual(await made.events(), ['HelmChartCreated'])
    state.isBusy = false
    await makeReady(made)
    assert.deepEqual(await made.revisions(), ['v1 deployed'])
    assert.equal((await made.object())['status'].installFailures, undefined)
    assert.ok(!(await made.events()).includes('ReconcileError'))
  })

  it('a server that stays busy fails the release when the time of the operation is over', async () => {
    const { made, state } = await busyScenario(
      ({ method, path }) => method === 'PATCH' && path.includes('/configmaps/a?'),
    )
    await made.release({ timeout: '5s' })
    const { record } = await lookOnce(made)
    assert.equal(nodeOf(record, 'HelmRelease/app').state, 'waiting')
    const failed = await made.reconcile()
    assert.equal(failed.state, 'failed', failed.message)
    assert.equal(failed.reason, 'ReconcileError')
    assert.equal(await made.condition('Ready'), 'False ReconcileError')
    assert.deepEqual((await made.events()).toSorted(), ['HelmChartCreated', 'ReconcileError'])
    assert.deepEqual(await made.revisions(), ['v1 pending-install'])
    state.isBusy = false
    await makeReady(made)
  })

  it('a release whose last write found the server busy is finished by the same run', async () => {
    const { made, state } = await busyScenario((request, hits) => hits === 0 && isLastWrite(request))
    await made.release(value('one'))
    await makeReady(made)
    assert.equal(state.hits, 1)
    await made.release(value('two'))
    state.hits = 0
    const { record, requeueAfterMs } = await lookOnce(made)
    assert.equal(state.hits, 1)
    assert.equal(nodeOf(record, 'HelmRelease/app').state, 'waiting')
    assert.ok(requeueAfterMs !== undefined)
    assert.deepEqual(await made.revisions(), ['v1 superseded', 'v2 pending-upgrade'])
    await makeReady(made)
    assert.deepEqual(await made.revisions(), ['v1 superseded', 'v2 deployed'])
    const { status } = await made.object()
    assert.deepEqual([status.failures, status.upgradeFailures], [undefined, undefined])
    assert.deepEqual((await made.events()).toSorted(), ['HelmChartCreated', 'InstallSucceeded', 'UpgradeSucceeded'])
  })

  it('a deletion that finds the server busy waits, and is gone on with', async () => {
    const { made, state } = await busyScenario(
      ({ method, path }) => method === 'DELETE' && path.includes('/configmaps/a'),
    )
    await made.release()
    await makeReady(made)
    const { metadata } = await made.object()
    await made.client.delete({
      apiVersion: 'helm.toolkit.fluxcd.io/v2',
      kind: 'HelmRelease',
      namespace: made.namespace,
      name: metadata.name,
    })
    const { record, requeueAfterMs } = await lookOnce(made)
    assert.equal(nodeOf(record, 'HelmRelease/app').state, 'waiting')
    assert.ok(requeueAfterMs !== undefined)
    assert.deepEqual(await made.revisions(), ['v1 uninstalling'])
    state.isBusy = false
    await makeReady(made)
    assert.deepEqual(await made.revisions(), [])
    assert.equal(await made.find('ConfigMap', 'a'), undefined)
    assert.ok(!(await made.events()).includes('ReconcileError'))
  })

  it('an install that finds the server busy before the release is stored counts no failure, and is begun again', async () => {
    const { made, state } = await busyScenario(({ method, path }) => method === 'POST' && path.includes('/secrets'))
    await made.release({ timeout: '3s' })
    const { record, requeueAfterMs } = await lookOnce(made)
    const node = nodeOf(record, 'HelmRelease/app')
    assert.equal(node.state, 'waiting', node.message)
    assert.ok(requeueAfterMs !== undefined)
    assert.equal(await made.condition('Ready'), 'Unknown Progressing')
    assert.equal(await made.condition('Released'), 'none')
    const failed = await made.reconcile()
    assert.equal(failed.state, 'failed')
    assert.deepEqual((await made.events()).toSorted(), ['HelmChartCreated', 'ReconcileError'])
    const { status } = await made.object()
    assert.deepEqual([status.failures, status.installFailures], [undefined, undefined])
    assert.deepEqual(await made.revisions(), [])
    state.isBusy = false
    await makeReady(made)
    assert.deepEqual(await made.revisions(), ['v1 deployed'])
  })

  it('an upgrade that finds the server busy before the release is stored counts no failure, and is begun again', async () => {
    const { made, state } = await busyScenario(({ method, path }) => method === 'GET' && path.includes('/configmaps/b'))
    await made.release()
    await makeReady(made)
    await made.chart({
      'Chart.yaml': 'apiVersion: v2\nname: app\nversion: 1.0.1\n',
      'templates/b.yaml': configMapTemplate('b'),
    })
    await made.release({ upgrade: { disableTakeOwnership: true } })
    const { record, requeueAfterMs } = await lookOnce(made)
    const node = nodeOf(record, 'HelmRelease/app')
    assert.equal(node.state, 'waiting', node.message)
    assert.match(node.message ?? '', /unable to continue with update/)
    assert.ok(requeueAfterMs !== undefined)
    assert.equal(await made.condition('Released'), 'True InstallSucceeded')
    state.isBusy = false
    await makeReady(made)
    assert.deepEqual(await made.revisions(), ['v1 superseded', 'v2 deployed'])
    const { status } = await made.object()
    assert.deepEqual([status.failures, status.upgradeFailures], [undefined, undefined])
    assert.deepEqual((await made.events()).toSorted(), ['HelmChartCreated', 'InstallSucceeded', 'UpgradeSucceeded'])
  })

  it('disableTakeOwnership refuses objects of others; by default they are taken', async () => {
    const foreign = async (made: ReleaseScenario): Promise<void> => {
      await made.client.apply({
        apiVersion: 'v1',
        kind: 'ConfigMap',
        metadata: { name: 'a', namespace: made.namespace },
        data: { value: 'mine' },
      })
    }
    const made = await scenario()
    await foreign(made)
    await made.release({ install: { disableTakeOwnership: true } })
    const failed = await made.reconcile()
    assert.match(failed.message ?? '', /invalid ownership metadata|cannot be imported/)
    assert.deepEqual(await dataOf(made), { value: 'mine' })
    await made.release()
    await makeReady(made)
    assert.deepEqual(await dataOf(made), { value: 'default' })
  })

  it('serverSideApply off applies on the client, and an upgrade patches what has changed only', async () => {
    const made = await scenario({ 'templates/a.yaml': configMapTemplate('a', 'value: {{ .Values.value }}\n  old: x') })
    await made.release({ ...value('one'), install: { serverSideApply: false } })
    await makeReady(made)
    const manager = (await made.find('ConfigMap', 'a'))?.metadata['managedFields'] as { operation: string }[]
    assert.deepEqual([...new Set(manager.map((entry) => entry.operation))], ['Update'])
    await made.client.patch(
      { apiVersion: 'v1', kind: 'ConfigMap', namespace: made.namespace, name: 'a' },
      { data: { byHand: 'kept' } },
    )
    await made.chart({
      'Chart.yaml': 'apiVersion: v2\nname: app\nversion: 1.0.1\n',
      'templates/a.yaml': configMapTemplate('a', 'value: {{ .Values.value }}'),
    })
    await made.release(value('two'))
    await makeReady(made)
    assert.deepEqual(await dataOf(made), { value: 'two', byHand: 'kept' })
  })

  it('upgrade.serverSideApply: disabled applies on the client, auto keeps to that, enabled takes over again', async () => {
    const made = await scenario({ 'templates/a.yaml': configMapTemplate('a', 'value: {{ .Values.value }}\n  old: x') })
    const operations = async (): Promise<string[]> => {
      const entries = (await made.find('ConfigMap', 'a'))?.metadata['managedFields'] as {
        manager: string
        operation: string
      }[]
      return entries.filter(({ manager }) => manager === 'helm-controller').map(({ operation }) => operation)
    }
    await made.release(value('one'))
    await makeReady(made)
    assert.deepEqual(await operations(), ['Apply'])
    await made.chart({
      'Chart.yaml': 'apiVersion: v2\nname: app\nversion: 1.0.1\n',
      'templates/a.yaml': configMapTemplate('a'),
    })
    for (const [mode, text, expected] of [
      ['disabled', 'two', ['Apply', 'Update']],
      ['auto', 'three', ['Apply', 'Update']],
      ['enabled', 'four', ['Apply']],
    ] as const) {
      await made.release({ ...value(text), upgrade: { serverSideApply: mode } })
      await makeReady(made)
      assert.deepEqual(await dataOf(made), { value: text })
      assert.deepEqual((await operations()).toSorted(), expected, mode)
    }
  })

  it('upgrade.force replaces objects instead of patching them: what others have added goes', async () => {
    const made = await scenario({ 'templates/a.yaml': configMapTemplate('a') })
    await made.release({ ...value('one'), install: { serverSideApply: false } })
    await makeReady(made)
    await made.client.patch(
      { apiVersion: 'v1', kind: 'ConfigMap', namespace: made.namespace, name: 'a' },
      { data: { byHand: 'lost' } },
    )
    await made.release({ ...value('two'), upgrade: { force: true } })
    await makeReady(made)
    assert.deepEqual(await dataOf(made), { value: 'two' })
  })

  it('disableWait does not wait for health', async () => {
    const pod = `apiVersion: v1
kind: Pod
metadata: { name: never, annotations: { fake-kubelet.sluice.dev/behaviour: never-ready } }
spec: { containers: [{ name: c, image: example/app:1 }] }
`
    const made = await scenario({ 'templates/pod.yaml': pod })
    await made.release({ timeout: '700ms', install: { disableWait: true } })
    await makeReady(made)
    const other = await scenario({ 'templates/pod.yaml': pod })
    await other.release({ timeout: '700ms' })
    assert.equal((await other.reconcile()).state, 'failed')
    assert.match(messageOf(await other.object(), 'Released'), /never/)
  })

  it('disableWaitForJobs does not wait for Jobs', async () => {
    const job = `apiVersion: batch/v1
kind: Job
metadata: { name: long }
spec:
  template:
    metadata: { annotations: { fake-kubelet.sluice.dev/behaviour: never-ready } }
    spec: { restartPolicy: Never, containers: [{ name: job, image: example/job:1 }] }
`
    const made = await scenario({ 'templates/job.yaml': job })
    await made.release({ timeout: '2s', install: { disableWaitForJobs: true } })
    await makeReady(made)
  })

  it('commonMetadata and postRenderers reach every object, and a change of them upgrades', async () => {
    const made = await scenario({ 'templates/a.yaml': configMapTemplate('a') })
    const postRenderers = (text: string): object => ({
      postRenderers: [
        {
          kustomize: {
            patches: [
              { target: { kind: 'ConfigMap', name: 'a' }, patch: `- { op: add, path: /data/patched, value: ${text} }` },
            ],
          },
        },
      ],
    })
    await made.release({ commonMetadata: { labels: { team: 'a' } }, ...postRenderers('one') })
    await makeReady(made)
    assert.deepEqual(await dataOf(made), { value: 'default', patched: 'one' })
    assert.equal((await made.find('ConfigMap', 'a'))?.metadata.labels?.['team'], 'a')
    await made.release({ commonMetadata: { labels: { team: 'a' } }, ...postRenderers('two') })
    await makeReady(made)
    assert.deepEqual(await dataOf(made), { value: 'default', patched: 'two' })
    await made.release({ commonMetadata: { labels: { team: 'b' } }, ...postRenderers('two') })
    await makeReady(made)
    assert.equal((await made.find('ConfigMap', 'a'))?.metadata.labels?.['team'], 'b')
    assert.equal((await made.revisions()).length, 3)
  })
})
