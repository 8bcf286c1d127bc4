import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { createApp } from '../../../functions/app.ts'
import { dispatchAbandoned } from '../../../functions/deliveries.ts'
import type { FunctionDeps } from '../../../functions/deps.ts'
import { githubPush, githubRequest, testConfig, testDeps, webhookSecret } from '../../support/function-deps.ts'
import { createMemoryState } from '../../support/memory-ports.ts'

const call = async (
  deps: FunctionDeps,
  request: Request,
): Promise<{ status: number; body: Record<string, unknown> }> => {
  const response = await createApp(deps).fetch(request)
  return { status: response.status, body: (await response.json()) as Record<string, unknown> }
}
const codeOf = (answer: { body: Record<string, unknown> }): unknown =>
  (answer.body['error'] as { code?: unknown } | undefined)?.code

/** A body that counts what is read of it, and never ends. */
function endlessBody(chunkBytes: number, pauseMs = 0): { stream: ReadableStream<Uint8Array>; read: () => number } {
  let read = 0
  const stream = new ReadableStream<Uint8Array>(
    {
      pull: async (controller) => {
        if (pauseMs > 0) await new Promise((resolve) => setTimeout(resolve, pauseMs))
        read += chunkBytes
        controller.enqueue(new Uint8Array(chunkBytes).fill(0x20))
      },
    },
    { highWaterMark: 0 },
  )
  return { stream, read: () => read }
}
const streamRequest = (stream: ReadableStream<Uint8Array>, headers: Record<string, string> = {}): Request =>
  new Request('http://sluice.test/hook/github', {
    method: 'POST',
    body: stream,
    duplex: 'half',
    headers: { 'x-hub-signature-256': `sha256=${'0'.repeat(64)}`, 'x-github-event': 'push', ...headers },
  } as RequestInit)

void describe('webhook: what is accepted', () => {
  void it('answers a push with a run, one message per cluster, and a record that can be asked for', async () => {
    const deps = testDeps()
    const { status, body } = await call(deps, githubRequest(githubPush(), { delivery: 'd1' }))
    assert.equal(status, 202)
    assert.deepEqual(
      deps.sent.map(({ job }) => [job.kind, job.runId, job.cluster, job.push?.ref, job.push?.deliveryId, job.actor]),
      [
        ['push', body['run'], 'one', 'refs/heads/main', 'd1', 'octo'],
        ['push', body['run'], 'two', 'refs/heads/main', 'd1', 'octo'],
      ],
    )
    const run = await deps.runs.get(body['run'] as string)
    assert.equal(run?.state, 'queued')
    assert.equal(run?.records.length, 2)
    await deps.settled()
    assert.deepEqual(await deps.state.list('outbox/'), [])
  })
  void it('takes the push of GitLab', async () => {
    const deps = testDeps()
    const payload = {
      ref: 'refs/tags/v1',
      after: 'a'.repeat(40),
      project: { git_http_url: 'https://gitlab.example/o/r.git' },
    }
    const headers = { 'x-gitlab-token': webhookSecret, 'x-gitlab-event': 'Tag Push Hook' }
    const request = new Request('http://sluice.test/hook/gitlab', {
      method: 'POST',
      body: JSON.stringify(payload),
      headers,
    })
    assert.equal((await call(deps, request)).status, 202)
    assert.equal(deps.sent[0]?.job.push?.ref, 'refs/tags/v1')
  })
  void it('answers ping, and says why it ignores other events', async () => {
    const deps = testDeps()
    assert.equal((await call(deps, githubRequest({ zen: 'x' }, { event: 'ping' }))).status, 200)
    const ignored = await call(deps, githubRequest({}, { event: 'issues' }))
    assert.deepEqual(ignored, { status: 202, body: { ignored: 'events of type issues are not acted on' } })
    assert.equal(deps.sent.length, 0)
  })
})

