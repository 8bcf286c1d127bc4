import assert from 'node:assert/strict'
import { after, describe, it } from 'node:test'
import { startDeployment, type Deployment, type Platform } from '../support/deployment.ts'
import { startForge, type ForgeServer } from '../support/forge-api/server.ts'
import { LoginBrowser, type Seen } from '../support/login-browser.ts'
import { startProvider, type TestProvider } from '../support/oidc-provider.ts'

const publicUrl = 'https://sluice.example'
const secret = 'canary-of-the-client'
const kinds = ['github', 'gitlab', 'gitea'] as const
const tokens = { reader: 'a-token-that-only-reads', operator: 'a-token-of-an-operator' } as const

/** What a browser that is led to the deployment's public address asks of the deployment of the test. */
function pathOf(address: string): string {
  const { pathname, search, origin } = new URL(address)
  assert.equal(origin, publicUrl)
  return `${pathname}${search}`
}

for (const platform of ['node', 'workerd'] as const satisfies readonly Platform[]) {
  describe(`who may see and do what, on ${platform}`, () => {
    const closers: (() => Promise<void> | void)[] = []
    let deployment: Deployment
    let provider: TestProvider
    const forges: ForgeServer[] = []
    after(async () => {
      for (const close of closers.toReversed()) await close()
    })
    const browser = (): LoginBrowser => new LoginBrowser((request) => fetch(request), deployment.url)
    const bearer = (path: string, token: string | undefined): Promise<Response> =>
      fetch(`${deployment.url}${path}`, token === undefined ? {} : { headers: { authorization: `Bearer ${token}` } })
    const signIn = async (who: LoginBrowser, forge: ForgeServer, login: string): Promise<Seen> => {
      const begun = await who.get(`/ui/login/${forge.kind}?next=/ui/runs`)
      assert.equal(begun.status, 303, begun.text)
      return who.get(pathOf(forge.oauth.authorize(begun.location, login)))
    }

    it('starts with logins at three forges and a provider', async () => {
      for (const kind of kinds) {
        const forge = await startForge(kind)
        closers.push(() => forge.close())
        forge.groups.set('team', ['ann']).set('everybody', ['ann', 'eve'])
        forge.oauth.client = { id: 'sluice', secret, redirectUri: `${publicUrl}/ui/callback/${kind}` }
        forges.push(forge)
      }
      provider = await startProvider({
        clientId: 'sluice',
        clientSecret: secret,
        redirectUri: `${publicUrl}/ui/callback`,
        claims: { email: 'ann@example.com', email_verified: true },
      })
      closers.push(() => provider.close())
      const token = forges[0]?.token ?? ''
      const logins = forges.map(({ kind, host }) => ({
        forge: kind,
        host,
        clientId: 'sluice',
        clientSecret: 'LOGIN_SECRET',
        tokenSecret: 'LOGIN_TOKEN',
        groups: ['team'],
      }))
      deployment = await startDeployment(platform, {
        clusters: [
          { name: 'open', server: 'https://127.0.0.1:9' },
          { name: 'closed', server: 'https://127.0.0.1:9' },
        ],
        settings: { publicUrl },
        env: {
          SESSION_KEY: 'k'.repeat(40),
          LOGIN_SECRET: secret,
          LOGIN_TOKEN: token,
          LOGIN: JSON.stringify(logins),
          OIDC: JSON.stringify({
            issuer: provider.issuer,
            clientId: 'sluice',
            clientSecret: 'LOGIN_SECRET',
            emails: ['ann@example.com'],
          }),
          READ_TOKEN: tokens.reader,
          CI_TOKEN: tokens.operator,
          TOKENS: JSON.stringify([
            { name: 'ci', tokenSecret: 'CI_TOKEN', role: 'operator', clusters: ['open'], namespaces: ['apps'] },
          ]),
          PUBLIC_READ: '{"clusters":["open"]}',
        },
      })
      closers.push(() => deployment.stop())
      const form = await browser().get('/ui/sign-in')
      for (const name of ['GitHub', 'GitLab', 'Gitea']) assert.match(form.text, new RegExp(`Sign in at ${name}`))
    })

    for (const kind of kinds)
      it(`lets members in by ${kind}, once, and nobody else`, async () => {
        const forge = forges.find((one) => one.kind === kind)
        assert.ok(forge)
        const ann = browser()
        const begun = await ann.get(`/ui/login/${kind}?next=/ui/runs`)
        const back = pathOf(forge.oauth.authorize(begun.location, 'ann'))
        const kept = new Map(ann.cookies)
        const answer = await ann.get(back)
        assert.deepEqual([answer.status, answer.location], [303, '/ui/runs'])
        const page = await ann.get('/ui/runs')
        assert.equal(page.status, 200)
        assert.match(page.text, /ann/)
        const again = browser()
        for (const [name, value] of kept) again.cookies.set(name, value)
        assert.equal((await again.get(back)).status, 403)
        const eve = browser()
        assert.equal((await signIn(eve, forge, 'eve')).status, 403)
        assert.equal((await eve.get('/ui/runs')).status, 303)
        const forged = browser()
        forged.cookies.set('__Host-sluice', `${ann.cookies.get('__Host-sluice') ?? ''}x`)
        assert.equal((await forged.get('/ui/runs')).status, 303)
      })

    it('lets in by the provider, and mixes no logins up', async () => {
      const ann = browser()
      const begun = await ann.get('/ui/login?next=/ui/runs')
      const back = pathOf(provider.authorize(begun.location))
      assert.equal((await ann.get(back.replace('/ui/callback', '/ui/callback/github'))).status, 403)
      const second = await ann.get('/ui/login?next=/ui/runs')
      assert.equal((await ann.get(pathOf(provider.authorize(second.location)))).status, 303)
      assert.match((await ann.get('/ui/runs')).text, /ann@example\.com/)
    })

    it('takes a token in a form of its own only, and too many wrong ones not', async () => {
      const who = browser()
      const csrf = /name="csrf" value="([^"]+)"/.exec((await who.get('/ui/sign-in')).text)?.[1] ?? ''
      assert.equal((await who.post('/ui/sign-in', { token: tokens.reader })).status, 403)
      assert.equal((await who.post('/ui/sign-in', { token: tokens.reader, csrf: 'x' })).status, 403)
      const evil = { origin: 'https://evil.example' }
      assert.equal((await who.post('/ui/sign-in', { token: tokens.reader, csrf }, evil)).status, 403)
      assert.equal((await who.post('/ui/sign-in', { token: tokens.reader, csrf })).status, 303)
      assert.equal((await who.get('/ui/runs')).status, 200)
      if (platform !== 'node') return
      // Only there the test knows its own address as the platform does.
      // Ten in a quarter of an hour; another one may begin meanwhile.
      let status = 0
      for (let index = 0; index < 21 && status !== 429; index++)
        status = (await who.post('/ui/sign-in', { token: `wrong-guess-${index}`, csrf })).status
      assert.equal(status, 429)
    })

    it('shows everybody what is public, and closes everything else', async () => {
      const shown = await bearer('/api/public/clusters', undefined)
      const { clusters } = (await shown.json()) as { readonly clusters: readonly { readonly health: string }[] }
      // Whether somebody has tried to reach it by now is a matter of time.
      assert.deepEqual(
        clusters.map(({ health, ...rest }) => [['unknown', 'stale'].includes(health), rest]),
        [[true, { cluster: 'open' }]],
      )
      assert.equal((await bearer('/api/clusters', undefined)).status, 401)
      assert.equal((await bearer('/metrics', undefined)).status, 401)
      const page = await bearer('/ui/public', undefined)
      assert.equal(page.status, 200)
      assert.ok(!(await page.text()).includes('closed'))
      for (const name of ['strict-transport-security', 'content-security-policy', 'x-content-type-options'])
        assert.ok(page.headers.has(name) && shown.headers.has(name), name)
    })

    it('keeps somebody with a scope to it, and records who did what', async () => {
      const listed = (await (await bearer('/api/clusters', tokens.operator)).json()) as {
        clusters: { cluster: string }[]
      }
      assert.deepEqual(
        listed.clusters.map(({ cluster }) => cluster),
        ['open'],
      )
      const trigger = (body: object): Promise<Response> =>
        fetch(`${deployment.url}/trigger`, {
          method: 'POST',
          headers: { authorization: `Bearer ${tokens.operator}` },
          body: JSON.stringify(body),
        })
      const object = { kind: 'Kustomization', namespace: 'apps', name: 'shop' }
      assert.equal((await trigger({ object, cluster: 'closed' })).status, 404)
      assert.equal((await trigger({})).status, 404)
      assert.equal((await trigger({ object, action: 'pin', revision: '1.0.0', cluster: 'open' })).status, 403)
      const done = await trigger({ object, cluster: 'open' })
      assert.equal(done.status, 202)
      const { run } = (await done.json()) as { run: string }
      const end = Date.now() + 10_000
      let text = ''
      do text = await (await bearer('/api/actions?limit=200', deployment.triggerToken)).text()
      while (!text.includes(run) && Date.now() < end)
      const { actions } = JSON.parse(text) as {
        actions: { actor: string; action: string; outcome: string; run?: string }[]
      }
      const entry = actions.find((one) => one.run === run)
      assert.deepEqual([entry?.actor, entry?.action, entry?.outcome], ['ci', 'reconcile', 'done'])
      assert.ok(
        actions.some(({ actor, action, outcome }) => actor === 'ann' && action === 'sign-in' && outcome === 'done'),
      )
      assert.ok(actions.some(({ action, outcome }) => action === 'sign-in' && outcome === 'refused'))
      const given = forges.flatMap((forge) => forge.oauth.given)
      for (const canary of [...given, secret, tokens.reader, tokens.operator]) assert.ok(!text.includes(canary))
    })
  })
}
