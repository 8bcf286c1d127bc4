import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  createDirectReader,
  createPreloadedReader,
  detectDrift,
  normalizeObject,
  type WatchEvent,
} from '../../src/kube/index.ts'
import type { KubeObject } from '../../src/resources/index.ts'
import { createInjectingTransport } from '../support/cut-transport.ts'
import {
  apply,
  configMap,
  createTestClient,
  deployment,
  fieldManager,
  messages,
  owned,
  ownerIn,
  summary,
  useKube,
} from './kube-fixture.ts'

const kube = useKube()

test('discovery: scopes, subresources, ETag, kinds that are not served', async () => {
  const transport = createInjectingTransport(kube.transport, () => undefined)
  const client = createTestClient(transport)
  const deploymentResource = await client.resource({ apiVersion: 'apps/v1', kind: 'Deployment' })
  assert.deepEqual(
    [deploymentResource.plural, deploymentResource.namespaced, deploymentResource.subresources.includes('scale')],
    ['deployments', true, true],
  )
  assert.equal((await client.resource({ apiVersion: 'v1', kind: 'Namespace' })).namespaced, false)
  assert.deepEqual(transport.requests, ['GET /api', 'GET /apis'])
  await assert.rejects(client.resource({ apiVersion: 'apps/v1', kind: 'Nope' }), { code: 'kube-kind-unknown' })
  assert.match(await client.serverVersion(), /^v1\./)
})

test('discovery of a server without aggregated discovery', async () => {
  const client = createTestClient({
    cluster: 'test',
    send: (request) => kube.transport.send({ ...request, headers: { ...request.headers, accept: 'application/json' } }),
  })
  const resource = await client.resource({ apiVersion: 'apps/v1', kind: 'Deployment' })
  assert.deepEqual(
    [resource.plural, resource.namespaced, [...resource.subresources].sort()],
    ['deployments', true, ['scale', 'status']],
  )
  assert.equal((await client.resource({ apiVersion: 'v1', kind: 'Namespace' })).plural, 'namespaces')
})

test('an apply gets through conflicts, refusals and faults', async () => {
  const namespace = await kube.cluster.namespace()
  const owner = ownerIn(namespace)
  const path = await kube.cluster.client.path(
    { apiVersion: 'v1', kind: 'ConfigMap', namespace },
    { fieldManager: 'kubectl-edit' },
  )
  await kube.cluster.client.request('POST', path, { body: configMap(namespace, 'one', { extra: 'x' }) })
  let writes = 0
  const counts = { 409: 0, 429: 0, 500: 0, dropped: 0 }
  const transport = createInjectingTransport(kube.transport, ({ method, path: at, headers }) => {
    const isJsonPatch = headers?.['content-type'] === 'application/json-patch+json'
    if (isJsonPatch && counts[409]++ === 0)
      return { status: 409, body: { kind: 'Status', reason: 'Conflict', message: 'changed' } }
    if (method !== 'PATCH' || at.includes('dryRun')) return undefined
    const number = ++writes
    if (number % 4 === 0) return (void counts.dropped++, new Error('socket hang up'))
    if (number % 4 === 1)
      return (
        void counts[429]++,
        { status: 429, headers: { 'retry-after': '0' }, body: { kind: 'Status', reason: 'TooManyRequests' } }
      )
    if (number % 4 === 2)
      return (void counts[500]++, { status: 500, body: { kind: 'Status', reason: 'InternalError' } })
    return undefined
  })
  const objects = ['one', 'two', 'three'].map((name) => configMap(namespace, name, { a: '1' }))
  const result = await apply(createTestClient(transport), owner, objects, { concurrency: 1 })
  assert.deepEqual(messages(result), [])
  assert.deepEqual(summary(result), ['ConfigMap/one configured', 'ConfigMap/three created', 'ConfigMap/two created'])
  for (const [name, count] of Object.entries(counts)) assert.ok(count > 0, name)
  assert.deepEqual(
    (await kube.cluster.client.get({ apiVersion: 'v1', kind: 'ConfigMap', namespace, name: 'one' }))['data'],
    { a: '1' },
  )
})

