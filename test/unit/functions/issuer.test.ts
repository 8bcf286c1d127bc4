import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createApp } from '../../../functions/app.ts'
import { headersProblem } from '../../../functions/cluster-headers.ts'
import { loadConfig, type ClusterConfig } from '../../../functions/config.ts'
import { credentialOf } from '../../../functions/credentials.ts'
import { toEngineError } from '../../../src/base/index.ts'
import { credentialFinding } from '../../../src/cli/verbs/doctor-credentials.ts'
import { makeCertificates } from '../../support/certificates.ts'
import { testConfig, testDeps } from '../../support/function-deps.ts'

const key = 'a secret of more than thirty-two characters'
const oidc = { name: 'prod', server: 'https://k8s.example', identity: { kind: 'oidc' } }
const publicUrl = JSON.stringify({ publicUrl: 'https://sluice.example/' })

const load = (env: { readonly [name: string]: string }) => loadConfig((name) => env[name])
function complaints(env: { readonly [name: string]: string }): string {
  try {
    load(env)
  } catch (error) {
    return toEngineError(error).message
  }
  return ''
}
const clusters = (...list: object[]): string => JSON.stringify(list)

describe('the configuration of an issuer', () => {
  it('is there only where a key is', () => {
    const server = { name: 'prod', server: 'https://k8s.example' }
    assert.equal(load({ CLUSTERS: clusters(server) }).issuer, undefined)
    assert.deepEqual(load({ CLUSTERS: clusters(oidc), ISSUER_KEY: key, SETTINGS: publicUrl }).issuer, {
      url: 'https://sluice.example',
      keys: { kind: 'sealed', secrets: [key] },
      tokenMs: 600_000,
      rotateEveryMs: 7 * 86_400_000,
    })
    const ISSUER = '{"tokenSeconds": 120, "rotateHours": 24}'
    const { issuer } = load({ CLUSTERS: clusters(oidc), ISSUER_KEY: key, SETTINGS: publicUrl, ISSUER })
    assert.equal(issuer?.tokenMs, 120_000)
    assert.equal(issuer?.rotateEveryMs, 86_400_000)
  })

  const good = { CLUSTERS: clusters(oidc), ISSUER_KEY: key, SETTINGS: publicUrl }
  const rows: readonly (readonly [string, { readonly [name: string]: string }, RegExp])[] = [
    ['a short secret', { ISSUER_KEY: 'much too short' }, /ISSUER_KEY.*32 characters/],
    ['no address', { SETTINGS: '{}' }, /SETTINGS\.publicUrl.*https/],
    ['an address without TLS', { SETTINGS: '{"publicUrl": "http://sluice.example"}' }, /SETTINGS\.publicUrl.*https/],
    ['two kinds of keys', { ISSUER_KEYS: '[]' }, /ISSUER_KEYS.*exclude each other/],
    ['keys that are none', { ISSUER_KEY: '', ISSUER_KEYS: '[{"kty": "RSA"}]' }, /ISSUER_KEYS.*P-256/],
    ['a cluster that needs an issuer', { ISSUER_KEY: '' }, /CLUSTERS\.prod\.identity.*ISSUER_KEY/],
    ['tokens for a day', { ISSUER: '{"tokenSeconds": 86400}' }, /ISSUER\.tokenSeconds/],
    ['an option that is none', { ISSUER: '{"tokenMinutes": 5}' }, /ISSUER.*tokenMinutes/],
    [
      'a second credential',
      { CLUSTERS: clusters({ ...oidc, tokenSecret: 'TOKEN' }), TOKEN: 'x'.repeat(20) },
      /CLUSTERS.*tokenSecret.*second way/,
    ],
    [
      'a client certificate, which an API server would take in place of every token',
      { CLUSTERS: clusters({ ...oidc, clientCertSecret: 'C', clientKeySecret: 'K' }), C: 'x', K: 'x' },
      /clientCertSecret.*would act as the certificate/,
    ],
    ['a server without TLS', { CLUSTERS: clusters({ ...oidc, server: 'http://k8s.example' }) }, /plain http/],
    [
      'the same audience twice',
      { CLUSTERS: clusters(oidc, { ...oidc, name: 'two', identity: { kind: 'oidc', audience: 'sluice:prod' } }) },
      /CLUSTERS\.two\.identity.*same audience/,
    ],
    [
      'a subject that is not ours',
      { CLUSTERS: clusters({ ...oidc, identity: { kind: 'oidc', subject: 'system:admin' } }) },
      /subject.*sluice:/,
    ],
    [
      'the subject of a tenant',
      { CLUSTERS: clusters({ ...oidc, identity: { kind: 'oidc', subject: 'sluice:tenant:a' } }) },
      /subject.*tenants/,
    ],
    [
      'a cluster of a cloud that is none',
      { CLUSTERS: clusters({ name: 'prod', identity: { kind: 'aws', cluster: 'production' } }) },
      /identity\.cluster.*ARN/,
    ],
    [
      'a kubeconfig beside a cloud',
      {
        CLUSTERS: clusters({
          name: 'prod',
          kubeconfig: { path: '/x' },
          identity: { kind: 'gcp', cluster: 'projects/p/locations/l/clusters/c' },
        }),
      },
      /kubeconfig/,
    ],
    [
      'headers that say who asks',
      { CLUSTERS: clusters({ ...oidc, headersSecret: 'GATE' }), GATE: '{"Impersonate-User": "admin"}' },
      /headersSecret.*Impersonate-User/,
    ],
  ]
  for (const [what, change, message] of rows) {
    it(`refuses ${what}`, () => {
      assert.equal(complaints(good), '')
      const said = complaints({ ...good, ...change })
      assert.match(said, message)
      assert.ok(!said.includes(key))
    })
  }

  it('clusters of clouds need no server', () => {
    const aws = { kind: 'aws', cluster: 'arn:aws:eks:eu-west-1:123456789012:cluster/production' }
    const [cluster] = load({ CLUSTERS: clusters({ name: 'prod', identity: aws }) }).clusters
    assert.deepEqual(cluster?.identity, aws)
  })
})

