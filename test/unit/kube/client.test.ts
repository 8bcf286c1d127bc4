import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { EngineError } from '../../../src/base/index.ts'
import { type KubeClient, type ObjectKey } from '../../../src/kube/index.ts'
import { createFakeServer, status, type FakeAnswer } from './fake-server.ts'

const key: ObjectKey = { apiVersion: 'v1', kind: 'ConfigMap', namespace: 'ns', name: 'a' }
const secretKey: ObjectKey = { ...key, kind: 'Secret' }
const ok: FakeAnswer = { status: 200, body: { kind: 'ConfigMap' } }
const dropped = new Error('socket hang up')
const busy: FakeAnswer = {
  ...(status(429, 'TooManyRequests', 'slow down') as { status: number }),
  headers: { 'retry-after': '2' },
}
const fault = status(500, 'InternalError', 'etcd is away')

const apply = (client: KubeClient): Promise<unknown> =>
  client.patch(key, { type: 'apply', body: {}, force: true }, { fieldManager: 'm' })
const get = (client: KubeClient): Promise<unknown> => client.get(key)
const create = (client: KubeClient): Promise<unknown> =>
  client.create({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'a', namespace: 'ns' } })
const update = (client: KubeClient): Promise<unknown> =>
  client.update({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'a', namespace: 'ns' } })
const remove = (client: KubeClient): Promise<unknown> => client.delete(key)
const removeExactly = (client: KubeClient): Promise<unknown> => client.delete(key, { uid: 'u' })
const jsonPatch = (client: KubeClient): Promise<unknown> => client.patch(key, { type: 'json', body: [] })
const merge = (client: KubeClient): Promise<unknown> => client.patch(key, { type: 'merge', body: { data: {} } })
const boundMerge = (client: KubeClient): Promise<unknown> =>
  client.patch(key, { type: 'merge', body: { metadata: { resourceVersion: '1' } } })

test('what is repeated, how often and after which pauses', async (t) => {
  const rows: {
    name: string
    call: (client: KubeClient) => Promise<unknown>
    answers: FakeAnswer[]
    sent: number
    sleeps: number[]
    code?: string
  }[] = [
    { name: 'a success is not', call: get, answers: [ok], sent: 1, sleeps: [] },
    { name: 'a dropped GET', call: get, answers: [dropped, dropped, ok], sent: 3, sleeps: [100, 200] },
    { name: 'a dropped apply', call: apply, answers: [dropped, ok], sent: 2, sleeps: [100] },
    { name: 'a dropped merge patch', call: merge, answers: [dropped, ok], sent: 2, sleeps: [100] },
    {
      name: 'a dropped merge patch of one version is not',
      call: boundMerge,
      answers: [dropped, ok],
      sent: 1,
      sleeps: [],
      code: 'cluster-unreachable',
    },
    {
      name: 'a dropped JSON patch is not',
      call: jsonPatch,
      answers: [dropped, ok],
      sent: 1,
      sleeps: [],
      code: 'cluster-unreachable',
    },
    {
      name: 'a dropped create is not',
      call: create,
      answers: [dropped, ok],
      sent: 1,
      sleeps: [],
      code: 'cluster-unreachable',
    },
    {
      name: 'a dropped update is not',
      call: update,
      answers: [dropped, ok],
      sent: 1,
      sleeps: [],
      code: 'cluster-unreachable',
    },
    {
      name: 'a dropped delete is not',
      call: remove,
      answers: [dropped, ok],
      sent: 1,
      sleeps: [],
      code: 'cluster-unreachable',
    },
    { name: 'a dropped delete of one uid', call: removeExactly, answers: [dropped, ok], sent: 2, sleeps: [100] },
    {
      name: 'a refused create, after the time the server asked for',
      call: create,
      answers: [busy, busy, ok],
      sent: 3,
      sleeps: [2000, 2000],
    },
    { name: 'a fault of an apply', call: apply, answers: [fault, ok], sent: 2, sleeps: [100] },
    {
      name: 'a fault of a create is not',
      call: create,
      answers: [fault, ok],
      sent: 1,
      sleeps: [],
      code: 'kube-server-error',
    },
    {
      name: 'faults are given up',
      call: get,
      answers: [fault],
      sent: 5,
      sleeps: [100, 200, 400, 800],
      code: 'kube-server-error',
    },
    {
      name: 'a server that is starting',
      call: create,
      answers: [
        { ...(status(503, 'ServiceUnavailable', 'x') as { status: number }), headers: { 'retry-after': '1' } },
        ok,
      ],
      sent: 2,
      sleeps: [1000],
    },
    {
      name: 'refusals are given up at the deadline',
      call: get,
      answers: [busy],
      sent: 15,
      sleeps: Array.from({ length: 14 }, () => 2000),
      code: 'kube-too-many-requests',
    },
    {
      name: 'a long Retry-After is the caller’s',
      call: get,
      answers: [{ ...busy, headers: { 'retry-after': '60' } } as FakeAnswer],
      sent: 1,
      sleeps: [],
      code: 'kube-too-many-requests',
    },
    {
      name: 'a conflict is not',
      call: apply,
      answers: [status(409, 'Conflict', 'x'), ok],
      sent: 1,
      sleeps: [],
      code: 'kube-conflict',
    },
    {
      name: 'an answer that is no JSON is not',
      call: get,
      answers: [{ status: 200, body: '<html>' }],
      sent: 1,
      sleeps: [],
      code: 'kube-bad-answer',
    },
    {
      name: 'an object that does not fit its schema is not',
      call: apply,
      answers: [
        status(
          500,
          '',
          'failed to create typed patch object (/a; v1, Kind=ConfigMap): .x: field not declared in schema',
        ),
      ],
      sent: 1,
      sleeps: [],
      code: 'kube-invalid',
    },
  ]
  for (const { name, call, answers, sent, sleeps, code } of rows) {
    await t.test(name, async () => {
      const server = createFakeServer(answers)
      if (code === undefined) await call(server.client)
      else await assert.rejects(call(server.client), { code })
      assert.equal(server.requests.length, sent)
      assert.deepEqual(server.clock.sleeps, sleeps)
      assert.equal(server.client.requests.retried, sent - 1)
    })
  }
})

