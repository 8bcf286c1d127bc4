import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createApp } from '../../../functions/app.ts'
import { listDeliveries } from '../../../functions/delivery-log.ts'
import { isEngineError } from '../../../src/base/index.ts'
import { commandOf, receivers, type Decoded } from '../../../src/receivers/index.ts'
import { changeCases, type ChangeCase } from '../../support/change-deliveries.ts'
import { forgeRequest, forges, type Forge } from '../../support/forge-deliveries.ts'
import { testConfig, testDeps } from '../../support/function-deps.ts'

const forgeOf = (provider: string): Forge => forges.find((one) => one.provider === provider) as Forge

function decode(row: Pick<ChangeCase, 'provider' | 'event'>, payload: unknown): Decoded {
  const { headers, body } = forgeOf(row.provider).sign(JSON.stringify(payload), {
    ...(row.event === '' ? {} : { event: row.event }),
    id: 'an-id',
  })
  return receivers[row.provider].decode(new Headers(headers), new TextEncoder().encode(body))
}

/** Every path to a value of a payload, of objects and lists too. */
function* paths(value: unknown, path: readonly string[] = []): Generator<readonly string[]> {
  if (path.length > 0) yield path
  if (typeof value === 'object' && value !== null)
    for (const [key, item] of Object.entries(value)) yield* paths(item, [...path, key])
}

function withValue(value: unknown, [key = '', ...rest]: readonly string[], replacement: unknown): unknown {
  const copy: { [key: string]: unknown } = { ...(value as object) }
  if (rest.length > 0) copy[key] = withValue(copy[key], rest, replacement)
  else if (replacement === undefined) delete copy[key]
  else copy[key] = replacement
  return Array.isArray(value) ? Object.values(copy) : copy
}

const odd: readonly unknown[] = [
  null,
  [],
  [null],
  {},
  0,
  -1,
  1.5,
  1e300,
  true,
  '',
  'x'.repeat(5000),
  'a\u0000b',
  { __proto__: null, toString: 1 },
  undefined,
]

describe('pull requests of every forge', () => {
  for (const row of changeCases) {
    it(`${row.name}: is read`, () => {
      const { change, deliveryId } = decode(row, row.payload)
      assert.ok(change !== undefined)
      assert.deepEqual(
        Object.fromEntries(Object.keys(row.want).map((key) => [key, change[key as keyof typeof change]])),
        row.want,
      )
      assert.equal(change.provider, row.provider)
      assert.equal(change.deliveryId, deliveryId)
      assert.notEqual(change.urls.length, 0)
    })

    it(`${row.name}: any other value in any field is read or is unusable, never a crash`, () => {
      let unusable = 0
      for (const path of paths(row.payload))
        for (const value of odd) {
          try {
            decode(row, withValue(row.payload, path, value))
          } catch (error) {
            const told = `${path.join('.')} = ${JSON.stringify(value)?.slice(0, 40)}: ${String(error)}`
            assert.ok(isEngineError(error) && error.code === 'payload-invalid', told)
            assert.doesNotMatch(error.message, /xxxx/)
            unusable += 1
          }
        }
      assert.notEqual(unusable, 0)
    })

    it(`${row.name}: what a look needs is asked for`, () => {
      for (const path of row.needed)
        for (const value of [null, [], 'x'.repeat(9), true, undefined]) {
          if (path.endsWith('id') && typeof value === 'string') continue // Ids may be texts.
          if (typeof value === 'string' && /action|eventType|body|note|text|raw/.test(path)) continue
          const payload = withValue(row.payload, path.split('.'), value)
          assert.throws(() => decode(row, payload), { code: 'payload-invalid' }, `${path} = ${JSON.stringify(value)}`)
        }
    })
  }

  it('whole bodies that are no payload are unusable', () => {
    for (const row of changeCases)
      for (const value of [null, [], [[]], 7, 'text', true, {}])
        assert.throws(() => decode(row, value), { code: 'payload-invalid' }, row.name)
  })
})