test('a cluster that is away is one error, not one per object', async () => {
  const namespace = await kube.cluster.namespace()
  const client = createTestClient(
    createInjectingTransport(kube.transport, ({ method }) =>
      method === 'PATCH' ? new Error('connect ECONNREFUSED') : undefined,
    ),
    { callTimeoutMs: 1 },
  )
  const result = await apply(
    client,
    ownerIn(namespace),
    Array.from({ length: 30 }, (_, index) => configMap(namespace, `c${index}`, {})),
  )
  assert.equal(result.errors.length, 1)
  assert.equal(result.errors[0]?.error.code, 'cluster-unreachable')
  assert.equal(result.errors[0]?.error.disposition, 'retry')
})

test('impersonation: a service account may do what RBAC says, in discovery-shared clients', async () => {
  const namespace = await kube.cluster.namespace()
  const owner = ownerIn(namespace)
  const client = kube.client()
  const account = 'deployer'
  const tenant = client.as(`system:serviceaccount:${namespace}:${account}`)
  const objects = [configMap(namespace, 'a', { a: '1' })]
  const refused = await apply(tenant, owner, objects)
  assert.match(messages(refused).join(), /dry-run failed \(Forbidden\): .*system:serviceaccount:.*deployer/)
  const rbac = { apiVersion: 'rbac.authorization.k8s.io/v1' }
  const set = await apply(client, ownerIn(namespace, 'rbac'), [
    {
      ...rbac,
      kind: 'Role',
      metadata: { name: 'r', namespace },
      rules: [{ apiGroups: [''], resources: ['configmaps'], verbs: ['get', 'create', 'patch'] }],
    },
    {
      ...rbac,
      kind: 'RoleBinding',
      metadata: { name: 'r', namespace },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'r' },
      subjects: [{ kind: 'ServiceAccount', name: account, namespace }],
    },
  ])
  assert.deepEqual(messages(set), [])
  // It may not list: the preloaded reader of its own identity falls back to single objects.
  const live = createPreloadedReader({ label: 'kustomize.toolkit.fluxcd.io/name' })
  await kube.cluster.client.waitFor(
    { apiVersion: 'v1', kind: 'ServiceAccount', namespace, name: 'default' },
    (found) => found !== undefined,
  )
  let result = await apply(tenant, owner, objects, { live })
  // The authorizer learns of a new binding a moment later.
  for (let round = 0; round < 20 && result.errors.length > 0; round++) {
    await client.clock.sleep(50)
    result = await apply(tenant, owner, objects, { live })
  }
  assert.deepEqual(summary(result), ['ConfigMap/a created'])
  const elsewhere = await apply(tenant, owner, [configMap('default', 'a', {})])
  assert.match(messages(elsewhere).join(), /Forbidden/)
})

test('a watch goes on behind the last event after a dropped connection, and ends in time', async () => {
  const namespace = await kube.cluster.namespace()
  const kind = { apiVersion: 'v1', kind: 'ConfigMap' }
  let connections = 0
  const client = createTestClient({
    cluster: 'test',
    send: async (request) => {
      const response = await kube.transport.send(request)
      if (!request.path.includes('watch=1') || !response.body) return response
      connections++
      if (connections > 1) return response
      // The first connection breaks after its second chunk.
      let chunks = 0
      const breaking = response.body.pipeThrough(
        new TransformStream<Uint8Array, Uint8Array>({
          transform: (chunk, controller) =>
            ++chunks > 2 ? controller.error(new Error('reset')) : controller.enqueue(chunk),
        }),
      )
      return { status: response.status, headers: response.headers, text: () => response.text(), body: breaking }
    },
  })
  // The server's own ConfigMap comes into a new namespace when it likes: a label keeps it out of what is watched.
  const labelSelector = 'watched=yes'
  const list = await client.list(kind, { namespace, labelSelector })
  const seen: string[] = []
  const watching = (async () => {
    for await (const event of client.watch(kind, {
      namespace,
      labelSelector,
      resourceVersion: list.resourceVersion,
      timeoutMs: 10_000,
    })) {
      if (event.type !== 'BOOKMARK') seen.push(`${event.type} ${(event.object['metadata'] as { name: string }).name}`)
      if (seen.length >= 6) return
    }
  })()
  const until = async (isThere: () => boolean): Promise<void> => {
    for (const end = Date.now() + 30_000; !isThere(); await client.clock.sleep(10)) assert.ok(Date.now() < end)
  }
  // Each event comes in a part of its own, so that the connection breaks between them.
  await until(() => connections > 0)
  for (const [at, name] of ['a', 'b', 'c', 'd', 'e'].entries()) {
    await kube.cluster.client.create({ ...kind, metadata: { namespace, name, labels: { watched: 'yes' } } })
    await until(() => seen.length > at)
  }
  await kube.cluster.client.delete({ ...kind, namespace, name: 'a' })
  await watching
  assert.deepEqual(seen, ['ADDED a', 'ADDED b', 'ADDED c', 'ADDED d', 'ADDED e', 'DELETED a'])
  assert.ok(connections >= 2)

  const started = Date.now()
  const events: WatchEvent[] = []
  for await (const event of client.watch(kind, {
    namespace,
    labelSelector,
    resourceVersion: list.resourceVersion,
    timeoutMs: 3_000,
  }))
    events.push(event)
  assert.ok(events.length >= 6)
  assert.ok(Date.now() - started < 15_000)
})

