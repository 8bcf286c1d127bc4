import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { NamedToken } from '../../../functions/access/config.ts'
import { createApp } from '../../../functions/app.ts'
import { authorizeAction, type Action, type ActionTarget } from '../../../functions/authorize-action.ts'
import { loadConfig } from '../../../functions/config.ts'
import type { FunctionDeps } from '../../../functions/deps.ts'
import { addressOf, takeAttempt } from '../../../functions/login/attempts.ts'
import { DiagnosticsError, isEngineError } from '../../../src/base/index.ts'
import { parsePolicy } from '../../../src/tenancy/index.ts'
import { readToken, testConfig, testDeps, triggerToken } from '../../support/function-deps.ts'
import { LoginBrowser } from '../../support/login-browser.ts'
import { observedState, pushRun } from '../../support/observed-state.ts'
import {
  asBearer,
  hiddenRun,
  hiddenTarget,
  hiddenWord,
  scopedState,
  tokensOf,
  withTokens,
} from '../../support/scoped-state.ts'
import { signInWithToken } from '../../support/sign-in.ts'

const shop = { cluster: 'one', kind: 'Kustomization', namespace: 'apps', name: 'shop' }

async function scene(): Promise<ReturnType<typeof testDeps>> {
  const deps = testDeps({ config: testConfig({ reading: withTokens(testConfig().reading) }) })
  await scopedState(deps.state)
  return deps
}

/** What somebody gets who wants to do this: nothing where they may, else the code of the error. */
async function codeOf(deps: FunctionDeps, request: Request, action: Action, target: ActionTarget): Promise<string> {
  try {
    const { name } = await authorizeAction(deps, request, action, target)
    return `as ${name}`
  } catch (caught) {
    return isEngineError(caught) ? caught.code : String(caught)
  }
}

const bearer = (token: string | undefined): Request =>
  new Request('http://sluice.test/ui/actions', { method: 'POST', headers: asBearer(token) })

describe('an action', () => {
  const rows: readonly (readonly [string | undefined, Action, ActionTarget, string])[] = [
    [undefined, 'reconcile', shop, 'unauthorized'],
    ['not a token of anybody', 'reconcile', shop, 'unauthorized'],
    [readToken, 'reconcile', shop, 'forbidden'],
    [tokensOf.viewer, 'reconcile', shop, 'forbidden'],
    [tokensOf.scoped, 'reconcile', shop, 'forbidden'],
    [tokensOf.scoped, 'reconcile', hiddenTarget, 'not-found'],
    [tokensOf.scoped, 'reconcile', { cluster: 'two' }, 'not-found'],
    [tokensOf.operator, 'suspend', shop, 'as the operator'],
    [tokensOf.operator, 'pin', shop, 'forbidden'],
    [tokensOf.operator, 'suspend', hiddenTarget, 'not-found'],
    [tokensOf.operator, 'suspend', { ...shop, cluster: 'two' }, 'not-found'],
    [tokensOf.operator, 'suspend', { cluster: 'one' }, 'not-found'],
    [tokensOf.operator, 'retry', { run: hiddenRun }, 'not-found'],
    [tokensOf.operator, 'retry', { run: pushRun }, 'forbidden'],
    [tokensOf.operator, 'retry', { run: '01zzzzzzzzzzzzzzzzzzzzzzzz' }, 'not-found'],
    [tokensOf.maintainer, 'approve', { plan: 'p1' }, 'as the maintainer'],
    [tokensOf.operator, 'approve', { plan: 'p1' }, 'not-found'],
    [tokensOf.operator, 'approve', { plan: 'p1', objects: [shop] }, 'forbidden'],
    [tokensOf.operator, 'approve', { plan: 'p1', objects: [hiddenTarget] }, 'not-found'],
    [tokensOf.maintainer, 'abort', { run: pushRun }, 'as the maintainer'],
    [triggerToken, 'approve', { plan: 'p1' }, 'as token'],
  ]
  for (const [token, action, target, want] of rows)
    it(`${action} ${JSON.stringify(target).slice(0, 60)} with ${token ?? 'nothing'}: ${want}`, async () =>
      assert.equal(await codeOf(await scene(), bearer(token), action, target), want))

  it('from a page needs a form of our own, and a refusal is recorded without the token', async () => {
    const deps = await scene()
    const app = createApp(deps)
    const send = (path: string, init: RequestInit): Promise<Response> =>
      Promise.resolve(app.fetch(new Request(`http://sluice.test${path}`, init)))
    const cookie = await signInWithToken(send, tokensOf.operator, 'http://sluice.test')
    const form = (origin: string): Request =>
      new Request('http://sluice.test/ui', { method: 'POST', headers: { cookie, origin, host: 'sluice.test' } })
    assert.equal(await codeOf(deps, form('http://sluice.test'), 'suspend', shop), 'as the operator')
    assert.equal(await codeOf(deps, form('https://evil.example'), 'suspend', shop), 'forbidden')
    assert.equal(await codeOf(deps, form('http://sluice.test'), 'pin', shop), 'forbidden')
    await deps.settled()
    const log = JSON.stringify(await deps.state.list('action-log/', { limit: 500 }))
    assert.match(log, /"actor":"the operator","how":"session","action":"pin","outcome":"refused"/)
    assert.match(log, /"actor":"the operator","how":"form","action":"sign-in","outcome":"done"/)
    assert.ok(!log.includes(tokensOf.operator))
  })
})

