import assert from 'node:assert/strict'
import { after, before, beforeEach, describe, it } from 'node:test'
import { createApp } from '../../../functions/app.ts'
import { loadConfig } from '../../../functions/config.ts'
import type { FunctionDeps } from '../../../functions/deps.ts'
import { DiagnosticsError } from '../../../src/base/index.ts'
import { createNodeHttpClient } from '../../../src/platforms/node/index.ts'
import { testConfig, testDeps } from '../../support/function-deps.ts'
import { startProvider, type ProviderOptions, type TestProvider } from '../../support/oidc-provider.ts'

const base = 'https://sluice.example'
const clientSecret = 'se cret+of the/client'
const sessionKey = 'k'.repeat(40)

const initial: ProviderOptions = {
  clientId: 'sluice',
  clientSecret,
  redirectUri: `${base}/ui/callback`,
  claims: { email: 'ann@example.com', email_verified: true },
}

const settingsOf =
  (oidc: object, more: { readonly [name: string]: string } = {}) =>
  (name: string): string | undefined =>
    ({
      CLUSTERS: '[{"name":"one","server":"https://one.example"}]',
      SESSION_KEY: sessionKey,
      OIDC_CLIENT_SECRET: clientSecret,
      SETTINGS: JSON.stringify({ publicUrl: base }),
      PRIVATE_HOSTS: '["127.0.0.1"]',
      OIDC: JSON.stringify(oidc),
      ...more,
    })[name]

function depsFor(provider: TestProvider, oidc: object = {}): FunctionDeps & ReturnType<typeof testDeps> {
  const read = settingsOf({
    issuer: provider.issuer,
    clientId: 'sluice',
    clientSecret: 'OIDC_CLIENT_SECRET',
    emails: ['ann@example.com', '*@team.example'],
    ...oidc,
  })
  const { reading, privateHosts } = loadConfig(read)
  const config = testConfig({ reading, privateHosts, triggerTokens: [] })
  return testDeps({ config, read, http: createNodeHttpClient({ egress: { allowHosts: privateHosts } }) }) as never
}

/** Somebody's browser, as far as a login needs one. */
class Browser {
  readonly #app: ReturnType<typeof createApp>
  readonly cookies = new Map<string, string>()

  constructor(deps: FunctionDeps) {
    this.#app = createApp(deps)
  }

  async get(url: string): Promise<{ status: number; location: string; text: string }> {
    const cookie = [...this.cookies].map(([name, value]) => `${name}=${value}`).join('; ')
    const response = await this.#app.fetch(new Request(new URL(url, base), { headers: { cookie } }))
    for (const line of response.headers.getSetCookie()) {
      assert.match(line, /; Path=\/; Max-Age=\d+; HttpOnly; Secure; SameSite=Lax$/)
      const [pair = ''] = line.split(';')
      const at = pair.indexOf('=')
      // The form that a refusal is shown on.
      if (pair.startsWith('__Host-sluice-form=')) continue
      if (line.includes('Max-Age=0')) this.cookies.delete(pair.slice(0, at))
      else this.cookies.set(pair.slice(0, at), pair.slice(at + 1))
    }
    return { status: response.status, location: response.headers.get('location') ?? '', text: await response.text() }
  }

  /** Signs in; the answer to the way back. */
  async signIn(provider: TestProvider, next = '/ui/runs'): Promise<{ status: number; location: string; text: string }> {
    const begun = await this.get(`/ui/login?next=${encodeURIComponent(next)}`)
    assert.equal(begun.status, 303, begun.text)
    return this.get(provider.authorize(begun.location))
  }
}

