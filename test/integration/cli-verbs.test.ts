import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { useCluster } from '../support/cluster.ts'
import { bundleCli, writeKubeconfig, type Cli, type CliResult } from '../support/cli.ts'
import { createNamespace } from '../support/create-namespace.ts'
import { deliverPush, startDeployment, type Deployment } from '../support/deployment.ts'
import { endNamespace } from '../support/end-namespace.ts'
import { createScenario, type Scenario } from '../support/scenario.ts'

const cluster = useCluster()

const configMap = (name: string, color: string): string =>
  `apiVersion: v1\nkind: ConfigMap\nmetadata: { name: ${name}, namespace: $NAMESPACE }\ndata: { color: ${color} }\n`
const kustomization = (name: string, path: string, more = ''): string =>
  `apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: { name: ${name}, namespace: $NAMESPACE }\nspec:\n  interval: 10m\n  prune: true\n  path: ${path}\n${more}  sourceRef: { kind: GitRepository, name: app }\n`
const files = {
  'app/web.yaml': kustomization('web', './web'),
  'app/broken.yaml': kustomization('broken', './broken'),
  'app/late.yaml': kustomization('late', './web2', '  dependsOn: [{ name: broken }]\n'),
  'app/chart.yaml':
    'apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: { name: chart, namespace: $NAMESPACE }\nspec:\n  interval: 10m\n  chart: { spec: { chart: ./chart, sourceRef: { kind: GitRepository, name: app } } }\n',
  'chart/Chart.yaml': 'apiVersion: v2\nname: chart\nversion: 1.2.3\n',
  'chart/templates/a.yaml': 'apiVersion: v1\nkind: ConfigMap\nmetadata: { name: of-chart }\n',
  'web/a.yaml': configMap('web', 'blue'),
  'web/login.yaml':
    'apiVersion: v1\nkind: Secret\nmetadata: { name: login, namespace: $NAMESPACE }\nstringData: { password: canary-one }\n',
  'web/deployment.yaml':
    'apiVersion: apps/v1\nkind: Deployment\nmetadata: { name: web, namespace: $NAMESPACE }\nspec:\n  selector: { matchLabels: { app: web } }\n  template:\n    metadata: { labels: { app: web } }\n    spec: { containers: [{ name: web, image: example/web:1 }] }\n',
  'web2/a.yaml': configMap('late', 'blue'),
  'broken/kustomization.yaml': 'resources: [missing.yaml]\n',
}

