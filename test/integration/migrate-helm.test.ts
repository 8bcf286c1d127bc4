import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { promisify } from 'node:util'
import { bundleCli, writeKubeconfig, type Cli, type CliResult } from '../support/cli.ts'
import { useCluster } from '../support/cluster.ts'
import { helmBinary, noHelm } from '../support/helm-binary.ts'
import type { TestObject } from '../support/kube-test-client.ts'
import { eventually } from '../support/plan-scene.ts'
import { createReleaseScenario, type ReleaseScenario } from '../support/release-scenario.ts'

const cluster = useCluster()
const chart = {
  'Chart.yaml': 'apiVersion: v2\nname: app\nversion: 1.0.0\nappVersion: "3.1"\n',
  'values.yaml': 'value: default\ndb: { user: app, password: "" }\n',
  'templates/a.yaml': `apiVersion: v1
kind: ConfigMap
metadata: { name: {{ .Release.Name }} }
data: { value: {{ .Values.value | quote }}, user: {{ .Values.db.user }} }
---
apiVersion: v1
kind: Secret
metadata: { name: {{ .Release.Name }} }
stringData: { password: {{ .Values.db.password | quote }} }
---
apiVersion: apps/v1
kind: Deployment
metadata: { name: {{ .Release.Name }} }
spec:
  selector: { matchLabels: { app: {{ .Release.Name }} } }
  template:
    metadata: { labels: { app: {{ .Release.Name }} } }
    spec: { containers: [{ name: app, image: "example/app:1" }] }
`,
}

interface Answer {
  readonly releases: readonly {
    readonly name: string
    readonly manifests: readonly TestObject[]
    readonly secretValues: readonly string[]
    readonly committed: {
      readonly message: string
      readonly changes: readonly { readonly object: string; readonly action: string }[]
    }
    readonly withAdopt: { readonly message: string; readonly state: string }
    readonly adopted: boolean
  }[]
  readonly leftOut: readonly { readonly object: string; readonly reason: string }[]
}

