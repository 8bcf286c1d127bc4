import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  acquireLease,
  addFinalizer,
  emitEvent,
  type EventCounts,
  isHeld,
  patchStatus,
  removeFinalizer,
  type HeldLease,
  type KubeClient,
  type ObjectLike,
} from '../../src/kube/index.ts'
import type { KubeTransport } from '../../src/ports/index.ts'
import { apply, createTestClient, ownerIn, useKube, widgetDefinition } from './kube-fixture.ts'

const kube = useKube()

interface Widget extends ObjectLike {
  readonly spec: { readonly size: number }
  readonly status?: object
}

async function widget(): Promise<{
  client: KubeClient
  object: Widget
  ref: { apiVersion: string; kind: string; namespace: string; name: string }
}> {
  const namespace = await kube.cluster.namespace()
  const client = kube.client()
  const group = `${namespace}.example.com`
  const ref = { apiVersion: `${group}/v1`, kind: 'Widget', namespace, name: 'one' }
  const result = await apply(client, ownerIn(namespace), [
    widgetDefinition(group),
    { apiVersion: ref.apiVersion, kind: 'Widget', metadata: { name: 'one', namespace }, spec: { size: 1 } },
  ])
  assert.deepEqual(result.errors, [])
  const object = await client.get<Widget>(ref)
  assert.ok(object)
  return { client, object, ref }
}

/** Loses the answer to the first request that `isMatch` picks; the server has done it. */
function losingAnswer(isMatch: (method: string) => boolean): KubeTransport {
  let isLost = false
  return {
    cluster: 'test',
    send: async (request) => {
      const response = await kube.transport.send(request)
      if (isLost || !isMatch(request.method)) return response
      isLost = true
      await response.text()
      throw new Error('connection reset')
    },
  }
}

test('a status is written as a difference, on the newest version, and never over somebody else’s', async () => {
  const { client, object, ref } = await widget()
  const first = await patchStatus(
    client,
    object,
    { conditions: [{ type: 'Ready' }], revision: 'a', gone: { x: 1 } },
    'gotk-test',
  )
  assert.deepEqual(first.status, { conditions: [{ type: 'Ready' }], revision: 'a', gone: { x: 1 } })
  const requests = client.requests.total
  assert.equal(
    await patchStatus(
      client,
      first,
      { conditions: [{ type: 'Ready' }], revision: 'a', gone: { x: 1 }, nothing: undefined },
      'gotk-test',
    ),
    first,
  )
  assert.equal(client.requests.total, requests)

  // Something beside the status has changed meanwhile.
  await kube.cluster.client.patch(ref, { metadata: { annotations: { requested: 'now' } } })
  const second = await patchStatus(client, first, { conditions: [], revision: 'b' }, 'gotk-test')
  assert.deepEqual(second.status, { conditions: [], revision: 'b' })
  assert.equal(second.metadata.annotations?.['requested'], 'now')
  assert.ok(JSON.stringify(second).includes('gotk-test'))

  // The status itself has.
  await kube.cluster.client.patch(ref, { status: { revision: 'theirs' } }, { subresource: 'status' })
  await assert.rejects(patchStatus(client, second, { revision: 'mine' }, 'gotk-test'), {
    code: 'status-changed',
    disposition: 'retry',
  })

  // The answer to a patch that was done was lost.
  const now = await client.get<Widget>(ref)
  assert.ok(now)
  const third = await patchStatus(
    createTestClient(losingAnswer((method) => method === 'PATCH')),
    now,
    { revision: 'c' },
    'gotk-test',
  )
  assert.deepEqual(third.status, { revision: 'c' })

  await client.delete(ref)
  await assert.rejects(patchStatus(client, third, { revision: 'd' }, 'gotk-test'), { code: 'kube-not-found' })
})

test('finalizers: added once, removed with others kept, also over conflicts', async () => {
  const { client, object, ref } = await widget()
  const added = await addFinalizer(client, object, 'finalizers.fluxcd.io', 'gotk-test')
  assert.deepEqual(added?.metadata.finalizers, ['finalizers.fluxcd.io'])
  assert.ok(added)
  assert.equal(await addFinalizer(client, added, 'finalizers.fluxcd.io', 'gotk-test'), added)
  await kube.cluster.client.patch(ref, { metadata: { finalizers: ['finalizers.fluxcd.io', 'example.com/other'] } })
  const removed = await removeFinalizer(client, added, 'finalizers.fluxcd.io', 'gotk-test')
  assert.deepEqual(removed?.metadata.finalizers, ['example.com/other'])
  const again = await addFinalizer(
    createTestClient(losingAnswer((method) => method === 'PATCH')),
    removed ?? added,
    'finalizers.fluxcd.io',
    'gotk-test',
  )
  assert.deepEqual(again?.metadata.finalizers, ['example.com/other', 'finalizers.fluxcd.io'])

  await kube.cluster.client.delete(ref)
  await kube.cluster.client.patch(ref, { metadata: { finalizers: ['finalizers.fluxcd.io'] } })
  assert.ok(again)
  await removeFinalizer(client, again, 'finalizers.fluxcd.io', 'gotk-test')
  assert.equal(await client.get(ref), undefined)
  assert.equal(await removeFinalizer(client, again, 'finalizers.fluxcd.io', 'gotk-test'), undefined)
})

