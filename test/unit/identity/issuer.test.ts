import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  createFixedKeys,
  createIssuer,
  createKeyStore,
  createOidcLogins,
  createTokenCache,
  parseFixedKeys,
  type Issuer,
  type KeySource,
} from '../../../src/identity/index.ts'
import type { Clock, StateStore } from '../../../src/ports/index.ts'
import { createMemoryLogger, createMemoryState, systemRandom } from '../../support/memory-ports.ts'

const secret = 'a secret of more than thirty-two characters'
const hour = 3_600_000
const policy = { rotateEveryMs: 24 * hour, publishAheadMs: 6 * hour, publishAfterMs: hour / 4 }

function clockAt(start: number): Clock & { readonly forward: (ms: number) => void } {
  let now = start
  return { now: () => now, sleep: () => Promise.resolve(), forward: (ms) => void (now += ms) }
}

function store(state: StateStore, clock: Clock, secrets: readonly string[] = [secret]): KeySource & { logs: string[] } {
  const logger = createMemoryLogger()
  const source = createKeyStore({
    state,
    secrets,
    policy,
    memory: {},
    rereadMs: 30_000,
    clock,
    random: systemRandom,
    logger,
  })
  return { ...source, logs: logger.lines as string[] }
}

const kids = async (source: KeySource): Promise<string[]> =>
  (await source.current()).published.map(({ kid }) => kid).sort()

interface Decoded {
  readonly header: { readonly [name: string]: unknown }
  readonly claims: { readonly [name: string]: unknown }
}

/** What a token says, where one of the published keys has signed it. */
async function verified(issuer: Issuer, token: string): Promise<Decoded> {
  const [head = '', body = '', signature = ''] = token.split('.')
  const header = JSON.parse(Buffer.from(head, 'base64url').toString()) as Decoded['header']
  const { keys } = await issuer.keySet()
  const jwk = keys.find(({ kid }) => kid === header['kid'])
  assert.ok(jwk, 'the key is published')
  const how = { name: 'ECDSA', namedCurve: 'P-256' }
  const key = await crypto.subtle.importKey('jwk', { ...jwk }, how, false, ['verify'])
  const bytes = new TextEncoder().encode(`${head}.${body}`)
  assert.ok(
    await crypto.subtle.verify({ ...how, hash: 'SHA-256' }, key, Buffer.from(signature, 'base64url'), bytes),
    'the signature is right',
  )
  return { header, claims: JSON.parse(Buffer.from(body, 'base64url').toString()) as Decoded['claims'] }
}

