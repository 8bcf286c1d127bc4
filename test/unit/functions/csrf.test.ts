import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { beginForm, checkCsrf, checkForm, csrfToken } from '../../../functions/csrf.ts'
import { tokenCookieOf } from '../../../functions/session.ts'
import { readToken, testConfig, testDeps } from '../../support/function-deps.ts'

const deps = testDeps()

async function browserOf(config = deps.config): Promise<Request> {
  const [cookie = ''] = (await tokenCookieOf(config, readToken, 9e9)).split(';')
  return new Request('http://sluice.test/ui', { headers: { cookie } })
}

const isForbidden = { code: 'forbidden' }

describe('the field csrf of a form', () => {
  it('is good for its session and purpose', async () => {
    const browser = await browserOf()
    const token = await csrfToken(deps, browser, 'suspend')
    assert.ok(token.length > 40)
    await checkCsrf(deps, browser, 'suspend', token)
  })

  it('is good for nothing else', async () => {
    const browser = await browserOf()
    const token = await csrfToken(deps, browser, 'suspend')
    const other = new Request('http://sluice.test/ui', {
      headers: { cookie: `${browser.headers.get('cookie') ?? ''}x` },
    })
    const nobody = new Request('http://sluice.test/ui')
    const otherKey = { ...deps, config: testConfig({ triggerTokens: ['some-other-token'] }) }
    await assert.rejects(checkCsrf(deps, browser, 'resume', token), isForbidden)
    await assert.rejects(checkCsrf(deps, other, 'suspend', token), isForbidden)
    await assert.rejects(checkCsrf(deps, nobody, 'suspend', token), isForbidden)
    await assert.rejects(checkCsrf(otherKey, browser, 'suspend', token), isForbidden)
    for (const given of [undefined, null, '', `${token}x`, token.slice(1)])
      await assert.rejects(checkCsrf(deps, browser, 'suspend', given), isForbidden)
  })

  it('of nobody is accepted by nobody', async () => {
    const nobody = new Request('http://sluice.test/ui')
    assert.equal(await csrfToken(deps, nobody, 'suspend'), '')
    await assert.rejects(checkCsrf(deps, nobody, 'suspend', ''), isForbidden)
    const empty = new Request('http://sluice.test/ui', { headers: { cookie: '__Host-sluice=' } })
    assert.equal(await csrfToken(deps, empty, 'suspend'), '')
  })

  it('without any key of the deployment there is none', async () => {
    const config = testConfig({ triggerTokens: [], reading: { ...deps.config.reading, tokens: [] } })
    const browser = new Request('http://sluice.test/ui', { headers: { cookie: '__Host-sluice=a.b' } })
    assert.equal(await csrfToken({ config }, browser, 'suspend'), '')
    await assert.rejects(checkCsrf({ config }, browser, 'suspend', ''), isForbidden)
  })

  it('can stand in a form before there is a session, for several tabs', async () => {
    const first = await beginForm(deps, new Request('http://sluice.test/ui/sign-in'), 'sign-in')
    assert.match(first.cookie, /^__Host-sluice-form=[\w-]{32}; Path=\/; Max-Age=3600; HttpOnly; Secure; SameSite=Lax$/)
    const [cookie = ''] = first.cookie.split(';')
    const browser = new Request('http://sluice.test/ui/sign-in', { headers: { cookie } })
    const second = await beginForm(deps, browser, 'sign-in')
    assert.deepEqual(second, first)
    await checkForm(deps, browser, 'sign-in', first.csrf)
    await assert.rejects(checkForm(deps, browser, 'other', first.csrf), isForbidden)
    await assert.rejects(checkForm(deps, new Request('http://sluice.test/'), 'sign-in', first.csrf), isForbidden)
    await assert.rejects(checkCsrf(deps, browser, 'sign-in', first.csrf), isForbidden)
    const made = new Request('http://sluice.test/', { headers: { cookie: '__Host-sluice-form=short' } })
    assert.ok(!(await beginForm(deps, made, 'sign-in')).cookie.includes('short'))
  })
})
