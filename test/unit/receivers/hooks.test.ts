import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { describe, it } from 'node:test'
import type { ReceiverType } from '../../../src/api/index.ts'
import {
  createFetchCache,
  hookTypes,
  type HookAccess,
  type HookType,
  type VerifiedDelivery,
  type VerifyTools,
} from '../../../src/receivers/index.ts'

const token = 'a token of a Receiver'
const encode = (text: string): Uint8Array => new TextEncoder().encode(text)
const access: HookAccess = { secret: { token: encode(token) }, oidcProviders: [] }
const tools: VerifyTools = {
  http: { send: () => Promise.reject(new Error('no request is expected')) },
  egress: {},
  fetched: createFetchCache(),
  now: Date.now,
  signal: new AbortController().signal,
}
const body = JSON.stringify({ ref: 'refs/heads/main' })
const mac = (text: string, hash = 'sha256', key = token): string => createHmac(hash, key).update(text).digest('hex')

const verify = async (
  type: ReceiverType,
  headers: Record<string, string>,
  text = body,
  who: HookAccess = access,
): Promise<VerifiedDelivery> => {
  const hook: HookType = hookTypes[type]
  const delivery = { headers: new Headers(headers), body: encode(text) }
  await hook.verifyHeaders?.(delivery.headers, who, tools)
  return hook.verify(delivery, who, tools)
}

interface Row {
  readonly type: ReceiverType
  readonly name: string
  readonly headers?: Record<string, string>
  readonly body?: string
  readonly secret?: HookAccess['secret']
  /** What is known of the delivery; undefined where it is refused. */
  readonly want?: VerifiedDelivery
}
const anything: VerifiedDelivery = { event: '', deliveryId: '' }
const cdEvent = (type: string): string =>
  JSON.stringify({
    context: { version: '0.4.1', id: 'e1', source: '/ci', type, timestamp: '2026-01-02T03:04:05Z' },
    subject: { id: 's', source: '/ci', content: {} },
  })

