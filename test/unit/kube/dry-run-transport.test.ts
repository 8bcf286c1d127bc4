import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { dryRunTransport } from '../../../src/kube/index.ts'
import type { KubeRequest, KubeTransport } from '../../../src/ports/index.ts'

/** A transport that notes what it is asked, and answers as `answers` says by path; 200 for anything else. */
function recording(
  answers: { readonly [path: string]: readonly [number, string] } = {},
): KubeTransport & { readonly sent: KubeRequest[] } {
  const sent: KubeRequest[] = []
  return {
    cluster: 'one',
    sent,
    send: (request) => {
      sent.push(request)
      const [status, text] = answers[request.path.split('?')[0] ?? ''] ?? [200, '{}']
      return Promise.resolve({ status, headers: { get: () => null }, text: () => Promise.resolve(text), body: null })
    },
  }
}

const signal = new AbortController().signal
const charts = '/apis/source.toolkit.fluxcd.io/v1/namespaces/apps/helmcharts/apps-web'

void describe('a transport that cannot write', () => {
  const rows: [name: string, request: Omit<KubeRequest, 'signal'>, path: string][] = [
    ['a read', { method: 'GET', path: '/api/v1/pods?limit=1' }, '/api/v1/pods?limit=1'],
    [
      'a create',
      { method: 'POST', path: '/api/v1/namespaces/a/events', body: '{}' },
      '/api/v1/namespaces/a/events?dryRun=All',
    ],
    [
      'an apply',
      { method: 'PATCH', path: '/api/v1/namespaces/a/secrets/x?fieldManager=m&force=true', body: '{}' },
      '/api/v1/namespaces/a/secrets/x?fieldManager=m&force=true&dryRun=All',
    ],
    ['an update', { method: 'PUT', path: '/api/v1/namespaces/a', body: '{}' }, '/api/v1/namespaces/a?dryRun=All'],
    [
      'a dry-run',
      { method: 'POST', path: '/api/v1/namespaces?dryRun=All', body: '{}' },
      '/api/v1/namespaces?dryRun=All',
    ],
    ['a status', { method: 'PATCH', path: `${charts}/status`, body: '{}' }, `${charts}/status?dryRun=All`],
    [
      'a review',
      { method: 'POST', path: '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews', body: '{}' },
      '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews',
    ],
    [
      'objects called like subresources',
      { method: 'PUT', path: '/api/v1/namespaces/proxy/configmaps/exec', body: '{}' },
      '/api/v1/namespaces/proxy/configmaps/exec?dryRun=All',
    ],
  ]
  for (const [name, request, path] of rows) {
    void it(name, async () => {
      const transport = recording()
      await dryRunTransport(transport).send({ ...request, signal })
      assert.equal(transport.sent[0]?.path, path)
    })
  }
  void it('a delete: in its body too, which alone counts where there is one', async () => {
    const transport = recording()
    for (const body of [undefined, '{"preconditions":{"uid":"u"},"dryRun":[]}'])
      await dryRunTransport(transport).send({
        method: 'DELETE',
        path: '/api/v1/namespaces/a',
        signal,
        ...(body === undefined ? {} : { body }),
      })
    for (const sent of transport.sent) {
      assert.match(sent.path, /dryRun=All/)
      assert.deepEqual((JSON.parse(sent.body ?? '') as { dryRun: unknown }).dryRun, ['All'])
    }
    assert.match(transport.sent[1]?.body ?? '', /"uid":"u"/)
  })
  void it('refuses connections to what knows no dry-run', async () => {
    const transport = recording()
    for (const path of [
      '/api/v1/namespaces/a/pods/x/exec',
      '/api/v1/namespaces/a/services/x/proxy/drop',
      '/api/v1/nodes/n/proxy',
    ])
      await assert.rejects(
        dryRunTransport(transport).send({ method: 'POST', path, signal }),
        /there is no dry-run of it/,
      )
    assert.equal(transport.sent.length, 0)
  })
  void it('what would be new of ours can be read, and have a status', async () => {
    const created = JSON.stringify({ kind: 'HelmChart', metadata: { name: 'apps-web' } })
    let isThere = false
    const transport: KubeTransport = {
      cluster: 'one',
      send: (request) => {
        const isCreate = request.method === 'PATCH' && !isThere
        isThere = true
        const status = isCreate ? 201 : 404
        return Promise.resolve({
          status,
          headers: { get: () => null },
          text: () => Promise.resolve(created),
          body: null,
        })
      },
    }
    const plan = dryRunTransport(transport)
    assert.equal((await plan.send({ method: 'PATCH', path: charts, body: '{}', signal })).status, 201)
    const body = JSON.stringify({ metadata: { resourceVersion: '1' }, status: { ready: true } })
    const patched = await plan.send({ method: 'PATCH', path: `${charts}/status?fieldManager=m`, body, signal })
    assert.equal(patched.status, 200)
    assert.deepEqual(JSON.parse(await patched.text()), {
      kind: 'HelmChart',
      metadata: { name: 'apps-web' },
      status: { ready: true },
    })
    const read = await plan.send({ method: 'GET', path: charts, signal })
    assert.match(await read.text(), /"ready":true/)
    assert.equal((await plan.send({ method: 'GET', path: `${charts}-2`, signal })).status, 404)
  })
  void it('a HelmChart that would be changed keeps the change when its status is written', async () => {
    const stored = { kind: 'HelmChart', metadata: { name: 'apps-web', generation: 1 }, spec: { version: '1' } }
    const wanted = { ...stored, metadata: { name: 'apps-web', generation: 2 }, spec: { version: '2' } }
    const status = { observedGeneration: 2 }
    const transport = recording({
      [charts]: [200, JSON.stringify(wanted)],
      [`${charts}/status`]: [200, JSON.stringify({ ...stored, status })],
    })
    const plan = dryRunTransport(transport)
    const write = async (path: string): Promise<unknown> =>
      JSON.parse(await (await plan.send({ method: 'PATCH', path, body: '{}', signal })).text())
    assert.deepEqual(await write(`${charts}/status`), { ...stored, status })
    assert.deepEqual(await write(charts), wanted)
    assert.deepEqual(await write(`${charts}/status`), { ...wanted, status })
  })
})