void describe('webhook: what is refused, and that no work is done for it', () => {
  const rows: {
    name: string
    request: () => Request
    deps?: () => Partial<FunctionDeps>
    status: number
    code: string
  }[] = [
    {
      name: 'wrong signature',
      request: () => githubRequest(githubPush(), { secret: 'another secret' }),
      status: 401,
      code: 'unauthorized',
    },
    { name: 'malformed JSON', request: () => githubRequest('{"ref": '), status: 400, code: 'payload-invalid' },
    {
      name: 'wrong types',
      request: () => githubRequest({ ref: [], repository: 7 }),
      status: 400,
      code: 'payload-invalid',
    },
    { name: 'null', request: () => githubRequest('null'), status: 400, code: 'payload-invalid' },
    {
      name: 'unknown provider',
      request: () => new Request('http://sluice.test/hook/nosuch', { method: 'POST', body: '{}' }),
      status: 404,
      code: 'not-found',
    },
    {
      name: 'name of a property of every object',
      request: () => new Request('http://sluice.test/hook/__proto__', { method: 'POST', body: '{}' }),
      status: 404,
      code: 'not-found',
    },
    {
      name: 'provider without a secret, before anything is read',
      request: () => githubRequest('not json'),
      deps: () => ({ config: testConfig({ webhookSecrets: {} }) }),
      status: 404,
      code: 'not-found',
    },
    {
      name: 'GET',
      request: () => new Request('http://sluice.test/hook/github'),
      status: 405,
      code: 'method-not-allowed',
    },
    { name: 'unknown path', request: () => new Request('http://sluice.test/nowhere'), status: 404, code: 'not-found' },
    {
      name: 'missing signature',
      request: () => new Request('http://sluice.test/hook/github', { method: 'POST', body: '{}' }),
      status: 401,
      code: 'unauthorized',
    },
  ]
  for (const row of rows) {
    void it(row.name, async () => {
      const deps = testDeps(row.deps?.())
      const answer = await call(deps, row.request())
      assert.equal(answer.status, row.status)
      assert.equal(codeOf(answer), row.code)
      assert.equal(deps.sent.length, 0)
      assert.deepEqual([await deps.state.list('outbox/'), await deps.state.list('deliveries/')], [[], []])
    })
  }
  void it('a body over the cap by its Content-Length: nothing is read', async () => {
    const { stream, read } = endlessBody(1 << 16)
    const answer = await call(testDeps(), streamRequest(stream, { 'content-length': String((1 << 20) + 1) }))
    assert.equal(answer.status, 413)
    assert.equal(read(), 0)
  })
  void it('a body over the cap without Content-Length: reading stops at the cap', async () => {
    const { stream, read } = endlessBody(1 << 16)
    const answer = await call(testDeps(), streamRequest(stream))
    assert.equal(answer.status, 413)
    assert.ok(read() <= (1 << 20) + 2 * (1 << 16), String(read()))
  })
  void it('a body without a plausible signature is not read at all', async () => {
    const { stream, read } = endlessBody(1 << 16)
    const answer = await call(testDeps(), streamRequest(stream, { 'x-hub-signature-256': 'sha256=short' }))
    assert.equal(answer.status, 401)
    assert.equal(read(), 0)
  })
  void it('a body that trickles in is cut off at the deadline', async () => {
    const { stream } = endlessBody(1, 20)
    const started = Date.now()
    const answer = await call(testDeps({ config: testConfig({ bodyTimeoutMs: 150 }) }), streamRequest(stream))
    assert.equal(answer.status, 408)
    assert.ok(Date.now() - started < 1500)
  })
  void it('bodies held at the same time are bounded, and their bytes come back', async () => {
    const { createBodyBudget } = await import('../../../functions/body.ts')
    const bodies = createBodyBudget(100_000)
    const deps = testDeps({ bodies })
    const { stream } = endlessBody(60_000)
    assert.equal((await call(deps, streamRequest(stream))).status, 503)
    assert.equal(bodies.tryReserve(100_000), true)
  })
  void it('neither answers nor logs carry the secret or the payload', async () => {
    const deps = testDeps()
    const answer = await call(
      deps,
      githubRequest({ ref: 'canary-5e11', repository: { clone_url: 'https://user:canary-5e11@x/' } }),
    )
    assert.equal(answer.status, 400)
    for (const text of [JSON.stringify(answer.body), ...deps.logger.lines]) {
      assert.ok(!text.includes('canary-5e11') && !text.includes(webhookSecret))
    }
  })
})

void describe('webhook: deliveries', () => {
  void it('a replayed delivery is the same run, queued once', async () => {
    const deps = testDeps()
    const first = await call(deps, githubRequest(githubPush(), { delivery: 'same' }))
    await deps.settled()
    const second = await call(deps, githubRequest(githubPush(), { delivery: 'same' }))
    assert.equal(second.status, 202)
    assert.deepEqual(second.body, { run: first.body['run'], duplicate: true })
    assert.equal(deps.sent.length, 2)
  })
  void it('deliveries of one id at the same time give one run', async () => {
    const deps = testDeps()
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => call(deps, githubRequest(githubPush(), { delivery: 'same' }))),
    )
    assert.equal(new Set(answers.map((answer) => answer.body['run'])).size, 1)
    assert.equal(new Set(deps.sent.map(({ job }) => job.runId)).size, 1)
    await deps.settled()
    assert.deepEqual(await deps.state.list('outbox/'), [])
    assert.equal((await deps.state.list('requests/')).length, 1)
  })
  void it('different deliveries, and those without an id, are runs of their own', async () => {
    const deps = testDeps()
    const ids = ['a', 'b', '', ''].map((delivery) => call(deps, githubRequest(githubPush(), { delivery })))
    const runs = (await Promise.all(ids)).map((answer) => answer.body['run'])
    assert.equal(new Set(runs).size, 4)
  })
  void it('an id of any length and content is harmless', async () => {
    const deps = testDeps()
    for (const delivery of ['../../x', 'x'.repeat(4000), '%00']) {
      assert.equal((await call(deps, githubRequest(githubPush(), { delivery }))).status, 202)
    }
    for (const { key } of await deps.state.list('deliveries/')) assert.match(key, /^deliveries\/github\/[0-9a-f]{64}$/)
  })
})

