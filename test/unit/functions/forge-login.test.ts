import assert from 'node:assert/strict'
import { after, before, beforeEach, describe, it } from 'node:test'
import { createApp } from '../../../functions/app.ts'
import { loadConfig } from '../../../functions/config.ts'
import type { FunctionDeps } from '../../../functions/deps.ts'
import { DiagnosticsError } from '../../../src/base/index.ts'
import type { ForgeKind } from '../../../src/forges/index.ts'
import { createNodeHttpClient } from '../../../src/platforms/node/index.ts'
import { startForge, type ForgeServer } from '../../support/forge-api/server.ts'
import { testConfig, testDeps } from '../../support/function-deps.ts'
import { LoginBrowser, type Seen } from '../../support/login-browser.ts'
import { observedState } from '../../support/observed-state.ts'

const base = 'https://sluice.example'
const clientSecret = 'canary-se cret+of the/client'
type Deps = FunctionDeps & ReturnType<typeof testDeps>

function settingsOf(forge: Pick<ForgeServer, 'kind' | 'host' | 'token'>, change: object, access: object | undefined) {
  const values: { readonly [name: string]: string } = {
    CLUSTERS: '[{"name":"one","server":"https://one.example"},{"name":"two","server":"https://two.example"}]',
    SESSION_KEY: 'k'.repeat(40),
    LOGIN_SECRET: clientSecret,
    LOGIN_TOKEN: forge.token,
    SETTINGS: JSON.stringify({ publicUrl: base }),
    PRIVATE_HOSTS: '["127.0.0.1"]',
    LOGIN: JSON.stringify([
      {
        forge: forge.kind,
        host: forge.host,
        clientId: 'sluice',
        clientSecret: 'LOGIN_SECRET',
        tokenSecret: 'LOGIN_TOKEN',
        groups: ['team'],
        ...change,
      },
    ]),
    ...(access === undefined ? {} : { ACCESS: JSON.stringify(access) }),
  }
  return (name: string): string | undefined => values[name]
}

async function depsFor(
  forge: ForgeServer,
  options: { readonly login?: object; readonly access?: object; readonly now?: () => number } = {},
): Promise<Deps> {
  const read = settingsOf(forge, options.login ?? {}, options.access)
  const { reading, privateHosts, settings } = loadConfig(read)
  const config = testConfig({ reading, privateHosts, triggerTokens: [], settings })
  const made = testDeps({ config, read, http: createNodeHttpClient({ egress: { allowHosts: privateHosts } }) })
  await observedState(made.state)
  return (options.now === undefined ? made : { ...made, clock: { ...made.clock, now: options.now } }) as Deps
}

function browserOf(deps: FunctionDeps): LoginBrowser {
  const app = createApp(deps)
  return new LoginBrowser((request) => app.fetch(request), base)
}

async function signIn(browser: LoginBrowser, forge: ForgeServer, login: string, next = '/ui/runs'): Promise<Seen> {
  const begun = await browser.get(`/ui/login/${forge.kind}?next=${encodeURIComponent(next)}`)
  assert.equal(begun.status, 303, begun.text)
  return browser.get(forge.oauth.authorize(begun.location, login))
}

