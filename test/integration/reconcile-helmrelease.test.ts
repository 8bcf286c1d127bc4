import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { existsSync, readFileSync, globSync } from 'node:fs'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { promisify } from 'node:util'
import { fileURLToPath } from 'node:url'
import { useCluster } from '../support/cluster.ts'
import { helmBinary, noHelm } from '../support/helm-binary.ts'
import { createScenario, nodeOf, type Scenario } from '../support/scenario.ts'

const cluster = useCluster()
const run = promisify(execFile)
const open: Scenario[] = []
after(async () => {
  for (const made of open) await made.close()
})

const chartRoot = fileURLToPath(new URL('../demo/repository/charts/greeter/', import.meta.url))
const chart = Object.fromEntries(
  globSync('**/*.*', { cwd: chartRoot }).map((path) => [
    `charts/greeter/${path}`,
    readFileSync(join(chartRoot, path), 'utf8'),
  ]),
)

const release = (extra = '', values = '    greeting: Hello\n'): string => `apiVersion: helm.toolkit.fluxcd.io/v2
kind: HelmRelease
metadata:
  name: greeter
  namespace: $NAMESPACE
spec:
  interval: 10m
  timeout: 1m
  chart:
    spec:
      chart: ./charts/greeter
      reconcileStrategy: Revision
      sourceRef:
        kind: GitRepository
        name: app
${extra}  values:
${values}`

async function scenario(files: { readonly [path: string]: string } = {}): Promise<Scenario> {
  const made = await createScenario(cluster, { files: { ...chart, ...files } })
  open.push(made)
  return made
}

async function apply(made: Scenario, text: string): Promise<void> {
  const { parse } = await import('yaml')
  await made.client.apply(parse(text.replaceAll('$NAMESPACE', made.namespace)) as object)
}

const ref = (made: Scenario) => ({
  apiVersion: 'helm.toolkit.fluxcd.io/v2',
  kind: 'HelmRelease',
  namespace: made.namespace,
  name: 'greeter',
})
const deployment = (made: Scenario) => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  namespace: made.namespace,
  name: 'greeter',
})
const secrets = async (made: Scenario) =>
  (
    await made.client.list(
      { apiVersion: 'v1', kind: 'Secret', namespace: made.namespace },
      { labelSelector: 'owner=helm,name=greeter' },
    )
  ).map((secret) => `${secret.metadata.name.split('.').at(-1)} ${secret.metadata.labels?.['status']}`)