describe('keys in the state store', () => {
  it('are made once, whoever asks first', async () => {
    const state = createMemoryState()
    const clock = clockAt(1e12)
    const sets = await Promise.all(Array.from({ length: 20 }, () => kids(store(state, clock))))
    assert.equal(new Set(sets.map((set) => set.join())).size, 1)
    assert.equal(sets[0]?.length, 1)
  })

  it('are replaced once, whoever finds it due, and nobody who read before signs with the next one early or late', async () => {
    const state = createMemoryState()
    const clock = clockAt(1e12)
    const stores = Array.from({ length: 10 }, () => store(state, clock))
    const first = await Promise.all(stores.map((source) => source.current()))
    const old = first[0]?.signWith.kid
    clock.forward(18 * hour)
    const published = await Promise.all(stores.map(kids))
    assert.equal(new Set(published.map((set) => set.join())).size, 1)
    assert.equal(published[0]?.length, 2)
    for (const source of stores) assert.equal((await source.current()).signWith.kid, old)
    clock.forward(6 * hour - 1)
    for (const source of stores) assert.equal((await source.current()).signWith.kid, old)
    clock.forward(1)
    const next = published[0]?.find((kid) => kid !== old)
    for (const source of stores) assert.equal((await source.current()).signWith.kid, next)
    assert.equal((await kids(stores[0] ?? assert.fail())).length, 2)
    clock.forward(hour / 4)
    for (const source of stores) assert.deepEqual(await kids(source), [next])
    assert.equal((await state.list('issuer/')).length, 1, 'older generations are gone')
  })

  it('are sealed: neither readable nor replaceable in the store', async () => {
    const state = createMemoryState()
    const clock = clockAt(1e12)
    const mine = await kids(store(state, clock))
    const [entry] = await state.list('issuer/')
    const text = JSON.stringify(entry?.value)
    assert.doesNotMatch(text, /"d"|"x"|P-256/)
    for (const kid of mine) assert.ok(!text.includes(kid))
    // Those of somebody with another secret, put in their place.
    const foreign = createMemoryState()
    await kids(store(foreign, clock, ['another secret of more than thirty-two characters']))
    await state.put(entry?.key ?? '', (await foreign.get(entry?.key ?? '')) ?? null)
    const source = store(state, clock)
    const replaced = await kids(source)
    assert.equal(replaced.length, 1)
    assert.notDeepEqual(replaced, mine)
    assert.match(source.logs.join('\n'), /cannot be opened with ISSUER_KEY/)
    // A seal is bound to its place: an older generation does not become a newer one.
    const [newer] = await state.list('issuer/', { reverse: true })
    await state.put('issuer/keys/000000000099', newer?.value ?? null)
    assert.notDeepEqual(await kids(store(state, clock)), replaced)
  })

  it('open with a secret that is being replaced, and are sealed with the new one at the next change', async () => {
    const state = createMemoryState()
    const clock = clockAt(1e12)
    const newer = 'the newer secret of more than thirty-two characters'
    const before = await kids(store(state, clock))
    assert.deepEqual(await kids(store(state, clock, [newer, secret])), before)
    clock.forward(18 * hour)
    const both = await kids(store(state, clock, [newer, secret]))
    assert.equal(both.length, 2)
    assert.deepEqual(await kids(store(state, clock, [newer])), both)
  })

  it('a lost store gives new keys within the time of a look', async () => {
    const state = createMemoryState()
    const clock = clockAt(1e12)
    const source = store(state, clock)
    const before = await kids(source)
    for (const { key } of await state.list('issuer/')) await state.delete(key)
    assert.deepEqual(await kids(source), before)
    clock.forward(30_000)
    assert.notDeepEqual(await kids(source), before)
    const now = await kids(source)
    for (const { key } of await state.list('issuer/')) await state.delete(key)
    const fresh = await source.current({ withinMs: 0 })
    assert.ok(!now.includes(fresh.signWith.kid))
  })

  it('a store in which somebody else writes all the time is given up on', async () => {
    const state = createMemoryState()
    const source = store({ ...state, putIfAbsent: () => Promise.resolve(false) }, clockAt(1e12))
    await assert.rejects(source.current(), { code: 'issuer-keys-contended', disposition: 'retry' })
  })
})

describe('keys that are a secret', () => {
  const make = async (): Promise<JsonWebKey> => {
    const pair = await crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, true, ['sign'])
    return crypto.subtle.exportKey('jwk', (pair as CryptoKeyPair).privateKey)
  }
  it('the first signs, all are published, and their ids are their thumbprints', async () => {
    const [a, b] = [await make(), await make()]
    let text = JSON.stringify([a, b])
    const source = createFixedKeys(() => text)
    const first = await source.current()
    assert.equal(first.published.length, 2)
    assert.equal(first.published[0]?.kid, first.signWith.kid)
    for (const jwk of first.published) assert.ok(!('d' in jwk))
    text = JSON.stringify({ keys: [b, a] })
    const second = await source.current()
    assert.equal(second.signWith.kid, first.published[1]?.kid)
  })
  it('anything else is refused, without being quoted', async () => {
    const key = await make()
    const { d: _d, ...open } = key
    for (const value of ['', '{', '[]', 'null', [open], [key, key], [{ ...key, crv: 'P-384' }], [null], { keys: 1 }]) {
      const text = typeof value === 'string' ? value : JSON.stringify(value)
      assert.equal(parseFixedKeys(text), undefined, text.slice(0, 20))
      await assert.rejects(
        createFixedKeys(() => text).current(),
        (error: Error) => /ISSUER_KEYS must be/.test(error.message) && !error.message.includes(String(key.x)),
      )
    }
    const wrong = JSON.stringify([{ ...key, x: 'A'.repeat(43) }])
    await assert.rejects(createFixedKeys(() => wrong).current(), { code: 'issuer-key-invalid' })
  })
})

function issuerOf(clock: Clock, state = createMemoryState()): Issuer {
  return createIssuer({ url: 'https://sluice.example', keys: store(state, clock), tokenMs: 600_000, clock })
}