describe('the login', () => {
  let provider: TestProvider
  before(async () => {
    provider = await startProvider(initial)
  })
  beforeEach(() => {
    provider.options = initial
  })
  after(() => provider.close())

  it('lets in whom the configuration names, and leads back', async () => {
    const browser = new Browser(depsFor(provider))
    assert.match((await browser.get('/ui/sign-in?next=/ui/runs')).text, /href="\/ui\/login\?next=%2Fui%2Fruns"/)
    const answer = await browser.signIn(provider)
    assert.deepEqual([answer.status, answer.location], [303, '/ui/runs'])
    assert.deepEqual([...browser.cookies.keys()], ['__Host-sluice'])
    const page = await browser.get('/ui/runs')
    assert.equal(page.status, 200)
    assert.match(page.text, /ann@example\.com/)
    assert.equal((await browser.get('/api/clusters')).status, 200)
  })

  const allowed: readonly { name: string; claims?: object; oidc?: object; options?: Partial<ProviderOptions> }[] = [
    { name: 'by the domain of the address', claims: { email: 'Bob@Team.example' } },
    {
      name: 'by a group',
      oidc: { emails: undefined, groups: ['ops'] },
      claims: { email: undefined, groups: ['dev', 'ops'] },
    },
    {
      name: 'by a group of the userinfo endpoint',
      oidc: { emails: undefined, groups: ['ops'], groupsClaim: 'roles' },
      options: { userinfo: { sub: 'subject-1', roles: ['ops'] } },
    },
    { name: 'with the secret in the form', options: { authMethods: ['client_secret_post'] } },
    { name: 'without a secret', oidc: { clientSecret: undefined }, options: { clientSecret: undefined as never } },
    { name: 'with several audiences', claims: { aud: ['sluice', 'other'], azp: 'sluice' } },
  ]
  for (const { name, claims, oidc, options } of allowed) {
    it(`lets in ${name}`, async () => {
      provider.options = { ...initial, ...options, claims: { ...initial.claims, ...claims } }
      const browser = new Browser(depsFor(provider, oidc))
      assert.equal((await browser.signIn(provider)).status, 303)
      assert.equal((await browser.get('/ui')).status, 200)
    })
  }

  const refused: readonly {
    name: string
    claims?: object
    oidc?: object
    options?: Partial<ProviderOptions>
    says: RegExp
  }[] = [
    { name: 'somebody else', claims: { email: 'eve@example.com' }, says: /may not read here/ },
    { name: 'an address that only ends alike', claims: { email: 'eve@notteam.example' }, says: /may not read here/ },
    { name: 'an address that nobody has checked', claims: { email_verified: false }, says: /may not read here/ },
    { name: 'an address without a word on that', claims: { email_verified: undefined }, says: /may not read here/ },
    { name: 'no address', claims: { email: undefined }, says: /may not read here/ },
    {
      name: 'groups that are none',
      oidc: { groups: ['ops'], emails: undefined },
      claims: { groups: 'ops' },
      says: /may not read here/,
    },
    {
      name: 'the userinfo of somebody else',
      oidc: { groups: ['ops'], emails: undefined },
      options: { userinfo: { sub: 'subject-2', groups: ['ops'] } },
      says: /somebody else/,
    },
    { name: 'a token of another issuer', claims: { iss: 'https://other.example' }, says: /another issuer/ },
    { name: 'a token for another client', claims: { aud: 'other' }, says: /another client/ },
    { name: 'a token made for another client', claims: { azp: 'other' }, says: /another client/ },
    { name: 'several audiences without a party', claims: { aud: ['sluice', 'other'] }, says: /another client/ },
    { name: 'a token that has expired', claims: { exp: 1 }, says: /expired/ },
    { name: 'a token without an end', claims: { exp: undefined }, says: /expired/ },
    { name: 'a token of the future', claims: { iat: 9e9, exp: 9e9 + 300 }, says: /future/ },
    { name: 'a token of another login', claims: { nonce: 'another' }, says: /another login/ },
    { name: 'a token without a nonce', claims: { nonce: undefined }, says: /another login/ },
    { name: 'a token that names nobody', claims: { sub: '' }, says: /names nobody/ },
    { name: 'a token of another key', options: { signs: 'otherwise' }, says: /not signed by the provider/ },
    { name: 'a token that nobody has signed', options: { signs: 'nothing' }, says: /algorithm/ },
    { name: 'a wrong secret', options: { clientSecret: 'another' }, says: /did not accept/ },
  ]
  for (const { name, claims, oidc, options, says } of refused) {
    it(`refuses ${name}`, async () => {
      provider.options = { ...initial, ...options, claims: { ...initial.claims, ...claims } }
      const deps = depsFor(provider, oidc)
      const browser = new Browser(deps)
      const answer = await browser.signIn(provider)
      assert.equal(answer.status, 403)
      assert.match(answer.text, says)
      assert.deepEqual([...browser.cookies.keys()], [])
      assert.equal((await browser.get('/ui')).status, 303)
      assert.ok(!answer.text.includes(clientSecret) && !deps.logger.lines.join('').includes(clientSecret))
    })
  }

  it('refuses an answer that belongs to no login of this browser', async () => {
    const deps = depsFor(provider)
    const [victim, attacker] = [new Browser(deps), new Browser(deps)]
    const begun = await attacker.get('/ui/login')
    const back = provider.authorize(begun.location)
    assert.match((await victim.get(back)).text, /begun in another browser/)
    await victim.get('/ui/login')
    assert.match((await victim.get(back)).text, /begun elsewhere/)
    assert.equal(victim.cookies.size, 0)
    // A code is good for one login.
    const own = await attacker.get(back)
    assert.equal(own.status, 303)
    assert.equal((await attacker.get(back)).status, 403)
  })

  it('refuses another provider, an error, and a cookie that was made for something else', async () => {
    const deps = depsFor(provider)
    const browser = new Browser(deps)
    const begin = async (): Promise<URL> => new URL(provider.authorize((await browser.get('/ui/login')).location))
    const elsewhere = await begin()
    elsewhere.searchParams.set('iss', 'https://other.example')
    assert.match((await browser.get(elsewhere.href)).text, /another provider/)
    const failed = await begin()
    failed.searchParams.delete('code')
    failed.searchParams.set('error', 'access_denied')
    assert.match((await browser.get(failed.href)).text, /gave no code/)
    const good = await begin()
    const login = browser.cookies.get('__Host-sluice-login') ?? ''
    browser.cookies.set('__Host-sluice', login)
    assert.equal((await browser.get('/ui')).status, 303)
    browser.cookies.delete('__Host-sluice')
    await browser.get(good.href)
    browser.cookies.set('__Host-sluice-login', browser.cookies.get('__Host-sluice') ?? '')
    assert.equal((await browser.get(good.href)).status, 403)
  })

  it('says so when the provider cannot be used, and asks nobody over plain http who is not named', async () => {
    const documents: readonly object[] = [
      { issuer: 'https://other.example' },
      { token_endpoint: 'http://evil.example/token' },
      { authorization_endpoint: 'javascript:alert(1)' },
      { token_endpoint: undefined },
    ]
    for (const document of documents) {
      provider.options = { ...initial, document: document as ProviderOptions['document'] as never }
      const answer = await new Browser(depsFor(provider)).get('/ui/login')
      assert.equal(answer.status, 403)
      assert.match(answer.text, /cannot be used now/)
    }
    const gone = { ...provider, issuer: 'http://127.0.0.1:9' }
    assert.match((await new Browser(depsFor(gone)).get('/ui/login')).text, /does not answer/)
  })

  it('needs a key, a URL, a secret, and somebody who may read', () => {
    const oidc = { issuer: 'https://id.example', clientId: 'a', clientSecret: 'OIDC_CLIENT_SECRET', groups: ['ops'] }
    const problems = (change: object, more: { readonly [name: string]: string }): readonly string[] => {
      try {
        loadConfig(settingsOf({ ...oidc, ...change }, more))
        return []
      } catch (error) {
        assert.ok(error instanceof DiagnosticsError)
        assert.ok(!JSON.stringify(error).includes(clientSecret))
        return error.diagnostics.map(({ field }) => field ?? '')
      }
    }
    assert.deepEqual(problems({}, {}), [])
    assert.deepEqual(problems({}, { SESSION_KEY: '' }), ['SESSION_KEY'])
    assert.deepEqual(problems({}, { SESSION_KEY: 'short-key' }), ['SESSION_KEY'])
    assert.deepEqual(problems({}, { SETTINGS: '{}' }), ['SETTINGS.publicUrl'])
    assert.deepEqual(problems({}, { OIDC_CLIENT_SECRET: '' }), ['OIDC.clientSecret'])
    assert.deepEqual(problems({ groups: undefined }, {}), ['OIDC'])
    assert.deepEqual(problems({ clientSecret }, {}), ['OIDC.clientSecret'])
    assert.deepEqual(problems({ emails: ['*'] }, {}), ['OIDC.emails.0'])
  })
})