const rows: readonly Row[] = [
  { type: 'generic', name: 'anything', want: anything },
  { type: 'generic', name: 'no body at all', body: '', want: anything },

  ...(['sha1', 'sha256', 'sha512'] as const).map((hash): Row => ({
    type: 'generic-hmac',
    name: `right (${hash})`,
    headers: { 'x-signature': `${hash}=${mac(body, hash)}` },
    want: anything,
  })),
  {
    type: 'generic-hmac',
    name: 'right, in capitals',
    headers: { 'x-signature': `sha256=${mac(body).toUpperCase()}` },
    want: anything,
  },
  { type: 'generic-hmac', name: 'no header' },
  { type: 'generic-hmac', name: 'another secret', headers: { 'x-signature': `sha256=${mac(body, 'sha256', 'x')}` } },
  { type: 'generic-hmac', name: 'another body', headers: { 'x-signature': `sha256=${mac(body)}` }, body: `${body} ` },
  { type: 'generic-hmac', name: 'cut short', headers: { 'x-signature': `sha256=${mac(body).slice(0, -2)}` } },
  { type: 'generic-hmac', name: 'no algorithm', headers: { 'x-signature': mac(body) } },
  { type: 'generic-hmac', name: 'an algorithm that is none', headers: { 'x-signature': `md5=${mac(body, 'md5')}` } },
  {
    type: 'generic-hmac',
    name: 'the hash of one under the name of another',
    headers: { 'x-signature': `sha512=${mac(body)}` },
  },
  {
    type: 'generic-hmac',
    name: 'an empty token signs nothing',
    headers: { 'x-signature': `sha256=${mac(body, 'sha256', '')}` },
    secret: { token: new Uint8Array() },
  },
  {
    type: 'generic-hmac',
    name: 'no token',
    headers: { 'x-signature': `sha256=${mac(body, 'sha256', '')}` },
    secret: {},
  },

  {
    type: 'github',
    name: 'right',
    headers: { 'x-hub-signature-256': `sha256=${mac(body)}`, 'x-github-event': 'push', 'x-github-delivery': 'd' },
    want: { event: 'push', deliveryId: 'd', ref: 'refs/heads/main' },
  },
  { type: 'github', name: 'no header' },
  { type: 'github', name: 'SHA-1 only', headers: { 'x-hub-signature': `sha1=${mac(body, 'sha1')}` } },
  { type: 'github', name: 'SHA-1 in its place', headers: { 'x-hub-signature-256': `sha1=${mac(body, 'sha1')}` } },
  { type: 'github', name: 'another secret', headers: { 'x-hub-signature-256': `sha256=${mac(body, 'sha256', 'x')}` } },
  { type: 'github', name: 'another body', headers: { 'x-hub-signature-256': `sha256=${mac(body)}` }, body: '{}' },
  { type: 'github', name: 'cut short', headers: { 'x-hub-signature-256': `sha256=${mac(body).slice(0, 10)}` } },
  {
    type: 'github',
    name: 'empty token',
    headers: { 'x-hub-signature-256': `sha256=${mac(body, 'sha256', '')}` },
    secret: { token: new Uint8Array() },
  },

  {
    type: 'gitlab',
    name: 'right',
    headers: { 'x-gitlab-token': token, 'x-gitlab-event': 'Push Hook', 'idempotency-key': 'k' },
    want: { event: 'Push Hook', deliveryId: 'k', ref: 'refs/heads/main' },
  },
  {
    type: 'gitlab',
    name: 'right, with a letter beyond ASCII',
    headers: { 'x-gitlab-token': 'sch\u00fcssel' },
    secret: { token: new Uint8Array([0x73, 0x63, 0x68, 0xfc, 0x73, 0x73, 0x65, 0x6c]) },
    want: { ...anything, ref: 'refs/heads/main' },
  },
  { type: 'gitlab', name: 'no header' },
  { type: 'gitlab', name: 'another token', headers: { 'x-gitlab-token': 'x' } },
  { type: 'gitlab', name: 'cut short', headers: { 'x-gitlab-token': token.slice(0, -1) } },
  { type: 'gitlab', name: 'empty token', headers: { 'x-gitlab-token': '' }, secret: { token: new Uint8Array() } },

  {
    type: 'bitbucket',
    name: 'right',
    headers: {
      'x-hub-signature': `sha256=${mac('{"changes":[{"ref":{"id":"refs/tags/v1"}}]}')}`,
      'x-event-key': 'repo:refs_changed',
      'x-request-id': 'r',
    },
    body: '{"changes":[{"ref":{"id":"refs/tags/v1"}}]}',
    want: { event: 'repo:refs_changed', deliveryId: 'r', ref: 'refs/tags/v1' },
  },
  { type: 'bitbucket', name: 'no header' },
  { type: 'bitbucket', name: 'SHA-1', headers: { 'x-hub-signature': `sha1=${mac(body, 'sha1')}` } },
  { type: 'bitbucket', name: 'another body', headers: { 'x-hub-signature': `sha256=${mac(body)}` }, body: '{}' },

  { type: 'harbor', name: 'right', headers: { authorization: token }, want: anything },
  { type: 'harbor', name: 'no header' },
  { type: 'harbor', name: 'as a bearer', headers: { authorization: `Bearer ${token}` } },
  { type: 'harbor', name: 'cut short', headers: { authorization: token.slice(1) } },

  {
    type: 'nexus',
    name: 'right',
    headers: {
      'x-nexus-webhook-signature': mac('{"action":"CREATED"}', 'sha1'),
      'x-nexus-webhook-id': 'rm:repository:component',
      'x-nexus-webhook-delivery': 'n',
    },
    body: '{"action":"CREATED"}',
    want: { event: 'rm:repository:component', deliveryId: 'n' },
  },
  { type: 'nexus', name: 'no header' },
  { type: 'nexus', name: 'another body', headers: { 'x-nexus-webhook-signature': mac('{}', 'sha1') } },
  { type: 'nexus', name: 'SHA-256', headers: { 'x-nexus-webhook-signature': mac(body) } },
  {
    type: 'nexus',
    name: 'signed, but no payload of Nexus',
    headers: { 'x-nexus-webhook-signature': mac('[]', 'sha1') },
    body: '[]',
  },

  {
    type: 'dockerhub',
    name: 'right',
    body: '{"push_data":{"tag":"v1"},"repository":{"repo_url":"https://hub.docker.com/r/a/b"}}',
    want: { event: 'push', deliveryId: '' },
  },
  { type: 'dockerhub', name: 'a tag that is a number', body: '{"push_data":{"tag":1}}' },
  { type: 'dockerhub', name: 'no JSON', body: 'push' },
  {
    type: 'quay',
    name: 'right',
    body: '{"docker_url":"quay.io/a/b","updated_tags":["v1"]}',
    want: { event: 'push', deliveryId: '' },
  },
  { type: 'quay', name: 'tags that are none', body: '{"updated_tags":"v1"}' },
  {
    type: 'acr',
    name: 'right',
    body: '{"id":"i","action":"push","target":{"repository":"a","tag":"v1"}}',
    want: { event: 'push', deliveryId: 'i' },
  },
  { type: 'acr', name: 'a list', body: '[]' },

  {
    type: 'cdevents',
    name: 'right',
    headers: { 'ce-type': 'dev.cdevents.artifact.published.0.2.0' },
    body: cdEvent('dev.cdevents.artifact.published.0.2.0'),
    want: { event: 'dev.cdevents.artifact.published.0.2.0', deliveryId: 'e1' },
  },
  {
    type: 'cdevents',
    name: 'right, of a tool',
    body: cdEvent('dev.cdeventsx.mytool-build.started.0.1.0'),
    want: { event: '', deliveryId: 'e1' },
  },
  { type: 'cdevents', name: 'an unknown subject', body: cdEvent('dev.cdevents.moon.published.0.2.0') },
  { type: 'cdevents', name: 'a property of every object', body: cdEvent('dev.cdevents.constructor.name.0.2.0') },
  {
    type: 'cdevents',
    name: 'an older specification',
    body: cdEvent('dev.cdevents.artifact.published.0.2.0').replace('0.4.1', '0.3.0'),
  },
  { type: 'cdevents', name: 'no subject', body: JSON.stringify({ context: {} }) },
]