for (const kind of ['github', 'gitlab', 'gitea'] as const satisfies readonly ForgeKind[]) {
  describe(`the login at ${kind}`, () => {
    let forge: ForgeServer
    before(async () => {
      forge = await startForge(kind)
      await forge.create('team', 'shop', { 'a.yaml': 'a: 1\n' })
      forge.oauth.client = { id: 'sluice', secret: clientSecret, redirectUri: `${base}/ui/callback/${kind}` }
    })
    beforeEach(() => {
      forge.groups.clear()
      forge.groups.set('everybody', ['ann', 'bob', 'eve', 'kim'])
      forge.groups.set('team', ['ann'])
      forge.groups.set('team/leads', ['kim'])
      forge.repositories.get('team/shop')?.people.clear()
      forge.oauth.blocked.clear()
      forge.oauth.renamed.clear()
    })
    after(() => forge.close())

    it('lets in members, leads back, and keeps no token of theirs', async () => {
      const deps = await depsFor(forge)
      const browser = browserOf(deps)
      assert.match(
        (await browser.get('/ui/sign-in?next=/ui/runs')).text,
        new RegExp(`/ui/login/${kind}\\?next=%2Fui%2Fruns`),
      )
      const answer = await signIn(browser, forge, 'ann')
      assert.deepEqual([answer.status, answer.location], [303, '/ui/runs'])
      const page = await browser.get('/ui/runs')
      assert.equal(page.status, 200)
      assert.match(page.text, /ann/)
      assert.equal((await browser.get('/api/clusters')).status, 200)
      await deps.settled()
      const stored = JSON.stringify(await deps.state.list('', { limit: 500 }))
      const everything = [
        stored,
        deps.logger.lines.join(),
        JSON.stringify([...browser.cookies]),
        page.text,
        answer.text,
      ]
      const opened = [...browser.cookies.values()].map((value) =>
        Buffer.from(value.split('.')[0] ?? '', 'base64url').toString(),
      )
      for (const secret of [...forge.oauth.given, clientSecret, forge.token])
        assert.ok(![...everything, ...opened].some((text) => text.includes(secret)))
      assert.ok(forge.oauth.given.length >= 2)
    })

    const refused: readonly { name: string; login?: string; prepare?: () => void; says: RegExp }[] = [
      { name: 'who is no member', login: 'eve', says: /may not read here/ },
      {
        name: 'who was only invited',
        login: 'bob',
        prepare: () => forge.groups.set('team', ['bob?']),
        says: /may not read here/,
      },
      { name: 'whose account is blocked', prepare: () => forge.oauth.blocked.add('ann'), says: /blocked|may not read/ },
      {
        name: 'a client with another secret',
        prepare: () => (forge.oauth.client = { ...forge.oauth.client, secret: 'another' }),
        says: /did not accept|begin again/,
      },
    ]
    for (const { name, login = 'ann', prepare, says } of refused)
      it(`refuses ${name}`, async () => {
        const { client } = forge.oauth
        prepare?.()
        const deps = await depsFor(forge)
        const browser = browserOf(deps)
        const answer = await signIn(browser, forge, login)
        forge.oauth.client = client
        assert.equal(answer.status, 403)
        assert.match(answer.text, says)
        assert.ok(!browser.cookies.has('__Host-sluice') && !browser.cookies.has('__Host-sluice-login'))
        assert.equal((await browser.get('/ui')).status, 303)
        await deps.settled()
        const [entry] = await deps.state.list('action-log/')
        assert.match(JSON.stringify(entry?.value), /"action":"sign-in".*"outcome":"refused"/)
      })

    it('refuses what belongs to no login of this browser, is said twice, or comes from elsewhere', async () => {
      const deps = await depsFor(forge)
      const [victim, attacker] = [browserOf(deps), browserOf(deps)]
      const begun = await attacker.get(`/ui/login/${kind}`)
      const back = forge.oauth.authorize(begun.location, 'ann')
      assert.match((await victim.get(back)).text, /begun in another browser/)
      await victim.get(`/ui/login/${kind}`)
      assert.match((await victim.get(back)).text, /begun elsewhere/)
      assert.ok(!victim.cookies.has('__Host-sluice'))
      const kept = new Map(attacker.cookies)
      assert.equal((await attacker.get(back)).status, 303)
      // The same answer with the same cookie again: the state counts once, and so does the code.
      for (const [name, value] of kept) attacker.cookies.set(name, value)
      assert.match((await attacker.get(back)).text, /ended before/)
      const other = browserOf(deps)
      const elsewhere = new URL(forge.oauth.authorize((await other.get(`/ui/login/${kind}`)).location, 'ann'))
      elsewhere.searchParams.set('iss', 'https://other.example')
      assert.match((await other.get(elsewhere.href)).text, /another provider/)
      const failed = new URL(forge.oauth.authorize((await other.get(`/ui/login/${kind}`)).location, 'ann'))
      failed.searchParams.delete('code')
      failed.searchParams.set('error', 'access_denied')
      assert.match((await other.get(failed.href)).text, /gave no code/)
    })

    it('leads nowhere else', async () => {
      const deps = await depsFor(forge)
      for (const next of ['//evil.example', 'https://evil.example', '/trigger', '/ui/\\evil.example'])
        assert.equal((await signIn(browserOf(deps), forge, 'ann', next)).location, '/ui')
    })

    it('ends within minutes for who is no member any more, whose account is blocked, or changed hands', async () => {
      const endings: readonly (() => void)[] = [
        () => forge.groups.set('team', []),
        () => forge.oauth.blocked.add('ann'),
        () => forge.oauth.renamed.add('ann'),
      ]
      for (const end of endings) {
        forge.groups.set('team', ['ann'])
        forge.oauth.blocked.clear()
        forge.oauth.renamed.clear()
        let now = Date.now()
        const deps = await depsFor(forge, { now: () => now })
        const browser = browserOf(deps)
        assert.equal((await signIn(browser, forge, 'ann')).status, 303)
        end()
        assert.equal((await browser.get('/ui')).status, 200, 'for some minutes the last answer counts')
        const asked = forge.requests.length
        await browser.get('/ui/runs')
        assert.equal(forge.requests.length, asked, 'the forge is not asked for each page')
        now += 5 * 60_000 + 1
        assert.equal((await browser.get('/ui')).status, 303)
        assert.equal((await browser.get('/api/clusters')).status, 401)
      }
    })

    it('counts on for a quarter of an hour while the forge does not answer, and not longer', async () => {
      let now = Date.now()
      const deps = await depsFor(forge, { now: () => now })
      const browser = browserOf(deps)
      assert.equal((await signIn(browser, forge, 'ann')).status, 303)
      const silent = {
        ...deps,
        http: { send: () => Promise.reject(new Error('no route')) },
        clock: { now: () => now, sleep: () => Promise.reject(new Error('late')) },
      }
      const later = browserOf(silent)
      for (const [name, value] of browser.cookies) later.cookies.set(name, value)
      now += 6 * 60_000
      assert.equal((await later.get('/ui')).status, 200)
      now += 10 * 60_000
      assert.equal((await later.get('/ui')).status, 503)
      assert.equal((await later.get('/api/clusters')).status, 503)
    })

    it('believes no memberships that somebody wrote into the store', async () => {
      const deps = await depsFor(forge)
      const browser = browserOf(deps)
      assert.equal((await signIn(browser, forge, 'ann')).status, 303)
      forge.groups.set('team', [])
      const [entry] = await deps.state.list('memberships/')
      const value = entry?.value as { readonly text: string; readonly mac: string }
      await deps.state.put(entry?.key ?? '', { ...value, text: value.text.replace('"askedAt":', '"askedAt":1') })
      assert.equal((await browser.get('/ui')).status, 303)
    })

    it('gives roles by permission at a repository, by team, and in namespaces', async () => {
      const access = [
        { repository: 'team/shop', namespaces: ['apps'], clusters: ['one'] },
        { groups: ['team/leads'], role: 'maintainer' },
      ]
      const people = forge.repositories.get('team/shop')?.people
      people?.set('bob', kind === 'gitea' ? 'write' : 'write')
      const deps = await depsFor(forge, { login: { groups: undefined }, access })
      const roles: readonly [string, string, number][] = [
        ['kim', '/api/objects/two/Kustomization/apps/infra', 200],
        ['bob', '/api/objects/one/Kustomization/apps/shop', 200],
        ['bob', '/api/objects/two/Kustomization/apps/infra', 404],
      ]
      for (const [login, path, status] of roles) {
        const browser = browserOf(deps)
        assert.equal((await signIn(browser, forge, login)).status, 303, login)
        assert.equal((await browser.get(path)).status, status, `${login} ${path}`)
      }
      const eve = browserOf(deps)
      assert.equal((await signIn(eve, forge, 'eve')).status, 403)
    })
  })
}

