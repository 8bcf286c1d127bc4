import assert from 'node:assert/strict'
import { createHash, createHmac, randomUUID } from 'node:crypto'
import { after, before, describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Delivery } from '../../src/observe/index.ts'
import { useCluster } from '../support/cluster.ts'
import { createNamespace } from '../support/create-namespace.ts'
import { installCrds } from '../support/crds.ts'
import { awaitRun, startDeployment, type Deployment } from '../support/deployment.ts'
import { endNamespace } from '../support/end-namespace.ts'
import { GitServer } from '../support/git-server.ts'
import type { GitTestRepository } from '../support/git-repository.ts'
import type { TestObject } from '../support/kube-test-client.ts'
import { freshClaims, startOidcIssuer, type OidcIssuer } from '../support/oidc-issuer.ts'

const cluster = useCluster()

const token = 'a token with a line break at its end\n'
const sourceVersion = 'source.toolkit.fluxcd.io/v1'
const requestedAt = 'reconcile.fluxcd.io/requestedAt'

describe('Receiver objects of a cluster', () => {
  let namespace: string
  let git: GitServer
  let repository: GitTestRepository
  let deployment: Deployment
  let issuer: OidcIssuer

  before(async () => {
    await installCrds(cluster.client)
    namespace = `hooks-${randomUUID().slice(0, 8)}`
    await createNamespace(cluster.client, namespace)
    git = await GitServer.start()
    issuer = await startOidcIssuer()
    repository = await git.create(`team/${namespace}`, {
      'app/a.yaml': 'apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\ndata: { value: "1" }\n',
    })
    for (const [name, more] of Object.entries({ app: {}, labelled: { labels: { team: 'a' } } })) {
      await cluster.client.apply({
        apiVersion: sourceVersion,
        kind: 'GitRepository',
        metadata: { name, namespace, ...more },
        spec: { interval: '24h', url: repository.url, ref: { branch: 'main' } },
      })
    }
    await cluster.client.apply({
      apiVersion: 'kustomize.toolkit.fluxcd.io/v1',
      kind: 'Kustomization',
      metadata: { name: 'app', namespace },
      spec: {
        interval: '24h',
        path: './app',
        prune: true,
        targetNamespace: namespace,
        sourceRef: { kind: 'GitRepository', name: 'app' },
      },
    })
    await secret('token', { token })
    deployment = await start()
  })
  after(async () => {
    await deployment?.stop()
    await issuer?.close()
    await git?.close()
    await endNamespace(cluster.client, namespace)
  })

  const start = (): Promise<Deployment> => {
    const { server, caPem, token: own } = cluster.address
    return startDeployment('node', {
      clusters: { main: { server, caPem, token: own } },
      namespaces: [namespace],
      scanIntervalSeconds: 1,
    })
  }
  const secret = (name: string, stringData: object): Promise<TestObject> =>
    cluster.client.apply({ apiVersion: 'v1', kind: 'Secret', metadata: { name, namespace }, stringData })
  const ref = (name: string) => ({ apiVersion: 'notification.toolkit.fluxcd.io/v1', kind: 'Receiver', namespace, name })
  const pathOf = (name: string, secretToken = token): string =>
    `/hook/${createHash('sha256').update(`${secretToken}${name}${namespace}`).digest('hex')}`
  const gitResource = { apiVersion: sourceVersion, kind: 'GitRepository', name: 'app' }

  /** Applies a Receiver and waits until its conditions say `status`. */
  const receiver = async (name: string, spec: object, status = 'True'): Promise<TestObject> => {
    await cluster.client.apply({
      apiVersion: 'notification.toolkit.fluxcd.io/v1',
      kind: 'Receiver',
      metadata: { name, namespace },
      spec: {
        ...('oidcProviders' in spec ? {} : { secretRef: { name: 'token' } }),
        resources: [gitResource],
        ...spec,
      },
    })
    return cluster.client.waitFor(
      ref(name),
      (found) => conditionOf(found, 'Ready')?.status === status,
    ) as Promise<TestObject>
  }
  const conditionOf = (object: TestObject | undefined, type: string) =>
    (
      object?.['status']?.conditions as { type: string; status: string; reason: string; message: string }[] | undefined
    )?.find((condition) => condition.type === type)
  /** Sends to a path until it is known: the index is written a moment after the status. */
  const send = async (path: string, init: RequestInit = {}): Promise<Response> => {
    for (const end = Date.now() + 60_000; ;) {
      const response = await fetch(`${deployment.url}${path}`, { method: 'POST', ...init })
      if (response.status !== 404 || Date.now() > end) return response
      await response.arrayBuffer()
      await sleep(200)
    }
  }
  const annotationOf = async (name = 'app', kind = 'GitRepository'): Promise<string | undefined> =>
    (await cluster.client.get({ apiVersion: sourceVersion, kind, namespace, name })).metadata.annotations?.[requestedAt]
  const deliveries = async (name: string): Promise<readonly Delivery[]> => {
    const response = await fetch(`${deployment.url}/deliveries?limit=200`, {
      headers: { authorization: `Bearer ${deployment.triggerToken}` },
    })
    const { deliveries: all } = (await response.json()) as { deliveries: Delivery[] }
    return all.filter((one) => one.receiver === `${namespace}/${name}`)
  }
  const hmac = (body: string, hash = 'sha256'): string => createHmac(hash, token).update(body).digest('hex')

  it('have the status that Flux gives them', async () => {
    const found = await receiver('plain', { type: 'generic' })
    const path = pathOf('plain')
    assert.equal(found['status'].webhookPath, path)
    assert.equal(found['status'].observedGeneration, found.metadata.generation)
    const ready = conditionOf(found, 'Ready')
    assert.equal(ready?.reason, 'Succeeded')
    assert.equal(ready?.message, `Receiver initialized for path: ${path}`)
    assert.equal(conditionOf(found, 'Reconciling'), undefined)
    assert.ok(
      found.metadata.managedFields?.some(
        (entry) => entry.manager === 'gotk-notification-controller' && entry.subresource === 'status',
      ),
    )
    // What `flux reconcile receiver` does.
    await cluster.client.patch(ref('plain'), { metadata: { annotations: { [requestedAt]: 'now' } } }, { type: 'merge' })
    const handled = await cluster.client.waitFor(
      ref('plain'),
      (object) => object?.['status']?.lastHandledReconcileAt === 'now',
    )
    assert.equal(handled?.['status'].webhookPath, path)
  })

  it('say what is wrong with them, in the words of Flux', async () => {
    const missing = await receiver('missing', { type: 'generic', secretRef: { name: 'nowhere' } }, 'False')
    const ready = conditionOf(missing, 'Ready')
    assert.equal(ready?.reason, 'TokenNotFound')
    assert.equal(
      ready?.message,
      `unable to read token from secret '${namespace}/nowhere' error: Secret "nowhere" not found`,
    )
    assert.equal(conditionOf(missing, 'Reconciling')?.reason, 'ProgressingWithRetry')
    assert.equal(missing['status'].webhookPath, undefined)
    const invalid = await receiver('invalid', { type: 'generic', resourceFilter: 'res.metadata.name ==' }, 'False')
    assert.equal(conditionOf(invalid, 'Ready')?.reason, 'InvalidCELExpression')
    assert.match(
      conditionOf(invalid, 'Stalled')?.message ?? '',
      /^Reconciliation failed terminally due to configuration error: invalid resourceFilter expression: /,
    )
    assert.equal(invalid['status'].observedGeneration, invalid.metadata.generation)
    // The token comes later.
    await secret('nowhere', { token: 'a token that comes later' })
    await cluster.client.waitFor(ref('missing'), (found) => conditionOf(found, 'Ready')?.status === 'True')
  })

  it('a delivery wakes what it names, and a run brings the commit to the cluster', async () => {
    await receiver('github', { type: 'github', events: ['push', 'ping'] })
    await repository.commit({
      'app/a.yaml': 'apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\ndata: { value: "2" }\n',
    })
    const body = JSON.stringify({ ref: 'refs/heads/main', repository: { clone_url: repository.url } })
    const headers = {
      'content-type': 'application/json',
      'x-github-event': 'push',
      'x-github-delivery': randomUUID(),
      'x-hub-signature-256': `sha256=${hmac(body)}`,
    }
    const response = await send(pathOf('github'), { headers, body })
    assert.equal(response.status, 200)
    assert.equal(await response.text(), '')
    const annotation = await annotationOf()
    assert.match(annotation ?? '', /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d+ \+0000 UTC$/)
    const [record] = await deliveries('github')
    assert.equal(record?.outcome, 'run')
    assert.equal(record?.ref, 'refs/heads/main')
    assert.equal(record?.deliveryId, headers['x-github-delivery'])
    const run = await awaitRun(deployment, record?.run ?? '')
    assert.equal(run.state, 'succeeded')
    const source = await cluster.client.get({ ...gitResource, namespace })
    assert.equal(source['status'].lastHandledReconcileAt, annotation)
    const map = await cluster.client.get({ apiVersion: 'v1', kind: 'ConfigMap', namespace, name: 'a' })
    assert.equal(map['data'].value, '2')

    // The same once more is known; the annotation stays.
    assert.equal((await send(pathOf('github'), { headers, body })).status, 200)
    assert.equal(await annotationOf(), annotation)
    assert.equal((await deliveries('github'))[0]?.outcome, 'duplicate')
    // An event that is not listed, a wrong signature, another body.
    const refusals: [object, string][] = [
      [{ 'x-github-event': 'issues' }, body],
      [{ 'x-hub-signature-256': `sha256=${hmac(`${body} `)}` }, body],
      [{}, `${body} `],
      [{ 'x-hub-signature-256': '' }, body],
    ]
    for (const [change, text] of refusals) {
      const refused = await send(pathOf('github'), { headers: { ...headers, ...change }, body: text })
      assert.equal(refused.status, 400)
      assert.equal(await refused.text(), '')
    }
    assert.equal(await annotationOf(), annotation)
  })

  it('each type verifies its own way', async () => {
    const body = JSON.stringify({
      action: 'push',
      repositoryName: 'r',
      docker_url: 'quay.io/a/b',
      updated_tags: ['v1'],
    })
    const json = { 'content-type': 'application/json' }
    const claims = freshClaims(issuer.url, { repository_owner: 'team' })
    const rows: { name: string; spec?: object; good: object; bad?: object }[] = [
      { name: 'generic', good: {} },
      {
        name: 'generic-hmac',
        good: { 'x-signature': `sha512=${hmac(body, 'sha512')}` },
        bad: { 'x-signature': 'sha1=00' },
      },
      {
        name: 'gitlab',
        spec: { secretRef: { name: 'plain' } },
        good: { 'x-gitlab-token': 'plain-token' },
        bad: { 'x-gitlab-token': 'x' },
      },
      { name: 'harbor', spec: { secretRef: { name: 'plain' } }, good: { authorization: 'plain-token' }, bad: {} },
      {
        name: 'bitbucket',
        good: { 'x-hub-signature': `sha256=${hmac(body)}` },
        bad: { 'x-hub-signature': `sha256=${hmac('')}` },
      },
      { name: 'quay', good: json },
      { name: 'dockerhub', good: json },
      { name: 'acr', good: json },
      {
        name: 'nexus',
        good: { 'x-nexus-webhook-signature': hmac(body, 'sha1') },
        bad: { 'x-nexus-webhook-signature': hmac('x', 'sha1') },
      },
      {
        name: 'generic-oidc',
        spec: {
          oidcProviders: [
            {
              issuerURL: issuer.url,
              variables: [{ name: 'owner', expression: 'claims.repository_owner' }],
              validations: [{ expression: "vars.owner == 'team'", message: 'another owner' }],
            },
          ],
        },
        good: { authorization: `Bearer ${await issuer.key.sign(claims)}` },
        bad: { authorization: `Bearer ${await issuer.key.sign({ ...claims, repository_owner: 'evil' })}` },
      },
    ]
    await secret('plain', { token: 'plain-token' })
    for (const { name, spec = {}, good, bad } of rows) {
      const object = await receiver(`type-${name}`, { type: name, ...spec })
      const path = object['status'].webhookPath as string
      const secretToken = 'oidcProviders' in spec ? '' : 'secretRef' in spec ? 'plain-token' : token
      assert.equal(path, pathOf(`type-${name}`, secretToken), name)
      const before = await annotationOf()
      const answer = await send(path, { headers: { ...(good as Record<string, string>) }, body })
      assert.equal(answer.status, 200, name)
      assert.notEqual(await annotationOf(), before, name)
      if (bad === undefined) continue
      const refused = await send(path, { headers: { ...(bad as Record<string, string>) }, body })
      assert.equal(refused.status, 400, name)
    }
  })

  it('filters, labels, and resources that cannot be woken', async () => {
    await receiver('filtered', {
      type: 'generic',
      resourceFilter: "req.tag.startsWith('v') && res.metadata.labels.team == 'a'",
      resources: [
        {
          apiVersion: sourceVersion,
          kind: 'GitRepository',
          name: '*',
          matchLabels: { team: 'a' },
          filter: "req.image == 'app'",
        },
      ],
    })
    const deliver = async (name: string, value: object): Promise<number> =>
      (await send(pathOf(name), { headers: { 'content-type': 'application/json' }, body: JSON.stringify(value) }))
        .status
    assert.equal(await deliver('filtered', { tag: 'v1', image: 'other' }), 200)
    assert.equal(await annotationOf('labelled'), undefined)
    assert.equal((await deliveries('filtered'))[0]?.outcome, 'ignored')
    assert.equal(await deliver('filtered', { tag: 'v1', image: 'app' }), 200)
    assert.ok(await annotationOf('labelled'))
    // A field that is not there cannot be compared, and filters need an object.
    assert.equal(await deliver('filtered', {}), 500)
    assert.equal(await deliver('filtered', []), 500)

    await receiver('partly', {
      type: 'generic',
      resources: [
        { apiVersion: sourceVersion, kind: 'GitRepository', name: 'nowhere' },
        { apiVersion: sourceVersion, kind: 'GitRepository', name: 'app', namespace: 'kube-system' },
        { kind: 'Kustomization', name: 'app' },
        gitResource,
      ],
    })
    const before = await annotationOf()
    assert.equal((await send(pathOf('partly'))).status, 500)
    assert.notEqual(await annotationOf(), before)
    const [failed] = (await deliveries('partly')).filter((one) => one.outcome === 'failed')
    assert.match(
      failed?.reason ?? '',
      /resources\[0\].*not found[\s\S]*cross-namespace references are not allowed[\s\S]*apiVersion must be specified/,
    )
  })

  it('what is suspended, unknown, too large or replaced', async () => {
    await receiver('life', { type: 'generic', secretRef: { name: 'life' } }, 'False')
    await secret('life', { token: 'the first token' })
    await cluster.client.waitFor(ref('life'), (found) => conditionOf(found, 'Ready')?.status === 'True')
    const first = pathOf('life', 'the first token')
    assert.equal((await send(first)).status, 200)
    assert.equal((await fetch(`${deployment.url}${first}?x=1`, { method: 'POST' })).status, 404)
    assert.equal((await fetch(`${deployment.url}${first}`, { method: 'GET' })).status, 200)
    assert.equal(
      (await fetch(`${deployment.url}${first.slice(0, -1)}0`, { method: 'POST' })).status,
      first.endsWith('0') ? 200 : 404,
    )
    const large = await fetch(`${deployment.url}${first}`, {
      method: 'POST',
      body: new Uint8Array(3 * 1024 * 1024 + 1),
    })
    assert.equal(large.status, 413)
    await cluster.client.patch(ref('life'), { spec: { suspend: true } }, { type: 'merge' })
    assert.equal((await send(first)).status, 503)
    await cluster.client.patch(ref('life'), { spec: { suspend: false } }, { type: 'merge' })
    assert.equal((await send(first)).status, 200)
    // A replaced token: the old path is gone at once, the new one is there after a scan.
    await secret('life', { token: 'the second token' })
    assert.equal((await fetch(`${deployment.url}${first}`, { method: 'POST' })).status, 404)
    assert.equal((await send(pathOf('life', 'the second token'))).status, 200)
    await cluster.client.delete(ref('life'))
    assert.equal(
      (await fetch(`${deployment.url}${pathOf('life', 'the second token')}`, { method: 'POST' })).status,
      404,
    )
  })

  it('a lost state store is made again by the next scan', async () => {
    await receiver('kept', { type: 'generic' })
    assert.equal((await send(pathOf('kept'))).status, 200)
    await deployment.stop()
    deployment = await start()
    assert.equal((await send(pathOf('kept'))).status, 200)
  })
})
