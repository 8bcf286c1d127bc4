import assert from 'node:assert/strict'
import { after, describe, it } from 'node:test'
import type { KubeRequest, KubeTransport } from '../../src/ports/index.ts'
import type { ClusterAccessRequest } from '../../src/ports/index.ts'
import { useCluster } from '../support/cluster.ts'
import { createScenario, nodeOf, type Scenario, type ScenarioOptions } from '../support/scenario.ts'
import { kubeconfigOf, makeTenant, putSecret } from '../support/tenant.ts'

const cluster = useCluster()
const open: Scenario[] = []
after(async () => {
  for (const made of open) await made.close()
})

const configMap = (name: string): string =>
  `apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: ${name}\ndata: { a: "1" }\n`
const files = { 'app/a.yaml': configMap('a'), 'app/b.yaml': configMap('b') }

async function scenario(options: Partial<ScenarioOptions> = {}): Promise<{ made: Scenario; sent: KubeRequest[] }> {
  const sent: KubeRequest[] = []
  const wrapTransport = (inner: KubeTransport): KubeTransport => ({
    cluster: inner.cluster,
    send: (request) => {
      sent.push(request)
      return inner.send(request)
    },
  })
  const made = await createScenario(cluster, { files, wrapTransport, ...options })
  open.push(made)
  return { made, sent }
}

const tenant = (made: Scenario, name: string): Promise<void> => makeTenant(made, name)

const mapRef = (made: Scenario, name: string) => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  namespace: made.namespace,
  name,
})

/** Requests for objects that are not ours, and so the tenant's. What a scan wakes up for, and the switch of the cluster, the run sees for itself. */
function tenantRequests(sent: readonly KubeRequest[]): readonly KubeRequest[] {
  const own = /fluxcd\.io%2Fwatch|\/configmaps\/sluice-hold/
  return sent.filter(({ path }) => /\/configmaps/.test(path) && !own.test(path))
}

describe('impersonation', () => {
  for (const field of ['spec.serviceAccountName', 'the default service account']) {
    it(`by ${field}: reads, dry-runs, writes, prunes and health checks are the service account's`, async () => {
      const isDefault = field !== 'spec.serviceAccountName'
      const { made, sent } = await scenario(isDefault ? { settings: { defaultServiceAccount: 'team' } } : {})
      await tenant(made, 'team')
      // Five, so that live objects are read as lists.
      for (let i = 0; i < 5; i++)
        await made.kustomization(`app-${i}`, {
          namePrefix: `k${i}-`,
          wait: true,
          ...(isDefault ? {} : { serviceAccountName: 'team' }),
        })
      const first = await made.pushed()
      assert.equal(first.state, 'succeeded', JSON.stringify(first))
      const second = await made.push({ 'app/b.yaml': null })
      assert.equal(second.state, 'succeeded', JSON.stringify(second))
      assert.equal(await made.client.find(mapRef(made, 'k0-b')), undefined)
      await made.client.delete({
        apiVersion: 'kustomize.toolkit.fluxcd.io/v1',
        kind: 'Kustomization',
        namespace: made.namespace,
        name: 'app-1',
      })
      await made.scan()
      assert.equal(await made.client.find(mapRef(made, 'k1-a')), undefined)
      const requests = tenantRequests(sent)
      assert.ok(requests.length > 20, `${requests.length} requests`)
      const user = `system:serviceaccount:${made.namespace}:team`
      for (const request of requests) assert.equal(request.as?.user, user, `${request.method} ${request.path}`)
    })
  }

  it('what the service account may not do fails, and names object and user', async () => {
    const { made } = await scenario({
      files: { 'app/s.yaml': 'apiVersion: v1\nkind: Service\nmetadata:\n  name: s\nspec:\n  ports: [{ port: 80 }]\n' },
    })
    await tenant(made, 'team')
    await made.kustomization('app', { serviceAccountName: 'team' })
    const node = nodeOf(await made.pushed(), 'Kustomization/app')
    assert.equal(node.state, 'failed')
    assert.match(node.message ?? '', /Service\/.*\/s dry-run failed \(Forbidden\).*system:serviceaccount:.*:team/)
  })
})

