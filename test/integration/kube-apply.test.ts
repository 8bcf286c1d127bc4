import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createPreloadedReader, inventoryEntries, pruneObjects, type ChangeSet } from '../../src/kube/index.ts'
import {
  apply,
  configMap,
  deployment,
  fieldManager,
  messages,
  ownerIn,
  summary,
  useKube,
  widgetDefinition,
} from './kube-fixture.ts'

const kube = useKube()

test('creates in order, leaves alone what is unchanged, writes only what differs', async () => {
  const namespace = await kube.cluster.namespace()
  const owner = ownerIn(namespace)
  const client = kube.client()
  const objects = [
    deployment(namespace, 'web'),
    configMap(namespace, 'settings', { a: '1' }),
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'web', namespace },
      spec: { selector: { app: 'web' }, ports: [{ port: 80 }] },
    },
    { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'key', namespace }, stringData: { password: 'hunter2' } },
  ]
  const first = await apply(client, owner, objects)
  assert.deepEqual(messages(first), [])
  assert.deepEqual(summary(first), [
    'ConfigMap/settings created',
    'Secret/key created',
    'Service/web created',
    'Deployment/web created',
  ])

  const before = await kube.cluster.client.get({ apiVersion: 'apps/v1', kind: 'Deployment', namespace, name: 'web' })
  const again = await apply(client, owner, objects)
  assert.deepEqual(summary(again), [
    'ConfigMap/settings unchanged',
    'Secret/key unchanged',
    'Service/web unchanged',
    'Deployment/web unchanged',
  ])
  const after = await kube.cluster.client.get({ apiVersion: 'apps/v1', kind: 'Deployment', namespace, name: 'web' })
  assert.equal(after.metadata.generation, before.metadata.generation)

  const writes = client.requests.writes
  const changed = await apply(client, owner, [deployment(namespace, 'web', 'nginx:2'), ...objects.slice(1)])
  assert.deepEqual(summary(changed), [
    'ConfigMap/settings unchanged',
    'Secret/key unchanged',
    'Service/web unchanged',
    'Deployment/web configured',
  ])
  assert.equal(client.requests.writes - writes, 1)
  const [, , , web] = changed.changes
  const [image, ...more] = web?.drift ?? []
  assert.deepEqual(more, [])
  const { since, ...rest } = image ?? {}
  assert.match(since ?? '', /^\d{4}-\d\d-\d\dT/)
  assert.deepEqual(rest, {
    path: '.spec.template.spec.containers[name="app"].image',
    pointer: '/spec/template/spec/containers/0/image',
    change: 'replace',
    manager: fieldManager,
    live: '"nginx:1"',
    wanted: '"nginx:2"',
  })
})

test('finds drift with its paths and who made it, and undoes it', async () => {
  const namespace = await kube.cluster.namespace()
  const owner = ownerIn(namespace)
  const client = kube.client()
  const wanted = [configMap(namespace, 'settings', { a: '1', b: '2' }), deployment(namespace, 'web')]
  await apply(client, owner, wanted)
  await kube.cluster.client.patch(
    { apiVersion: 'v1', kind: 'ConfigMap', namespace, name: 'settings' },
    { data: { a: 'drifted', b: null } },
  )
  // A field that nobody manages in Git is somebody else's business.
  await kube.cluster.client.patch(
    { apiVersion: 'apps/v1', kind: 'Deployment', namespace, name: 'web' },
    { spec: { minReadySeconds: 3 } },
  )

  const result = await apply(client, owner, wanted)
  assert.deepEqual(summary(result), ['ConfigMap/settings configured', 'Deployment/web unchanged'])
  assert.deepEqual(result.changes[0]?.drift?.map(({ path, change }) => `${change} ${path}`).sort(), [
    'add .data.b',
    'replace .data.a',
  ])
  const settings = await kube.cluster.client.get({ apiVersion: 'v1', kind: 'ConfigMap', namespace, name: 'settings' })
  assert.deepEqual(settings['data'], { a: '1', b: '2' })
})

