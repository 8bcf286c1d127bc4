import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it, type TestContext } from 'node:test'
import { promisify } from 'node:util'
import { useCluster } from '../support/cluster.ts'
import { helmBinary, noHelm } from '../support/helm-binary.ts'
import { configMapTemplate, createReleaseScenario, type ReleaseScenario } from '../support/release-scenario.ts'

const cluster = useCluster()
const open: ReleaseScenario[] = []
after(async () => {
  for (const made of open) await made.close()
})

/** The real helm in the scenario's namespace; undefined (and the test skipped) where there is none. */
async function start(
  t: TestContext,
): Promise<{ made: ReleaseScenario; helm: (...args: string[]) => Promise<string> } | undefined> {
  const binary = await helmBinary()
  if (binary === undefined) {
    t.skip(noHelm)
    return undefined
  }
  const made = await createReleaseScenario(cluster, { files: { 'templates/a.yaml': configMapTemplate('a') } })
  open.push(made)
  const args = ['-n', made.namespace, '--kubeconfig', cluster.address.kubeconfigPath]
  return { made, helm: async (...more) => (await promisify(execFile)(binary, [...more, ...args])).stdout }
}

const value = (text: string): object => ({ values: { value: text } })

describe('the real helm and our releases', () => {
  it('rolls one back; ours notices, and upgrades to what is wanted', async (t) => {
    const started = await start(t)
    if (started === undefined) return
    const { made, helm } = started
    await made.release(value('one'))
    await made.reconcile()
    await made.release(value('two'))
    await made.reconcile()
    assert.match(await helm('get', 'values', 'app'), /value: two/)
    assert.match(await helm('get', 'manifest', 'app'), /kind: ConfigMap/)
    // Fields that helm-controller applied are taken over only on request.
    await helm('rollback', 'app', '1', '--force-conflicts')
    assert.equal((await made.find('ConfigMap', 'a'))?.['data'].value, 'one')
    assert.deepEqual(await made.revisions(), ['v1 superseded', 'v2 superseded', 'v3 deployed'])
    const node = await made.reconcile()
    assert.equal(node.state, 'ready', node.message)
    assert.equal((await made.find('ConfigMap', 'a'))?.['data'].value, 'two')
    assert.deepEqual((await made.revisions()).at(-1), 'v4 deployed')
    const history = JSON.parse(await helm('history', 'app', '-o', 'json')) as { revision: number; status: string }[]
    assert.deepEqual(
      history.map(({ revision, status }) => `${revision} ${status}`),
      ['1 superseded', '2 superseded', '3 superseded', '4 deployed'],
    )
  })

  it('uninstalls one; ours installs it again', async (t) => {
    const started = await start(t)
    if (started === undefined) return
    const { made, helm } = started
    await made.release(value('one'))
    await made.reconcile()
    await helm('uninstall', 'app')
    assert.equal(await made.find('ConfigMap', 'a'), undefined)
    const node = await made.reconcile()
    assert.equal(node.state, 'ready', node.message)
    assert.deepEqual(await made.revisions(), ['v1 deployed'])
  })

  it('has made one that ours goes on from', async (t) => {
    const started = await start(t)
    if (started === undefined) return
    const { made, helm } = started
    const chart = await mkdtemp(join(tmpdir(), 'sluice-chart-'))
    await mkdir(join(chart, 'templates'))
    await writeFile(join(chart, 'Chart.yaml'), 'apiVersion: v2\nname: app\nversion: 1.0.0\n')
    await writeFile(join(chart, 'templates/a.yaml'), configMapTemplate('a'))
    await helm('install', 'app', chart, '--set', 'value=byhand')
    await rm(chart, { recursive: true })
    await made.release(value('ours'))
    const node = await made.reconcile()
    assert.equal(node.state, 'ready', node.message)
    assert.deepEqual(await made.revisions(), ['v1 superseded', 'v2 deployed'])
    assert.equal((await made.find('ConfigMap', 'a'))?.['data'].value, 'ours')
    assert.equal(JSON.parse(await helm('list', '-o', 'json'))[0].revision, '2')
  })
})
