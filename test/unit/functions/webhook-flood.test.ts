import assert from 'node:assert/strict'
import { request as httpRequest, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before, describe, it } from 'node:test'
import { serve } from '@hono/node-server'
import fc from 'fast-check'
import type { Server } from 'node:http'
import { createApp } from '../../../functions/app.ts'
import { createBodyBudget } from '../../../functions/body.ts'
import type { FunctionDeps } from '../../../functions/deps.ts'
import { hookTypes } from '../../../src/receivers/index.ts'
import { sha256Hex } from '../../../src/base/index.ts'
import { allForges, type Forge } from '../../support/forge-deliveries.ts'
import { testConfig, testDeps } from '../../support/function-deps.ts'

const { forges, sns } = allForges()
const config = testConfig({
  webhookSecrets: Object.fromEntries(forges.map(({ provider, secret }) => [provider, [secret]])),
  bodyLimitBytes: 25 << 20,
})
/** Two paths that are in the index: one whose cluster may be asked, one that can be guessed. */
const hookPath = `/hook/${sha256Hex('a path that nobody knows')}`
const guessable = `/hook/${sha256Hex('name and namespace')}`

interface Watched {
  readonly deps: ReturnType<typeof testDeps>
  /** What was done for somebody who proved nothing. */
  readonly work: { clusters: number; requests: number; writes: string[] }
}

async function watched(): Promise<Watched> {
  const base = testDeps()
  const work: Watched['work'] = { clusters: 0, requests: 0, writes: [] }
  const index = { cluster: 'one', namespace: 'n', name: 'r' }
  await base.state.put(`hooks/${sha256Hex(hookPath)}/one/n/r`, index)
  const issuers = [{ issuerURL: 'https://issuer.example' }]
  await base.state.put(`hooks/${sha256Hex(guessable)}/one/n/o`, { ...index, name: 'o', issuers })
  const change: Partial<FunctionDeps> = {
    config,
    bodies: createBodyBudget(64 << 20),
    state: {
      ...base.state,
      put: (key, value, options) => (work.writes.push(key), base.state.put(key, value, options)),
      putIfAbsent: (key, value, options) => (work.writes.push(key), base.state.putIfAbsent(key, value, options)),
    },
    connectTo: async () => {
      work.clusters += 1
      return undefined
    },
    http: {
      send: async (request) => {
        work.requests += 1
        return sns.http.send(request)
      },
    },
  }
  return { deps: testDeps(change), work }
}

/** Values that payloads are made of: any type in any place. */
const anyValue = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    fc.constantFrom(
      null,
      true,
      false,
      0,
      -1,
      1e308,
      '',
      '\u0000',
      '\ud800',
      'refs/heads/main',
      '__proto__',
      'constructor',
      '0'.repeat(40),
    ),
    fc.string(),
    fc.double(),
    fc.array(tie('value'), { maxLength: 4 }),
    fc.dictionary(fc.string({ maxLength: 8 }), tie('value'), { maxKeys: 4 }),
  ),
})).value

/** Changes one field somewhere in a payload. */
function mutated(payload: unknown, seed: number, value: unknown): unknown {
  const places: { readonly holder: { [key: string]: unknown }; readonly key: string }[] = []
  const copy = structuredClone(payload)
  const walk = (node: unknown): void => {
    if (typeof node !== 'object' || node === null) return
    for (const key of Object.keys(node)) {
      places.push({ holder: node as { [key: string]: unknown }, key })
      walk((node as { [key: string]: unknown })[key])
    }
  }
  walk(copy)
  const place = places[seed % Math.max(1, places.length)]
  if (place === undefined) return value
  if (value === undefined) delete place.holder[place.key]
  else place.holder[place.key] = value
  return copy
}

const events: { readonly [provider: string]: readonly string[] } = {
  github: ['push', 'ping', 'pull_request', 'issues', ''],
  gitlab: ['Push Hook', 'Tag Push Hook', 'Merge Request Hook', 'System Hook', ''],
  gitea: ['push', 'create', 'delete', 'pull_request', ''],
  bitbucket: ['repo:refs_changed', 'pr:opened', 'repo:push', 'diagnostics:ping', ''],
  azuredevops: ['-'],
  codecommit: ['-'],
}