it('what is no issuer publishes nothing, and says how to become one', async () => {
  const app = createApp(testDeps())
  for (const path of ['/.well-known/openid-configuration', '/.well-known/jwks.json']) {
    const response = await app.fetch(new Request(`http://sluice.test${path}`))
    assert.equal(response.status, 404)
    assert.match(await response.text(), /ISSUER_KEY/)
  }
})

describe('headers for a gateway', () => {
  const rows: readonly (readonly [string, string, RegExp | undefined])[] = [
    ['those of Cloudflare Access', '{"CF-Access-Client-Id": "a.access", "CF-Access-Client-Secret": "b"}', undefined],
    ['no JSON', 'secret', /JSON object/],
    ['a list', '["secret"]', /JSON object/],
    ['none', '{}', /1 to 20/],
    ['a number', '{"X-Key": 1}', /X-Key must be text/],
    ['a line break', '{"X-Key": "secret\\r\\nImpersonate-User: admin"}', /X-Key must be text/],
    ...[
      'Authorization',
      'impersonate-group',
      'Impersonate-Extra-x',
      'X-Remote-User',
      'Host',
      'Content-Length',
      'Cookie',
    ].map(
      (name) => [name, JSON.stringify({ [name]: 'secret' }), new RegExp(`must not set the header "${name}"`)] as const,
    ),
  ]
  for (const [what, text, problem] of rows) {
    it(what, () => {
      const said = headersProblem(text)
      if (problem === undefined) return assert.equal(said, undefined)
      assert.match(said ?? '', problem)
      assert.ok(!said?.includes('secret'))
    })
  }
})

