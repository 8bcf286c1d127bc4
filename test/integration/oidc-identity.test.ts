import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { createApp } from '../../functions/app.ts'
import {
  createIssuer,
  createKeyStore,
  createLoginTransport,
  createOidcLogins,
  createTokenCache,
  type Issuer,
  type KeyPolicy,
  type TokenClaims,
} from '../../src/identity/index.ts'
import { createNodeKubeTransport } from '../../src/platforms/node/kube-transport.ts'
import type { Clock, KubeIdentity, KubeRequest, KubeTransport, StateStore } from '../../src/ports/index.ts'
import { parsePolicy } from '../../src/tenancy/index.ts'
import { testDeps } from '../support/function-deps.ts'
import { createMemoryLogger, createMemoryState, systemClock, systemRandom } from '../support/memory-ports.ts'
import { createScenario, nodeOf, type Scenario } from '../support/scenario.ts'
import {
  allowDeployment,
  allowTenant,
  startTrustingCluster,
  type TrustingCluster,
} from '../support/trusting-cluster.ts'

const minute = 60_000
const calm: KeyPolicy = { rotateEveryMs: 60 * minute, publishAheadMs: minute, publishAfterMs: 15 * minute }
const audience = 'sluice:test'
const tenantA: KubeIdentity = { user: 'sluice:tenant:a', groups: ['sluice:tenants', 'sluice:tenant:a'] }

let trusting: TrustingCluster
const open: Scenario[] = []
before(async () => {
  trusting = await startTrustingCluster()
  await allowDeployment(trusting.cluster.client)
})
after(async () => {
  for (const made of open) await made.close()
  await trusting.stop()
})

interface IssuerOptions {
  readonly state?: StateStore
  readonly policy?: KeyPolicy
  readonly tokenMs?: number
  readonly clock?: Clock
  readonly url?: string
  readonly rereadMs?: number
}

/** An issuer of a deployment, with keys of its own unless `state` is shared. */
function makeIssuer(options: IssuerOptions = {}): Issuer {
  const { clock = systemClock, policy = calm, tokenMs = 10 * minute, url = trusting.issuerUrl } = options
  const keys = createKeyStore({
    state: options.state ?? createMemoryState(),
    secrets: ['a secret of more than thirty-two characters'],
    policy,
    memory: {},
    rereadMs: options.rereadMs ?? 50,
    clock,
    random: systemRandom,
    logger: createMemoryLogger(),
  })
  return createIssuer({ url, keys, tokenMs, clock })
}

/** Has the issuer's documents served as a deployment serves them. */
function serveIssuer(issuer: Issuer): void {
  const app = createApp(testDeps({ issuer }))
  trusting.answerWith((request) => app.fetch(request))
}

const claims = (change: Partial<TokenClaims> = {}): TokenClaims => ({
  subject: tenantA.user,
  groups: tenantA.groups ?? [],
  audience,
  cluster: 'test',
  ...change,
})

/** A transport as the deployment has it for this cluster, and every status that it got. */
function deploymentTransport(issuer: Issuer): {
  transport: KubeTransport
  seen: { request: KubeRequest; status: number }[]
} {
  const { address } = trusting.cluster
  const carrier = createNodeKubeTransport({ cluster: 'test', server: address.server, ca: address.caPem })
  const seen: { request: KubeRequest; status: number }[] = []
  const watched: KubeTransport = {
    cluster: 'test',
    send: async (request) => {
      const response = await carrier.send(request)
      seen.push({ request, status: response.status })
      return response
    },
  }
  const tokens = createTokenCache(issuer, systemClock)
  const logins = createOidcLogins({ tokens, cluster: 'test', audience, subject: 'sluice:deployment' })
  return { transport: createLoginTransport(watched, logins), seen }
}

/** What the platform lets the tenant do is wide here: what its identity may do in the cluster is what decides. */
const tenants = parsePolicy({ tenants: [{ name: 'a', namespaces: ['test-*'], sources: ['*'] }] })

async function scenario(issuer: Issuer, files: { readonly [path: string]: string }) {
  const { transport, seen } = deploymentTransport(issuer)
  const made = await createScenario(trusting.cluster, {
    files,
    settings: { tenants },
    wrapTransport: () => transport,
  })
  open.push(made)
  return { made, seen }
}

const configMap = (name: string, namespace = '$NAMESPACE'): string =>
  `apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: ${name}\n  namespace: ${namespace}\ndata: { a: "1" }\n`

/** The identity in a token that was sent. */
function subjectIn(request: KubeRequest): string {
  const [, body = ''] = (request.headers?.['authorization'] ?? '').split('.')
  return (JSON.parse(Buffer.from(body, 'base64url').toString()) as { sub: string }).sub
}

