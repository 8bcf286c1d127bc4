import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { createApp } from '../../functions/app.ts'
import { createFixedKeys, createIssuer, type Issuer } from '../../src/identity/index.ts'
import { testDeps } from '../support/function-deps.ts'
import { systemClock } from '../support/memory-ports.ts'
import { GitServer } from '../support/git-server.ts'
import { installCrds } from '../support/crds.ts'
import { awaitRun, deliverPush, startDeployment, type Platform } from '../support/deployment.ts'
import {
  allowDeployment,
  allowTenant,
  startTrustingCluster,
  type TrustingCluster,
} from '../support/trusting-cluster.ts'

let trusting: TrustingCluster
let git: GitServer
before(async () => {
  trusting = await startTrustingCluster('production')
  await allowDeployment(trusting.cluster.client)
  await installCrds(trusting.cluster.client)
  git = await GitServer.start()
  // An API server looks for its issuer every ten seconds until it has found it; from then on keys are all that changes.
  const first = await issuerInMemory(trusting.issuerUrl)
  trusting.answerWith((request) => createApp(testDeps({ issuer: first })).fetch(request))
  const claims = { subject: 'sluice:tenant:a', groups: [], audience: 'sluice:production', cluster: 'production' }
  await trusting.untilTrusted(async () => (await first.issue(claims)).token)
})

async function issuerInMemory(url: string): Promise<Issuer> {
  const pair = await crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, true, ['sign'])
  const text = JSON.stringify([await crypto.subtle.exportKey('jwk', (pair as CryptoKeyPair).privateKey)])
  return createIssuer({ url, keys: createFixedKeys(() => text), tokenMs: 600_000, clock: systemClock })
}
after(async () => {
  await git.close()
  await trusting.stop()
})

const configMap = (namespace: string, value: string): string =>
  `apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: settings\n  namespace: ${namespace}\ndata: { a: "${value}" }\n`

/** A deployment with no credential of the cluster: only the secret that seals its keys. It may not write what the tenant owns. */
async function start(platform: Platform, namespace: string) {
  const { server, caPem } = trusting.cluster.address
  const deployment = await startDeployment(platform, {
    clusters: [{ name: 'production', server, ca: caPem, identity: { kind: 'oidc' } }] as never,
    namespaces: [namespace],
    settings: { publicUrl: trusting.issuerUrl },
    env: {
      ISSUER_KEY: 'a secret of more than thirty-two characters',
      TENANTS: JSON.stringify({ tenants: [{ name: 'a', namespaces: [namespace], sources: ['*'] }] }),
    },
  })
  trusting.answerWith(async (request) => {
    const { pathname, search } = new URL(request.url)
    // Uncompressed, and no header that speaks of how it was sent to us.
    const answer = await fetch(`${deployment.url}${pathname}${search}`, { headers: { 'accept-encoding': 'identity' } })
    const headers = ['content-type', 'cache-control'].map((name) => [name, answer.headers.get(name) ?? ''] as const)
    return new Response(await answer.text(), { status: answer.status, headers: Object.fromEntries(headers) })
  })
  return deployment
}

for (const platform of ['node', 'workerd'] as const) {
  describe(`a deployment as its own issuer (${platform})`, () => {
    it('applies the push of a tenant with tokens of the tenant, and again after all its state is lost', async () => {
      const { client } = trusting.cluster
      const namespace = await trusting.cluster.namespace()
      await allowTenant(client, namespace, 'sluice:tenant:a')
      const repository = await git.create(`team/${namespace}`, { 'app/a.yaml': configMap(namespace, 'one') })
      await client.apply({
        apiVersion: 'source.toolkit.fluxcd.io/v1',
        kind: 'GitRepository',
        metadata: { name: 'app', namespace },
        spec: { interval: '1m', url: repository.url, ref: { branch: 'main' } },
      })
      await client.apply({
        apiVersion: 'kustomize.toolkit.fluxcd.io/v1',
        kind: 'Kustomization',
        metadata: { name: 'app', namespace },
        spec: { interval: '10m', path: './app', prune: true, sourceRef: { kind: 'GitRepository', name: 'app' } },
      })
      for (const value of ['one', 'two']) {
        // The second one knows nothing of the first: other keys under the same name.
        const deployment = await start(platform, namespace)
        try {
          if (value === 'two') await repository.commit({ 'app/a.yaml': configMap(namespace, 'two') })
          const { run } = await deliverPush(deployment, { url: repository.url })
          const done = await awaitRun(deployment, run ?? '')
          assert.equal(done.state, 'succeeded', JSON.stringify(done))
          assert.deepEqual(
            done.records.map(({ failedAttempts = 0 }) => failedAttempts),
            [0],
          )
          const { data } = await client.get({ apiVersion: 'v1', kind: 'ConfigMap', namespace, name: 'settings' })
          assert.equal(data.a, value)
          await lookAt(deployment.url)
        } finally {
          await deployment.stop()
        }
      }
    })
  })
}

/** What it publishes, and what it says of its credential. */
async function lookAt(url: string): Promise<void> {
  const discovery = await fetch(`${url}/.well-known/openid-configuration`)
  assert.equal(discovery.headers.get('cache-control'), 'public, max-age=20')
  const { issuer, jwks_uri: keys } = (await discovery.json()) as { issuer: string; jwks_uri: string }
  assert.equal(issuer, trusting.issuerUrl)
  assert.equal(keys, `${trusting.issuerUrl}/.well-known/jwks.json`)
  const set = await fetch(`${url}/.well-known/jwks.json`)
  assert.equal(set.headers.get('cache-control'), 'public, max-age=20')
  const text = await set.text()
  const { keys: published } = JSON.parse(text) as { keys: { kty: string; alg: string }[] }
  assert.deepEqual(
    published.map(({ kty, alg }) => [kty, alg]),
    [['EC', 'ES256']],
  )
  assert.doesNotMatch(text, /"d"/)
}
