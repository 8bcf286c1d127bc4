import assert from 'node:assert/strict'
import { after, before, beforeEach, describe, it } from 'node:test'
import { isEngineError, type EngineError } from '../../../src/base/index.ts'
import { notificationProviders, scrubMessage, secretsOf } from '../../../src/notify/index.ts'
import { createNodeHttpClient } from '../../../src/platforms/node/http.ts'
import type { Clock } from '../../../src/ports/index.ts'
import { Canaries } from '../../support/canaries.ts'
import {
  sendTo,
  startNotifyServer,
  testContext,
  testEvent,
  testTarget,
  type NotifyServer,
} from '../../support/notify-server.ts'

let server: NotifyServer
before(async () => {
  server = await startNotifyServer()
})
after(() => server.close())
beforeEach(() => {
  server.received.length = 0
})

const target = testTarget('generic', { address: 'https://hooks.example.com/services/SECRET-PATH-0123456789' })

/** A clock whose pauses pass at once; they are noted. */
function quickClock(): Clock & { readonly pauses: number[] } {
  const pauses: number[] = []
  let now = 1_767_323_045_000
  return {
    pauses,
    now: () => now,
    sleep: async (ms) => {
      pauses.push(ms)
      now += ms
    },
  }
}

async function failure(work: Promise<unknown>): Promise<EngineError> {
  try {
    await work
  } catch (error) {
    if (isEngineError(error)) return error
    throw error
  }
  return assert.fail('it did not fail')
}

describe('tries', () => {
  it('are five at most, with pauses that double', async () => {
    server.answer(...Array.from({ length: 5 }, () => ({ status: 503, body: 'busy' })))
    const clock = quickClock()
    const error = await failure(sendTo(server, target, testEvent, { clock, timeoutMs: 600_000 }))
    assert.deepEqual(clock.pauses, [2000, 4000, 8000, 16_000])
    assert.equal(server.received.length, 5)
    assert.deepEqual([error.code, error.disposition], ['notify-unavailable', 'retry'])
    assert.equal(error.message, 'https://hooks.example.com answered with status 503: busy')
  })

  it('end before the deadline', async () => {
    server.answer(...Array.from({ length: 4 }, () => ({ status: 500 })))
    const clock = quickClock()
    await failure(sendTo(server, target, testEvent, { clock }))
    assert.deepEqual(clock.pauses, [2000, 4000, 8000])
    assert.equal(server.received.length, 4)
  })

  it('come again after lost connections and 429, when the other side says so', async () => {
    server.answer({ drop: true }, { status: 429, headers: { 'retry-after': '3' } }, {})
    const clock = quickClock()
    await sendTo(server, target, testEvent, { clock })
    assert.deepEqual(clock.pauses, [2000, 3000])
  })

  it('do not wait longer than the deadline allows, and tell how long was asked for', async () => {
    server.answer({ status: 429, headers: { 'retry-after': '120' } })
    const clock = quickClock()
    const error = await failure(sendTo(server, target, testEvent, { clock }))
    assert.equal(error.retryAfterMs, 120_000)
    assert.deepEqual(clock.pauses, [])
    assert.equal(server.received.length, 1)
  })

  for (const status of [400, 401, 404, 501]) {
    it(`are one for status ${status}`, async () => {
      server.answer({ status, body: 'no\nthank\tyou' })
      const error = await failure(sendTo(server, target, testEvent, { clock: quickClock() }))
      assert.deepEqual([error.code, error.disposition], ['notify-refused', 'stall'])
      assert.equal(error.message, `https://hooks.example.com answered with status ${status}: no thank you`)
      assert.equal(server.received.length, 1)
    })
  }

  it('follow no redirect', async () => {
    server.answer({ status: 307, headers: { location: 'https://elsewhere.example.com/' } })
    const error = await failure(sendTo(server, target, testEvent, { clock: quickClock() }))
    assert.match(error.message, /redirects \(status 307\)/)
    assert.equal(server.received.length, 1)
  })

  it('end at the deadline where nobody answers', async () => {
    server.answer({ hang: true })
    const error = await failure(sendTo(server, target, testEvent, { timeoutMs: 150 }))
    assert.equal(error.message, 'https://hooks.example.com did not answer in time')
  })

  it('read no more of an answer than they need', async () => {
    server.answer({ status: 400, body: 'x'.repeat(3_000_000) })
    const error = await failure(sendTo(server, target, testEvent, { clock: quickClock() }))
    assert.ok(error.message.length < 300)
  })
})