test('jitter halves the pause at most', async () => {
  const server = createFakeServer([dropped, dropped, ok], { random: 0 })
  await get(server.client)
  assert.deepEqual(server.clock.sleeps, [50, 100])
})

test('errors carry the code, the reason and the causes of the server', async (t) => {
  const rows: { status: number; reason: string; code: string; disposition: string; causes?: object[] }[] = [
    { status: 400, reason: 'BadRequest', code: 'kube-bad-request', disposition: 'stall' },
    { status: 401, reason: 'Unauthorized', code: 'kube-unauthorized', disposition: 'wait' },
    { status: 403, reason: 'Forbidden', code: 'kube-forbidden', disposition: 'wait' },
    {
      status: 403,
      reason: 'Forbidden',
      code: 'kube-namespace-terminating',
      disposition: 'retry',
      causes: [{ reason: 'NamespaceTerminating' }],
    },
    { status: 404, reason: 'NotFound', code: 'kube-not-found', disposition: 'wait' },
    { status: 409, reason: 'Conflict', code: 'kube-conflict', disposition: 'retry' },
    { status: 409, reason: 'AlreadyExists', code: 'kube-already-exists', disposition: 'retry' },
    { status: 410, reason: 'Expired', code: 'kube-gone', disposition: 'retry' },
    { status: 413, reason: 'RequestEntityTooLarge', code: 'kube-too-large', disposition: 'stall' },
    {
      status: 422,
      reason: 'Invalid',
      code: 'kube-invalid',
      disposition: 'stall',
      causes: [{ reason: 'FieldValueInvalid', message: 'must be 1', field: 'spec.a' }],
    },
    { status: 418, reason: '', code: 'kube-unexpected-status', disposition: 'stall' },
  ]
  for (const row of rows) {
    await t.test(row.code, async () => {
      const { client } = createFakeServer([status(row.status, row.reason, 'because', { causes: row.causes ?? [] })])
      await assert.rejects(apply(client), (error: EngineError) => {
        assert.equal(error.message, 'because')
        assert.equal(error.code, row.code)
        assert.equal(error.disposition, row.disposition)
        assert.equal(error.data['reason'], row.reason)
        assert.equal(error.data['object'], 'ConfigMap/ns/a')
        if (row.code === 'kube-invalid') {
          assert.deepEqual(error.data['causes'], [
            { field: 'spec.a', reason: 'FieldValueInvalid', message: 'must be 1' },
          ])
        }
        return true
      })
    })
  }
})