describe('what is no command', () => {
  const gitHub = changeCases.find(({ event }) => event === 'issue_comment') as ChangeCase
  const reasonOf = (change: object): string => {
    const decoded = decode(gitHub, { ...gitHub.payload, ...change })
    assert.equal(decoded.change, undefined)
    return decoded.kind === 'ignored' ? decoded.reason : decoded.kind
  }
  const comment = (body: string): object => ({ comment: { id: 1, body, user: { login: 'joe' } } })

  it('is passed over with a reason', () => {
    assert.match(reasonOf(comment('nice')), /holds no command/)
    assert.match(reasonOf({ action: 'edited' }), /only new comments/)
    assert.match(reasonOf({ issue: { number: 7 } }), /comments on issues/)
  })

  it('is a comment on lines at Gitea, which comes as a review', () => {
    const gitea = changeCases.find(({ provider }) => provider === 'gitea') as ChangeCase
    const payload = {
      ...gitea.payload,
      action: 'reviewed',
      review: { type: 'pull_request_review_comment', content: '/apply' },
    }
    const decoded = decode({ ...gitea, event: 'pull_request_comment' }, payload)
    assert.deepEqual([decoded.kind, decoded.change], ['ignored', undefined])
  })

  it('is an event of an older Bitbucket, which names no repository', () => {
    const merged = changeCases.find(({ event }) => event === 'pr:merged') as ChangeCase
    const pull = merged.payload['pullRequest'] as object
    const payload = { ...merged.payload, pullRequest: { ...pull, toRef: { repository: { slug: 'app' } } } }
    const decoded = decode(merged, payload)
    assert.deepEqual([decoded.kind, decoded.change], ['ignored', undefined])
    assert.throws(() => decode({ ...merged, event: 'pr:opened' }, payload), { code: 'payload-invalid' })
  })

  it('is told from commands by the line', () => {
    const rows: readonly (readonly [text: string, want: ReturnType<typeof commandOf>])[] = [
      ['/plan', { name: 'plan', words: [] }],
      ['/apply  prod\tstaging  ', { name: 'apply', words: ['prod', 'staging'] }],
      ['please\r\n/plan\r\n/apply', { name: 'plan', words: [] }],
      ['```\n/apply\n```\n/plan', { name: 'plan', words: [] }],
      ['/planet', undefined],
      ['/Apply', undefined],
      [' /apply', undefined],
      ['> /apply', undefined],
      ['    /apply', undefined],
      ['```\n/apply', undefined],
      [`/apply ${'x'.repeat(101)}`, undefined],
      [`/apply ${'x '.repeat(9)}`, undefined],
      ['/apply \u202Eprod', undefined],
      ['\n'.repeat(300) + '/apply', undefined],
    ]
    for (const [text, want] of rows) assert.deepEqual(commandOf(text), want, JSON.stringify(text))
  })
})

describe('the endpoint', () => {
  const config = testConfig({
    webhookSecrets: Object.fromEntries(forges.map(({ provider, secret }) => [provider, [secret]])),
  })

  it('records what becomes of each, and answers 202', async () => {
    for (const row of changeCases) {
      const deps = testDeps({ config })
      const forge = forgeOf(row.provider)
      const delivery = forge.sign(row.payload, { ...(row.event === '' ? {} : { event: row.event }), id: 'an-id' })
      const response = await createApp(deps).fetch(forgeRequest(forge, delivery))
      assert.equal(response.status, 202, row.name)
      await deps.settled()
      const { deliveries } = await listDeliveries(deps, { limit: 5 })
      const moves = ['opened', 'updated', 'reopened'].includes(String(row.want.action ?? 'opened'))
      const isRun = moves && !row.event.startsWith('pullrequest:')
      assert.deepEqual(
        deliveries.map(({ outcome, verified }) => [outcome, verified]),
        [[isRun ? 'run' : 'ignored', true]],
        row.name,
      )
      if (row.want.action === 'commented')
        assert.match(deliveries[0]?.reason ?? '', /^pull requests are planned where PLANS/)
    }
  })

  it('does not exist for a forge without a secret, whatever is sent', async () => {
    const deps = testDeps({ config: testConfig({ webhookSecrets: {} }) })
    for (const row of changeCases) {
      const forge = forgeOf(row.provider)
      const response = await createApp(deps).fetch(forgeRequest(forge, forge.sign('{"broken')))
      assert.equal(response.status, 404)
    }
  })
})