describe('addresses', () => {
  const refused = [
    'http://127.0.0.1:1/x',
    'http://169.254.169.254/latest/meta-data',
    'http://[::1]/',
    'http://10.0.0.1/',
    'http://metadata.google.internal/',
    'http://kubernetes.default.svc/',
  ]
  for (const address of refused) {
    it(`${address} is refused`, async () => {
      const client = createNodeHttpClient()
      const wrong = testTarget('generic', { address })
      const error = await failure(sendTo({ ...server, http: client }, wrong))
      client.close()
      assert.equal(error.code, 'notify-config')
      assert.match(error.message, /is refused/)
      assert.equal(server.received.length, 0)
    })
  }

  it('of private hosts that are allowed show nothing of the answer', async () => {
    server.answer({ status: 403, body: 'the internal state of a private host' })
    const egress = { allowHosts: ['hooks.example.com'] }
    const error = await failure(sendTo(server, target, testEvent, { egress, clock: quickClock() }))
    assert.equal(error.message, 'https://hooks.example.com answered with status 403')
  })

  it('with user name and password log in with them', async () => {
    await sendTo(server, testTarget('generic', { address: 'https://user:pa%20ss@hooks.example.com/x' }))
    assert.equal(server.received[0]?.url, 'https://hooks.example.com/x')
    assert.equal(server.received[0].headers['authorization'], `Basic ${Buffer.from('user:pa ss').toString('base64')}`)
  })
})

describe('secrets', () => {
  it('of every provider show up in no error, whatever the other side answers', async () => {
    const canaries = new Canaries()
    const token = canaries.make('token')
    const password = canaries.make('password')
    const path = canaries.make('path')
    const header = canaries.make('header')
    const repository = 'https://github.com/org/repo'
    const addresses: { readonly [type: string]: string } = {
      github: repository,
      gitlab: 'https://gitlab.com/org/repo',
      gitea: 'https://gitea.example.com/org/repo',
      bitbucket: 'https://bitbucket.org/org/repo',
      bitbucketserver: 'https://bb.example.com/scm/proj/repo',
      azuredevops: 'https://dev.azure.com/o/p/_git/r',
      githubdispatch: repository,
      githubpullrequestcomment: repository,
      gitlabmergerequestcomment: 'https://gitlab.com/org/repo',
      giteapullrequestcomment: 'https://gitea.example.com/org/repo',
      sentry: `https://${path}@sentry.example.com/1`,
      azureeventhub: `Endpoint=sb://ns.servicebus.windows.net/;SharedAccessKeyName=send;SharedAccessKey=${path};EntityPath=hub`,
      nats: `nats://user:${password}@nats:4222`,
    }
    server.answerWith((request) => ({
      status: 400,
      body: JSON.stringify({ url: request.url, headers: request.headers, body: request.body.slice(0, 100) }),
    }))
    let failures = 0
    for (const type of Object.keys(notificationProviders) as (keyof typeof notificationProviders)[]) {
      const made = testTarget(type, {
        address: addresses[type] ?? `https://hooks.example.com/${path}`,
        token: type === 'bitbucket' ? `user:${token}` : token,
        username: 'user',
        password,
        channel: 'chat/topic',
        headers: { Authorization: `Bearer ${header}`, 'X-Key': header },
      })
      const event = { ...testEvent, metadata: { ...testEvent.metadata, change_request: '1' } }
      const error = await failure(sendTo(server, made, event, { clock: quickClock() }))
      failures += 1
      canaries.see(`error of ${type}`, `${error.message} ${JSON.stringify(error)}`)
    }
    server.answerWith(() => undefined)
    assert.equal(failures, Object.keys(notificationProviders).length)
    canaries.assertNone(failures)
  })

  it('are covered in what the other side says', async () => {
    const made = testTarget('generic', { address: target.address, headers: { 'X-Key': 'key-0123456789' } })
    server.answer({ status: 400, body: 'bad key key-0123456789 at /services/SECRET-PATH-0123456789' })
    const error = await failure(notificationProviders.generic.send(testContext(server, made), testEvent, made))
    assert.equal(error.message, 'https://hooks.example.com answered with status 400: bad key ***** at *****')
    assert.ok(secretsOf(made).includes('key-0123456789'))
  })

  it('of headers are those whose name says so: other values are words of every message', () => {
    const made = testTarget('generic', {
      headers: { 'X-Environment': 'production', 'X-Api-Key': 'abcdefgh', Authorization: 'Bearer ijklmnop' },
    })
    assert.deepEqual(secretsOf(made).toSorted(), ['Bearer ijklmnop', 'abcdefgh', 'ijklmnop'])
  })

  const messages: readonly (readonly [string, string])[] = [
    ['clone of https://user:pass@git.example.com/x failed', 'clone of https://*****@git.example.com/x failed'],
    ['pull oci://token@registry.example.com/a', 'pull oci://*****@registry.example.com/a'],
    ['ssh://git@example.com/x', 'ssh://*****@example.com/x'],
    ['sent Authorization: Bearer abcdefgh12345678', 'sent Authorization: Bearer *****'],
    ['Basic dXNlcjpwYXNz', 'Basic *****'],
    ['Basic settings', 'Basic settings'],
    ['a\n-----BEGIN RSA PRIVATE KEY-----\nabc\n-----END RSA PRIVATE KEY-----\nb', 'a\n*****\nb'],
    ['Applied revision: main@sha1:0123', 'Applied revision: main@sha1:0123'],
    ['see https://example.com/a@b and mail a@b.c', 'see https://example.com/a@b and mail a@b.c'],
  ]
  for (const [given, want] of messages)
    it(`in ${JSON.stringify(given)} are covered`, () => assert.equal(scrubMessage(given), want))
})