describe('a login at a forge', () => {
  it('of one forge does not take the answer of another', async () => {
    const [github, gitlab] = [await startForge('github'), await startForge('gitlab')]
    try {
      for (const forge of [github, gitlab]) {
        forge.groups.set('team', ['ann']).set('everybody', ['ann'])
        forge.oauth.client = { id: 'sluice', secret: clientSecret, redirectUri: `${base}/ui/callback/${forge.kind}` }
      }
      const of = (forge: ForgeServer): object => ({
        forge: forge.kind,
        host: forge.host,
        clientId: 'sluice',
        clientSecret: 'LOGIN_SECRET',
        tokenSecret: 'LOGIN_TOKEN',
        groups: ['team'],
      })
      const plain = settingsOf(github, {}, undefined)
      const read = (name: string): string | undefined =>
        name === 'LOGIN' ? JSON.stringify([of(github), of(gitlab)]) : plain(name)
      const { reading, privateHosts } = loadConfig(read)
      const config = testConfig({ reading, privateHosts, triggerTokens: [] })
      const http = createNodeHttpClient({ egress: { allowHosts: privateHosts } })
      const browser = browserOf(testDeps({ config, read, http }))
      const form = await browser.get('/ui/sign-in')
      assert.match(form.text, /Sign in at GitHub/)
      assert.match(form.text, /Sign in at GitLab/)
      const begun = await browser.get('/ui/login/github')
      const back = new URL(github.oauth.authorize(begun.location, 'ann'))
      back.pathname = '/ui/callback/gitlab'
      const mixed = await browser.get(back.href)
      assert.equal(mixed.status, 403)
      assert.match(mixed.text, /begun at another login/)
      assert.ok(!gitlab.requests.some(({ path }) => path.includes('token')), 'the code goes to nobody else')
      assert.equal((await signIn(browser, gitlab, 'ann')).status, 303)
    } finally {
      await Promise.all([github.close(), gitlab.close()])
    }
  })

  it('needs a key, a URL, secrets, a host, and somebody who may read', () => {
    const problems = (
      change: object,
      access?: object,
      more: { readonly [name: string]: string } = {},
    ): readonly string[] => {
      const plain = settingsOf(
        { kind: 'github', host: 'https://git.example', token: 'a token of ours' },
        change,
        access,
      )
      try {
        loadConfig((name) => more[name] ?? plain(name))
        return []
      } catch (error) {
        assert.ok(error instanceof DiagnosticsError)
        assert.ok(!JSON.stringify(error).includes('canary'))
        return error.diagnostics.map(({ field }) => field ?? '')
      }
    }
    assert.deepEqual(problems({}), [])
    assert.deepEqual(problems({}, undefined, { SESSION_KEY: '' }), ['SESSION_KEY'])
    assert.deepEqual(problems({}, undefined, { SETTINGS: '{}' }), ['SETTINGS.publicUrl'])
    assert.deepEqual(problems({ clientSecret: 'NOT_THERE' }), ['LOGIN.0.clientSecret'])
    assert.deepEqual(problems({ clientSecret }), ['LOGIN.0.clientSecret'])
    assert.deepEqual(problems({ tokenSecret: undefined }), ['LOGIN.0.tokenSecret'])
    assert.deepEqual(problems({ groups: undefined }), ['LOGIN.0'])
    assert.deepEqual(problems({ groups: undefined, tokenSecret: undefined, users: ['ann'] }), [])
    assert.deepEqual(problems({ forge: 'gitea', host: undefined }), ['LOGIN.0.host'])
    assert.deepEqual(problems({ host: 'https://git.example/path' }), ['LOGIN.0.host'])
    assert.deepEqual(problems({ id: 'oidc' }), ['LOGIN.0.id'])
    assert.deepEqual(problems({}, [{ login: 'gitlab', users: ['ann'], role: 'viewer' }]), ['ACCESS.0.login'])
    assert.deepEqual(problems({}, [{ users: ['ann'] }]), ['ACCESS.0.role'])
    assert.deepEqual(problems({}, [{ role: 'viewer' }]), ['ACCESS.0'])
    assert.deepEqual(problems({}, [{ emails: ['a@b.example'], role: 'viewer' }]), ['ACCESS.0.emails'])
    assert.deepEqual(problems({}, [{ users: ['ann'], role: 'viewer', fromRepository: true }]), [
      'ACCESS.0.fromRepository',
    ])
    assert.deepEqual(problems({}, [{ users: ['ann'], role: 'viewer', namespaces: [] }]), ['ACCESS.0.namespaces'])
    assert.deepEqual(
      problems({ groups: undefined, users: ['ann'], tokenSecret: undefined }, [{ groups: ['a'], role: 'viewer' }]),
      ['ACCESS.0.login'],
    )
  })
})