describe('tokens', () => {
  it('say who made them for whom, where and for how long', async () => {
    const clock = clockAt(1_700_000_000_400)
    const issuer = issuerOf(clock)
    const { token, expiresAt } = await issuer.issue({
      subject: 'sluice:tenant:a',
      groups: ['sluice:tenants', 'sluice:tenant:a'],
      audience: 'sluice:prod',
      cluster: 'prod',
    })
    const { header, claims } = await verified(issuer, token)
    assert.equal(header['alg'], 'ES256')
    const { jti, ...rest } = claims
    assert.match(String(jti), /^[0-9a-f-]{36}$/)
    assert.deepEqual(rest, {
      iss: 'https://sluice.example',
      sub: 'sluice:tenant:a',
      aud: ['sluice:prod'],
      iat: 1_700_000_000,
      nbf: 1_700_000_000,
      exp: 1_700_000_600,
      groups: ['sluice:tenants', 'sluice:tenant:a'],
      cluster: 'prod',
    })
    assert.equal(expiresAt, 1_700_000_600_000)
  })

  it('are used for four fifths of their time, one for each identity, cluster and audience', async () => {
    const clock = clockAt(1e12)
    const tokens = createTokenCache(issuerOf(clock), clock)
    const claims = { subject: 'sluice:tenant:a', groups: [], audience: 'x', cluster: 'one' }
    const first = await tokens.of(claims)
    assert.equal(await tokens.of({ ...claims }), first)
    for (const change of [
      { subject: 'sluice:tenant:b' },
      { groups: ['sluice:tenants'] },
      { audience: 'y' },
      { cluster: 'two' },
    ])
      assert.notEqual((await tokens.of({ ...claims, ...change })).token, first.token)
    clock.forward(479_999)
    assert.equal(await tokens.of(claims), first)
    clock.forward(1)
    assert.notEqual(await tokens.of(claims), first)
    clock.forward(-100_000)
    assert.notEqual((await tokens.of(claims)).issuedAt, 1e12 + 480_000, 'not one of the future')
  })

  it('of a key that was lost are replaced, at once where one was refused', async () => {
    const clock = clockAt(1e12)
    const state = createMemoryState()
    const tokens = createTokenCache(issuerOf(clock, state), clock)
    const claims = { subject: 'sluice:deployment', groups: [], audience: 'x', cluster: 'one' }
    const first = await tokens.of(claims)
    assert.equal(await tokens.isStale(first), false)
    for (const { key } of await state.list('issuer/')) await state.delete(key)
    assert.equal(await tokens.of(claims), first)
    assert.equal(await tokens.isStale(first), true)
    assert.notEqual((await tokens.of(claims)).kid, first.kid)
  })
})

describe('whom a request is made as', () => {
  const clock = clockAt(1e12)
  const issuer = issuerOf(clock)
  const own = 'sluice:deployment'
  const logins = createOidcLogins({
    tokens: createTokenCache(issuer, clock),
    cluster: 'prod',
    audience: 'sluice:prod',
    subject: own,
  })
  const said = async (as?: { user: string; groups?: readonly string[] }): Promise<object> => {
    const { token, impersonate } = await logins(as)
    const { sub, groups } = (await verified(issuer, token)).claims
    return { sub, groups, impersonate }
  }

  it('the deployment by its own token', async () => {
    assert.deepEqual(await said(), { sub: own, groups: [own], impersonate: undefined })
  })
  it('an identity of ours by a token of its own', async () => {
    const as = { user: 'sluice:tenant:a', groups: ['sluice:tenants', 'sluice:tenant:a'] }
    assert.deepEqual(await said(as), { sub: as.user, groups: as.groups, impersonate: undefined })
    assert.deepEqual(await said({ user: 'sluice:tenant:a' }), {
      sub: 'sluice:tenant:a',
      groups: [],
      impersonate: undefined,
    })
  })
  it('one of Kubernetes by impersonation', async () => {
    const as = { user: 'system:serviceaccount:apps:team' }
    assert.deepEqual(await said(as), { sub: own, groups: [own], impersonate: as })
  })
  for (const [what, as] of [
    ['the deployment itself, asked for as somebody else', { user: own }],
    ['a name that is not ours', { user: 'jane' }],
    ['a name that only looks like ours', { user: ' sluice:tenant:a' }],
    ['a name with a line break', { user: 'sluice:tenant:a\nsystem:admin' }],
    ['no name', { user: '' }],
    ['a group of Kubernetes', { user: 'sluice:tenant:a', groups: ['system:masters'] }],
    ["the deployment's group", { user: 'sluice:tenant:a', groups: ['sluice:deployment'] }],
    ['a foreign group', { user: 'sluice:tenant:a', groups: ['sluice:tenants', 'admins'] }],
  ] as const) {
    it(`never ${what}`, async () => {
      await assert.rejects(said(as), { code: 'identity-not-allowed' })
    })
  }
})