describe('types of Receiver objects', () => {
  for (const row of rows) {
    it(`${row.type}: ${row.name}`, async () => {
      const who = row.secret === undefined ? access : { ...access, secret: row.secret }
      const result = verify(row.type, row.headers ?? {}, row.body ?? body, who)
      if (row.want === undefined) await assert.rejects(result, { code: 'delivery-refused' })
      else assert.deepEqual(await result, row.want)
    })
  }
  it('every type has a row that is let in, and all but the open ones a row that is not', () => {
    for (const type of Object.keys(hookTypes) as ReceiverType[]) {
      if (type === 'generic-oidc' || type === 'gcr') continue // They have a file of their own.
      const own = rows.filter((row) => row.type === type)
      assert.ok(
        own.some((row) => row.want !== undefined),
        type,
      )
      assert.ok(type === 'generic' || own.some((row) => row.want === undefined), type)
    }
  })
  it('reasons carry neither token nor signature', async () => {
    for (const row of rows.filter(({ want }) => want === undefined)) {
      await assert.rejects(verify(row.type, row.headers ?? {}, row.body ?? body), (error: Error) => {
        assert.ok(!error.message.includes(token))
        for (const value of Object.values(row.headers ?? {}))
          assert.ok(value.length < 6 || !error.message.includes(value))
        return true
      })
    }
  })
})