test('events: what Flux’s recorder writes; a repeat counts up', async () => {
  const { client, object, ref } = await widget()
  const group = ref.apiVersion.split('/')[0] ?? ''
  const event = {
    object: {
      ...object,
      metadata: { ...object.metadata, annotations: { 'event.toolkit.fluxcd.io/team': 'a', other: 'x' } },
    },
    severity: 'error',
    reason: 'BuildFailed',
    message: 'it did not work',
    controller: 'kustomize-controller',
    metadata: { revision: 'main@sha1:abc' },
    timestamp: Date.now(),
  } as const
  for (let round = 0; round < 3; round++) await emitEvent(client, event)
  await emitEvent(client, { ...event, severity: 'info', message: 'it did' })
  const all = await kube.cluster.client.list({ apiVersion: 'v1', kind: 'Event', namespace: ref.namespace })
  const events = all
    .filter((found) => found['involvedObject'].kind === 'Widget')
    .sort((a, b) => b['count'] - a['count'])
  assert.deepEqual(
    events.map((found) => `${found['type']} ${found['reason']} ${found['message']} ${found['count']}`),
    ['Warning BuildFailed it did not work 3', 'Normal BuildFailed it did 1'],
  )
  const [first] = events
  assert.deepEqual(first?.metadata.annotations, {
    'event.toolkit.fluxcd.io/team': 'a',
    [`${group}/revision`]: 'main@sha1:abc',
  })
  assert.equal(first['reportingComponent'], 'kustomize-controller')
  assert.deepEqual(first['source'], { component: 'kustomize-controller' })
  assert.equal(first['involvedObject'].uid, object.metadata.uid)
  assert.match(first.metadata.name, /^one\.[0-9a-f]{16}$/)
})

test('events that are known cost one request each; one that has expired begins anew', async () => {
  const { client, object, ref } = await widget()
  const event = {
    object,
    severity: 'info',
    reason: 'Progressing',
    message: 'Widget/one configured',
    controller: 'kustomize-controller',
    timestamp: Date.now(),
  } as const
  const counts: EventCounts = new Map()
  const list = async () =>
    (await kube.cluster.client.list({ apiVersion: 'v1', kind: 'Event', namespace: ref.namespace })).filter(
      (found) => found['involvedObject'].uid === object.metadata.uid,
    )
  const requests = client.requests.total
  for (let round = 0; round < 3; round++) await emitEvent(client, event, { counts })
  assert.equal(client.requests.total - requests, 3)
  // What another instance has written is counted on.
  await emitEvent(client, event, { counts: new Map() })
  const [found] = await list()
  assert.equal(found?.['count'], 4)
  await kube.cluster.client.delete({
    apiVersion: 'v1',
    kind: 'Event',
    namespace: ref.namespace,
    name: found.metadata.name,
  })
  await emitEvent(client, event, { counts })
  assert.deepEqual(
    (await list()).map((one) => one['count']),
    [1],
  )
})

test('a lease: one of many gets it; it is taken over when it expires, with a higher fence', async () => {
  const namespace = await kube.cluster.namespace()
  const lock = { namespace, name: 'run', durationMs: 60_000 }
  const client = kube.client()
  const attempts = await Promise.all(
    Array.from({ length: 10 }, (_, index) => acquireLease(client, { ...lock, holder: `run-${index}` })),
  )
  const held = attempts.filter(isHeld)
  assert.equal(held.length, 1)
  const [first] = held
  assert.ok(first)
  const busy = attempts.find((attempt) => !isHeld(attempt))
  assert.ok(busy && !isHeld(busy) && busy.heldBy.startsWith('run-') && busy.expiresAt > Date.now())
  await first.renew()

  const later = laterClient()
  const second = await acquireLease(later, { ...lock, holder: 'later' })
  assert.ok(isHeld(second))
  assert.equal(second.fence, first.fence + 1)
  await assert.rejects(first.renew(), { code: 'lease-lost', disposition: 'retry' })
  await first.release()
  assert.ok(!isHeld(await acquireLease(later, { ...lock, holder: 'third' })))

  await second.release()
  const third = (await acquireLease(client, { ...lock, holder: 'third' })) as HeldLease
  assert.equal(third.fence, second.fence + 1)
  assert.equal(third.expiresAt() > Date.now(), true)
})

test('a lease whose answer was lost is held, renewed and released all the same', async () => {
  const namespace = await kube.cluster.namespace()
  const lock = { namespace, name: 'run', durationMs: 60_000, holder: 'a' }
  const held = await acquireLease(createTestClient(losingAnswer((method) => method === 'POST')), lock)
  assert.ok(isHeld(held))
  assert.equal(held.fence, 1)
  const renewing = await acquireLease(createTestClient(losingAnswer((method) => method === 'PUT')), lock)
  assert.ok(isHeld(renewing))
  await renewing.renew()
  await renewing.release()
  assert.ok(isHeld(await acquireLease(kube.client(), { ...lock, holder: 'b' })))
})

/** A client whose clock is two minutes ahead. */
function laterClient(): KubeClient {
  const client = kube.client()
  const clock = {
    now: () => Date.now() + 120_000,
    sleep: (ms: number, signal?: AbortSignal) => client.clock.sleep(ms, signal),
  }
  return new Proxy(client, { get: (target, name) => (name === 'clock' ? clock : bound(target, name)) })
}

function bound(target: KubeClient, name: string | symbol): unknown {
  const value: unknown = Reflect.get(target, name)
  return typeof value === 'function' ? (value.bind(target) as unknown) : value
}

test('a status can carry an inventory of hundreds of objects', async () => {
  const { client, object } = await widget()
  const entries = Array.from({ length: 3000 }, (_, index) => ({
    id: `some-namespace_object-number-${index}__ConfigMap`,
    v: 'v1',
  }))
  const written = await patchStatus(client, object, { inventory: { entries } }, 'gotk-test')
  assert.deepEqual(written.status, { inventory: { entries } })
})