describe('a trigger with a token that has a name', () => {
  async function trigger(deps: FunctionDeps, token: string, wish: object): Promise<{ status: number; text: string }> {
    const init = { method: 'POST', headers: asBearer(token), body: JSON.stringify(wish) }
    const response = await createApp(deps).fetch(new Request('http://sluice.test/trigger', init))
    return { status: response.status, text: await response.text() }
  }
  const { cluster: _one, ...object } = shop
  const { cluster: _same, ...hidden } = hiddenTarget
  const rows: readonly (readonly [keyof typeof tokensOf, object, number])[] = [
    ['viewer', { object }, 401],
    ['scoped', { object }, 401],
    ['operator', { object }, 202],
    ['operator', { object, cluster: 'one' }, 202],
    ['operator', { object, cluster: 'two' }, 404],
    ['operator', { object: hidden }, 404],
    ['operator', { objects: [object, hidden] }, 403],
    ['operator', {}, 404],
    ['operator', { cluster: 'one' }, 404],
    ['operator', { object, override: 'the fix' }, 403],
    ['operator', { object, action: 'pin', revision: '1.2.3' }, 403],
    ['operator', { action: 'suspend', all: true, cluster: 'one' }, 404],
    ['operator', { action: 'retry' }, 404],
    ['operator', { action: 'retry', run: hiddenRun }, 404],
    ['maintainer', {}, 202],
  ]
  for (const [token, wish, status] of rows)
    it(`${token}: ${JSON.stringify(wish).slice(0, 90)} is answered ${status}`, async () => {
      const deps = await scene()
      const answer = await trigger(deps, tokensOf[token], wish)
      assert.equal(answer.status, status, answer.text)
      if (status !== 202) assert.equal(deps.sent.length, 0)
      assert.ok(!/known are .*two/.test(answer.text) && (status === 404 || !answer.text.includes(hiddenWord)))
    })

  it('says who, whatever the body says, and is recorded with its run', async () => {
    const deps = await scene()
    const { text } = await trigger(deps, tokensOf.operator, { object, actor: 'the boss' })
    const { run } = JSON.parse(text) as { run: string }
    assert.equal((await deps.runs.get(run))?.actor, 'the operator')
    await deps.settled()
    const entries = (await deps.state.list('action-log/', { limit: 500 })).map(({ value }) => JSON.stringify(value))
    const entry = entries.find((one) => one.includes(run)) ?? ''
    assert.match(entry, /"actor":"the operator","how":"token","action":"reconcile","outcome":"done"/)
    assert.match(entry, /"target":\{"cluster":"one","kind":"Kustomization","namespace":"apps","name":"shop"\}/)
  })

  it('ends with its time', async () => {
    const deps = await scene()
    const [first] = deps.config.reading.namedTokens ?? []
    const token = { ...first, expiresAt: deps.clock.now() - 1 } as NamedToken
    const config = { ...deps.config, reading: { ...deps.config.reading, namedTokens: [token] } }
    const ask = async (one: FunctionDeps['config']): Promise<number> => {
      const request = new Request('http://sluice.test/api/clusters', { headers: asBearer(token.tokens[0]) })
      return (await createApp({ ...deps, config: one }).fetch(request)).status
    }
    assert.equal(await ask(config), 401)
    assert.equal(await ask(deps.config), 200)
  })

  it('is read from the configuration, which says what is wrong', () => {
    const problems = (tokens: unknown): readonly string[] => {
      const values: { readonly [name: string]: string } = {
        CLUSTERS: '[{"name":"one","server":"https://one.example"}]',
        CI_TOKEN: 'canary-of-a-token',
        TOKENS: JSON.stringify(tokens),
      }
      try {
        loadConfig((name) => values[name])
        return []
      } catch (error) {
        assert.ok(error instanceof DiagnosticsError && !JSON.stringify(error).includes('canary'))
        return error.diagnostics.map(({ field }) => field ?? '')
      }
    }
    const good = { name: 'ci', tokenSecret: 'CI_TOKEN', role: 'operator' }
    assert.deepEqual(problems([good]), [])
    assert.deepEqual(problems([{ ...good, tokenSecret: 'NONE' }]), ['TOKENS.0.tokenSecret'])
    assert.deepEqual(problems([good, good]), ['TOKENS.1.name'])
    assert.deepEqual(problems([{ ...good, name: 'token' }]), ['TOKENS.0.name'])
    assert.deepEqual(problems([{ ...good, role: 'root' }]), ['TOKENS.0.role'])
    assert.deepEqual(problems([{ ...good, expires: 'soon' }]), ['TOKENS.0.expires'])
    assert.deepEqual(problems([{ ...good, namespaces: [] }]), ['TOKENS.0.namespaces'])
    assert.deepEqual(problems([{ ...good, token: 'canary' }]), ['TOKENS.0'])
  })
})

