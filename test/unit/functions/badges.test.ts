import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createApp } from '../../../functions/app.ts'
import { loadConfig } from '../../../functions/config.ts'
import type { FunctionDeps } from '../../../functions/deps.ts'
import { readToken, testConfig, testDeps } from '../../support/function-deps.ts'
import { observedState } from '../../support/observed-state.ts'

const bearer = { headers: { authorization: `Bearer ${readToken}` } }

async function deps(publicBadges: readonly string[], isPublic = false): Promise<FunctionDeps> {
  const { reading } = testConfig()
  const made = testDeps({ config: testConfig({ reading: { ...reading, isPublic, publicBadges } }) })
  await observedState(made.state)
  return made
}

async function ask(given: FunctionDeps, path: string, init: RequestInit = {}): Promise<[number, string, Headers]> {
  const response = await createApp(given).fetch(new Request(`http://sluice.test${path}`, init))
  return [response.status, await response.text(), response.headers]
}

describe('badges', () => {
  const shop = '/badges/one/Kustomization/apps/shop.svg'
  it('of what the configuration lists are shown to everybody, with name and state alone', async () => {
    const given = await deps(['one/Kustomization/apps/shop', 'Kustomization/apps/*'])
    const [status, text, headers] = await ask(given, shop)
    assert.equal(status, 200)
    assert.equal(headers.get('content-type'), 'image/svg+xml')
    assert.match(text, /<title>shop in one: blocked<\/title>/)
    for (const secret of ['broken', 'bbbbbbbb', 'aaaaaaaa', 'no such file', 'octo'])
      assert.ok(!text.includes(secret), `${secret} is in the badge`)
    assert.match((await ask(given, '/badges/Kustomization/apps/broken.svg'))[1], /broken: failed/)
    // In `two` it is ready as far as is known, and `two` was not seen lately.
    assert.match((await ask(given, '/badges/Kustomization/apps/infra.svg'))[1], /infra: stale/)
  })

  it('that are not listed, and those of nothing, get the same answer', async () => {
    const given = await deps(['one/Kustomization/apps/*'])
    const expected = await ask(given, '/badges/one/Kustomization/apps/nothing.svg')
    assert.equal(expected[0], 404)
    for (const path of [
      '/badges/one/HelmRelease/apps/redis.svg',
      '/badges/two/Kustomization/apps/infra.svg',
      '/badges/Kustomization/apps/shop.svg',
      '/badges/three/Kustomization/apps/shop.svg',
      '/badges/one/toString/apps/shop.svg',
    ]) {
      const [status, text, headers] = await ask(given, path)
      assert.deepEqual([status, text], expected.slice(0, 2), path)
      assert.deepEqual([...headers], [...expected[2]], path)
    }
  })

  it('are shown to who may read, and to everybody where reading is public', async () => {
    const given = await deps([])
    assert.equal((await ask(given, shop))[0], 404)
    const [status, , headers] = await ask(given, shop, bearer)
    assert.deepEqual([status, headers.get('cache-control')], [200, 'private, no-store'])
    assert.equal((await ask(await deps([], true), shop))[0], 200)
  })

  it('are listed by patterns that can be read', () => {
    const read = (value: string) => (name: string) => (name === 'PUBLIC_BADGES' ? value : undefined)
    assert.throws(() => loadConfig(read('["apps/shop"]')), /PUBLIC_BADGES/)
    assert.throws(() => loadConfig(read('["Kustomization/apps/sh*p"]')), /PUBLIC_BADGES/)
  })
})

describe('the feed of runs', () => {
  it('tells of runs to who may read, and never takes a token from the address', async () => {
    const given = await deps([])
    const [status, text, headers] = await ask(given, '/feed.xml', bearer)
    assert.equal(status, 200)
    assert.match(headers.get('content-type') ?? '', /^application\/atom\+xml/)
    assert.match(
      text,
      /<title>Partly failed: push to main bbbbbbbb<\/title>|<title>Running: push to main bbbbbbbb<\/title>/,
    )
    assert.match(text, /href="http:\/\/sluice\.test\/ui\/runs\/01bbbb/)
    assert.equal((await ask(given, '/feed.xml'))[0], 401)
    assert.equal((await ask(given, `/feed.xml?token=${readToken}`))[0], 401)
    assert.ok(!(await ask(given, '/feed.xml?state=failed&x=secret', bearer))[1].includes('secret'))
  })
})