describe('the age of credentials', () => {
  const now = Date.parse('2026-11-26T12:00:00Z')
  const day = 86_400_000
  const jwt = (claims: object): string =>
    ['{"alg":"RS256"}', JSON.stringify(claims), 'x'].map((part) => Buffer.from(part).toString('base64url')).join('.')
  const shown = (change: Partial<ClusterConfig>, secret = '') =>
    credentialOf(
      { config: testConfig(), read: () => secret },
      { name: 'prod', server: 'https://k8s.example', ...change },
    )
  const finding = async (change: Partial<ClusterConfig>, secret = '') =>
    credentialFinding('prod', await shown(change, secret), now)
  const token = { tokenSecret: 'TOKEN' }
  const seconds = (at: number): number => at / 1000

  it('a token says it itself', async () => {
    const claims = { iat: seconds(now - 3 * day), exp: seconds(now + 90 * day) }
    assert.deepEqual(await shown(token, jwt(claims)), {
      kind: 'token',
      issuedAt: now - 3 * day,
      expiresAt: now + 90 * day,
    })
    const { state, message } = await finding(token, jwt(claims))
    assert.deepEqual(
      [state, message],
      ['ok', 'the cluster prod is reached with a token that is stored, 3 days old, good for 90 days more'],
    )
  })
  for (const [what, claims, state, message] of [
    ['ends soon', { iat: now - day, exp: now + day }, 'warning', /good for 1 day more/],
    ['has ended', { iat: now - 9 * day, exp: now - day }, 'problem', /has expired/],
    ['is old', { iat: now - 200 * day, exp: now + 200 * day }, 'warning', /200 days old/],
  ] as const) {
    it(`a token that ${what}`, async () => {
      const found = await finding(token, jwt({ iat: seconds(claims.iat), exp: seconds(claims.exp) }))
      assert.equal(found.state, state)
      assert.match(found.message, message)
      assert.match(found.fix ?? '', /"kind": "oidc"/)
    })
  }
  it('one that does not say it: unknown, and said so', async () => {
    for (const text of ['opaque', jwt({ sub: 'x' }), 'a.b.c', '', `${Buffer.from('{}').toString('base64url')}..`]) {
      const { state, message } = await finding(token, text)
      assert.equal(state, 'ok')
      assert.match(message, /of unknown age/)
      assert.ok(text === '' || !message.includes(text))
    }
    assert.match((await finding(token, jwt({ sub: 'x' }))).message, /never expires/)
  })
  it('a client certificate says it too', async () => {
    const { cert } = makeCertificates().client
    const { issuedAt = 0, expiresAt = 0, kind } = await shown({ clientCertSecret: 'C', clientKeySecret: 'K' }, cert)
    assert.equal(kind, 'certificate')
    assert.ok(Math.abs(issuedAt - Date.now()) < 60_000)
    assert.equal(expiresAt - issuedAt, 2 * day)
    for (const broken of [cert.replace(/\n[A-Za-z0-9]{30}/, '\n'), cert.slice(0, 300), '', 'x'])
      assert.match((await shown({ clientCertSecret: 'C' }, broken)).note ?? '', /cannot be read/)
  })
  it('what is made when it is needed has no age', async () => {
    const issuer = {
      url: 'https://sluice.example',
      keys: { kind: 'fixed' },
      tokenMs: 600_000,
      rotateEveryMs: 1,
    } as const
    const cluster = { name: 'prod', identity: { kind: 'oidc' } } as const
    const credential = await credentialOf({ config: testConfig({ issuer }), read: () => undefined }, cluster)
    assert.deepEqual(credential, {
      kind: 'oidc',
      issuer: 'https://sluice.example',
      audience: 'sluice:prod',
      subject: 'sluice:deployment',
      note: 'made when it is needed, good for 600 s',
    })
    assert.match(credentialFinding('prod', credential, now).message, /tokens of the deployment itself.*600 s/)
  })
})
