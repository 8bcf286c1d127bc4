import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { describe, it } from 'node:test'
import { createApp } from '../../../functions/app.ts'
import type { FunctionDeps } from '../../../functions/deps.ts'
import type { RunRecord } from '../../../src/reconcile/index.ts'
import { createNodeHttpClient } from '../../../src/platforms/node/index.ts'
import { createIssuerKey, startOidcIssuer } from '../../support/oidc-issuer.ts'
import { recordingEngine, testConfig, testDeps, triggerToken } from '../../support/function-deps.ts'

const secret = 'a secret that is long enough'
const object = { kind: 'Kustomization', namespace: 'apps', name: 'web' }

/** Sends a trigger; `signed` with the time of the signature, in seconds. */
function post(deps: FunctionDeps, body: string, headers: { readonly [name: string]: string }): Promise<Response> {
  return Promise.resolve(
    createApp(deps).fetch(new Request('http://sluice.test/trigger', { method: 'POST', headers, body })),
  )
}

function signature(
  body: string,
  at = Math.floor(Date.now() / 1000),
  key = secret,
): { readonly [name: string]: string } {
  const mac = createHmac('sha256', key).update(`${at}.${body}`).digest('hex')
  return { 'x-signature': `sha256=${mac}`, 'x-signature-timestamp': String(at) }
}

const bearer = { authorization: `Bearer ${triggerToken}` }

void describe('a signed trigger', () => {
  const make = (): ReturnType<typeof testDeps> =>
    testDeps({ config: testConfig({ triggerHmacSecrets: ['another one of them', secret], triggerTokens: [] }) })

  void it('gets in once; what is sent again, late, changed or signed by somebody else does not', async () => {
    const deps = make()
    const body = JSON.stringify({ object })
    const headers = signature(body)
    assert.equal((await post(deps, body, headers)).status, 202)
    const again = await post(deps, body, headers)
    assert.equal(again.status, 401)
    assert.match(await again.text(), /used before/)
    const now = Math.floor(Date.now() / 1000)
    const rows: [string, string, { readonly [name: string]: string }][] = [
      ['late', body, signature(body, now - 400)],
      ['from the future', body, signature(body, now + 400)],
      ['another body', `${body} `, signature(body)],
      ['another time', body, { ...signature(body), 'x-signature-timestamp': String(now - 7) }],
      ['another secret', body, signature(body, now, 'some other secret')],
      ['no time', body, { 'x-signature': signature(body)['x-signature'] ?? '' }],
      ['a time that is no number', body, { ...signature(body), 'x-signature-timestamp': '1e9' }],
      ['SHA-1', body, { ...signature(body), 'x-signature': `sha1=${'a'.repeat(40)}` }],
      ['nothing', body, {}],
    ]
    for (const [name, text, sent] of rows) assert.equal((await post(deps, text, sent)).status, 401, name)
    assert.equal(deps.sent.length, 2, 'one run on two clusters')
  })

  void it('is refused where no secret is configured', async () => {
    const deps = testDeps()
    assert.equal((await post(deps, '{}', signature('{}'))).status, 401)
  })

  void it('with bad headers is refused before the body is read', async () => {
    let wasRead = false
    const body = new ReadableStream(
      {
        pull: () => {
          wasRead = true
          return new Promise<void>(() => undefined)
        },
      },
      { highWaterMark: 0 },
    )
    const request = new Request('http://sluice.test/trigger', {
      method: 'POST',
      headers: { ...signature('{}'), 'x-signature-timestamp': '1' },
      body,
      duplex: 'half',
    } as RequestInit)
    assert.equal((await createApp(make()).fetch(request)).status, 401)
    assert.equal(wasRead, false)
  })
})

void describe('a trigger with a token of an issuer', () => {
  void it('gets in with the claims that are let in, as its subject, whoever it says to be', async () => {
    const issuer = await startOidcIssuer()
    const http = createNodeHttpClient({ egress: { allowPrivate: true } })
    try {
      const config = testConfig({
        privateHosts: ['127.0.0.1'],
        triggerOidc: [{ issuerURL: issuer.url, audience: 'sluice', claims: { repository: 'team/fleet' } }],
      })
      const deps = testDeps({ config, http })
      const now = Math.floor(Date.now() / 1000)
      const claims = {
        iss: issuer.url,
        aud: 'sluice',
        sub: 'repo:team/fleet:ref:refs/heads/main',
        repository: 'team/fleet',
        iat: now,
        exp: now + 300,
      }
      const ask = async (changed: object): Promise<number> => {
        const authorization = `Bearer ${await issuer.key.sign({ ...claims, ...changed })}`
        return (await post(deps, JSON.stringify({ object, actor: 'somebody else' }), { authorization })).status
      }
      assert.equal(await ask({}), 202)
      assert.equal(deps.sent[0]?.job.actor, claims.sub)
      const rows: [string, object][] = [
        ['another repository', { repository: 'mallory/fleet' }],
        ['no such claim', { repository: undefined }],
        ['another audience', { aud: 'elsewhere' }],
        ['another issuer', { iss: 'https://issuer.example' }],
        ['over', { exp: now - 3600, iat: now - 7200 }],
      ]
      for (const [name, changed] of rows) assert.equal(await ask(changed), 401, name)
      const stranger = await createIssuerKey()
      const forged = { authorization: `Bearer ${await stranger.sign(claims)}` }
      assert.equal((await post(deps, '{}', forged)).status, 401)
      assert.equal((await post(deps, '{}', bearer)).status, 202, 'the token still counts')
      assert.equal((await post(testDeps({ http }), '{}', forged)).status, 401, 'nobody is configured')
    } finally {
      http.close()
      await issuer.close()
    }
  })
})