describe('migrate helm', { timeout: 300_000 }, () => {
  let directory: string
  let cli: Cli
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'sluice-helm-'))
    cli = await bundleCli(directory)
    await writeKubeconfig(join(directory, 'kubeconfig'), cluster.address)
    for (const [path, text] of Object.entries(chart)) {
      const file = join(directory, 'chart', path)
      await mkdir(dirname(file), { recursive: true })
      await writeFile(file, text)
    }
  })
  after(() => rm(directory, { recursive: true, force: true }))

  const migrate = (...args: readonly string[]): Promise<CliResult> =>
    cli.run(['migrate', 'helm', ...args, '--kubeconfig', join(directory, 'kubeconfig')])
  const answer = (result: CliResult, code = 0): Answer => {
    assert.equal(result.code, code, `${result.stderr}\n${result.stdout}`)
    return JSON.parse(result.stdout) as Answer
  }
  const fromGit = ['--source', 'GitRepository/app', '--chart', './charts/app'] as const

  const state = async (namespace: string): Promise<readonly string[]> => {
    const found: string[] = []
    for (const [apiVersion, kind] of [
      ['v1', 'ConfigMap'],
      ['v1', 'Secret'],
      ['apps/v1', 'Deployment'],
      ['apps/v1', 'ReplicaSet'],
      ['v1', 'Pod'],
    ] as const) {
      for (const { metadata } of await cluster.client.list({ apiVersion, kind, namespace })) {
        const { uid, resourceVersion, generation, name } = metadata as TestObject['metadata'] & { generation?: number }
        // The cluster puts it into every namespace, some time after it is made.
        if (name === 'kube-root-ca.crt') continue
        // Their status is written by others meanwhile.
        const isAlive = ['Deployment', 'ReplicaSet', 'Pod'].includes(kind)
        found.push(`${kind}/${name} ${isAlive ? `${uid} ${generation}` : resourceVersion}`)
      }
    }
    return found.sort()
  }

  /** A release as the helm of the command line leaves it, or as an engine whose HelmRelease is gone. */
  const installed = async (made: ReleaseScenario, helm: string | undefined): Promise<void> => {
    const values = { value: 'mine', db: { user: 'app', password: 'canary-password' } }
    if (helm !== undefined) {
      const file = join(directory, 'values.json')
      await writeFile(file, JSON.stringify(values))
      const args = ['install', 'app', join(directory, 'chart'), '-n', made.namespace, '-f', file]
      await promisify(execFile)(helm, [...args, '--kubeconfig', cluster.address.kubeconfigPath])
    } else {
      await made.release({ values })
      const node = await made.reconcile()
      assert.equal(node.state, 'ready', node.message)
      await made.release({ values, suspend: true })
      const ref = {
        apiVersion: 'helm.toolkit.fluxcd.io/v2',
        kind: 'HelmRelease',
        namespace: made.namespace,
        name: 'app',
      }
      await made.client.delete(ref)
      await made.run({ kind: 'scan' })
      assert.equal(await made.client.find(ref), undefined)
    }
    await made.client.waitFor(
      { apiVersion: 'apps/v1', kind: 'Deployment', namespace: made.namespace, name: 'app' },
      (object) => object?.['status']?.availableReplicas === 1,
    )
  }
  const scenario = async (): Promise<ReleaseScenario> => {
    const made = await createReleaseScenario(cluster, { files: { ...chart } })
    await made.run({ kind: 'scan' })
    return made
  }
  const helm = helmBinary()

  for (const isReal of [true, false]) {
    const who = isReal ? 'the real helm' : 'an engine whose HelmRelease is gone'
    it(`a release of ${who}: adopted, then reconciled without a new revision and without a write to its objects`, async (t) => {
      const binary = await helm
      if (isReal && binary === undefined) return t.skip(noHelm)
      const made = await scenario()
      try {
        const { namespace, client } = made
        await installed(made, isReal ? binary : undefined)
        const before = await state(namespace)
        const mark = await cluster.auditMark()
        const first = answer(await migrate('-n', namespace, ...fromGit))
        const [release] = first.releases
        assert.ok(release)
        assert.deepEqual([release.name, release.adopted, release.secretValues], ['app', false, ['db.password']])
        // The other engine's mark on the release says whose it was: it would be gone on with.
        assert.match(release.committed.message, isReal ? /^upgrade of app@1\.0\.0/ : /^the next action is resume/)
        assert.match(release.withAdopt.message, /the release is as wanted/)
        assert.doesNotMatch(JSON.stringify(first), /canary/)
        assert.deepEqual(release.manifests.at(-1)?.['spec'].valuesFrom, [{ kind: 'Secret', name: 'app-values' }])
        assert.deepEqual(release.manifests.at(-1)?.['spec'].values, { value: 'mine', db: { user: 'app' } })
        const early = await migrate('-n', namespace, ...fromGit, '--adopt')
        assert.match(
          early.stderr,
          /✗ app is not adopted: the Secret 'app-values' with its values is not in the cluster yet/,
        )
        const written = async (): Promise<readonly string[]> =>
          (await cluster.requestCounts(mark)).requests
            .filter(
              ({ verb, uri, namespace: where }) =>
                where === namespace && !['get', 'list', 'watch'].includes(verb) && !uri.includes('dryRun=All'),
            )
            .filter(
              ({ user, userAgent }) =>
                !user.startsWith('system:') && !/kube-controller-manager|fake-kubelet/.test(userAgent),
            )
            .map(({ verb, uri }) => `${verb} ${uri.split('?')[0]?.replace(`/namespaces/${namespace}`, '')}`)
        assert.deepEqual(await written(), [])

        const secrets = join(directory, `${namespace}.yaml`)
        await migrate('-n', namespace, ...fromGit, '--secrets-out', secrets)
        assert.match(await readFile(secrets, 'utf8'), /name: app-values[^]*password: canary-password/)
        await client.create({
          apiVersion: 'v1',
          kind: 'Secret',
          metadata: { name: 'app-values', namespace },
          stringData: { 'values.yaml': 'db: { password: canary-password }' },
        })
        const done = answer(await migrate('-n', namespace, ...fromGit, '--adopt'))
        assert.equal(done.releases[0]?.adopted, true)
        const releases = '/apis/helm.toolkit.fluxcd.io/v2/helmreleases/app'
        // The server logs a request after its answer: on a machine with much to do that takes longer than the count waits.
        await eventually(async () =>
          assert.deepEqual(await written(), [
            'create /api/v1/secrets',
            `patch ${releases}`,
            `patch ${releases}/status`,
            `patch ${releases}`,
          ]),
        )
        const node = await made.reconcile()
        assert.equal(node.state, 'ready', node.message)
        assert.deepEqual(await made.revisions(), ['v1 deployed'])
        const now = (await state(namespace)).filter((line) => !line.startsWith('Secret/app-values'))
        assert.deepEqual(now, before)
        // What follows is Git's: a change is an upgrade like any other.
        assert.match(
          answer(await migrate('-n', namespace, ...fromGit)).leftOut[0]?.reason ?? '',
          /a HelmRelease manages it/,
        )
        await client.patch(
          { apiVersion: 'helm.toolkit.fluxcd.io/v2', kind: 'HelmRelease', namespace, name: 'app' },
          { spec: { values: { value: 'new' } } },
        )
        const upgraded = await made.reconcile()
        assert.equal(upgraded.state, 'ready', upgraded.message)
        assert.deepEqual(await made.revisions(), ['v1 superseded', 'v2 deployed'])
        assert.equal((await made.find('ConfigMap', 'app'))?.['data'].value, 'new')
      } finally {
        await made.close()
      }
    })
  }

  it('says what differs where the chart is another one, and writes nothing then', async () => {
    const made = await scenario()
    try {
      const { namespace } = made
      await installed(made, undefined)
      await made.chart({ 'Chart.yaml': chart['Chart.yaml'].replace('1.0.0', '1.1.0') })
      await made.run({ kind: 'trigger', target: 'cluster' })
      const result = await migrate('app', '-n', namespace, ...fromGit, '--adopt', '--include-secrets', '-o', 'table')
      assert.equal(result.code, 1, result.stderr)
      assert.match(
        result.stdout,
        /^app\.v1 app@1\.0\.0\nwould be changed:\nHelmRelease\/.*\n {2}upgrade of app@1\.1\.0/,
      )
      assert.equal(
        await made.client.find({
          apiVersion: 'helm.toolkit.fluxcd.io/v2',
          kind: 'HelmRelease',
          namespace,
          name: 'app',
        }),
        undefined,
      )
      const missing = await migrate('nobody', '-n', namespace, ...fromGit)
      assert.equal(missing.code, 1)
      assert.match(missing.stderr, /release .*\/nobody is left out: it is not there/)
      assert.equal((await migrate('-n', namespace)).code, 2)
    } finally {
      await made.close()
    }
  })
})