test('takes over what kubectl has added, and removes its bookkeeping; a Merge policy keeps both', async () => {
  const namespace = await kube.cluster.namespace()
  const owner = ownerIn(namespace)
  const client = kube.client()
  const byKubectl = (name: string): object =>
    configMap(
      namespace,
      name,
      { a: '1', extra: 'by hand' },
      { 'kubectl.kubernetes.io/last-applied-configuration': '{}' },
    )
  for (const name of ['override', 'merge']) {
    const path = await kube.cluster.client.path(
      { apiVersion: 'v1', kind: 'ConfigMap', namespace },
      { fieldManager: 'kubectl-client-side-apply' },
    )
    await kube.cluster.client.request('POST', path, { body: byKubectl(name) })
  }
  const wanted = [
    configMap(namespace, 'override', { a: '1' }),
    configMap(namespace, 'merge', { a: '1' }, { 'kustomize.toolkit.fluxcd.io/ssa': 'merge' }),
  ]
  const result = await apply(client, owner, wanted)
  assert.deepEqual(messages(result), [])
  const override = await kube.cluster.client.get({ apiVersion: 'v1', kind: 'ConfigMap', namespace, name: 'override' })
  assert.deepEqual(override['data'], { a: '1' })
  assert.equal(override.metadata.annotations, undefined)
  assert.deepEqual(
    override.metadata.managedFields?.map((entry) => `${entry.manager} ${entry.operation}`),
    [`${fieldManager} Apply`],
  )
  const merge = await kube.cluster.client.get({ apiVersion: 'v1', kind: 'ConfigMap', namespace, name: 'merge' })
  assert.deepEqual(merge['data'], { a: '1', extra: 'by hand' })
  assert.ok(merge.metadata.annotations?.['kubectl.kubernetes.io/last-applied-configuration'])
  assert.deepEqual(summary(await apply(client, owner, wanted)), [
    'ConfigMap/merge unchanged',
    'ConfigMap/override unchanged',
  ])
})

test('per-object policies: IfNotPresent, Ignore, reconcile disabled in the source and in the cluster', async () => {
  const namespace = await kube.cluster.namespace()
  const owner = ownerIn(namespace)
  const client = kube.client()
  const policy = (name: string, value: string, data: string): object =>
    configMap(
      namespace,
      name,
      { data },
      { [`kustomize.toolkit.fluxcd.io/${value.split('=')[0]}`]: value.split('=')[1] ?? '' },
    )
  const objects = (data: string): object[] => [
    policy('if-not-present', 'ssa=IfNotPresent', data),
    policy('ignored', 'ssa=Ignore', data),
    policy('unmanaged', 'reconcile=Disabled', data),
    configMap(namespace, 'live', { data }),
  ]
  const first = await apply(client, owner, objects('1'))
  assert.deepEqual(summary(first), [
    'ConfigMap/if-not-present created',
    'ConfigMap/ignored skipped',
    'ConfigMap/live created',
    'ConfigMap/unmanaged skipped',
  ])
  await kube.cluster.client.patch(
    { apiVersion: 'v1', kind: 'ConfigMap', namespace, name: 'live' },
    { metadata: { labels: { 'kustomize.toolkit.fluxcd.io/reconcile': 'disabled' } } },
  )
  const second = await apply(client, owner, objects('2'))
  assert.deepEqual([...new Set(second.changes.map((change) => change.action))], ['skipped'])
  const live = await kube.cluster.client.get({ apiVersion: 'v1', kind: 'ConfigMap', namespace, name: 'live' })
  assert.deepEqual(live['data'], { data: '1' })
  // With a reader that has not seen the object (no owner label any more), the policy in the cluster still counts.
  await kube.cluster.client.patch(
    { apiVersion: 'v1', kind: 'ConfigMap', namespace, name: 'live' },
    { metadata: { labels: { 'kustomize.toolkit.fluxcd.io/name': null } } },
  )
  const reader = createPreloadedReader({ label: 'kustomize.toolkit.fluxcd.io/name' })
  const third = await apply(client, owner, objects('3'), { live: reader })
  assert.deepEqual([...new Set(third.changes.map((change) => change.action))], ['skipped'])
})

test('a definition and its custom resource in one apply', async () => {
  const namespace = await kube.cluster.namespace()
  const owner = ownerIn(namespace)
  const client = kube.client()
  const group = `${namespace}.example.com`
  await client.discovery()
  const plans: ChangeSet[] = []
  const objects = [
    { apiVersion: `${group}/v1`, kind: 'Widget', metadata: { name: 'one', namespace }, spec: { size: 3 } },
    widgetDefinition(group),
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name: `${namespace}-more` } },
    configMap(`${namespace}-more`, 'inside', { a: '1' }),
  ]
  const result = await apply(client, owner, objects, { beforeWrites: async (plan) => void plans.push(plan) })
  assert.deepEqual(messages(result), [])
  assert.deepEqual(summary(result), [
    `CustomResourceDefinition/widgets.${group} created`,
    `Namespace/${namespace}-more created`,
    'ConfigMap/inside created',
    'Widget/one created',
  ])
  assert.equal(plans.length, 1)
  assert.deepEqual(inventoryEntries(plans[0] ?? []), inventoryEntries(result.changes))
  const again = await apply(client, owner, objects, {
    beforeWrites: () => Promise.reject(new Error('nothing is written')),
  })
  assert.deepEqual([...new Set(again.changes.map((change) => change.action))], ['unchanged'])
  const pruned = await pruneObjects(client, { entries: inventoryEntries(result.changes), owner })
  assert.deepEqual(pruned.errors, [])
  assert.deepEqual(summary(pruned), [
    'Widget/one deleted',
    'ConfigMap/inside deleted',
    `Namespace/${namespace}-more deleted`,
    `CustomResourceDefinition/widgets.${group} deleted`,
  ])
})