describe('members of a tenant', () => {
  const policy = parsePolicy({
    platformNamespaces: ['flux-system'],
    tenants: [{ name: 'shop', namespaces: ['apps'], sources: ['*'], clusters: ['one'] }],
  })
  const member: NamedToken = {
    name: 'shop team',
    tokens: ['token-of-the-team-of-the-shop'],
    grant: { role: 'operator', scope: { tenants: ['shop'] } },
  }
  const ask = async (deps: FunctionDeps, path: string): Promise<number> => {
    const request = new Request(`http://sluice.test${path}`, { headers: asBearer(member.tokens[0]) })
    return (await createApp(deps).fetch(request)).status
  }
  async function tenants(settings: object): Promise<FunctionDeps & ReturnType<typeof testDeps>> {
    const plain = testConfig()
    const deps = testDeps({ config: testConfig({ settings, reading: { ...plain.reading, namedTokens: [member] } }) })
    await scopedState(deps.state)
    return deps
  }

  it('see and act on its objects, in its clusters, and on no others', async () => {
    const deps = await tenants({ tenants: policy })
    assert.equal(await ask(deps, '/api/objects/one/Kustomization/apps/shop'), 200)
    assert.equal(await ask(deps, `/api/objects/one/Kustomization/${hiddenWord}/${hiddenWord}`), 404)
    assert.equal(await ask(deps, '/api/objects/two/Kustomization/apps/infra'), 404)
    const request = bearer(member.tokens[0])
    assert.equal(await codeOf(deps, request, 'suspend', shop), 'as shop team')
    assert.equal(await codeOf(deps, request, 'suspend', hiddenTarget), 'not-found')
    assert.equal(await codeOf(deps, request, 'suspend', { cluster: 'one' }), 'not-found')
  })

  it('see nothing with a policy that is broken, lacks them, or cannot be read', async () => {
    const broken = { ...policy, problem: 'it is missing' }
    const others = { ...policy, tenants: policy.tenants.map((one) => ({ ...one, name: 'other' })) }
    const platform = { ...policy, platformNamespaces: ['apps'] }
    for (const settings of [
      { tenants: broken },
      { tenants: others },
      { tenants: platform },
      {},
      { tenantsConfigMap: 'flux-system/t' },
    ])
      assert.equal(await ask(await tenants(settings), '/api/objects/one/Kustomization/apps/shop'), 404)
  })

  it('are not made by what somebody else wrote into the store', async () => {
    const deps = await tenants({ tenantsConfigMap: 'flux-system/t' })
    const text = JSON.stringify({ policy, readAt: Date.now(), checkedAt: Date.now() })
    await deps.state.put('tenant-policies/one', { text, mac: 'x'.repeat(43) })
    assert.equal(await ask(deps, '/api/objects/one/Kustomization/apps/shop'), 404)
  })
})

