import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { after, before, describe, it } from 'node:test'
import { apiVersions } from '../../src/api/index.ts'
import { useCluster } from '../support/cluster.ts'
import { createNamespace } from '../support/create-namespace.ts'
import { installCrds } from '../support/crds.ts'
import {
  awaitIdle,
  awaitRun,
  deliverPush,
  startDeployment,
  type Deployment,
  type ShownRun,
} from '../support/deployment.ts'
import { endNamespace } from '../support/end-namespace.ts'
import type { GitTestFile, GitTestRepository } from '../support/git-repository.ts'
import { GitServer } from '../support/git-server.ts'
import { hostileEscapes, type Escape } from '../support/hostile-tenant.ts'
import { startNotifyServer, type NotifyServer } from '../support/notify-server.ts'

const cluster = useCluster()

/** A deployment with all rights, whose configuration has the policy: nothing but the policy and the tenants' own rights hold anybody back. */
describe('a tenant whose repository tries everything', () => {
  const id = randomBytes(3).toString('hex')
  const names = { own: `hostile-${id}`, victim: `victim-${id}`, platform: `platform-${id}` }
  const canary = `canary-${randomBytes(8).toString('hex')}`
  let git: GitServer
  let hostile: GitTestRepository
  let victim: GitTestRepository
  let notify: NotifyServer
  let deployment: Deployment
  let escapes: readonly Escape[]
  let run: ShownRun

  before(async () => {
    await installCrds(cluster.client)
    for (const name of Object.values(names)) await createNamespace(cluster.client, name)
    git = await GitServer.start()
    notify = await startNotifyServer()
    victim = await git.create(`team/${names.victim}`, victimFiles())
    escapes = hostileEscapes({ ...names, victimUrl: victim.url })
    hostile = await git.create(`team/${names.own}`, filesOf(escapes))
    await grant('own', 'hostile')
    await grant('victim', 'victim')
    for (const namespace of [names.victim, 'kube-system'])
      await cluster.client.apply({
        apiVersion: 'v1',
        kind: 'Secret',
        metadata: { name: namespace === 'kube-system' ? 'tenancy-canary' : 'canary', namespace },
        stringData: { canary },
      })
    const tenant = (name: string, namespace: string, url: string): object => ({
      name,
      namespaces: [namespace],
      sources: [url],
      clusterKinds: ['Namespace'],
    })
    deployment = await startDeployment('node', {
      clusters: { test: cluster.address },
      namespaces: Object.values(names),
      env: {
        TENANTS: JSON.stringify({
          platformNamespaces: [names.platform],
          tenants: [tenant('hostile', names.own, hostile.url), tenant('victim', names.victim, victim.url)],
        }),
      },
    })
    await awaitIdle(deployment)
    await plantObjects()
    run = await push(hostile)
  })
  after(async () => {
    await deployment.stop()
    await notify.close()
    await git.close()
    for (const name of Object.values(names)) await endNamespace(cluster.client, name)
    await cluster.client.delete({ apiVersion: 'v1', kind: 'Secret', name: 'tenancy-canary', namespace: 'kube-system' })
  })

  const user = 'sluice:tenant:hostile'
  const as = (): ReturnType<typeof cluster.as> => cluster.as(user)

  function filesOf(all: readonly Escape[]): { [path: string]: GitTestFile } {
    const files = all.flatMap(({ name, files: of }) =>
      Object.entries(of).map(([path, file]): [string, GitTestFile] => [`e/${name}/${path}`, file]),
    )
    const good = `apiVersion: v1\nkind: ConfigMap\nmetadata: { name: good, namespace: ${names.own} }\n`
    return { ...Object.fromEntries(files), 'good/a.yaml': good }
  }

  function victimFiles(): { [path: string]: GitTestFile } {
    return {
      'app/a.yaml': `apiVersion: v1\nkind: ConfigMap\nmetadata: { name: own, namespace: ${names.victim} }\ndata: { value: "1" }\n`,
      'chart/Chart.yaml': 'apiVersion: v2\nname: chart\nversion: 1.0.0\n',
      'chart/templates/a.yaml': 'apiVersion: v1\nkind: ConfigMap\nmetadata: { name: of-chart }\n',
    }
  }

  /** Lets a tenant do what tenants usually may, in its namespace: by its user, or by its group. */
  async function grant(place: 'own' | 'victim', name: string): Promise<void> {
    const namespace = names[place]
    const group = 'rbac.authorization.k8s.io'
    const flux = ['kustomize', 'helm', 'source', 'notification'].map((one) => `${one}.toolkit.fluxcd.io`)
    const rules = [
      { apiGroups: ['', 'apps', 'batch'], resources: ['*'], verbs: ['*'] },
      { apiGroups: flux, resources: ['*'], verbs: ['*'] },
      { apiGroups: [group], resources: ['rolebindings'], verbs: ['get', 'create', 'patch'] },
    ]
    const meta = { apiVersion: `${group}/v1`, metadata: { name: 'tenant', namespace } }
    await cluster.client.apply({ ...meta, kind: 'Role', rules })
    const kind = place === 'own' ? 'User' : 'Group'
    const roleRef = { apiGroup: group, kind: 'Role', name: 'tenant' }
    await cluster.client.apply({
      ...meta,
      kind: 'RoleBinding',
      roleRef,
      subjects: [{ kind, name: `sluice:tenant:${name}`, apiGroup: group }],
    })
  }

  /** What the tenants put into their own namespaces, with their own rights. */
  async function plantObjects(): Promise<void> {
    const source = (namespace: string, url: string, name = 'app'): object => ({
      apiVersion: apiVersions.GitRepository,
      kind: 'GitRepository',
      metadata: { name, namespace },
      spec: { interval: '1h', url, ref: { branch: 'main' } },
    })
    const kustomization = (namespace: string, name: string, spec: object): object => ({
      apiVersion: apiVersions.Kustomization,
      kind: 'Kustomization',
      metadata: { name, namespace },
      spec: { interval: '1h', prune: true, sourceRef: { kind: 'GitRepository', name: 'app' }, ...spec },
    })
    const release = (namespace: string, name: string, chart: string, spec: object): object => ({
      apiVersion: apiVersions.HelmRelease,
      kind: 'HelmRelease',
      metadata: { name, namespace },
      spec: {
        interval: '1h',
        chart: { spec: { chart, sourceRef: { kind: 'GitRepository', name: 'app' }, reconcileStrategy: 'Revision' } },
        ...spec,
      },
    })
    const { client } = cluster
    await client.apply(source(names.victim, victim.url))
    await client.apply(kustomization(names.victim, 'app', { path: './app' }))
    await client.apply(release(names.victim, 'app', './chart', {}))
    await as().apply(source(names.own, hostile.url))
    await as().apply(source(names.own, victim.url, 'stolen'))
    await as().apply(kustomization(names.own, 'good', { path: './good' }))
    await as().apply(
      kustomization(names.own, 'of-stolen', { path: './app', sourceRef: { kind: 'GitRepository', name: 'stolen' } }),
    )
    await as().apply(kustomization(names.own, 'all-at-once', { path: './e/flux-object-that-points-outside' }))
    for (const { kind, name, spec = {} } of escapes)
      await as().apply(
        kind === 'Kustomization'
          ? kustomization(names.own, name, { path: `./e/${name}`, ...spec })
          : release(names.own, name, `./e/${name}`, spec),
      )
    await as().apply({
      apiVersion: apiVersions.Provider,
      kind: 'Provider',
      metadata: { name: 'listen', namespace: names.own },
      spec: { type: 'generic', address: notify.origin },
    })
    // One Alert tells of the tenant's own objects, the other one would tell of those of the victim.
    for (const [name, namespace] of [
      ['own', names.own],
      ['listen', names.victim],
    ])
      await as().apply({
        apiVersion: apiVersions.Alert,
        kind: 'Alert',
        metadata: { name, namespace: names.own },
        spec: {
          providerRef: { name: 'listen' },
          eventSources: ['Kustomization', 'HelmRelease'].map((kind) => ({ kind, name: '*', namespace })),
        },
      })
  }

  async function push(repository: GitTestRepository): Promise<ShownRun> {
    const answer = await deliverPush(deployment, { url: repository.url, after: (await repository.head()) ?? '' })
    return await awaitRun(deployment, answer.run ?? '', 180_000)
  }

  const nodeOf = (from: ShownRun, kind: string, name: string) =>
    from.records.flatMap(({ nodes }) => nodes).find((node) => node.kind === kind && node.name === name)

  it('gets nowhere: each escape is refused with the name of its rule, or stopped by its own rights', () => {
    const wrong = escapes.flatMap(({ kind, name, end }) => {
      const node = nodeOf(run, kind, name)
      const said = `${kind} ${name}: ${node?.state} ${node?.reason}: ${node?.message}`
      if (node === undefined) return [said]
      if (end === 'gains nothing') return node.state === 'ready' ? [] : [said]
      if (node.state !== 'failed') return [said]
      if (end instanceof RegExp) return end.test(node.message ?? '') ? [] : [said]
      return node.reason === 'AccessDenied' && node.message?.includes(`${end}: `) === true ? [] : [said]
    })
    assert.deepEqual(wrong, [])
  })

  it('what is its own goes on all the same', () => {
    assert.equal(nodeOf(run, 'Kustomization', 'good')?.state, 'ready')
  })

  it('a source of somebody else is not fetched, and nothing is made from it', async () => {
    const scanned = await push(victim)
    assert.match(nodeOf(scanned, 'GitRepository', 'stolen')?.message ?? '', /source-url: spec\.url/)
    const node = nodeOf(scanned, 'Kustomization', 'of-stolen')
    assert.notEqual(node?.state, 'ready')
    const found = await cluster.client.get({
      apiVersion: apiVersions.GitRepository,
      kind: 'GitRepository',
      namespace: names.own,
      name: 'stolen',
    })
    assert.equal((found['status'] as { artifact?: unknown }).artifact, undefined)
  })

  it('others are unaffected, and nobody hears of them', async () => {
    const again = await push(victim)
    for (const kind of ['Kustomization', 'HelmRelease'])
      assert.notEqual(nodeOf(again, kind, 'app')?.state, 'failed', JSON.stringify(nodeOf(again, kind, 'app')))
    await victim.commit({
      'app/a.yaml': `apiVersion: v1\nkind: ConfigMap\nmetadata: { name: own, namespace: ${names.victim} }\ndata: { value: "2" }\n`,
    })
    const changed = await push(victim)
    assert.equal(nodeOf(changed, 'Kustomization', 'app')?.state, 'ready', JSON.stringify(changed.records))
    const own = { apiVersion: 'v1', kind: 'ConfigMap', namespace: names.victim, name: 'own' }
    assert.deepEqual((await cluster.client.get(own))['data'], { value: '2' })
    const told = notify.received.map(
      ({ body }) => JSON.parse(String(body)) as { involvedObject: { namespace: string } },
    )
    assert.deepEqual([...new Set(told.map(({ involvedObject }) => involvedObject.namespace))], [names.own])
  })

  it('nothing is anywhere that is not the tenant’s, and nothing was read that is not', async () => {
    const { client } = cluster
    const list = async (kind: string, namespace: string): Promise<readonly string[]> =>
      (await client.list({ apiVersion: 'v1', kind, namespace })).map(({ metadata }) => metadata.name)
    const ofOthers = (found: readonly string[]): readonly string[] =>
      found.filter((name) => name !== 'kube-root-ca.crt').sort()
    assert.deepEqual(ofOthers(await list('ConfigMap', names.victim)), ['of-chart', 'own'])
    assert.deepEqual(ofOthers(await list('ConfigMap', names.platform)), [])
    assert.deepEqual(await list('Secret', names.platform), [])
    const everything = JSON.stringify([
      await client.list({ apiVersion: 'v1', kind: 'ConfigMap', namespace: names.own }),
      await client.list({ apiVersion: 'v1', kind: 'Secret', namespace: names.own }),
      await client.list({ apiVersion: apiVersions.HelmRelease, kind: 'HelmRelease', namespace: names.own }),
      run,
    ])
    for (const secret of [canary, Buffer.from(canary).toString('base64'), 'root:x:0:0'])
      assert.ok(!everything.includes(secret), `${secret} is shown`)
    const namespace = await client.get({ apiVersion: 'v1', kind: 'Namespace', name: names.own })
    assert.equal(namespace.metadata.labels?.['pod-security.kubernetes.io/enforce'], undefined)
  })

  it('an inventory that names what others have deletes nothing of theirs', async () => {
    const ref = { apiVersion: apiVersions.Kustomization, kind: 'Kustomization', namespace: names.own, name: 'good' }
    const { status } = (await cluster.client.get(ref)) as {
      status?: { inventory: { entries: { id: string; v: string }[] } }
    }
    const stolen = { id: `${names.victim}_own__ConfigMap`, v: 'v1' }
    const entries = [...(status?.inventory.entries ?? []), stolen]
    const path = `/apis/${apiVersions.Kustomization}/namespaces/${names.own}/kustomizations/good/status`
    await as().request('PATCH', path, {
      body: { status: { inventory: { entries } } },
      contentType: 'application/merge-patch+json',
    })
    await hostile.commit({
      'good/b.yaml': `apiVersion: v1\nkind: ConfigMap\nmetadata: { name: b, namespace: ${names.own} }\n`,
    })
    await push(hostile)
    const own = { apiVersion: 'v1', kind: 'ConfigMap', namespace: names.victim, name: 'own' }
    assert.ok((await cluster.client.find(own)) !== undefined)
  })

  it('a trigger carries no manifests', async () => {
    const response = await fetch(`${deployment.url}/trigger`, {
      method: 'POST',
      headers: { authorization: `Bearer ${deployment.triggerToken}`, 'content-type': 'application/json' },
      body: JSON.stringify({ all: true, manifests: [{ apiVersion: 'v1', kind: 'ConfigMap' }] }),
    })
    assert.equal(response.status, 400)
  })
})
