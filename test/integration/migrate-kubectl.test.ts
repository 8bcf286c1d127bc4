import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { adopt } from '../../src/migrate/index.ts'
import type { KubeTransport } from '../../src/ports/index.ts'
import type { KubeObject } from '../../src/resources/index.ts'
import { bundleCli, writeKubeconfig, type Cli, type CliResult } from '../support/cli.ts'
import { useCluster } from '../support/cluster.ts'
import type { TestObject } from '../support/kube-test-client.ts'
import { requestsOf } from '../support/requests.ts'
import { createScenario, nodeOf, type Scenario } from '../support/scenario.ts'

const cluster = useCluster()
const run = promisify(execFile)

/** What somebody has applied by hand: the usual kinds, with what the server fills in left out. */
const objects = (namespace: string): readonly { kind: string; metadata: object; [key: string]: unknown }[] => [
  { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'web', namespace } },
  { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'web', namespace }, data: { color: 'blue' } },
  {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: 'login', namespace },
    stringData: { password: 'canary-secret' },
  },
  {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'web', namespace, labels: { app: 'web' } },
    spec: { type: 'NodePort', selector: { app: 'web' }, ports: [{ name: 'http', port: 80, targetPort: 8080 }] },
  },
  {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'web', namespace },
    spec: {
      replicas: 1,
      selector: { matchLabels: { app: 'web' } },
      template: {
        metadata: { labels: { app: 'web' } },
        spec: {
          serviceAccountName: 'web',
          containers: [
            {
              name: 'web',
              image: 'example/web:1',
              ports: [{ containerPort: 8080 }],
              resources: { limits: { cpu: '1000m' } },
              env: [{ name: 'COLOR', valueFrom: { configMapKeyRef: { name: 'web', key: 'color' } } }],
            },
          ],
        },
      },
    },
  },
  {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: { name: 'once', namespace },
    spec: { template: { spec: { restartPolicy: 'Never', containers: [{ name: 'a', image: 'example/a:1' }] } } },
  },
  {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'Ingress',
    metadata: { name: 'web', namespace },
    spec: { defaultBackend: { service: { name: 'web', port: { name: 'http' } } } },
  },
]

const kinds = [
  { apiVersion: 'v1', kind: 'ServiceAccount' },
  { apiVersion: 'v1', kind: 'ConfigMap' },
  { apiVersion: 'v1', kind: 'Secret' },
  { apiVersion: 'v1', kind: 'Service' },
  { apiVersion: 'apps/v1', kind: 'Deployment' },
  { apiVersion: 'apps/v1', kind: 'ReplicaSet' },
  { apiVersion: 'v1', kind: 'Pod' },
  { apiVersion: 'batch/v1', kind: 'Job' },
  { apiVersion: 'networking.k8s.io/v1', kind: 'Ingress' },
] as const