/** A cluster that a deployment on Node serves, as the command line sees it. */
describe('the verbs', () => {
  let made: Scenario
  let deployment: Deployment
  let directory: string
  let kubeconfig: string
  let cli: Cli

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'sluice-cli-'))
    kubeconfig = join(directory, 'kubeconfig')
    cli = await bundleCli(directory)
    await writeKubeconfig(kubeconfig, cluster.address)
    // One namespace for all of the tests: those of the cluster's own end with each.
    const name = `test-cli-${randomBytes(4).toString('hex')}`
    await createNamespace(cluster.client, name)
    made = await createScenario({ ...cluster, namespace: () => Promise.resolve(name) }, { files })
    await made.kustomization('app', { targetNamespace: undefined })
    deployment = await startDeployment('node', {
      clusters: { test: cluster.address },
      namespaces: [made.namespace],
      scanIntervalSeconds: 1,
    })
    await deliverPush(deployment, { url: made.repository.url, after: (await made.repository.head()) ?? '' })
    await until('everything was looked at', async () => {
      const { client, namespace } = made
      const kustomizations = await client.list({
        apiVersion: 'kustomize.toolkit.fluxcd.io/v1',
        kind: 'Kustomization',
        namespace,
      })
      const releases = await client.list({ apiVersion: 'helm.toolkit.fluxcd.io/v2', kind: 'HelmRelease', namespace })
      const ready = [...kustomizations, ...releases].map((one) => {
        const conditions = (one['status']?.conditions ?? []) as readonly { type: string; status: string }[]
        return conditions.find(({ type }) => type === 'Ready')?.status
      })
      return ready.length === 5 && ready.every((status) => status === 'True' || status === 'False')
    })
  })
  after(async () => {
    await deployment.stop()
    await made.close()
    await endNamespace(cluster.client, made.namespace)
    await rm(directory, { recursive: true, force: true })
  })

  const k = (...args: readonly string[]): Promise<CliResult> =>
    cli.run([...args, '-n', made.namespace, '--kubeconfig', kubeconfig, '--timeout', '40s'])
  const d = (...args: readonly string[]): Promise<CliResult> =>
    cli.run([...args, '-n', made.namespace, '--timeout', '40s'], {
      SLUICE_URL: deployment.url,
      SLUICE_TOKEN: deployment.triggerToken,
    })
  const ok = (result: CliResult, code = 0): string => {
    assert.equal(result.code, code, `${result.stderr}\n${result.stdout}`)
    return result.stdout
  }
  const json = <T>(result: CliResult, code = 0): T => JSON.parse(ok(result, code)) as T

  it('get: tables with the columns of flux, JSON for whoever is no terminal, and what it does not find', async () => {
    const { items } = json<{ items: { name: string; ready: string; reason: string }[] }>(await k('get', 'ks'))
    assert.deepEqual(
      items.map(({ name, ready, reason }) => `${name} ${ready} ${reason}`),
      [
        'app True ReconciliationSucceeded',
        'broken False BuildFailed',
        'late False DependencyNotReady',
        'web True ReconciliationSucceeded',
      ],
    )
    const table = ok(await k('get', 'all', '-o', 'table'))
    assert.match(table, /^NAME +REVISION +SUSPENDED +READY +MESSAGE\n/)
    assert.match(
      table,
      /\nkustomization\/web +main@sha1:[0-9a-f]{8} +False +True +Applied revision: main@sha1:[0-9a-f]{8}\n/,
    )
    assert.match(table, /\nhelmrelease\/chart +1\.2\.3 +False +True/)
    assert.match(ok(await k('get', 'sources', 'git', '-o', 'wide')), /app +main@sha1:\w{8} +False +True +\w+ +http:/)
    assert.equal(
      ok(await k('get', 'ks', '--status-selector', 'ready=false', '-o', 'name')),
      'kustomization/broken\nkustomization/late\n',
    )
    assert.match(ok(await k('get', 'hr', 'chart', '-o', 'yaml')), /- createdAt: .*\n {2}kind: HelmRelease\n/)
    const none = await k('get', 'ks', 'nobody')
    ok(none, 1)
    assert.match(none.stderr, /no Kustomization objects named 'nobody' found in ".*" namespace/)
    ok(await k('get', 'pods'), 2)
    ok(await k('get', 'ks', '-o', 'xml'), 2)
  })

  it('reconcile: asks by annotation, waits, tells how it ended', async () => {
    const done = await k('reconcile', 'ks', 'web', '--with-source')
    const row = json<{ ready: string }>(done)
    assert.equal(row.ready, 'True')
    assert.match(
      done.stderr,
      /► annotating GitRepository app[^]*✔ fetched revision main@sha1:\w{8}\n► annotating Kustomization web[^]*✔ applied revision main@sha1:\w{8}\n$/,
    )
    const failed = await k('reconcile', 'kustomization/broken')
    ok(failed, 1)
    assert.match(failed.stderr, /Error: Kustomization '.*\/broken' failed: .*missing\.yaml/)
    ok(await k('reconcile', 'ks', 'nobody'), 1)
    ok(await k('reconcile', 'hr', 'chart', '--force'))
    ok(await k('reconcile', 'ks', 'web', '--force'), 2)
    const noWait = await k('reconcile', 'source', 'git', 'app', '--no-wait')
    assert.equal(json<{ kind: string }>(noWait).kind, 'GitRepository')
  })

  it('get and status with a deployment: from what it knows, without asking the cluster', async () => {
    const { items } = json<{ items: { cluster: string; name: string; ready: string; revision: string }[] }>(
      await d('get', 'ks'),
    )
    assert.deepEqual(items.map(({ cluster: of, name, ready }) => `${of} ${name} ${ready}`).toSorted(), [
      'test app True',
      'test broken False',
      'test late False',
      'test web True',
    ])
    assert.match(items.find(({ name }) => name === 'web')?.revision ?? '', /^main@sha1:/)
    assert.match(ok(await d('get', 'all', '-o', 'table')), /^CLUSTER +NAME +REVISION +SUSPENDED +READY +MESSAGE\n/)
    const head = (await made.repository.head()) ?? ''
    const { objects } = json<{ objects: { name: string; state: string }[] }>(await d('status', head), 1)
    assert.equal(objects.find(({ name }) => name === 'web')?.state, 'healthy')
    ok(await d('get', 'ks', 'nobody'), 1)
    ok(await d('reconcile', 'ks', 'web', '--with-source'))
  })

  it('reconcile with a deployment: its run as it goes', async () => {
    const done = await d('reconcile', 'ks', 'web')
    const run = json<{ state: string; actor: string; records: { nodes: { name: string }[] }[] }>(done)
    assert.equal(run.state, 'succeeded')
    assert.equal(run.actor, 'ada')
    assert.deepEqual(
      run.records[0]?.nodes.map((node) => node.name),
      ['web'],
    )
    assert.match(done.stderr, /► run \w+ on test\n[^]*✔ Kustomization\/.*\/web: Applied revision/)
    const failed = await d('reconcile', 'ks', 'broken')
    ok(failed, 1)
    assert.match(failed.stderr, /✗ Kustomization\/.*\/broken: .*missing\.yaml/)
    assert.match(json<{ run: string }>(await d('reconcile', 'cluster', '--no-wait')).run, /^\w{26}$/)
    ok(await d('reconcile', 'cluster', '--cluster', 'other'), 1)
  })

  for (const [name, ask] of [
    ['a kubeconfig', k],
    ['a deployment', d],
  ] as const) {
    it(`suspend and resume with ${name}: who, why, until when`, async () => {
      ok(await ask('suspend', 'ks', 'web', '--reason', 'the disk is full', '--until', '2h'))
      const ref = {
        apiVersion: 'kustomize.toolkit.fluxcd.io/v1',
        kind: 'Kustomization',
        namespace: made.namespace,
        name: 'web',
      }
      const { metadata, spec } = await made.client.get(ref)
      assert.equal(spec.suspend, true)
      assert.equal(metadata.annotations?.['sluice.dev/suspended-by'], 'ada')
      assert.equal(metadata.annotations?.['sluice.dev/suspended-reason'], 'the disk is full')
      const end = Date.parse(metadata.annotations?.['sluice.dev/suspended-until'] ?? '')
      assert.ok(Math.abs(end - Date.now() - 7_200_000) < 120_000)
      assert.match(
        ok(await k('get', 'ks', 'web', '-o', 'table')),
        /True +True +\(suspended by ada, until .*, because: the disk is full\)/,
      )
      const refused = await k('reconcile', 'ks', 'web')
      ok(refused, 1)
      assert.match(refused.stderr, /is suspended; resume it first/)
      const why = await k('why', 'ks/web', '-o', 'table')
      assert.match(
        ok(why, 1),
        /✗ Kustomization\/.*\/web is suspended by ada until .*\n {2}because: the disk is full\n {2}→ sluice resume/,
      )
      ok(await ask('resume', 'ks', 'web'))
      const resumed = await made.client.get(ref)
      assert.equal(resumed['spec'].suspend, undefined)
      assert.equal(JSON.stringify(resumed.metadata.annotations).includes('suspended-'), false)
      ok(await ask('suspend', 'ks', 'web', '--until', 'yesterday'), 2)
      ok(await ask('suspend', 'ks', 'nobody'), 1)
    })
  }

  it('resumes by itself what is past its time: the scan does', async () => {
    const ref = {
      apiVersion: 'kustomize.toolkit.fluxcd.io/v1',
      kind: 'Kustomization',
      namespace: made.namespace,
      name: 'web',
    }
    ok(await k('suspend', 'ks', 'web', '--until', '2s'))
    await until('it was resumed', async () => (await made.client.get(ref))['spec'].suspend === undefined)
  })

  it('retry: with a kubeconfig one object or all that failed, with a deployment also a run', async () => {
    ok(await k('retry', 'hr', 'chart'))
    const failed = await k('retry', '--failed')
    ok(failed, 1)
    assert.match(failed.stderr, /retrying Kustomization broken[^]*retrying Kustomization late/)
    ok(await d('retry', 'hr', 'chart'))
    const { items } = json<{ items: { id: string; state: string }[] }>(await d('logs', '--failed', '--limit', '1'))
    const again = await d('retry', 'run', items[0]?.id ?? '')
    ok(again, 1)
    assert.match(again.stderr, /broken/)
    ok(await k('retry'), 2)
    ok(await k('retry', 'run', 'x'), 2)
  })

  it('plan: what would change, with the values where the caller reads the cluster, and nothing is written', async () => {
    const ref = { apiVersion: 'v1', kind: 'ConfigMap', namespace: made.namespace, name: 'web' }
    await made.client.patch(ref, { data: { color: 'red' } })
    try {
      const text = ok(await k('plan', 'ks', 'web', '-o', 'table'))
      assert.match(
        text,
        /Kustomization\/.*\/web at main@sha1:\w{8}\n {2}1 configured, 2 unchanged\n {2}configured ConfigMap\/.*\/web\n {6}\.data\.color\n {8}- red\n {8}\+ blue\n/,
      )
      ok(await k('plan', 'ks', 'web', '--exit-code'), 1)
      const run = json<{ plan: boolean; records: { nodes: { changes: { action: string }[] }[] }[] }>(
        await d('plan', 'ks', 'web'),
      )
      assert.equal(run.plan, true)
      assert.deepEqual(
        run.records[0]?.nodes[0]?.changes.map(({ action }) => action),
        ['configured'],
      )
      assert.equal(JSON.stringify(run).includes('blue'), false)
      assert.equal((await made.client.get(ref))['data'].color, 'red')
    } finally {
      ok(await k('reconcile', 'ks', 'web'))
    }
    assert.equal((await made.client.get(ref))['data'].color, 'blue')
    ok(await k('plan', 'ks', 'web', '--exit-code'))
    ok(await k('plan', 'ks', 'broken'), 1)
  })

  it('build and diff: local files, without a cluster and against one; Secrets are redacted', async () => {
    const path = join(directory, 'local', 'web')
    await mkdir(path, { recursive: true })
    const inNamespace = (text: string): string => text.replaceAll('$NAMESPACE', made.namespace)
    await writeFile(join(path, 'a.yaml'), inNamespace(configMap('web', 'green')))
    await writeFile(join(path, 'login.yaml'), inNamespace(files['web/login.yaml']).replace('canary-one', 'canary-two'))
    await writeFile(join(path, 'deployment.yaml'), inNamespace(files['web/deployment.yaml']))
    assert.match(
      ok(await cli.run(['build', 'kustomization', path])),
      /kind: ConfigMap\n[^]*color: green|color: green\nkind: ConfigMap/,
    )
    const different = await k('diff', 'ks', 'web', '--path', path, '-o', 'table')
    assert.match(ok(different, 1), /configured ConfigMap\/.*\n {6}\.data\.color\n {8}- blue\n {8}\+ green\n/)
    assert.match(
      different.stdout,
      /configured Secret\/.*\n {6}\.data\.password\n {8}- \*\*\* \(before\)\n {8}\+ \*\*\* \(after\)\n/,
    )
    for (const format of ['json', 'yaml', 'wide']) {
      const { stdout, stderr } = await k('diff', 'ks', 'web', '--path', path, '-o', format)
      for (const secret of ['canary', Buffer.from('canary-one').toString('base64')])
        assert.equal(`${stdout}${stderr}`.includes(secret), false)
    }
    await writeFile(join(path, 'a.yaml'), inNamespace(configMap('web', 'blue')))
    await writeFile(join(path, 'login.yaml'), inNamespace(files['web/login.yaml']))
    ok(await k('diff', 'ks', 'web', '--path', path))
    await writeFile(join(path, 'a.yaml'), inNamespace(configMap('web', '[1]')))
    ok(await k('diff', 'ks', 'web', '--path', path), 2)
    ok(await k('diff', 'ks', 'nobody', '--path', path), 1)
    ok(await k('diff', 'ks', 'web', '--path', join(directory, 'nowhere')), 2)
  })

  it('why: down to where it starts', async () => {
    const text = ok(await k('why', 'ks', 'late', '-o', 'table'), 1)
    assert.match(
      text,
      /^✗ Kustomization\/.*\/late is not ready: DependencyNotReady\n {2}└─ ✗ Kustomization\/.*\/broken is not ready: BuildFailed\n {7}broken\/kustomization\.yaml:1: .*missing\.yaml/,
    )
    const answer = json<{ ready: boolean; rootCauses: { id: string }[] }>(await k('why', 'ks/late'), 1)
    assert.equal(answer.ready, false)
    assert.deepEqual(
      answer.rootCauses.map(({ id }) => id),
      [`Kustomization/${made.namespace}/broken`],
    )
    assert.equal(json<{ ready: boolean }>(await k('why', 'ks/web')).ready, true)
    assert.match(ok(await k('why', 'configmap/web', '-o', 'table')), /✔ ConfigMap\/.*\/web is healthy/)
    ok(await k('why', 'ks/nobody'), 1)
  })

  it('tree: through Kustomizations, HelmReleases and what Helm stores', async () => {
    const { namespace } = made
    const text = ok(await k('tree', 'ks', 'app', '-o', 'table'))
    assert.match(
      text,
      new RegExp(
        `^Kustomization/${namespace}/app ✔\n[^]*├── HelmRelease/${namespace}/chart ✔\n│   └── ConfigMap/${namespace}/of-chart\n`,
      ),
    )
    assert.match(text, new RegExp(`Kustomization/${namespace}/broken ✗ not ready\n`))
    assert.match(text, new RegExp(`── ConfigMap/${namespace}/web\n`))
    assert.equal(ok(await k('tree', 'ks', 'app', '--compact', '-o', 'table')).includes('ConfigMap'), false)
    const ref = { apiVersion: 'helm.toolkit.fluxcd.io/v2', kind: 'HelmRelease', namespace, name: 'chart' }
    await made.client.patch(ref, { status: { inventory: null } }, { type: 'merge', subresource: 'status' })
    assert.match(ok(await k('tree', 'hr', 'chart', '-o', 'table')), new RegExp(`└── ConfigMap/${namespace}/of-chart\n`))
  })

  it('trace: from what a controller made to the source and its revision', async () => {
    const { namespace } = made
    const text = ok(await k('trace', 'deployment', 'web', '-o', 'table'))
    assert.match(
      text,
      new RegExp(
        `^Object: Deployment/${namespace}/web\n---\nKustomization: ${namespace}/web\nPath: +\\./web\nRevision: +main@sha1:\\w{8}\n`,
      ),
    )
    assert.match(
      text,
      new RegExp(`---\nGitRepository: ${namespace}/app\nURL: +http://.*\nBranch: +main\nRevision: +main@sha1:`),
    )
    let replicaSet = ''
    await until('there is a ReplicaSet', async () => {
      const found = await made.client.list({ apiVersion: 'apps/v1', kind: 'ReplicaSet', namespace })
      replicaSet = found[0]?.metadata.name ?? ''
      return replicaSet !== ''
    })
    assert.match(
      ok(await k('trace', `rs/${replicaSet}`, '-o', 'table')),
      /Object: ReplicaSet.*\n---\nOwner: Deployment\/.*\/web\n---\nKustomization:/,
    )
    assert.match(
      ok(await k('trace', 'of-chart', '--kind', 'ConfigMap', '--api-version', 'v1', '-o', 'table')),
      /HelmRelease: .*\/chart\nChart: +chart@1\.2\.3\n/,
    )
    ok(await k('trace', 'configmap/kube-root-ca.crt'), 1)
    ok(await k('trace', 'gadget/x'), 2)
  })

  it('events: with their reasons', async () => {
    const { items } = json<{ items: { reason: string; name: string }[] }>(await k('events', '--for', 'ks/broken'))
    assert.ok(items.some(({ reason }) => reason === 'BuildFailed'))
    assert.deepEqual([...new Set(items.map(({ name }) => name))], ['broken'])
    assert.match(
      ok(await k('events', '-o', 'table', '--types', 'Warning')),
      /LAST SEEN +TYPE +REASON +OBJECT +MESSAGE\n[^]*Warning +BuildFailed +Kustomization\/broken/,
    )
  })

  it('logs: runs, one run, and those to come', async () => {
    const { items } = json<{ items: { id: string; receivedAt: number }[] }>(await d('logs', '--limit', '5'))
    assert.equal(items.length, 5)
    assert.deepEqual(
      items,
      items.toSorted((a, b) => b.receivedAt - a.receivedAt),
    )
    const text = ok(await d('logs', items[0]?.id ?? '', '-o', 'table'))
    assert.match(text, new RegExp(`^${items[0]?.id ?? ''}  `))
    ok(await d('logs', '00000000000000'), 1)
    ok(await k('logs'), 2)
    const env = { SLUICE_URL: deployment.url, SLUICE_TOKEN: deployment.triggerToken }
    const begun = Promise.withResolvers<void>()
    const following = cli.runUntil(
      ['logs', '--follow', '--limit', '1', '--trigger', 'trigger', '--for', 'ks/web', '-o', 'name'],
      env,
      (said) => {
        if (said.includes('\n')) begun.resolve()
        return new Set(said.trim().split('\n')).size > 1
      },
    )
    await Promise.race([begun.promise, following])
    const run = json<{ id: string }>(await d('reconcile', 'ks', 'web'))
    assert.ok((await following).includes(`run/${run.id}`))
  })

  /** Reconciles with an engine of its own beside the deployment's. Where both look at the source at the same time, one of them has to do it again. */
  async function pushedBeside(): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      const record = await made.pushed().catch((error: unknown) => {
        if (attempt === 10) throw error
      })
      if (record !== undefined) return
    }
  }

  it('status: of a commit, until it has arrived', async () => {
    // Everything is worked on: an object that a commit does not concern keeps the revision that it has.
    for (const { key } of await made.deps.state.list('inputs/')) await made.deps.state.delete(key)
    await pushedBeside()
    const head = (await made.repository.head()) ?? ''
    const failed = json<{ state: string; objects: { name: string; state: string }[] }>(await k('status', head), 1)
    assert.equal(failed.state, 'failed')
    assert.deepEqual(
      failed.objects
        .filter(({ state }) => state === 'healthy')
        .map(({ name }) => name)
        .toSorted(),
      ['app', 'web'],
    )
    // The push was not the deployment's own: it hears of it with its next scan.
    await until('the deployment has heard of the commit', async () => (await d('status', head)).code !== 3)
    const seen = json<{ objects: { name: string; state: string }[] }>(await d('status', head), 1)
    assert.ok(seen.objects.some(({ name, state }) => name === 'broken' && state === 'failed'))
    ok(await k('status', 'f'.repeat(40)), 3)
    ok(await cli.run(['status', 'f'.repeat(40), '--wait', '--timeout', '3s', '--kubeconfig', kubeconfig]), 3)
    ok(await k('status', 'main'), 2)
  })

  it('doctor: all is well; rights that are missing, a token that is wrong, a server that is away, each with what to do', async () => {
    interface Answer {
      readonly findings: readonly { readonly state: string; readonly message: string; readonly fix?: string }[]
    }
    const well = json<Answer>(
      await cli.run(['doctor', '--kubeconfig', kubeconfig], {
        SLUICE_URL: deployment.url,
        SLUICE_TOKEN: deployment.triggerToken,
      }),
    )
    assert.deepEqual(
      well.findings.filter(({ state }) => state === 'problem'),
      [],
    )
    assert.ok(well.findings.some(({ message }) => message === 'the token is accepted'))
    const nobody = json<Answer>(await k('doctor', '--as', `system:serviceaccount:${made.namespace}:nobody`), 1)
    const denied = nobody.findings.filter(({ state }) => state === 'problem')
    assert.ok(
      denied.some(({ message }) =>
        message.startsWith('may not get, list, patch kustomizations.kustomize.toolkit.fluxcd.io'),
      ),
    )
    assert.ok(denied.every(({ fix }) => (fix ?? '') !== ''))
    const wrong = await cli.run(['doctor', '--kubeconfig', kubeconfig], {
      SLUICE_URL: deployment.url,
      SLUICE_TOKEN: 'some-other-token',
    })
    assert.ok(json<Answer>(wrong, 1).findings.some(({ message }) => /does not accept the token/.test(message)))
    const bad = join(directory, 'bad')
    await writeKubeconfig(bad, { ...cluster.address, token: 'wrong' })
    assert.match(ok(await cli.run(['doctor', '--kubeconfig', bad]), 1), /does not accept the credentials/)
    await writeKubeconfig(bad, { ...cluster.address, server: 'https://127.0.0.1:1' })
    assert.match(ok(await cli.run(['doctor', '--kubeconfig', bad]), 1), /cannot be reached/)
    ok(await cli.run(['get', 'ks', '--kubeconfig', bad]), 4)
  })

  it('keeps the token out of what it says, and does not send it where it does not belong', async () => {
    const token = deployment.triggerToken
    const file = join(directory, 'token')
    await writeFile(file, `${token}\n`)
    const rows: [string, CliResult, number][] = [
      ['from a file', await cli.run(['logs', '--url', deployment.url, '--token-file', file]), 0],
      ['from a flag', await cli.run(['logs', '--url', deployment.url, '--token', token]), 0],
      ['wrong', await cli.run(['logs', '--url', deployment.url, '--token', 'not-the-token-of-it']), 4],
      ['away', await cli.run(['logs', '--url', 'http://127.0.0.1:1', '--token-file', file]), 4],
      ['in the clear', await cli.run(['logs', '--url', 'http://sluice.example', '--token-file', file]), 2],
      ['no URL', await cli.run(['logs', '--url', 'sluice']), 2],
      ['both', await cli.run(['get', 'ks', '--url', deployment.url, '--kubeconfig', kubeconfig]), 2],
    ]
    for (const [name, result, code] of rows) {
      assert.equal(result.code, code, `${name}: ${result.stderr}`)
      assert.equal(`${result.stdout}${result.stderr}`.includes(token), false, name)
    }
    assert.match(rows[1]?.[1].stderr ?? '', /^! --token leaves the token in the history/)
  })
})

async function until(what: string, isSo: () => Promise<boolean>): Promise<void> {
  const end = Date.now() + 60_000
  while (!(await isSo())) {
    if (Date.now() > end) throw new Error(`not within a minute: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 200))
  }
}