const kubeconfig = (user: object, server?: string): string => kubeconfigOf(cluster, user, server)

describe('spec.kubeConfig', () => {
  it('by a Secret: objects go to that cluster, status stays; impersonation there, prune and deletion too', async () => {
    const { made, sent } = await scenario()
    await tenant(made, 'team')
    await putSecret(made, 'remote', { value: kubeconfig({ token: cluster.address.token }) })
    await made.kustomization('app', {
      kubeConfig: { secretRef: { name: 'remote' } },
      serviceAccountName: 'team',
      wait: true,
    })
    const first = await made.pushed()
    assert.equal(first.state, 'succeeded', JSON.stringify(first))
    assert.equal((await made.client.get(mapRef(made, 'a')))['data'].a, '1')
    assert.ok((first.requests ?? 0) > sent.length - 5, 'requests to the other cluster are counted')
    await made.push({ 'app/b.yaml': null })
    assert.equal(await made.client.find(mapRef(made, 'b')), undefined)
    await made.client.delete({
      apiVersion: 'kustomize.toolkit.fluxcd.io/v1',
      kind: 'Kustomization',
      namespace: made.namespace,
      name: 'app',
    })
    await made.scan()
    assert.equal(await made.client.find(mapRef(made, 'a')), undefined)
    assert.deepEqual(
      tenantRequests(sent).map((request) => `${request.method} ${request.path}`),
      [],
      'none of it goes over the connection of the run',
    )
  })

  it('by a Secret with a key; a kubeconfig that is replaced is used at once', async () => {
    const { made } = await scenario()
    await putSecret(made, 'remote', { mine: kubeconfig({ token: 'wrong' }) })
    await made.kustomization('app', { kubeConfig: { secretRef: { name: 'remote', key: 'mine' } } })
    const refused = nodeOf(await made.pushed(), 'Kustomization/app')
    assert.equal(refused.state, 'failed')
    assert.match(refused.message ?? '', /Unauthorized/i)
    await putSecret(made, 'remote', { mine: kubeconfig({ token: cluster.address.token }) })
    const { record } = await made.run({ kind: 'trigger', target: 'cluster' })
    assert.equal(record.state, 'succeeded', JSON.stringify(record))
  })

  const refusals: { [what: string]: [{ [key: string]: string } | undefined, RegExp] } = {
    'no Secret': [undefined, /Secret 'remote' was not found/],
    'no key': [{ other: 'x' }, /no kubeconfig under 'value' or 'value.yaml'/],
    'programs to run': [
      { value: JSON.stringify({ placeholder: 'exec' }) },
      /nothing to log in with is left without user\.exec/,
    ],
    'files of this machine': [{ value: JSON.stringify({ placeholder: 'file' }) }, /user\.tokenFile/],
  }
  for (const [what, [data, expected]] of Object.entries(refusals)) {
    it(`refuses ${what}, without a word of what the Secret holds`, async () => {
      const { made } = await scenario()
      const canary = 'canary-8d1f'
      if (data !== undefined) {
        const value = data['value']?.includes('exec')
          ? kubeconfig({ exec: { command: canary } })
          : data['value']?.includes('file')
            ? kubeconfig({ tokenFile: `/${canary}` })
            : undefined
        await putSecret(made, 'remote', value === undefined ? data : { value })
      }
      await made.kustomization('app', { kubeConfig: { secretRef: { name: 'remote' } } })
      const node = nodeOf(await made.pushed(), 'Kustomization/app')
      assert.equal(node.state, 'failed')
      assert.match(node.message ?? '', expected)
      assert.doesNotMatch(JSON.stringify(node) + made.logLines.join(), new RegExp(canary))
    })
  }

  it('by a ConfigMap with the provider generic: a service account logs in with a token of its own', async () => {
    const { made } = await scenario()
    const { namespace, client } = made
    await tenant(made, 'robot')
    const { server, caPem } = cluster.address
    const data = { provider: 'generic', address: server, 'ca.crt': caPem, serviceAccountName: 'robot' }
    await client.apply({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'access', namespace },
      data: { ...data, audiences: 'https://kubernetes.default.svc.cluster.local\nhttps://kubernetes.default.svc\n' },
    })
    await made.kustomization('app', { kubeConfig: { configMapRef: { name: 'access' } } })
    const record = await made.pushed()
    assert.equal(record.state, 'succeeded', JSON.stringify(record))
    assert.equal((await client.get(mapRef(made, 'a')))['data'].a, '1')
    assert.equal(made.deps.caches.remotes.size, 1)
    const applied = await client.get(mapRef(made, 'a'))
    assert.equal(applied.metadata.managedFields?.[0]?.manager, 'kustomize-controller')
  })

  it('by a ConfigMap of a cloud that is not built in: says so; a provider that is given is asked', async () => {
    const { made } = await scenario()
    const { namespace, client } = made
    await client.apply({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'access', namespace },
      data: { provider: 'aws', cluster: 'arn:aws:eks:eu-west-1:1:cluster/x', serviceAccountName: 'reader' },
    })
    await client.apply({
      apiVersion: 'v1',
      kind: 'ServiceAccount',
      metadata: { name: 'reader', namespace, annotations: { 'eks.amazonaws.com/role-arn': 'role' } },
    })
    await made.kustomization('app', { kubeConfig: { configMapRef: { name: 'access' } } })
    const node = nodeOf(await made.pushed(), 'Kustomization/app')
    assert.match(node.message ?? '', /provider 'aws' .* is not supported by this deployment/)
    const asked: string[] = []
    const { runJob } = await import('../../src/reconcile/index.ts')
    const deps = {
      ...made.deps,
      clusterAccess: {
        aws: async ({ cluster: name, serviceAccount }: ClusterAccessRequest) => {
          const issued = (await serviceAccount?.token('sts.amazonaws.com')) ?? ''
          const claims = JSON.parse(Buffer.from(issued.split('.')[1] ?? '', 'base64url').toString()) as object
          assert.deepEqual(claims, {
            ...claims,
            aud: ['sts.amazonaws.com'],
            sub: `system:serviceaccount:${namespace}:reader`,
          })
          assert.equal(serviceAccount?.annotations['eks.amazonaws.com/role-arn'], 'role')
          asked.push(name)
          const { server, caPem: ca, token } = cluster.address
          return { server, ca, token, expiresAt: Date.now() + 600_000 }
        },
      },
    }
    for (const runId of ['1', '2']) {
      const { record } = await runJob(deps, {
        kind: 'trigger',
        target: 'cluster',
        runId,
        cluster: 'test',
        receivedAt: 0,
      })
      assert.equal(record.state, 'succeeded', JSON.stringify(record))
    }
    assert.deepEqual(asked, ['arn:aws:eks:eu-west-1:1:cluster/x'], 'the login is kept')
  })

  it('a cluster that is away concerns only what is applied to it', async () => {
    const { made } = await scenario()
    await putSecret(made, 'away', { value: kubeconfig({ token: 'x' }, 'https://127.0.0.1:1') })
    await made.kustomization('away', { kubeConfig: { secretRef: { name: 'away' } }, namePrefix: 'away-' })
    await made.kustomization('here', {})
    const record = await made.pushed()
    assert.equal(nodeOf(record, 'Kustomization/here').state, 'ready')
    const away = nodeOf(record, 'Kustomization/away')
    assert.equal(away.state, 'failed')
    assert.match(away.message ?? '', /cannot be reached/)
  })

  it('hosts that the deployment does not let its tenants reach are refused', async () => {
    const { createNodeKubeConnector } = await import('../../src/platforms/node/kube-connector.ts')
    const connect = createNodeKubeConnector()
    for (const server of ['https://169.254.169.254', 'https://10.0.0.1:6443', 'https://kubernetes.default.svc'])
      assert.throws(() => connect({ cluster: 'c', server }), { code: 'egress-refused' })
  })
})