test('an immutable field needs force; then the object is recreated, but only when the new one is valid', async () => {
  const namespace = await kube.cluster.namespace()
  const owner = ownerIn(namespace)
  const client = kube.client()
  const service = (spec: object): object => ({
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'web', namespace },
    spec: { ports: [{ port: 80 }], ...spec },
  })
  const job = (image: string, restartPolicy = 'Never'): object => ({
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: { name: 'migrate', namespace },
    spec: { template: { spec: { restartPolicy, containers: [{ name: 'a', image }] } } },
  })
  const secret = (type: string): object => ({
    apiVersion: 'v1',
    kind: 'Secret',
    type,
    metadata: { name: 'key', namespace },
    stringData: { canary: 'v4lue' },
  })
  await apply(client, owner, [job('a:1'), secret('Opaque'), service({})])
  const uidOf = async (): Promise<string | undefined> =>
    (await kube.cluster.client.get({ apiVersion: 'batch/v1', kind: 'Job', namespace, name: 'migrate' })).metadata.uid
  const before = await uidOf()

  const refused = await apply(client, owner, [job('a:2'), secret('example.com/other')])
  assert.equal(refused.errors.length, 2)
  assert.match(messages(refused).join('\n'), /Job\/.*\/migrate dry-run failed \(Invalid\): .*immutable/)
  assert.doesNotMatch(JSON.stringify(refused.errors.map(({ error }) => error)), /v4lue|djRsdWU/)

  // The new Job would be refused as well: the old one must survive.
  const invalid = await apply(client, owner, [job('a:2', 'Sometimes')], { force: true })
  assert.match(messages(invalid).join('\n'), /not recreated, because a new one would be refused as well/)
  assert.equal(await uidOf(), before)

  const forced = await apply(client, owner, [job('a:2'), secret('example.com/other')], { force: true })
  assert.deepEqual(messages(forced), [])
  assert.deepEqual(summary(forced), ['Secret/key configured', 'Job/migrate configured'])
  assert.notEqual(await uidOf(), before)
})

test('five broken objects are reported together, with their origins, and nothing of the stage is written', async () => {
  const namespace = await kube.cluster.namespace()
  const owner = ownerIn(namespace)
  const client = kube.client()
  const broken = [
    { apiVersion: 'v1', kind: 'Service', metadata: { name: 'no-ports', namespace }, spec: {} },
    { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'typo', namespace }, spec: { replica: 1 } },
    { apiVersion: 'example.com/v1', kind: 'Unknown', metadata: { name: 'kind', namespace } },
    { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'nowhere' } },
    { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'secret', namespace }, data: { key: 'canary-not-base64!' } },
  ]
  const objects = [configMap(namespace, 'good', { a: '1' }), ...broken]
  const result = await apply(client, owner, objects, {
    originOf: (object) => ({ file: `${(object['metadata'] as { name: string }).name}.yaml`, line: 1 }),
  })
  assert.equal(result.errors.length, 5, messages(result).join('\n'))
  assert.deepEqual(result.errors.map(({ origin }) => origin?.file ?? '').sort(), [
    'kind.yaml',
    'no-ports.yaml',
    'nowhere.yaml',
    'secret.yaml',
    'typo.yaml',
  ])
  const text = messages(result).join('\n')
  assert.match(text, /ConfigMap\/nowhere namespace not specified/)
  assert.match(text, /no matches for kind "Unknown"/)
  assert.match(text, /spec\.replica|\.replica: field not declared/)
  assert.doesNotMatch(JSON.stringify(result.errors.map(({ error }) => error)), /canary/)
  assert.equal(
    await kube.cluster.client.find({ apiVersion: 'v1', kind: 'ConfigMap', namespace, name: 'good' }),
    undefined,
  )
})

test('errors of later stages are reported with those of the first; consequences are not', async () => {
  const namespace = await kube.cluster.namespace()
  const owner = ownerIn(namespace)
  const client = kube.client()
  const result = await apply(client, owner, [
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'Not_Valid' } },
    configMap('Not_Valid', 'consequence', {}),
    { apiVersion: 'v1', kind: 'Service', metadata: { name: 'no-ports', namespace }, spec: {} },
  ])
  assert.deepEqual(
    result.errors.map(({ key }) => `${key.kind}/${key.name}`),
    ['Namespace/Not_Valid', 'Service/no-ports'],
  )
})