describe("a tenant's run", () => {
  it('writes its namespace and nothing else, by tokens of its own and without impersonation', async () => {
    const issuer = makeIssuer()
    serveIssuer(issuer)
    await trusting.untilTrusted(async () => (await issuer.issue(claims())).token)
    const { made, seen } = await scenario(issuer, { 'app/a.yaml': configMap('a'), 'app/b.yaml': configMap('b') })
    await allowTenant(made.client, made.namespace, tenantA.user)
    await made.kustomization('app', { wait: true })
    const first = await made.pushed()
    assert.equal(first.state, 'succeeded', JSON.stringify(first))
    const { metadata } = await made.client.get({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      namespace: made.namespace,
      name: 'a',
    })
    assert.ok(metadata.uid)
    // The deployment itself looks at one ConfigMap: the switch of the cluster.
    const written = seen.filter(({ request: { path } }) => /\/configmaps/.test(path) && !path.endsWith('/sluice-hold'))
    assert.ok(written.length >= 2, `${written.length} requests`)
    for (const { request } of written)
      assert.equal(subjectIn(request), tenantA.user, `${request.method} ${request.path}`)
    const subjects = new Set(seen.map(({ request }) => subjectIn(request)))
    assert.deepEqual([...subjects].sort(), ['sluice:deployment', tenantA.user])
    assert.ok(seen.every(({ request }) => request.as === undefined))

    const elsewhere = await trusting.cluster.namespace()
    await made.kustomization('stray', { targetNamespace: elsewhere })
    const node = nodeOf(await made.pushed(), 'Kustomization/stray')
    assert.equal(node.state, 'failed')
    assert.match(node.message ?? '', /Forbidden.*sluice:tenant:a/)
    assert.equal(
      await made.client.find({ apiVersion: 'v1', kind: 'ConfigMap', namespace: elsewhere, name: 'a' }),
      undefined,
    )
  })

  it('the deployment cannot impersonate there, and a service account is refused rather than replaced by somebody stronger', async () => {
    const issuer = makeIssuer()
    serveIssuer(issuer)
    const { transport, seen } = deploymentTransport(issuer)
    const signal = AbortSignal.timeout(20_000)
    const answer = await transport.send({
      method: 'GET',
      path: '/apis/kustomize.toolkit.fluxcd.io/v1/kustomizations',
      as: { user: 'system:serviceaccount:default:default' },
      signal,
    })
    assert.equal(answer.status, 403)
    assert.match(await answer.text(), /sluice:deployment.* cannot impersonate/)
    assert.deepEqual(
      seen.map(({ request }) => request.as?.user),
      ['system:serviceaccount:default:default'],
    )
    const review = await transport.send({
      method: 'POST',
      path: '/apis/authentication.k8s.io/v1/selfsubjectreviews',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ apiVersion: 'authentication.k8s.io/v1', kind: 'SelfSubjectReview' }),
      as: tenantA,
      signal,
    })
    const { status } = JSON.parse(await review.text()) as {
      status: { userInfo: { username: string; groups: string[] } }
    }
    assert.deepEqual(status.userInfo.username, tenantA.user)
    assert.deepEqual(status.userInfo.groups, [...(tenantA.groups ?? []), 'system:authenticated'])
  })
})

/** A token with another payload under the same signature. */
function withClaims(token: string, change: object): string {
  const [head = '', body = '', signature = ''] = token.split('.')
  const before = JSON.parse(Buffer.from(body, 'base64url').toString()) as object
  return `${head}.${Buffer.from(JSON.stringify({ ...before, ...change })).toString('base64url')}.${signature}`
}

describe('tokens that are refused with 401', () => {
  const state = createMemoryState()
  const tokenOf = async (change: Partial<TokenClaims> = {}, more: IssuerOptions = {}): Promise<string> =>
    (await makeIssuer({ state, ...more }).issue(claims(change))).token
  const past = (ms: number): Clock => ({ ...systemClock, now: () => Date.now() - ms })
  before(async () => {
    serveIssuer(makeIssuer({ state }))
    await trusting.untilTrusted(tokenOf)
  })
  it('the right one is believed', async () => {
    // It may not list there, and that is said to somebody who is known.
    assert.equal(await trusting.statusWith(await tokenOf()), 403)
  })
  const rows: readonly (readonly [string, () => Promise<string>])[] = [
    ['expired', () => tokenOf({}, { clock: past(11 * minute), state })],
    ['of a time to come', () => tokenOf({}, { clock: past(-20 * minute), state })],
    ['good for longer than an hour', () => tokenOf({}, { tokenMs: 120 * minute })],
    ['signed by keys of somebody else', () => tokenOf({}, { state: createMemoryState() })],
    ['of another issuer', () => tokenOf({}, { url: 'https://sluice.example' })],
    ['for another audience', () => tokenOf({ audience: 'sluice:other' })],
    ['for another cluster', () => tokenOf({ cluster: 'other' })],
    ['with another subject put in', async () => withClaims(await tokenOf(), { sub: 'sluice:deployment' })],
    ['with another end put in', async () => withClaims(await tokenOf(), { exp: 4_000_000_000 })],
    [
      'with a bit of its signature changed',
      async () => (await tokenOf()).replace(/.(?=.{20}$)/, (one) => (one === 'A' ? 'B' : 'A')),
    ],
    [
      'without a signature',
      async () => {
        const [, body = ''] = (await tokenOf()).split('.')
        return `${Buffer.from('{"alg":"none","typ":"JWT"}').toString('base64url')}.${body}.`
      },
    ],
    ['of a user that is not ours', () => tokenOf({ subject: 'jane' })],
    ['of a user of Kubernetes', () => tokenOf({ subject: 'system:admin' })],
    ['of a group of Kubernetes', () => tokenOf({ groups: ['system:masters'] })],
    ['of one such group among ours', () => tokenOf({ groups: ['sluice:tenants', 'system:masters'] })],
  ]
  for (const [what, make] of rows) {
    it(what, async () => {
      assert.equal(await trusting.statusWith(await make()), 401)
    })
  }
})