describe('migrate kubectl', { timeout: 300_000 }, () => {
  let directory: string
  let cli: Cli
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'sluice-kubectl-'))
    cli = await bundleCli(directory)
    await writeKubeconfig(join(directory, 'kubeconfig'), cluster.address)
  })
  after(() => rm(directory, { recursive: true, force: true }))

  const sluice = (...args: readonly string[]): Promise<CliResult> =>
    cli.run(['migrate', 'kubectl', ...args, '--kubeconfig', join(directory, 'kubeconfig')])

  /** All objects with everything but who owns them: what must be the same afterwards. */
  const state = async (namespace: string): Promise<readonly unknown[]> => {
    const all: unknown[] = []
    for (const kind of kinds) {
      for (const object of await cluster.client.list({ ...kind, namespace })) {
        if (['default', 'kube-root-ca.crt'].includes(object.metadata.name)) continue
        const { status: _, metadata, ...rest } = object
        const { uid, generation, name } = metadata as TestObject['metadata'] & { generation?: number }
        // That of a Deployment counts its annotations too, of which kubectl's goes. Its ReplicaSets and Pods would tell of a rollout.
        all.push({ kind: kind.kind, name, uid, generation: kind.kind === 'Deployment' ? 0 : generation, rest })
      }
    }
    return all
  }

  /** Waits for the end of the rollout and of the Job: until then their controllers write. */
  const untilSettled = async (namespace: string): Promise<void> => {
    const { client } = cluster
    await client.waitFor({ apiVersion: 'apps/v1', kind: 'Deployment', namespace, name: 'web' }, (found) => {
      const { observedGeneration, replicas, updatedReplicas, availableReplicas } = found?.['status'] ?? {}
      const isSeen = observedGeneration === found?.metadata['generation']
      return isSeen && [replicas, updatedReplicas, availableReplicas].every((count) => count === 2)
    })
    await client.waitFor({ apiVersion: 'batch/v1', kind: 'Job', namespace, name: 'once' }, (found) => {
      const conditions = (found?.['status']?.conditions ?? []) as readonly { type: string; status: string }[]
      return conditions.some(({ type, status }) => type === 'Complete' && status === 'True')
    })
    // A Pod that goes is listed for a while after it is counted no more.
    for (const end = Date.now() + 30_000; ; await sleep(50)) {
      const pods = await client.list({ apiVersion: 'v1', kind: 'Pod', namespace }, { labelSelector: 'app=web' })
      if (pods.length === 2) return
      assert.ok(Date.now() < end, `there are ${pods.length} Pods`)
    }
  }

  /** `kubectl apply`, by itself where it is there, else as it does it: the whole object with what was given in an annotation. */
  const apply = async (list: readonly object[], isReal: boolean): Promise<void> => {
    if (isReal) {
      const file = join(directory, 'applied.json')
      await writeFile(file, JSON.stringify({ apiVersion: 'v1', kind: 'List', items: list }))
      await run('kubectl', ['--kubeconfig', cluster.address.kubeconfigPath, 'apply', '-f', file])
      return
    }
    for (const object of list as { metadata: object; apiVersion: string; kind: string }[]) {
      const annotations = { 'kubectl.kubernetes.io/last-applied-configuration': `${JSON.stringify(object)}\n` }
      const { name: _, ...ref } = { ...object.metadata, apiVersion: object.apiVersion, kind: object.kind } as {
        name: string
        namespace: string
        apiVersion: string
        kind: string
      }
      const path = await cluster.client.path(ref, { fieldManager: 'kubectl-client-side-apply' })
      await cluster.client.request('POST', path, { body: { ...object, metadata: { ...object.metadata, annotations } } })
    }
  }
  const hasKubectl = run('kubectl', ['version', '--client']).then(
    () => true,
    () => false,
  )

  /** Commits what was written, and lets Sluice reconcile it. */
  const reconcile = async (made: Scenario, out: string): Promise<ReturnType<typeof nodeOf>> => {
    const files: { [path: string]: string } = {}
    for (const name of await readdir(out)) files[`adopted/${name}`] = await readFile(join(out, name), 'utf8')
    await made.repository.commit(files)
    await made.kustomization('adopted', { path: './adopted', targetNamespace: undefined })
    await made.pushed()
    const { record } = await made.run({ kind: 'trigger', target: 'cluster' })
    return nodeOf(record, 'Kustomization/adopted')
  }

  for (const isReal of [true, false]) {
    it(`objects that ${isReal ? 'the real kubectl' : 'kubectl'} has applied: reconciled, and nothing about them has changed`, async (t) => {
      if (isReal && !(await hasKubectl)) return t.skip('there is no kubectl')
      const made = await createScenario(cluster, { files: { 'README.md': '' } })
      try {
        const { namespace, client } = made
        await apply(objects(namespace), isReal)
        const web = { apiVersion: 'apps/v1', kind: 'Deployment', namespace, name: 'web' }
        // By hand: a scale, an edit, a restart.
        await client.request('PATCH', `${await client.path(web)}/scale?fieldManager=kubectl`, {
          body: { spec: { replicas: 2 } },
          contentType: 'application/merge-patch+json',
        })
        await client.request('PATCH', await client.path(web, { fieldManager: 'kubectl-rollout' }), {
          body: { spec: { template: { metadata: { annotations: { 'kubectl.kubernetes.io/restartedAt': 'now' } } } } },
          contentType: 'application/strategic-merge-patch+json',
        })
        await untilSettled(namespace)
        const before = await state(namespace)
        const out = join(directory, `out-${namespace}`)
        const mark = await cluster.auditMark()
        const result = await sluice('-n', namespace, '--out', out, '--name', 'adopted', '--flux-namespace', namespace)
        assert.equal(result.code, 0, `${result.stderr}\n${result.stdout}`)
        assert.match(result.stderr, /! Secret\/.*\/login is left out: Git is no place for its values/)
        const answer = JSON.parse(result.stdout) as {
          objects: { kind: string; name: string; from: string }[]
          kustomization: object
        }
        assert.deepEqual(
          answer.objects.map(({ kind, name }) => `${kind}/${name}`),
          [
            'ServiceAccount/web',
            'ConfigMap/web',
            'Secret/login',
            'Service/web',
            'Deployment/web',
            'Job/once',
            'Ingress/web',
            'GitRepository/app',
          ],
        )
        assert.deepEqual((await readdir(out)).sort(), [
          'configmap-web.yaml',
          'deployment-web.yaml',
          'gitrepository-app.yaml',
          'ingress-web.yaml',
          'job-once.yaml',
          'kustomization.yaml',
          'service-web.yaml',
          'serviceaccount-web.yaml',
        ])
        for (const name of await readdir(out))
          assert.doesNotMatch(await readFile(join(out, name), 'utf8'), /canary-secret|Y2FuYXJ5/)
        const deployment = await readFile(join(out, 'deployment-web.yaml'), 'utf8')
        assert.match(deployment, /replicas: 2/)
        assert.match(deployment, /restartedAt: now/)
        assert.doesNotMatch(deployment, /uid|resourceVersion|status|terminationMessagePath|schedulerName|last-applied/)
        assert.doesNotMatch(await readFile(join(out, 'service-web.yaml'), 'utf8'), /clusterIP|ipFamil|nodePort/)
        const { requests } = await cluster.requestCounts(mark)
        const writes = requests
          .filter(
            ({ namespace: where, verb, uri }) =>
              where === namespace && !/get|list|watch/.test(verb) && !uri.includes('dryRun=All'),
          )
          .filter(({ user }) => !user.startsWith('system:'))
          .filter(({ userAgent }) => !/kube-controller-manager|fake-kubelet/.test(userAgent))
        assert.deepEqual(
          writes.map(({ verb, uri }) => `${verb} ${uri}`),
          [],
        )

        const node = await reconcile(made, out)
        assert.equal(node.state, 'ready', node.message)
        assert.deepEqual(await state(namespace), before)
        const managers = (
          (await client.get(web)).metadata as unknown as { managedFields: { manager: string; subresource?: string }[] }
        ).managedFields
        assert.ok(managers.some(({ manager }) => manager === 'kustomize-controller'))
        assert.ok(
          !managers.some(({ manager, subresource }) => manager.startsWith('kubectl') && subresource === undefined),
        )
        // From now on Git decides.
        const { record } = await made.run({ kind: 'trigger', target: 'cluster' })
        assert.deepEqual(nodeOf(record, 'Kustomization/adopted').changes, [])
        assert.deepEqual(await state(namespace), before)
      } finally {
        await made.close()
      }
    })
  }

  it('an object that its controller writes to meanwhile is looked at again', async () => {
    const made = await createScenario(cluster, { files: { 'README.md': '' } })
    try {
      const { namespace } = made
      await apply(objects(namespace).slice(0, 2), false)
      const ref = { apiVersion: 'v1', kind: 'ConfigMap', namespace, name: 'web' }
      let writes = 0
      const transport: KubeTransport = {
        cluster: 'test',
        send: async (request) => {
          if (request.method === 'PUT' && writes < 2) await cluster.client.patch(ref, { data: { seen: `${++writes}` } })
          return made.deps.transport.send(request)
        },
      }
      const { client, signal } = requestsOf({ ...made, deps: { ...made.deps, transport } })
      const live = (await client.get<KubeObject>(ref, { signal })) as KubeObject
      const [adoption] = await adopt(client, [live], { name: 'adopted', namespace }, signal)
      assert.deepEqual(adoption?.changes, [])
      assert.deepEqual(adoption.manifest['data'], { color: 'blue', seen: '2' })
    } finally {
      await made.close()
    }
  })

  it('objects that were created, an autoscaler’s replicas, what belongs to others, and Secrets where they are asked for', async () => {
    const made = await createScenario(cluster, { files: { 'README.md': '' } })
    try {
      const { namespace, client } = made
      const create = async (object: { kind: string; [key: string]: unknown }): Promise<void> => {
        const ref = { apiVersion: String(object['apiVersion']), kind: object.kind, namespace }
        await client.request('POST', await client.path(ref, { fieldManager: 'kubectl-create' }), { body: object })
      }
      for (const object of objects(namespace)) if (object.kind !== 'Job') await create(object)
      const foreign = {
        'kustomize.toolkit.fluxcd.io/name': 'other',
        'kustomize.toolkit.fluxcd.io/namespace': 'flux-system',
      }
      await create({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'foreign', namespace, labels: foreign } })
      const web = { apiVersion: 'apps/v1', kind: 'Deployment', namespace, name: 'web' }
      await client.request('PATCH', `${await client.path(web)}/scale?fieldManager=kube-controller-manager`, {
        body: { spec: { replicas: 3 } },
        contentType: 'application/merge-patch+json',
      })
      await client.waitFor(web, (object) => object?.['status']?.availableReplicas === 3)
      const before = await state(namespace)
      const out = join(directory, `out-${namespace}`)
      const result = await sluice(
        '-n',
        namespace,
        '--out',
        out,
        '--include-secrets',
        '-o',
        'table',
        '--flux-namespace',
        namespace,
        '--path',
        './adopted',
      )
      assert.equal(result.code, 0, `${result.stderr}\n${result.stdout}`)
      assert.match(result.stderr, /ConfigMap\/.*\/foreign is left out: Kustomization flux-system\/other manages it/)
      assert.match(
        result.stdout,
        /✔ Deployment\/[^]*Applying them changes who owns the fields \(.*\), and nothing else\.\nCommit the files, and this:\n---\n/,
      )
      assert.match(await readFile(join(out, 'secret-login.yaml'), 'utf8'), /password: Y2FuYXJ5LXNlY3JldA==/)
      const deployment = await readFile(join(out, 'deployment-web.yaml'), 'utf8')
      assert.doesNotMatch(deployment, /replicas|terminationMessagePath|revisionHistoryLimit|progressDeadlineSeconds/)
      const again = await sluice('-n', namespace, '--out', out)
      assert.equal(again.code, 2)
      assert.match(again.stderr, /is not empty/)
      const node = await reconcile(made, out)
      assert.equal(node.state, 'ready', node.message)
      const without = (list: readonly unknown[]): unknown =>
        list.filter((one) => (one as { name: string }).name !== 'foreign')
      assert.deepEqual(without(await state(namespace)), without(before))
    } finally {
      await made.close()
    }
  })
})