void describe('what a trigger may ask for', () => {
  const refused: { name: string; body: object; says: RegExp }[] = [
    { name: 'suspend without objects', body: { action: 'suspend' }, says: /name the objects/ },
    {
      name: 'until in the past',
      body: { action: 'suspend', object, until: '2001-01-01T00:00:00Z' },
      says: /not in the future/,
    },
    { name: 'until that is no time', body: { action: 'suspend', object, until: 'tomorrow' }, says: /neither a time/ },
    { name: 'until of a reconciliation', body: { object, until: '1h' }, says: /belong to the actions suspend and pin/ },
    { name: 'pin without a revision', body: { action: 'pin', object }, says: /the action pin, which needs it/ },
    { name: 'pin everything', body: { action: 'pin', all: true, revision: 'x' }, says: /name the objects to pin/ },
    {
      name: 'a revision to resume',
      body: { action: 'resume', object, revision: 'x' },
      says: /belongs to the action pin/,
    },
    { name: 'override of everything', body: { override: 'why' }, says: /override belongs/ },
    { name: 'override of a plan', body: { object, plan: true, override: 'why' }, says: /override belongs/ },
    { name: 'approve nothing', body: { action: 'approve' }, says: /or all of the cluster/ },
    { name: 'a planned resume', body: { action: 'resume', object, plan: true }, says: /only a reconciliation/ },
    { name: 'force of everything', body: { force: true }, says: /force belongs/ },
    { name: 'two targets', body: { object, objects: [object] }, says: /at most one/ },
    { name: 'an unknown action', body: { action: 'delete', object }, says: /action/ },
    { name: 'a run that is no id', body: { action: 'retry', run: '../x' }, says: /id of a run/ },
  ]
  for (const row of refused) {
    void it(`not: ${row.name}`, async () => {
      const deps = testDeps()
      const answer = await post(deps, JSON.stringify(row.body), bearer)
      assert.equal(answer.status, 400)
      assert.match(await answer.text(), row.says)
      assert.equal(deps.sent.length, 0)
    })
  }

  void it('a plan is marked in every message', async () => {
    const deps = testDeps()
    assert.equal((await post(deps, JSON.stringify({ object, plan: true }), bearer)).status, 202)
    assert.deepEqual(
      deps.sent.map(({ job }) => job.plan),
      [true, true],
    )
  })

  void it('an action that no cluster could do is an error', async () => {
    const deps = testDeps()
    const answer = await post(deps, JSON.stringify({ action: 'suspend', object, cluster: 'one' }), bearer)
    // The stand-in has no connection to its clusters.
    assert.equal(answer.status, 404)
  })
})

void describe('a streamed trigger', () => {
  const node = { ...object, state: 'ready', reason: 'x', message: 'Applied', changes: [], unchanged: 3 } as const
  /** The run waits until somebody has been told so, and is ready then. */
  const working = (): FunctionDeps => {
    const deps = testDeps({ config: testConfig({ clusters: [{ name: 'one' }] }) })
    let last: RunRecord | undefined
    const runs: FunctionDeps['runs'] = {
      ...deps.runs,
      get: async (id) => {
        const run = await deps.runs.get(id)
        if (run?.records[0]?.nodes[0]?.state === 'waiting' && last !== undefined) await deps.runs.putRecord(last)
        return run
      },
    }
    const engine = recordingEngine(() => ({ nodes: [{ ...node, timings: { startedAt: 1, finishedAt: 2 } }] }))
    return {
      ...deps,
      runs,
      queue: {
        send: async (message) => {
          const { job } = message as unknown as { job: Parameters<typeof engine.run>[0] }
          const { record } = await engine.run(job)
          last = record
          const partial = { ...record, state: 'running', nodes: [{ ...record.nodes[0], state: 'waiting' }] }
          setTimeout(() => void deps.runs.putRecord(partial as never), 30)
        },
      },
    }
  }

  void it('tells as lines of JSON how nodes change, and ends with the run', async () => {
    const answer = await post(working(), '{}', { ...bearer, accept: 'application/x-ndjson' })
    assert.equal(answer.status, 200)
    const lines = (await answer.text())
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as { type: string; node: { state: string }; run: { state: string } })
    assert.equal(lines[0]?.type, 'accepted')
    assert.deepEqual(
      lines.filter((line) => line.type === 'node').map((line) => line.node.state),
      ['waiting', 'ready'],
    )
    assert.equal(lines.at(-1)?.type, 'end')
    assert.equal(lines.at(-1)?.run.state, 'succeeded')
  })

  void it('tells as events', async () => {
    const answer = await post(working(), '{}', { ...bearer, accept: 'text/event-stream' })
    assert.match(answer.headers.get('content-type') ?? '', /^text\/event-stream/)
    assert.match(await answer.text(), /^event: accepted\ndata: \{.*\}\n\n[^]*event: end\ndata: \{.*\}\n\n$/)
  })

  void it('ends when its time is up', async () => {
    const answer = await post(testDeps(), '{"wait":0.1}', { ...bearer, accept: 'application/x-ndjson' })
    const last = (await answer.text()).trimEnd().split('\n').at(-1) ?? ''
    assert.match(last, /"type":"timeout".*it goes on/)
  })
})