test('what local comparison calls unchanged, the server calls unchanged too', async () => {
  const namespace = await kube.cluster.namespace()
  const owner = ownerIn(namespace)
  const client = kube.client()
  const value = fc.constantFrom('1', '2')
  const containers = fc.uniqueArray(
    fc.record({
      name: fc.constantFrom('a', 'b', 'c'),
      image: value,
      ports: fc.boolean(),
      cpu: fc.constantFrom('500m', '0.5', undefined),
    }),
    { selector: ({ name }) => name, minLength: 1 },
  )
  const app = fc.record({
    containers,
    labels: fc.dictionary(fc.constantFrom('x', 'y'), value),
    replicas: fc.constantFrom(0, undefined),
    toleration: fc.boolean(),
  })
  const build = (spec: typeof app extends fc.Arbitrary<infer T> ? T : never): KubeObject => {
    const object = structuredClone(deployment(namespace, 'app')) as {
      metadata: object
      spec: { replicas?: number; template: { spec: object } }
    }
    object.metadata = { ...object.metadata, labels: spec.labels }
    delete object.spec.replicas
    if (spec.replicas !== undefined) object.spec.replicas = spec.replicas
    object.spec.template.spec = {
      ...(spec.toleration ? { tolerations: [{ key: 'k', operator: 'Exists' }] } : {}),
      containers: spec.containers.map(({ name, image, ports, cpu }) => ({
        name,
        image,
        ...(ports ? { ports: [{ containerPort: 80 }] } : {}),
        ...(cpu === undefined ? {} : { resources: { requests: { cpu } } }),
      })),
    }
    return owned(owner, object)
  }
  const foreign = fc.constantFrom(
    undefined,
    undefined,
    undefined,
    undefined,
    { spec: { replicas: 3 } },
    { spec: { minReadySeconds: 5 } },
    { metadata: { labels: { x: 'theirs' } } },
    { metadata: { annotations: { theirs: '1' } } },
    { spec: { template: { spec: { containers: [{ name: 'a', image: 'theirs' }] } } } },
  )
  const proven = { unchanged: 0, unknown: 0 }
  const property = fc.asyncProperty(app, fc.option(app, { freq: 1 }), foreign, async (before, after, edit) => {
    const key = { apiVersion: 'apps/v1', kind: 'Deployment', namespace, name: 'app' }
    await client.delete(key)
    await apply(client, owner, [build(before)])
    if (edit) await kube.cluster.client.patch(key, edit, { type: 'strategic' })
    const wanted = build(after ?? before)
    const live = await client.get(key)
    assert.ok(live)
    const local = detectDrift(normalizeObject(wanted), live, fieldManager)
    proven[local.verdict]++
    // What nobody has touched is always proven, as long as it is written as the server writes it.
    const isCanonical = before.containers.every(({ cpu }) => cpu !== '0.5')
    if (after === null && edit === undefined && isCanonical) assert.equal(local.verdict, 'unchanged')
    if (local.verdict === 'unknown') return
    const writes = client.requests.writes
    const result = await apply(client, owner, [wanted], { live: createDirectReader() })
    assert.deepEqual(messages(result), [])
    assert.deepEqual(summary(result), ['Deployment/app unchanged'])
    assert.equal(client.requests.writes, writes)
  })
  await fc.assert(property, { numRuns: 60, seed: 7 })
  assert.ok(proven.unchanged > 10 && proven.unknown > 10, JSON.stringify(proven))
})
