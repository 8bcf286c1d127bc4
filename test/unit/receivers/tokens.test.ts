import assert from 'node:assert/strict'
import { createHmac, generateKeyPairSync } from 'node:crypto'
import { after, before, describe, it } from 'node:test'
import type { OidcProvider } from '../../../src/api/index.ts'
import type { HttpClient } from '../../../src/ports/index.ts'
import { createNodeHttpClient, type NodeHttpClient } from '../../../src/platforms/node/index.ts'
import {
  createFetchCache,
  hookTypes,
  type HookAccess,
  type VerifiedDelivery,
  type VerifyTools,
} from '../../../src/receivers/index.ts'
import {
  createIssuerKey,
  freshClaims,
  startOidcIssuer,
  type IssuerKey,
  type OidcIssuer,
} from '../../support/oidc-issuer.ts'

const now = (): number => Math.floor(Date.now() / 1000)
const encode = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')

describe('tokens of OpenID Connect', () => {
  let http: NodeHttpClient
  let issuer: OidcIssuer
  let time = 0
  let tools: VerifyTools
  before(async () => {
    http = createNodeHttpClient({ egress: { allowPrivate: true } })
    issuer = await startOidcIssuer()
  })
  after(async () => {
    http.close()
    await issuer.close()
  })
  /** Empty caches, the clock as it is. */
  const fresh = (egress: VerifyTools['egress'] = { allowHosts: ['127.0.0.1'] }): void => {
    time = 0
    tools = {
      http,
      egress,
      fetched: createFetchCache(),
      now: () => Date.now() + time,
      signal: AbortSignal.timeout(20_000),
    }
  }
  const provider = (more: Partial<OidcProvider> = {}): OidcProvider => ({
    issuerURL: issuer.url,
    validations: [{ expression: "claims.repository_owner == 'team'", message: 'another owner' }],
    ...more,
  })
  const verify = async (
    authorization: string | undefined,
    providers: readonly OidcProvider[] = [provider()],
  ): Promise<VerifiedDelivery> => {
    const access: HookAccess = { secret: {}, oidcProviders: providers }
    const headers = new Headers(authorization === undefined ? {} : { authorization })
    await hookTypes['generic-oidc'].verifyHeaders?.(headers, access, tools)
    return hookTypes['generic-oidc'].verify({ headers, body: new Uint8Array() }, access, tools)
  }
  const claims = (more: object = {}): object => freshClaims(issuer.url, { repository_owner: 'team', ...more })
  const bearer = async (value: object, header?: object): Promise<string> =>
    `Bearer ${await issuer.key.sign(value, header)}`
  const refused = { code: 'delivery-refused' }

  it('a good token is let in, and filters see its claims', async () => {
    fresh()
    const verified = await verify(await bearer(claims({ ref: 'refs/heads/main' })))
    assert.equal(verified.claims?.['ref'], 'refs/heads/main')
    assert.deepEqual(issuer.seen.slice(-2), ['/.well-known/openid-configuration', '/keys'])
  })
  it('ES256 too', async () => {
    fresh()
    const other = await startOidcIssuer('ES256')
    const token = await other.key.sign(freshClaims(other.url, { repository_owner: 'team' }))
    await verify(`Bearer ${token}`, [provider(), provider({ issuerURL: other.url })])
    await other.close()
  })

  const rows: { name: string; authorization: () => Promise<string | undefined> }[] = [
    { name: 'no header', authorization: async () => undefined },
    { name: 'no bearer', authorization: async () => `Basic ${await issuer.key.sign(claims())}` },
    { name: 'no token', authorization: async () => 'Bearer ' },
    { name: 'two parts', authorization: async () => `Bearer ${encode({ alg: 'RS256' })}.${encode(claims())}` },
    { name: 'parts that are no JSON', authorization: async () => 'Bearer YQ.YQ.YQ' },
    { name: 'a token that is far too long', authorization: async () => bearer(claims({ pad: 'x'.repeat(20_000) })) },
    {
      name: 'no signature',
      authorization: async () => `Bearer ${encode({ alg: 'RS256', kid: 'key-1' })}.${encode(claims())}.`,
    },
    { name: 'algorithm none', authorization: async () => `Bearer ${encode({ alg: 'none' })}.${encode(claims())}.` },
    {
      name: 'HS256 with the public key as its secret',
      authorization: async () => {
        const content = `${encode({ alg: 'HS256', kid: 'key-1' })}.${encode(claims())}`
        return `Bearer ${content}.${createHmac('sha256', JSON.stringify(issuer.key.jwk)).update(content).digest('base64url')}`
      },
    },
    {
      name: 'an algorithm that is no own property',
      authorization: async () => bearer(claims(), { alg: 'constructor' }),
    },
    {
      name: 'an algorithm that the issuer does not use',
      authorization: async () => bearer(claims(), { alg: 'RS512' }),
    },
    { name: 'a critical extension', authorization: async () => bearer(claims(), { crit: ['x'] }) },
    {
      name: 'a key of somebody else under the name of the issuer',
      authorization: async () => `Bearer ${await (await createIssuerKey()).sign(claims())}`,
    },
    { name: 'an unknown key', authorization: async () => bearer(claims(), { kid: 'key-2' }) },
    {
      name: 'another issuer',
      authorization: async () => bearer(claims({ iss: 'https://token.actions.githubusercontent.com' })),
    },
    { name: 'no issuer', authorization: async () => bearer(claims({ iss: undefined })) },
    { name: 'another audience', authorization: async () => bearer(claims({ aud: 'somebody' })) },
    { name: 'no audience', authorization: async () => bearer(claims({ aud: undefined })) },
    { name: 'an expired token', authorization: async () => bearer(claims({ exp: now() - 1 })) },
    { name: 'a token without an end', authorization: async () => bearer(claims({ exp: undefined })) },
    { name: 'an end that is a text', authorization: async () => bearer(claims({ exp: String(now() + 300) })) },
    { name: 'a token of tomorrow', authorization: async () => bearer(claims({ nbf: now() + 86_400 })) },
    { name: 'another owner', authorization: async () => bearer(claims({ repository_owner: 'evil' })) },
    { name: 'no owner', authorization: async () => bearer(claims({ repository_owner: undefined })) },
    {
      name: 'another payload than was signed',
      authorization: async () => {
        const [header, , signature] = (await issuer.key.sign(claims({ repository_owner: 'evil' }))).split('.')
        return `Bearer ${header}.${encode(claims())}.${signature}`
      },
    },
  ]
  for (const { name, authorization } of rows) {
    it(`refuses: ${name}`, async () => {
      fresh()
      await assert.rejects(verify(await authorization()), refused)
    })
  }

  it('an audience of a list, and one that the Receiver names', async () => {
    fresh()
    await verify(await bearer(claims({ aud: ['x', 'notification-controller'] })))
    await verify(await bearer(claims({ aud: 'mine' })), [provider({ audience: 'mine' })])
    await assert.rejects(verify(await bearer(claims()), [provider({ audience: 'mine' })]), refused)
  })
  it('variables build on each other; every condition that is not met is told', async () => {
    fresh()
    const strict = provider({
      variables: [
        { name: 'parts', expression: "claims.sub.split(':')" },
        { name: 'repository', expression: 'vars.parts[1]' },
      ],
      validations: [
        { expression: "vars.repository == 'team/app'", message: 'another repository' },
        { expression: "claims.ref == 'refs/heads/main'", message: 'another branch' },
        { expression: "claims.environment == 'production'", message: 'another environment' },
      ],
    })
    await verify(await bearer(claims({ ref: 'refs/heads/main', environment: 'production' })), [strict])
    await assert.rejects(verify(await bearer(claims({ ref: 'refs/heads/x', environment: 'test' })), [strict]), {
      ...refused,
      message: 'token validation failed: another branch; another environment',
    })
    await assert.rejects(verify(await bearer(claims()), [strict]), refused, 'a claim that is missing')
    await assert.rejects(verify(await bearer(claims()), [provider({ validations: [] })]), refused, 'no conditions')
  })
  it('keys that are replaced are found; made-up key ids cause one fetch in half a minute', async () => {
    fresh()
    await verify(await bearer(claims()))
    const next: IssuerKey = await createIssuerKey('RS256', 'key-2')
    issuer.publish([issuer.key, next])
    const seen = issuer.seen.length
    for (let i = 0; i < 20; i++) await assert.rejects(verify(await bearer(claims(), { kid: `made-up-${i}` })), refused)
    assert.equal(issuer.seen.length, seen)
    time = 31_000
    await verify(`Bearer ${await next.sign(claims())}`)
    assert.equal(issuer.seen.length, seen + 2)
    for (let i = 0; i < 20; i++) await assert.rejects(verify(await bearer(claims(), { kid: `made-up-${i}` })), refused)
    assert.equal(issuer.seen.length, seen + 2)
    issuer.publish([issuer.key])
  })
  it('an issuer that does not answer is a matter of trying again, and is not asked each time', async () => {
    fresh()
    issuer.failWith(500)
    const seen = issuer.seen.length
    for (let i = 0; i < 5; i++)
      await assert.rejects(verify(await bearer(claims())), { code: 'issuer-unreachable', disposition: 'retry' })
    assert.equal(issuer.seen.length, seen + 1)
    issuer.failWith(undefined)
    time = 31_000
    await verify(await bearer(claims()))
    // What is known is good for ten minutes.
    issuer.failWith(500)
    await verify(await bearer(claims()))
    issuer.failWith(undefined)
  })
  it('private issuers, and those over http, only where the deployment names their host', async () => {
    fresh({})
    await assert.rejects(verify(await bearer(claims())), { code: 'egress-refused' })
    fresh()
    const key = await createIssuerKey()
    const plain = 'http://issuer.example'
    const token = await key.sign(freshClaims(plain, { repository_owner: 'team' }))
    await assert.rejects(verify(`Bearer ${token}`, [provider({ issuerURL: plain })]), { code: 'issuer-invalid' })
  })

  const documents = (answers: { readonly [url: string]: string }): HttpClient => ({
    send: async ({ url }) => ({
      status: answers[url] === undefined ? 302 : 200,
      headers: { location: 'https://elsewhere.example' },
      body: new Blob([answers[url] ?? '']).stream() as ReadableStream<Uint8Array>,
    }),
  })
  const issuerUrl = 'https://issuer.example/realm'
  const discovery = `${issuerUrl}/.well-known/openid-configuration`
  const keysUrl = 'https://keys.example/jwks'
  const small = generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey.export({ format: 'jwk' })
  const answers: { name: string; answers: { readonly [url: string]: string }; code: string }[] = [
    {
      name: 'speaks for another issuer',
      answers: { [discovery]: JSON.stringify({ issuer: 'https://other.example', jwks_uri: keysUrl }) },
      code: 'issuer-invalid',
    },
    {
      name: 'leads to the metadata service',
      answers: { [discovery]: JSON.stringify({ issuer: issuerUrl, jwks_uri: 'http://169.254.169.254/latest' }) },
      code: 'egress-refused',
    },
    {
      name: 'leads to a file',
      answers: { [discovery]: JSON.stringify({ issuer: issuerUrl, jwks_uri: 'file:///etc/passwd' }) },
      code: 'egress-refused',
    },
    { name: 'redirects', answers: {}, code: 'issuer-unreachable' },
    {
      name: 'has a document without end',
      answers: { [discovery]: `"${'x'.repeat(300 << 10)}` },
      code: 'issuer-unreachable',
    },
    {
      name: 'has a document that is nested deeply',
      answers: { [discovery]: '['.repeat(100_000) + ']'.repeat(100_000) },
      code: 'issuer-invalid',
    },
    {
      name: 'has keys that are none',
      answers: { [discovery]: JSON.stringify({ issuer: issuerUrl, jwks_uri: keysUrl }), [keysUrl]: '{"keys":[7]}' },
      code: 'issuer-invalid',
    },
    {
      name: 'has a short key',
      answers: {
        [discovery]: JSON.stringify({ issuer: issuerUrl, jwks_uri: keysUrl }),
        [keysUrl]: JSON.stringify({ keys: [{ ...small, kid: 'key-1' }] }),
      },
      code: 'delivery-refused',
    },
  ]
  for (const row of answers) {
    it(`an issuer that ${row.name}`, async () => {
      fresh({})
      tools = { ...tools, http: documents(row.answers) }
      const key = await createIssuerKey()
      const token = await key.sign(freshClaims(issuerUrl, { repository_owner: 'team' }))
      await assert.rejects(verify(`Bearer ${token}`, [provider({ issuerURL: issuerUrl })]), { code: row.code })
    })
  }

  describe('of Google, for gcr', () => {
    const secret = { email: 'hook@project.iam.gserviceaccount.com', audience: 'https://sluice.example/hook' }
    const google = {
      iss: 'https://accounts.google.com',
      aud: secret.audience,
      email: secret.email,
      email_verified: true,
      exp: now() + 300,
    }
    const message = (data: unknown): string =>
      JSON.stringify({
        message: { data: Buffer.from(JSON.stringify(data)).toString('base64'), messageId: 'm1' },
        subscription: 's',
      })
    const pushed = { action: 'INSERT', digest: 'eu.gcr.io/p/a@sha256:00', tag: 'eu.gcr.io/p/a:v1' }
    const deliver = async (
      value: object,
      body = message(pushed),
      entries: object = secret,
      key = issuer.key,
    ): Promise<VerifiedDelivery> => {
      fresh({})
      tools = {
        ...tools,
        http: documents({ 'https://www.googleapis.com/oauth2/v3/certs': JSON.stringify({ keys: [issuer.key.jwk] }) }),
      }
      const access: HookAccess = {
        secret: Object.fromEntries(
          Object.entries({ token: 't', ...entries }).map(([name, text]) => [name, Buffer.from(text as string)]),
        ),
        oidcProviders: [],
      }
      const headers = new Headers({ authorization: `Bearer ${await key.sign(value)}` })
      await hookTypes.gcr.verifyHeaders?.(headers, access, tools)
      return hookTypes.gcr.verify({ headers, body: Buffer.from(body) }, access, tools)
    }
    it('lets the service account in; filters see the event inside', async () => {
      const want = { event: 'INSERT', deliveryId: 'm1', request: pushed }
      assert.deepEqual(await deliver(google), want)
      assert.deepEqual(await deliver({ ...google, iss: 'accounts.google.com' }), want)
      assert.deepEqual((await deliver(google, message({ action: 'DELETE' }))).request, {
        action: 'DELETE',
        digest: '',
        tag: '',
      })
    })
    const refusals: { name: string; run: () => Promise<unknown> }[] = [
      { name: 'another account', run: () => deliver({ ...google, email: 'evil@project.iam.gserviceaccount.com' }) },
      { name: 'an email that is not verified', run: () => deliver({ ...google, email_verified: false }) },
      {
        name: 'an email that is said to be verified in words',
        run: () => deliver({ ...google, email_verified: 'true' }),
      },
      { name: 'no email', run: () => deliver({ ...google, email: undefined }) },
      { name: 'another audience', run: () => deliver({ ...google, aud: 'https://other.example' }) },
      { name: 'another issuer', run: () => deliver({ ...google, iss: 'https://evil.example' }) },
      { name: 'an expired token', run: () => deliver({ ...google, exp: now() - 10 }) },
      { name: 'another key', run: async () => deliver(google, message(pushed), secret, await createIssuerKey()) },
      { name: 'a Secret without email', run: () => deliver(google, message(pushed), { audience: secret.audience }) },
      { name: 'a Secret without audience', run: () => deliver(google, message(pushed), { email: secret.email }) },
      { name: 'no message', run: () => deliver(google, '{}') },
      { name: 'data that is no base64', run: () => deliver(google, '{"message":{"data":"{}"}}') },
      { name: 'data that is no event', run: () => deliver(google, message([])) },
    ]
    for (const { name, run } of refusals) it(`refuses: ${name}`, () => assert.rejects(run(), refused))
  })
})