describe('a HelmRelease of a chart in the Git source', () => {
  it('is installed, upgraded by a push of the chart and by a change of the values, and uninstalled', async () => {
    const made = await scenario()
    await apply(made, release())
    const installed = await made.pushed()
    assert.equal(installed.state, 'succeeded', JSON.stringify(installed))
    assert.equal((await made.client.get(deployment(made)))['status'].readyReplicas, 1)
    assert.deepEqual(await secrets(made), ['v1 deployed'])
    const { status } = await made.client.get(ref(made))
    const commit = (await made.repository.head()) ?? ''
    assert.equal(status.history.length, 1)
    assert.equal(status.history[0].chartVersion, `0.3.0+${commit.slice(0, 12)}`)
    assert.equal(status.history[0].status, 'deployed')
    assert.equal(status.lastAttemptedReleaseAction, 'install')
    const ready = status.conditions.find((condition: { type: string }) => condition.type === 'Ready')
    assert.deepEqual([ready.status, ready.reason], ['True', 'InstallSucceeded'])
    assert.match(
      ready.message,
      new RegExp(`^Helm install succeeded for release ${made.namespace}/greeter\\.v1 with chart greeter@0\\.3\\.0\\+`),
    )
    const labels = (await made.client.get(deployment(made))).metadata.labels
    assert.equal(labels?.['helm.toolkit.fluxcd.io/name'], 'greeter')
    assert.equal(labels?.['app.kubernetes.io/managed-by'], 'Helm')

    const template = readFileSync(join(chartRoot, 'templates/service.yaml'), 'utf8')
    const upgraded = await made.push({
      'charts/greeter/templates/service.yaml': template.replace('targetPort: http', 'targetPort: 8080'),
    })
    assert.equal(upgraded.state, 'succeeded', JSON.stringify(upgraded))
    assert.deepEqual((await secrets(made)).toSorted(), ['v1 superseded', 'v2 deployed'])
    await apply(made, release('', '    serviceAccount: { create: false }\n    greeting: Hi\n'))
    const again = await made.scan()
    assert.equal(again.state, 'succeeded', JSON.stringify(again))
    assert.equal(
      await made.client.find({ apiVersion: 'v1', kind: 'ServiceAccount', namespace: made.namespace, name: 'greeter' }),
      undefined,
    )
    assert.equal(
      (await made.client.get({ apiVersion: 'v1', kind: 'ConfigMap', namespace: made.namespace, name: 'greeter' }))[
        'data'
      ]['greeting.txt'],
      'Hi',
    )

    await made.client.delete(ref(made))
    const gone = await made.scan()
    assert.equal(gone.state, 'succeeded', JSON.stringify(gone))
    assert.equal(await made.client.find(ref(made)), undefined)
    assert.equal(await made.client.find(deployment(made)), undefined)
    assert.deepEqual(await secrets(made), [])
  })

  it('does nothing when nothing changed', async () => {
    const made = await scenario()
    await apply(made, release())
    await made.pushed()
    const again = await made.run({ kind: 'trigger', target: 'cluster' })
    assert.equal(nodeOf(again.record, 'HelmRelease/greeter').state, 'ready')
    assert.deepEqual(await secrets(made), ['v1 deployed'])
  })

  it('finds drift and corrects it', async () => {
    const made = await scenario()
    await apply(made, release('  driftDetection:\n    mode: enabled\n'))
    await made.pushed()
    await made.client.patch(deployment(made), { spec: { replicas: 5 } })
    const { record } = await made.run({ kind: 'trigger', target: 'cluster' })
    const changes = nodeOf(record, 'HelmRelease/greeter').changes
    assert.deepEqual(
      changes.map((change) => [change.action, change.drift?.map((found) => found.path)]),
      [['configured', ['.spec.replicas']]],
    )
    assert.equal((await made.client.get(deployment(made)))['spec'].replicas, 1)
    const drifted = (await made.client.get(ref(made)))['status'].conditions.find(
      (condition: { type: string }) => condition.type === 'Drifted',
    )
    assert.deepEqual([drifted.status, drifted.reason], ['False', 'NoDriftDetected'])
    const events = await made.client.list({ apiVersion: 'v1', kind: 'Event', namespace: made.namespace })
    assert.ok(events.some((event) => event['reason'] === 'DriftDetected'))
    assert.ok(events.some((event) => event['reason'] === 'DriftCorrected'))
  })

  it('says where a template fails, and recovers with the fix', async () => {
    const made = await scenario({ 'charts/greeter/templates/broken.yaml': 'a: {{ .Values.nothing.here }}\n' })
    await apply(made, release())
    const failed = nodeOf(await made.pushed(), 'HelmRelease/greeter')
    assert.equal(failed.state, 'failed')
    assert.equal(failed.reason, 'InstallFailed')
    assert.match(failed.message ?? '', /greeter\/templates\/broken\.yaml:1:/)
    assert.deepEqual(await secrets(made), [])
    const fixed = await made.push({ 'charts/greeter/templates/broken.yaml': null })
    assert.equal(fixed.state, 'succeeded', JSON.stringify(fixed))
  })

  it('takes values from ConfigMaps and Secrets, and names what is missing', async () => {
    const made = await scenario()
    await apply(made, release('  valuesFrom:\n    - kind: Secret\n      name: more\n'))
    const missing = nodeOf(await made.pushed(), 'HelmRelease/greeter')
    assert.equal(missing.reason, 'ValuesError')
    assert.match(missing.message ?? '', /could not find Secret\/.*\/more/)
    await made.client.create({
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 'more', namespace: made.namespace },
      stringData: { 'values.yaml': 'replicaCount: 2\ngreeting: lost\n' },
    })
    const { record } = await made.run({ kind: 'trigger', target: 'cluster' })
    assert.equal(record.state, 'succeeded', JSON.stringify(record))
    assert.equal((await made.client.get(deployment(made)))['spec'].replicas, 2)
  })

  it('runs hooks once, in order', async () => {
    const hook = (name: string, event: string) =>
      `apiVersion: batch/v1\nkind: Job\nmetadata:\n  name: ${name}\n  annotations:\n    helm.sh/hook: ${event}\nspec:\n  template:\n    spec:\n      restartPolicy: Never\n      containers: [{ name: job, image: example/job:1 }]\n`
    const made = await scenario({
      'charts/greeter/templates/before.yaml': hook('before', 'pre-install'),
      'charts/greeter/templates/after.yaml': hook('after', 'post-install'),
    })
    await apply(made, release())
    const record = await made.pushed()
    assert.equal(record.state, 'succeeded', JSON.stringify(record))
    const job = async (name: string) =>
      await made.client.get({ apiVersion: 'batch/v1', kind: 'Job', namespace: made.namespace, name })
    const created = Date.parse((await made.client.get(deployment(made))).metadata.creationTimestamp ?? '')
    assert.ok(Date.parse((await job('before'))['status'].completionTime) <= created + 1000)
    assert.ok(Date.parse((await job('after')).metadata.creationTimestamp ?? '') >= created - 1000)
  })
})

describe('the real helm', () => {
  it('lists our releases, shows their history, values and manifest', async (t) => {
    const helm = await helmBinary()
    if (helm === undefined) return t.skip(noHelm)
    const made = await scenario()
    await apply(made, release())
    await made.pushed()
    const call = async (...args: string[]): Promise<string> =>
      (await run(helm, [...args, '-n', made.namespace, '--kubeconfig', cluster.address.kubeconfigPath])).stdout
    const listed = JSON.parse(await call('list', '-o', 'json')) as {
      name: string
      revision: string
      status: string
      chart: string
      app_version: string
    }[]
    assert.deepEqual(
      listed.map(({ name, revision, status, app_version }) => [name, revision, status, app_version]),
      [['greeter', '1', 'deployed', '1.2.0']],
    )
    const history = JSON.parse(await call('history', 'greeter', '-o', 'json')) as {
      revision: number
      status: string
      description: string
    }[]
    assert.deepEqual(
      history.map(({ revision, status, description }) => [revision, status, description]),
      [[1, 'deployed', 'Install complete']],
    )
    assert.match(await call('get', 'values', 'greeter'), /greeting: Hello/)
    assert.match(await call('get', 'manifest', 'greeter'), /kind: Deployment/)
    assert.ok(existsSync(cluster.address.kubeconfigPath))
  })
})