test('what a server says about a Secret is never repeated', async () => {
  const causes = [{ reason: 'FieldValueInvalid', message: 'Invalid value: "canary"', field: 'data[.key]' }]
  for (const answer of [
    status(422, 'Invalid', 'Secret "a" is invalid: "canary"', { causes }),
    status(500, '', 'failed to convert: illegal base64 data: canary'),
  ]) {
    const { client } = createFakeServer([answer])
    await assert.rejects(client.patch(secretKey, { type: 'apply', body: {} }), (error: EngineError) => {
      assert.doesNotMatch(JSON.stringify([error, error.message, error.stack, error.data]), /canary/)
      assert.match(error.message, /data\[\.key\]|not base64/)
      return true
    })
  }
})

test('of a Secret that may not be touched, the authorizer is quoted, admission is not', async () => {
  const denied =
    'User "system:serviceaccount:ns:team" cannot patch resource "secrets" in API group "" in the namespace "ns"'
  const rows: readonly [message: string, isQuoted: boolean][] = [
    [`secrets "a" is forbidden: ${denied}`, true],
    [`secrets is forbidden: ${denied}: canary`, true],
    ['secrets "a" is forbidden: the policy refuses "canary"', false],
    [`admission webhook denied the request: canary: secrets "a" is forbidden: ${denied}`, false],
  ]
  for (const [message, isQuoted] of rows) {
    const { client } = createFakeServer([status(403, 'Forbidden', message)])
    await assert.rejects(client.patch(secretKey, { type: 'apply', body: {} }), (error: EngineError) => {
      assert.equal(error.message.includes(denied), isQuoted, error.message)
      assert.doesNotMatch(error.message, /canary/)
      return true
    })
  }
})

test('paths, queries and headers', async (t) => {
  const rows: { name: string; call: (client: KubeClient) => Promise<unknown>; want: string }[] = [
    { name: 'get', call: get, want: 'GET /api/v1/namespaces/ns/configmaps/a' },
    {
      name: 'cluster-scoped',
      call: (c) => c.get({ apiVersion: 'v1', kind: 'Namespace', namespace: 'ignored', name: 'a:b' }),
      want: 'GET /api/v1/namespaces/a%3Ab',
    },
    {
      name: 'group',
      call: (c) => c.get({ apiVersion: 'apps/v1', kind: 'Deployment', namespace: 'ns', name: 'a' }),
      want: 'GET /apis/apps/v1/namespaces/ns/deployments/a',
    },
    {
      name: 'list',
      call: (c) => c.list(key, { labelSelector: 'a in (b,c)' }),
      want: 'GET /api/v1/configmaps?labelSelector=a%20in%20(b%2Cc)&limit=500',
    },
    { name: 'apply', call: apply, want: 'PATCH /api/v1/namespaces/ns/configmaps/a?fieldManager=m&force=true' },
    {
      name: 'dry-run',
      call: (c) => c.patch(key, { type: 'merge', body: {} }, { dryRun: true, subresource: 'status' }),
      want: 'PATCH /api/v1/namespaces/ns/configmaps/a/status?dryRun=All',
    },
    { name: 'create', call: create, want: 'POST /api/v1/namespaces/ns/configmaps' },
  ]
  for (const { name, call, want } of rows) {
    await t.test(name, async () => {
      const { client, requests } = createFakeServer([ok])
      await call(client)
      assert.equal(`${requests[0]?.method} ${requests[0]?.path}`, want)
    })
  }
  await t.test('no way out of the path', async () => {
    const { client, requests } = createFakeServer([ok])
    for (const name of ['..', '.', ''])
      await assert.rejects(client.get({ ...key, name }), { code: 'object-without-name' })
    await client.get({ ...key, namespace: '../x', name: '../../secrets/y?z#' })
    assert.equal(requests[0]?.path, '/api/v1/namespaces/..%2Fx/configmaps/..%2F..%2Fsecrets%2Fy%3Fz%23')
  })
  await t.test('impersonation', async () => {
    const { client, requests } = createFakeServer([ok])
    const other = client.as('system:serviceaccount:ns:app')
    await other.get(key)
    await client.get(key)
    assert.deepEqual(
      requests.map(({ as }) => as),
      [{ user: 'system:serviceaccount:ns:app' }, undefined],
    )
    assert.equal(other.requests, client.requests)
    assert.throws(() => client.as(''), { code: 'impersonation-without-user' })
  })
})