describe('attempts to sign in', () => {
  it('are counted before anything is compared, for each address and in all', async () => {
    const deps = testDeps()
    const results = await Promise.allSettled(Array.from({ length: 40 }, () => takeAttempt(deps, '192.0.2.7')))
    assert.equal(results.filter(({ status }) => status === 'fulfilled').length, 10)
    await takeAttempt(deps, '192.0.2.8')
    const stored = JSON.stringify(await deps.state.list('sign-in-attempts/', { limit: 500 }))
    assert.ok(!stored.includes('192.0.2'))
    const many = await Promise.allSettled(
      Array.from({ length: 20 }, (_, index) => takeAttempt(deps, `192.0.3.${index}`)),
    )
    assert.ok(
      many.every(({ status }) => status === 'fulfilled'),
      'others are not kept out',
    )
  })

  it('that are right take no place', async () => {
    const deps = testDeps()
    for (let index = 0; index < 15; index++) await (await takeAttempt(deps, '192.0.2.7')).succeeded()
  })

  it('come from where the platform says, never from what a client wrote', () => {
    const request = new Request('http://sluice.test/', {
      headers: { 'cf-connecting-ip': '2001:db8:1:2:3::4', 'x-forwarded-for': '192.0.2.1' },
    })
    const socket = { incoming: { socket: { remoteAddress: '198.51.100.1' } } }
    assert.equal(addressOf(request, socket), '198.51.100.1')
    assert.equal(addressOf(request, undefined), '2001:db8:1:2')
    assert.equal(addressOf(new Request('http://sluice.test/'), undefined), undefined)
  })

  it('at the form end with 429, and a right token is let in again later', async () => {
    let now = Date.now()
    const deps = testDeps({ clock: { now: () => now, sleep: () => Promise.resolve() } })
    await observedState(deps.state)
    const app = createApp(deps)
    const browser = new LoginBrowser((request) => app.fetch(request), 'http://sluice.test')
    const attempt = async (token: string): Promise<number> => {
      const csrf = /name="csrf" value="([^"]+)"/.exec((await browser.get('/ui/sign-in')).text)?.[1] ?? ''
      return (await browser.post('/ui/sign-in', { token, csrf }, { 'cf-connecting-ip': '192.0.2.9' })).status
    }
    for (let index = 0; index < 10; index++) assert.equal(await attempt(`wrong-guess-${index}`), 401)
    assert.equal(await attempt(readToken), 429)
    now += 15 * 60_000
    assert.equal(await attempt(readToken), 303)
    await deps.settled()
    const log = JSON.stringify(await deps.state.list('action-log/', { limit: 500 }))
    assert.ok(!log.includes('wrong-guess') && log.includes('too many attempts'))
  })
})
