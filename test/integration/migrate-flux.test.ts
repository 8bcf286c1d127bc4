import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import type { AuditMark } from '../support/audit-log.ts'
import { bundleCli, writeKubeconfig, type Cli, type CliResult } from '../support/cli.ts'
import { clusterVariable, useCluster } from '../support/cluster.ts'
import { applyShapeInputs, footprintOf, readTakeOver, takeOverChart } from '../support/helm-take-over.ts'
import {
  applyKustomizations,
  kustomizationFootprint,
  readKustomizations,
  takeOverFiles,
} from '../support/kustomize-take-over.ts'
import { startDeployment } from '../support/deployment.ts'
import { installDefinition } from '../support/install-definition.ts'
import { createScenario, type Scenario } from '../support/scenario.ts'
import { replay } from '../support/take-over.ts'

// A cluster of its own: a migration looks at all of it, and what is recorded stands in namespaces of other tests.
delete process.env[clusterVariable]
const cluster = useCluster()

const flux = 'flux-system'
const served = ['source-controller', 'kustomize-controller', 'helm-controller', 'notification-controller']
const kustomizationKind = { apiVersion: 'kustomize.toolkit.fluxcd.io/v1', kind: 'Kustomization' }
const deployment = (name: string) => ({ apiVersion: 'apps/v1', kind: 'Deployment', namespace: flux, name })

/** The Deployments as `flux install --export` writes them, as far as a hand-over looks at them. */
function controllers(args = ''): string {
  return [...served, 'image-automation-controller']
    .map(
      (name) => `apiVersion: apps/v1
kind: Deployment
metadata:
  name: ${name}
  namespace: ${flux}
  labels: { app.kubernetes.io/component: ${name}, app.kubernetes.io/instance: ${flux}, app.kubernetes.io/part-of: flux }
spec:
  replicas: 1
  selector: { matchLabels: { app: ${name} } }
  template:
    metadata: { labels: { app: ${name} } }
    spec:
      containers:
      - name: manager
        image: ghcr.io/fluxcd/${name}:v1.9.6
        args: [--log-level=info, --no-remote-bases=true${name === 'kustomize-controller' ? args : ''}]
`,
    )
    .join('---\n')
}

/** Takes recorded objects for those of a cluster whose sources are where Git is now. */
async function asIfApplied(made: Scenario): Promise<void> {
  const revision = `main@sha1:${await made.repository.head()}`
  for (const { metadata } of await made.client.list({ ...kustomizationKind, namespace: made.namespace })) {
    const status = { lastAppliedRevision: revision, lastAttemptedRevision: revision }
    const ref = { ...kustomizationKind, namespace: made.namespace, name: metadata.name }
    await made.client.patch(ref, { status }, { subresource: 'status' })
  }
}