test('a preloaded reader: few requests, same result, fresh after changes by others', async () => {
  const namespace = await kube.cluster.namespace()
  const client = kube.client()
  const owners = Array.from({ length: 10 }, (_, index) => ownerIn(namespace, `app-${index}`))
  const objectsOf = (name: string): object[] => [
    configMap(namespace, `${name}-a`, { a: '1' }),
    configMap(namespace, `${name}-b`, { b: '1' }),
  ]
  for (const owner of owners) await apply(client, owner, objectsOf(owner.name))
  const live = createPreloadedReader({
    label: 'kustomize.toolkit.fluxcd.io/name',
    values: owners.map(({ name }) => name),
  })
  const before = client.requests.total
  for (const owner of owners) {
    const result = await apply(client, owner, objectsOf(owner.name), { live })
    assert.deepEqual([...new Set(result.changes.map((change) => change.action))], ['unchanged'])
  }
  // One LIST and a dry-run per object.
  assert.equal(client.requests.total - before, 21)
  const proven = client.requests.total
  for (const owner of owners) await apply(client, owner, objectsOf(owner.name), { live, trustLocal: true })
  assert.equal(client.requests.total - proven, 0)

  await kube.cluster.client.patch(
    { apiVersion: 'v1', kind: 'ConfigMap', namespace, name: 'app-3-a' },
    { data: { a: 'later' } },
  )
  const owner = owners[3] ?? ownerIn(namespace)
  assert.deepEqual(summary(await apply(client, owner, objectsOf('app-3'), { live })), [
    'ConfigMap/app-3-a configured',
    'ConfigMap/app-3-b unchanged',
  ])
})

test('an encrypted Secret is refused; one that is wanted so is applied without SOPS’s field', async () => {
  const namespace = await kube.cluster.namespace()
  const secret = (annotations: { [key: string]: string }): object => ({
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: 'key', namespace, annotations },
    stringData: { a: 'ENC[canary]' },
    sops: { mac: 'canary' },
  })
  const client = kube.client()
  const refused = await apply(client, ownerIn(namespace), [secret({})])
  assert.match(messages(refused).join(), /Secret\/.*\/key dry-run failed.*encrypted by SOPS/)
  const wanted = await apply(client, ownerIn(namespace), [
    secret({ 'kustomize.toolkit.fluxcd.io/decrypt': 'Disabled' }),
  ])
  assert.deepEqual(summary(wanted), ['Secret/key created'])
  const typo = await apply(client, ownerIn(namespace), [
    { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'key', namespace }, stringdata: { a: 'canary' } },
  ])
  assert.match(messages(typo).join(), /it has no field \.stringdata/)
  assert.doesNotMatch(JSON.stringify(typo), /canary/)
})

test('a new object costs two requests, an unchanged one two, none with a trusted local comparison', async () => {
  const namespace = await kube.cluster.namespace()
  const client = kube.client()
  await client.discovery()
  const run = async (options = {}): Promise<number> => {
    const before = client.requests.total
    const result = await apply(client, ownerIn(namespace), [configMap(namespace, 'a', { a: '1' })], options)
    assert.deepEqual(messages(result), [])
    return client.requests.total - before
  }
  assert.deepEqual([await run(), await run(), await run({ trustLocal: true })], [2, 2, 1])
})

test('a cluster-scoped custom resource with a namespace: planned, applied and pruned under one name', async () => {
  const namespace = await kube.cluster.namespace()
  const owner = ownerIn(namespace)
  const client = kube.client()
  await client.discovery()
  const group = `${namespace}.example.com`
  const definition = structuredClone(widgetDefinition(group)) as { spec: { scope: string } }
  definition.spec.scope = 'Cluster'
  const plans: ChangeSet[] = []
  const objects = [
    definition,
    { apiVersion: `${group}/v1`, kind: 'Widget', metadata: { name: 'one', namespace }, spec: { size: 3 } },
  ]
  const result = await apply(client, owner, objects, { beforeWrites: async (plan) => void plans.push(plan) })
  assert.deepEqual(messages(result), [])
  assert.deepEqual(inventoryEntries(plans[0] ?? []), inventoryEntries(result.changes))
  assert.deepEqual(inventoryEntries(result.changes)[1], { id: `_one_${group}_Widget`, v: 'v1' })
  await pruneObjects(client, { entries: inventoryEntries(result.changes), owner })
})