void describe('webhook: cut off between recording and queueing', () => {
  void it('the queue fails: 503, and the same delivery later queues the same run', async () => {
    let isBroken = true
    const deps = testDeps()
    const flaky: FunctionDeps = {
      ...deps,
      queue: { send: (message) => (isBroken ? Promise.reject(new Error('queue down')) : deps.queue.send(message)) },
    }
    const refused = await call(flaky, githubRequest(githubPush(), { delivery: 'd' }))
    assert.equal(refused.status, 503)
    isBroken = false
    const again = await call(flaky, githubRequest(githubPush(), { delivery: 'd' }))
    assert.equal(again.status, 202)
    assert.deepEqual(
      deps.sent.map(({ job }) => [job.runId, job.cluster]),
      [
        [again.body['run'], 'one'],
        [again.body['run'], 'two'],
      ],
    )
  })
  void it('the process dies before queueing: the schedule queues it later, once', async () => {
    let now = Date.now()
    const clock = { now: () => now, sleep: () => Promise.reject(new Error('not used')) }
    const state = createMemoryState()
    const dying = testDeps({
      state,
      clock: { ...clock, sleep: () => new Promise(() => undefined) },
      queue: { send: () => new Promise(() => undefined) },
    })
    void createApp(dying).fetch(githubRequest(githubPush(), { delivery: 'd' }))
    await new Promise((resolve) => setTimeout(resolve, 50))
    assert.equal((await state.list('deliveries/')).length, 1)
    const restarted = testDeps({ state, clock })
    assert.equal(await dispatchAbandoned(restarted), 0, 'it may still be under way')
    now += 20_000
    assert.equal(await dispatchAbandoned(restarted), 1)
    await restarted.settled()
    assert.equal(restarted.sent.length, 2)
    assert.equal(restarted.sent[0]?.job.push?.ref, 'refs/heads/main')
    assert.equal(await dispatchAbandoned(restarted), 0)
  })
  void it('the state store fails: 503, nothing queued', async () => {
    const broken = { ...createMemoryState(), putIfAbsent: () => Promise.reject(new Error('disk full')) }
    const deps = testDeps({ state: broken })
    assert.equal((await call(deps, githubRequest(githubPush()))).status, 503)
    assert.equal(deps.sent.length, 0)
  })
})

void describe('webhook: anything may come', () => {
  void it('signed bodies of any content give 200, 202 or 400', async () => {
    const app = createApp(testDeps())
    const anything = fc.oneof(
      fc.json(),
      fc.string(),
      fc
        .record({ ref: fc.anything(), repository: fc.anything(), after: fc.anything() })
        .map((value) => JSON.stringify(value) ?? ''),
    )
    await fc.assert(
      fc.asyncProperty(anything, fc.constantFrom('push', 'ping', 'other'), async (body, event) => {
        if (body === '') return
        const { status } = await app.fetch(githubRequest(body, { event }))
        assert.ok([200, 202, 400].includes(status), `${status}`)
      }),
      { numRuns: 300 },
    )
  })
  void it('unsigned requests to any path give 4xx, or lead to the form where one signs in', async () => {
    const app = createApp(testDeps())
    await fc.assert(
      fc.asyncProperty(
        fc.webPath(),
        fc.constantFrom('GET', 'POST', 'PUT', 'DELETE'),
        fc.string(),
        async (path, method, body) => {
          const init = method === 'GET' ? { method } : { method, body }
          const { status, headers } = await app.fetch(
            new Request(`http://sluice.test${path.startsWith('/') ? path : `/${path}`}`, init),
          )
          if (status === 303) return assert.match(headers.get('location') ?? '', /^\/ui/)
          assert.ok((status >= 400 && status < 500) || path.startsWith('/healthz'), `${method} ${path}: ${status}`)
        },
      ),
      { numRuns: 300 },
    )
  })
})