describe('payloads of any kind, from senders who know the secret', () => {
  for (const forge of forges) {
    it(`${forge.provider}: a decision or a clean refusal, never a crash`, async () => {
      const { deps } = await watched()
      const app = createApp(deps)
      const property = fc.asyncProperty(
        fc.nat(),
        fc.option(anyValue, { nil: undefined, freq: 10 }),
        fc.constantFrom(...(events[forge.provider] ?? ['-'])),
        async (seed, value, event) => {
          const { headers, body } = forge.sign(mutated(forge.payload(), seed, value) ?? null, { event })
          const response = await app.fetch(
            new Request(`http://sluice.test/hook/${forge.provider}`, { method: 'POST', headers, body }),
          )
          assert.ok([200, 202, 400].includes(response.status), `${response.status}: ${body.slice(0, 300)}`)
        },
      )
      await fc.assert(property, { numRuns: 200 })
      assert.ok(!deps.logger.lines.some((line) => line.includes('request failed')), deps.logger.lines.join('\n'))
    })
    it(`${forge.provider}: nesting, wrong encodings, no JSON`, async () => {
      const app = createApp((await watched()).deps)
      const deep = '['.repeat(300_000) + ']'.repeat(300_000)
      const deepObject = '{"a":'.repeat(200_000) + '1' + '}'.repeat(200_000)
      const bodies = [
        deep,
        deepObject,
        `{"ref":${deep}}`,
        `{"repository":${deepObject}}`,
        'null',
        '[]',
        '0',
        '"x"',
        '{',
        '',
        '\ufeff{}',
        '{"ref":"\\ud800"}',
      ]
      for (const text of bodies) {
        for (const event of events[forge.provider] ?? []) {
          const { headers, body } = forge.sign(text, { event })
          const response = await app.fetch(
            new Request(`http://sluice.test/hook/${forge.provider}`, { method: 'POST', headers, body }),
          )
          assert.ok([200, 202, 400, 401, 413].includes(response.status), `${response.status}: ${text.slice(0, 40)}`)
        }
      }
    })
  }
  it('types of Receiver objects: a decision or a clean refusal', async () => {
    const { deps } = await watched()
    const access = {
      secret: { token: Buffer.from('t'), email: Buffer.from('e'), audience: Buffer.from('a') },
      oidcProviders: [],
    }
    const tools = {
      http: deps.http,
      egress: {},
      fetched: deps.memory.fetched,
      now: Date.now,
      signal: AbortSignal.timeout(60_000),
    }
    const text = fc.oneof(
      fc.json(),
      fc.string(),
      anyValue.map((value) => JSON.stringify(value) ?? ''),
      fc.constant('['.repeat(200_000)),
    )
    const header = fc.oneof(
      fc.string(),
      fc.constantFrom(
        'sha256=',
        `sha256=${'0'.repeat(64)}`,
        'Bearer a.b.c',
        'Bearer e30.e30.e30',
        `Bearer ${'a'.repeat(30_000)}`,
        `Basic ${'='.repeat(10)}`,
      ),
    )
    await fc.assert(
      fc.asyncProperty(text, header, fc.constantFrom(...Object.values(hookTypes)), async (body, value, hook) => {
        const headers = { get: () => value.trim() }
        try {
          await hook.verifyHeaders?.(headers, access, tools)
          await hook.verify({ headers, body: Buffer.from(body) }, access, tools)
        } catch (error) {
          assert.equal((error as { code?: string }).code, 'delivery-refused', String(error))
        }
      }),
      { numRuns: 500 },
    )
  })
})