describe('keys', () => {
  it('rotate in the middle of runs, and no request fails', async () => {
    // A key signs for a second and a half; tokens are used for 2.4 of their 3 seconds.
    const policy: KeyPolicy = { rotateEveryMs: 1500, publishAheadMs: 500, publishAfterMs: 4000 }
    const issuer = makeIssuer({ policy, tokenMs: 3000 })
    serveIssuer(issuer)
    const { made, seen } = await scenario(issuer, { 'app/a.yaml': configMap('a') })
    await allowTenant(made.client, made.namespace, tenantA.user)
    await made.kustomization('app', { wait: true })
    const used = new Set<string>()
    for (let round = 0; used.size < 6 && round < 200; round++) {
      const record = await made.push({ 'app/a.yaml': configMap(`a${round}`) })
      assert.equal(record.state, 'succeeded', JSON.stringify(record))
      for (const { request } of seen) {
        const [head = ''] = (request.headers?.['authorization'] ?? '').slice('Bearer '.length).split('.')
        used.add((JSON.parse(Buffer.from(head, 'base64url').toString()) as { kid: string }).kid)
      }
    }
    assert.ok(used.size >= 6, `${used.size} keys`)
    assert.deepEqual(
      seen.filter(({ status }) => status === 401 || status >= 500),
      [],
    )
  })

  it('that are lost are replaced: the next request is made with new ones, and succeeds', async () => {
    const state = createMemoryState()
    const issuer = makeIssuer({ state })
    serveIssuer(issuer)
    const { transport, seen } = deploymentTransport(issuer)
    const ask = async (): Promise<number> =>
      (await transport.send({ method: 'GET', path: '/version', as: tenantA, signal: AbortSignal.timeout(20_000) }))
        .status
    assert.equal(await ask(), 200)
    for (let round = 0; round < 5; round++) {
      for (const { key } of await state.list('issuer/')) await state.delete(key)
      await new Promise((resolve) => setTimeout(resolve, 60))
      assert.equal(await ask(), 200, JSON.stringify(seen.map(({ status }) => status)))
    }
  })

  it('that another process has lost: one refusal, one more try, no failed request', async () => {
    const state = createMemoryState()
    // Reads its keys once a minute, and so goes on with those that are lost.
    const issuer = makeIssuer({ state, rereadMs: 60_000 })
    serveIssuer(issuer)
    const { transport, seen } = deploymentTransport(issuer)
    const ask = async (as = tenantA): Promise<number> =>
      (await transport.send({ method: 'GET', path: '/version', as, signal: AbortSignal.timeout(20_000) })).status
    assert.equal(await ask(), 200)
    for (const { key } of await state.list('issuer/')) await state.delete(key)
    // Somebody else notices first, and the API server has asked for keys since.
    const other = makeIssuer({ state })
    serveIssuer(other)
    await trusting.untilTrusted(async () => (await other.issue(claims({ subject: 'sluice:tenant:b' }))).token)
    // A token that the API server has not seen: those that it has it believes for ten seconds more.
    assert.equal(await ask({ user: 'sluice:tenant:c' }), 200)
    assert.deepEqual(
      seen.map(({ status }) => status),
      [200, 401, 200],
    )
  })

  it('an API server asks once for a key that it does not know, and not again for one that it does', async () => {
    const issuer = makeIssuer()
    serveIssuer(issuer)
    const count = (): number => trusting.asked.filter((one) => one.endsWith('/.well-known/jwks.json')).length
    const token = (subject: string): Promise<string> => issuer.issue(claims({ subject })).then((one) => one.token)
    await trusting.statusWith(await token('sluice:tenant:first'))
    const before = count()
    for (let i = 0; i < 20; i++) assert.equal(await trusting.statusWith(await token(`sluice:tenant:t${i}`)), 403)
    assert.equal(count(), before)
    // What it does not know it asks for each time: there is no limit on its side.
    const foreign = makeIssuer()
    for (let i = 0; i < 5; i++) assert.equal(await trusting.statusWith((await foreign.issue(claims())).token), 401)
    assert.equal(count(), before + 5)
  })
})