describe('migrate flux', { timeout: 600_000 }, () => {
  let directory: string
  let cli: Cli
  const made: Scenario[] = []

  const scenario = async (namespace: string, files: { readonly [path: string]: string }): Promise<Scenario> => {
    const { client, address } = cluster
    await client.create({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } })
    const one = await createScenario({ ...cluster, address, client, namespace: async () => namespace }, { files })
    made.push(one)
    await ours(one)
    return one
  }
  const ours = async (one: Scenario): Promise<void> => {
    const { record } = await one.run({ kind: 'trigger', target: 'cluster' })
    assert.deepEqual(
      record.nodes.filter((node) => node.state !== 'ready'),
      [],
    )
  }
  const sluice = (...args: readonly string[]): Promise<CliResult> =>
    cli.run(['migrate', 'flux', ...args, '--kubeconfig', join(directory, 'kubeconfig'), '--timeout', '60s'])
  const ok = (result: CliResult, code = 0): string => {
    assert.equal(result.code, code, `${result.stderr}\n${result.stdout}`)
    return result.stdout
  }
  const json = <T>(result: CliResult, code = 0): T => JSON.parse(ok(result, code)) as T
  /** Everything that must not change. */
  const footprints = async (): Promise<unknown> => [
    await kustomizationFootprint(cluster.client, made[0]?.namespace ?? ''),
    await footprintOf(cluster.client, made[1]?.namespace ?? ''),
  ]
  /** What the server carried out for whoever is no controller of Kubernetes, by path, without dry-runs. */
  const writesSince = async (mark: AuditMark): Promise<readonly string[]> => {
    const { requests } = await cluster.requestCounts(mark)
    const paths = requests
      .filter(
        ({ verb, uri, code }) => !['get', 'list', 'watch'].includes(verb) && !uri.includes('dryRun=All') && code < 400,
      )
      .filter(({ userAgent }) => !/kube-controller-manager|fake-kubelet|kube-apiserver|kube-scheduler/.test(userAgent))
      .filter(({ user }) => !/^system:(?:kube|serviceaccount:kube-system|node|apiserver)/.test(user))
      .map(({ verb, uri }) => `${verb} ${uri.split('?')[0]}`)
    return [...new Set(paths)].sort()
  }
  const replicas = async (): Promise<{ [name: string]: unknown }> =>
    Object.fromEntries(
      (await cluster.client.list({ apiVersion: 'apps/v1', kind: 'Deployment', namespace: flux })).map((one) => [
        one.metadata.name,
        one['spec'].replicas,
      ]),
    )
  const running = { ...Object.fromEntries(served.map((name) => [name, 1])), 'image-automation-controller': 1 }
  const stopped = { ...Object.fromEntries(served.map((name) => [name, 0])), 'image-automation-controller': 1 }

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'sluice-migrate-'))
    cli = await bundleCli(directory)
    await writeKubeconfig(join(directory, 'kubeconfig'), cluster.address)
    const { client } = cluster
    await client.create({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: flux } })
    const kustomizations = await readKustomizations()
    const first = await scenario(kustomizations.namespace, {
      ...takeOverFiles('second'),
      'flux/gotk.yaml': controllers(),
    })
    await replay(client, kustomizations.objects)
    await applyKustomizations(client, first.namespace)
    const releases = await readTakeOver()
    const charts = Object.entries(takeOverChart).map(([path, text]) => [`charts/app/${path}`, text] as const)
    const second = await scenario(releases.namespace, Object.fromEntries(charts))
    await applyShapeInputs(client, second.namespace)
    await replay(client, releases.objects)
    await asIfApplied(first)
    for (const { namespace } of made)
      for (const { metadata } of await client.list({ apiVersion: 'apps/v1', kind: 'Deployment', namespace }))
        await client.waitFor(
          { apiVersion: 'apps/v1', kind: 'Deployment', namespace, name: metadata.name },
          (object) => object?.['status']?.observedGeneration === 1,
        )
    // The controllers come from Git, as bootstrap puts them there.
    await first.kustomization('flux-system', { path: './flux', targetNamespace: undefined })
    await first.run({
      kind: 'trigger',
      target: { object: { ...kustomizationKind, namespace: first.namespace, name: 'flux-system' } },
    })
    for (const name of served)
      await client.waitFor(deployment(name), (object) => object?.['status']?.availableReplicas === 1)
    await client.create({
      apiVersion: 'coordination.k8s.io/v1',
      kind: 'Lease',
      metadata: { name: 'kustomize-controller-leader-election', namespace: flux },
      spec: {
        holderIdentity: 'kustomize-controller-1',
        leaseDurationSeconds: 4,
        renewTime: new Date().toISOString().replace('Z', '000Z'),
      },
    })
  })
  after(async () => {
    for (const one of made) await one.close()
    await rm(directory, { recursive: true, force: true })
  })

  it('there and back: nothing but the controllers is written, and no workload ever', async () => {
    const before = await footprints()
    const mark = await cluster.auditMark()
    const looked = json<{ plan: { unchanged: number; changed: unknown[] }; settings: object; handedOver: boolean }>(
      await sluice('--dry-run'),
    )
    assert.deepEqual([looked.plan.changed, looked.handedOver], [[], false])
    assert.ok(looked.plan.unchanged > 25, String(looked.plan.unchanged))
    assert.deepEqual(await writesSince(mark), [])
    const given = await sluice()
    const { handedOver, steps } = json<{ handedOver: boolean; steps: string }>(given)
    assert.equal(handedOver, true)
    assert.match(
      steps,
      /The controllers come from Git \(Kustomization test-\w+\/flux-system\)[^]*path: \/spec\/replicas\n/,
    )
    assert.match(given.stderr, /► scaling kustomize-controller to 0\n► scaling helm-controller to 0\n/)
    assert.match(
      given.stderr,
      /inventory, field managers and releases are handed over as they are, nothing has to be written/,
    )
    assert.deepEqual(await replicas(), stopped)
    assert.deepEqual(
      await writesSince(mark),
      served.map((name) => `patch /apis/apps/v1/namespaces/${flux}/deployments/${name}`).sort(),
    )
    // Again: nothing is left to do, and how many there were is not forgotten.
    json(await sluice())
    const atFlux = await cluster.auditMark()
    for (const one of made) await ours(one)
    assert.deepEqual(await footprints(), before)
    // Git says that there is one of each; they stay where they are.
    assert.deepEqual(await replicas(), stopped)
    const elsewhere = (await writesSince(atFlux)).filter(
      (path) => !/\.toolkit\.fluxcd\.io\/|\/events$|\/coordination\.k8s\.io\//.test(path),
    )
    assert.deepEqual(elsewhere, [])

    const back = await cluster.auditMark()
    const undone = await sluice('--undo', '--sluice-stopped', '-o', 'table')
    assert.match(ok(undone), /^Flux has back: .*kustomize-controller \(1\)/)
    assert.match(undone.stderr, /✔ \d+ objects in the inventories of 7 Kustomizations, 11 Helm releases/)
    assert.deepEqual(await replicas(), running)
    for (const name of served) {
      const { annotations = {} } = (await cluster.client.get(deployment(name))).metadata
      assert.deepEqual(
        Object.keys(annotations).filter((key) => /sluice|fluxcd/.test(key)),
        [],
      )
    }
    assert.deepEqual(await footprints(), before)
    assert.deepEqual(
      await writesSince(back),
      served.map((name) => `patch /apis/apps/v1/namespaces/${flux}/deployments/${name}`).sort(),
    )
    assert.match(ok(await sluice('--undo', '--sluice-stopped', '-o', 'table')), /nothing was handed over/)
  })

  it('with a deployment: the first run follows at once; given back, the cluster is suspended for it', async () => {
    const before = await footprints()
    const served = await startDeployment('node', {
      clusters: { test: cluster.address },
      namespaces: made.map(({ namespace }) => namespace),
      scanIntervalSeconds: 3_600,
    })
    const other = await startDeployment('node', {
      clusters: { other: cluster.address },
      scanIntervalSeconds: 3_600,
      namespaces: ['none'],
    })
    try {
      const beside = (url: string, ...args: readonly string[]): Promise<CliResult> =>
        cli.run(
          [
            'migrate',
            'flux',
            ...args,
            '--kubeconfig',
            join(directory, 'kubeconfig'),
            '--timeout',
            '60s',
            '--cluster',
            'test',
          ],
          { SLUICE_URL: url, SLUICE_TOKEN: served.triggerToken },
        )
      const given = await beside(served.url)
      assert.equal(json<{ firstRun: string }>(given).firstRun, 'succeeded')
      assert.match((await beside(other.url)).stderr, /has no cluster 'test' yet: put it into CLUSTERS/)
      assert.deepEqual(await footprints(), before)
      assert.deepEqual(await replicas(), stopped)
      const hold = { apiVersion: 'v1', kind: 'ConfigMap', namespace: flux, name: 'sluice-hold' }
      const back = await cluster.auditMark()
      const undone = await beside(served.url, '--undo')
      ok(undone)
      assert.match(undone.stderr, /► suspending the cluster for Sluice[^]*► scaling source-controller to 1/)
      assert.deepEqual((await cluster.client.get(hold))['data'].suspended, 'true')
      assert.deepEqual(await replicas(), running)
      assert.deepEqual(
        (await writesSince(back)).filter((path) => !path.includes('/deployments/')),
        [`create /api/v1/namespaces/${flux}/events`, `patch /api/v1/namespaces/${flux}/configmaps/sluice-hold`],
      )
      // Although it is asked to, the deployment does nothing now.
      const asked = await cluster.auditMark()
      await cli.run(['reconcile', 'cluster', '--cluster', 'test', '--timeout', '20s'], {
        SLUICE_URL: served.url,
        SLUICE_TOKEN: served.triggerToken,
      })
      assert.deepEqual(
        (await writesSince(asked)).filter((path) => !path.includes('/events')),
        [],
      )
      const again = await beside(served.url)
      assert.equal(json<{ firstRun: string }>(again).firstRun, 'succeeded')
      assert.match(again.stderr, /► resuming the cluster for Sluice/)
      assert.equal((await cluster.client.get(hold))['data'].suspended, 'false')
      ok(await beside(other.url, '--undo', '--sluice-stopped'))
      assert.deepEqual(await replicas(), running)
      assert.deepEqual(await footprints(), before)
    } finally {
      await served.stop()
      await other.stop()
    }
  })

  it('says what would change, and does not go on before it is told to', async () => {
    const [first] = made
    assert.ok(first)
    const ref = { apiVersion: 'v1', kind: 'ConfigMap', namespace: first.namespace, name: 'stays' }
    await cluster.client.patch(ref, { data: { a: 'by hand' } })
    const result = await sluice('-o', 'table')
    assert.match(ok(result, 1), /would change:\nKustomization\/[^]*ConfigMap\/.*\/stays\n {6}\.data\.a\n/)
    assert.match(result.stderr, /✗ 1 of \d+ objects would change something\n✗ nothing is handed over; --accept-changes/)
    assert.deepEqual(await replicas(), running)
    assert.equal(json<{ handedOver: boolean }>(await sluice('--accept-changes')).handedOver, true)
    ok(await sluice('--undo', '--sluice-stopped'))
    await cluster.client.patch(ref, { data: { a: '1' } })
  })

  it('one Kustomization alone: Flux is told to leave it, and Sluice leaves the rest', async () => {
    const [first] = made
    assert.ok(first)
    const refused = await sluice('--kustomization', `${first.namespace}/plain`)
    ok(refused, 1)
    assert.match(
      refused.stderr,
      /kustomize-controller would go on serving[^]*--watch-label-selector=!sharding\.fluxcd\.io\/key/,
    )
    await first.repository.commit({
      'flux/gotk.yaml': controllers(", '--watch-label-selector=!sharding.fluxcd.io/key'"),
    })
    await ours(first)
    await asIfApplied(first)
    const before = await footprints()
    const mark = await cluster.auditMark()
    const part = json<{ part: { name: string }[]; settings: object }>(await sluice('--path', './plain', '-n', flux))
    assert.deepEqual(
      part.part.map(({ name }) => name),
      ['plain'],
    )
    assert.deepEqual(part.settings, { watchLabelSelector: 'sharding.fluxcd.io/key=sluice' })
    const plain = `/apis/kustomize.toolkit.fluxcd.io/v1/namespaces/${first.namespace}/kustomizations/plain`
    assert.deepEqual(await writesSince(mark), [`patch ${plain}`])
    const run = await cluster.auditMark()
    const all = first.deps.settings
    Object.assign(first.deps, { settings: { ...all, ...part.settings } })
    const { record } = await first.run({ kind: 'trigger', target: 'cluster' })
    assert.deepEqual(
      record.nodes.map(({ name, state }) => `${name} ${state}`),
      ['plain ready'],
    )
    Object.assign(first.deps, { settings: all })
    const written = (await writesSince(run)).filter((path) => !path.includes('/events'))
    assert.deepEqual(
      written.filter((path) => !path.includes('/kustomizations/plain/')),
      [],
    )
    const back = await cluster.auditMark()
    ok(await sluice('--undo', '--kustomization', `${first.namespace}/plain`))
    assert.deepEqual(await writesSince(back), [`patch ${plain}`])
    const { labels = {} } = (
      await cluster.client.get({ ...kustomizationKind, namespace: first.namespace, name: 'plain' })
    ).metadata
    assert.deepEqual(labels, {})
    const objectsOf = (footprint: unknown): unknown =>
      (footprint as { objects: unknown }[]).map(({ objects }) => objects)
    assert.deepEqual(objectsOf(await footprints()), objectsOf(before))
  })

  it('the flux-operator’s instance is kept away too; what nobody can serve is named, and holds up where it needs a controller', async () => {
    const { client } = cluster
    const enabled = { 'fluxcd.controlplane.io/reconcile': 'enabled' }
    const foreign = [
      ['fluxcd.controlplane.io', 'FluxInstance'],
      ['fluxcd.controlplane.io', 'ResourceSet'],
      ['image.toolkit.fluxcd.io', 'ImagePolicy'],
      ['infra.contrib.fluxcd.io', 'Terraform'],
    ] as const
    for (const [group, kind] of foreign) {
      const plural = `${kind.toLowerCase()}s`
      await installDefinition(client, {
        apiVersion: 'apiextensions.k8s.io/v1',
        kind: 'CustomResourceDefinition',
        metadata: { name: `${plural}.${group}` },
        spec: {
          group,
          scope: 'Namespaced',
          names: { plural, singular: kind.toLowerCase(), kind, listKind: `${kind}List` },
          versions: [
            {
              name: 'v1',
              served: true,
              storage: true,
              schema: { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } },
            },
          ],
        },
      })
      await client.request('POST', `/apis/${group}/v1/namespaces/${flux}/${plural}`, {
        body: {
          apiVersion: `${group}/v1`,
          kind,
          metadata: { name: 'flux', namespace: flux, annotations: enabled },
          spec: { distribution: { version: '2.x' } },
        },
      })
    }
    const held = await sluice()
    const { unserved } = json<{ unserved: { kind: string; isBlocking: boolean }[] }>(held, 1)
    assert.deepEqual(unserved.map(({ kind, isBlocking }) => `${kind} ${isBlocking}`).sort(), [
      'ImagePolicy false',
      'ResourceSet false',
      'Terraform true',
    ])
    assert.match(held.stderr, /✗ 1 Terraform: it reads artifacts from source-controller/)
    assert.deepEqual(await replicas(), running)
    await client.request('DELETE', `/apis/infra.contrib.fluxcd.io/v1/namespaces/${flux}/terraforms/flux`)
    const instance = { apiVersion: 'fluxcd.controlplane.io/v1', kind: 'FluxInstance', namespace: flux, name: 'flux' }
    const mark = await cluster.auditMark()
    ok(await sluice())
    assert.deepEqual((await client.get(instance)).metadata.annotations, {
      'fluxcd.controlplane.io/reconcile': 'disabled',
      'kustomize.toolkit.fluxcd.io/reconcile': 'disabled',
      'sluice.dev/flux-operator-reconcile': 'enabled',
      'sluice.dev/flux-reconcile': '',
    })
    assert.deepEqual(
      (await writesSince(mark)).filter((path) => !path.includes('/deployments/')),
      [`patch /apis/fluxcd.controlplane.io/v1/namespaces/${flux}/fluxinstances/flux`],
    )
    ok(await sluice('--undo', '--sluice-stopped'))
    assert.deepEqual((await client.get(instance)).metadata.annotations, enabled)
    assert.deepEqual(await replicas(), running)
  })
})