describe('strangers', () => {
  let server: Server
  let port: number
  let state: Watched
  before(async () => {
    state = await watched()
    const app = createApp(state.deps)
    server = await new Promise<Server>((resolve) => {
      const listening = serve({ fetch: app.fetch, port: 0, hostname: '127.0.0.1' }, () => resolve(listening as Server))
    })
    port = (server.address() as AddressInfo).port
  })
  after(async () => {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  })
  const endpoints = (): readonly string[] => [
    ...forges.map(({ provider }) => `/hook/${provider}`),
    guessable,
    `/hook/${'0'.repeat(64)}`,
    '/hook/nosuch',
    '/trigger',
  ]
  /** Headers that look right and prove nothing. */
  const plausible: { readonly [name: string]: string } = {
    'content-type': 'application/json',
    'x-hub-signature-256': `sha256=${'0'.repeat(64)}`,
    'x-hub-signature': `sha256=${'0'.repeat(64)}`,
    'x-gitea-signature': '0'.repeat(64),
    'x-amz-sns-topic-arn': (forges.find(({ provider }) => provider === 'codecommit') as Forge).secret,
    'x-github-event': 'push',
    authorization: 'Bearer e30.e30.e30',
  }
  const noWork = (): void => {
    const own = state.work.writes.filter((key) => !key.startsWith('delivery-log/'))
    assert.deepEqual(own, [])
    assert.ok(state.work.writes.length < 200, `${state.work.writes.length} writes`)
    assert.equal(state.work.clusters, 0)
    assert.equal(state.work.requests, 0)
    assert.equal(state.deps.sent.length, 0)
  }

  it('random requests get 4xx, and nothing is done for them', async () => {
    const app = createApp(state.deps)
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...endpoints()),
        fc.constantFrom('POST', 'PUT', 'DELETE', 'PATCH'),
        fc.subarray(Object.keys(plausible)),
        fc.oneof(fc.json(), fc.string()),
        async (path, method, names, body) => {
          const headers = Object.fromEntries(names.map((name) => [name, plausible[name] ?? '']))
          const init: RequestInit = { method, headers, body }
          const { status } = await app.fetch(new Request(`http://sluice.test${path}`, init))
          assert.ok(status >= 400 && status < 500, `${method} ${path}: ${status}`)
        },
      ),
      { numRuns: 500 },
    )
    noWork()
  })

  it('two hundred megabytes to every endpoint: refused at the cap, memory stays where it is', async () => {
    const sent: number[] = []
    let peak = 0
    const watch = setInterval(() => (peak = Math.max(peak, process.memoryUsage().rss)), 20)
    const start = process.memoryUsage().rss
    try {
      for (const path of endpoints()) {
        const outcome = await stream(path, 200 << 20)
        sent.push(outcome.sent)
        const isRefused = outcome.status === undefined || (outcome.status >= 400 && outcome.status < 500)
        assert.ok(isRefused, `${path}: ${outcome.status}`)
      }
    } finally {
      clearInterval(watch)
    }
    // Whoever sends knows no secret, so at most one body up to the cap was held at a time; buffers of sockets and the sender's own chunks come on top.
    assert.ok(peak - start < 220 << 20, `${Math.round((peak - start) / (1 << 20))} MiB more`)
    assert.ok(Math.max(...sent) < 200 << 20)
    noWork()
  })

  it('many slow bodies are cut off, and what they held comes back', async () => {
    const slow = createApp(testDeps({ ...state.deps, config: { ...config, bodyTimeoutMs: 200 } }))
    const answers = await Promise.all(
      Array.from({ length: 50 }, async () => {
        const body = new ReadableStream<Uint8Array>({ start: (controller) => controller.enqueue(new Uint8Array(1024)) })
        const init = { method: 'POST', body, duplex: 'half', headers: plausible } as RequestInit
        return (await slow.fetch(new Request('http://sluice.test/hook/github', init))).status
      }),
    )
    assert.deepEqual([...new Set(answers)], [408])
    assert.equal(state.deps.bodies.tryReserve(64 << 20), true)
    state.deps.bodies.release(64 << 20)
  })

  /** Sends a body of this size without saying so, as far as the server takes it. */
  const stream = (
    path: string,
    total: number,
  ): Promise<{ readonly status: number | undefined; readonly sent: number }> =>
    new Promise((resolve) => {
      const chunk = Buffer.alloc(64 << 10, '[')
      let count = 0
      let status: number | undefined
      const outgoing = httpRequest(
        { port, host: '127.0.0.1', path, method: 'POST', headers: plausible },
        (answer: IncomingMessage) => {
          status = answer.statusCode
          answer.resume()
          answer.on('close', done)
          answer.on('end', done)
        },
      )
      const done = (): void => {
        outgoing.destroy()
        resolve({ status, sent: count })
      }
      outgoing.on('error', done)
      const write = (): void => {
        while (count < total && status === undefined && !outgoing.destroyed) {
          count += chunk.length
          if (!outgoing.write(chunk)) return void outgoing.once('drain', write)
        }
        if (count >= total) outgoing.end()
      }
      write()
    })
})