test('lists are read page by page, items get their kind', async () => {
  const page = (name: string, next?: string): FakeAnswer => ({
    status: 200,
    body: { metadata: { resourceVersion: '7', continue: next }, items: [{ metadata: { name } }] },
  })
  const { client, requests } = createFakeServer([page('a', 'tok'), page('b')])
  const list = await client.list(key, { namespace: 'ns', resourceVersion: '0' })
  assert.deepEqual(list, {
    resourceVersion: '7',
    items: [
      { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'a' } },
      { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'b' } },
    ],
  })
  assert.deepEqual(
    requests.map(({ path }) => path),
    [
      '/api/v1/namespaces/ns/configmaps?limit=500&resourceVersion=0',
      '/api/v1/namespaces/ns/configmaps?limit=500&continue=tok',
    ],
  )
  const endless = createFakeServer([page('a', 'tok')])
  await assert.rejects(endless.client.list(key, { maxItems: 3 }), { code: 'kube-list-too-long' })
})

test('outcomes of a delete, and of a get without an object', async () => {
  const notFound = status(404, 'NotFound', 'x')
  const rows: [FakeAnswer, string][] = [
    [{ status: 200, body: { kind: 'Status', status: 'Success' } }, 'deleted'],
    [{ status: 200, body: { kind: 'ConfigMap' } }, 'deleting'],
    [notFound, 'absent'],
  ]
  for (const [answer, want] of rows)
    assert.equal(await createFakeServer([answer]).client.delete(key, { uid: 'u' }), want)
  const { client, requests } = createFakeServer([{ status: 200, body: { kind: 'Status' } }])
  await client.delete(key, { uid: 'u', propagation: 'Foreground' })
  assert.deepEqual(JSON.parse(requests[0]?.body ?? ''), {
    kind: 'DeleteOptions',
    apiVersion: 'v1',
    propagationPolicy: 'Foreground',
    preconditions: { uid: 'u' },
  })
  assert.equal(await createFakeServer([notFound]).client.get(key), undefined)
})

test('integers that a double cannot hold survive the way there and back', async () => {
  const text =
    '{"kind":"ConfigMap","a":9007199254740993,"b":[12345678901234567890],"c":1.5,"d":"9007199254740993","e":7}'
  const { client, requests } = createFakeServer([{ status: 200, body: text }])
  const object = await client.get(key)
  assert.deepEqual(object, {
    kind: 'ConfigMap',
    a: 9007199254740993n,
    b: [12345678901234567890n],
    c: 1.5,
    d: '9007199254740993',
    e: 7,
  })
  await client.patch(key, { type: 'apply', body: object ?? {} })
  assert.equal(requests[1]?.body, text)
})

test('an aborted caller gets one error and sends nothing more', async () => {
  const { client, requests } = createFakeServer([ok])
  await assert.rejects(client.get(key, { signal: AbortSignal.abort() }), { code: 'aborted', disposition: 'retry' })
  assert.equal(requests.length, 0)
})

test('an unknown kind', async () => {
  const { client, requests } = createFakeServer([ok])
  await assert.rejects(client.get({ ...key, kind: 'Nope' }), {
    code: 'kube-kind-unknown',
    message: /no matches for kind "Nope" in version "v1"/,
  })
  assert.equal(requests.length, 0)
})
