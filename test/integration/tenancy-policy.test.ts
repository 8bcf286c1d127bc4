import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { after, describe, it } from 'node:test'
import { apiVersions } from '../../src/api/index.ts'
import type { KubeRequest, KubeTransport } from '../../src/ports/index.ts'
import { parsePolicy } from '../../src/tenancy/index.ts'
import { useCluster } from '../support/cluster.ts'
import { configMapTemplate, createReleaseScenario } from '../support/release-scenario.ts'
import { createScenario, nodeOf, type Scenario, type ScenarioOptions } from '../support/scenario.ts'
import { makeTenant, untilAllowed } from '../support/tenant.ts'

const cluster = useCluster()
const open: { close(): Promise<void> }[] = []
after(async () => {
  for (const made of open) await made.close()
})

async function scenario(options: ScenarioOptions): Promise<Scenario> {
  const made = await createScenario(cluster, options)
  open.push(made)
  return made
}

const configMap = (name: string, more = ''): string =>
  `apiVersion: v1\nkind: ConfigMap\nmetadata: { name: ${name} }\n${more}`

/** The scenario's settings with a policy for its namespace. */
function withPolicy(made: Scenario, tenant: object): void {
  const given = { name: 'team', namespaces: [made.namespace], sources: ['*'], ...tenant }
  const settings = { ...made.deps.settings, tenants: parsePolicy({ tenants: [given] }) }
  Object.assign(made.deps, { settings })
}

describe('the policy of a cluster, in Git', () => {
  it('is there from the commit on that brings it; a broken one stops tenants only, until it is mended in Git', async () => {
    const made = await scenario({ files: { 'app/a.yaml': configMap('a') } })
    const { client, repository } = made
    const team = await cluster.namespace()
    // The scenario's namespace is the platform's; its Kustomization applies the policy.
    const settings = {
      ...made.deps.settings,
      namespaces: [made.namespace, team],
      tenantsConfigMap: `${made.namespace}/policy`,
    }
    Object.assign(made.deps, { settings })
    await made.kustomization('app')
    const policy = (text: string): string => `${configMap('policy')}data:\n  tenants.yaml: |\n    ${text}\n`
    await client.apply({
      apiVersion: apiVersions.GitRepository,
      kind: 'GitRepository',
      metadata: { name: 'app', namespace: team },
      spec: { interval: '1h', url: repository.url, ref: { branch: 'main' } },
    })
    await client.apply({
      apiVersion: apiVersions.Kustomization,
      kind: 'Kustomization',
      metadata: { name: 'of-team', namespace: team },
      spec: {
        interval: '1h',
        prune: true,
        path: './team',
        targetNamespace: team,
        sourceRef: { kind: 'GitRepository', name: 'app' },
      },
    })
    await makeTenantUser(team)
    const scan = async (): Promise<ReturnType<typeof nodeOf>> => {
      const { record } = await made.run({ kind: 'trigger', target: 'cluster' })
      assert.equal(nodeOf(record, 'Kustomization/app').state, 'ready')
      return nodeOf(record, 'Kustomization/of-team')
    }
    await made.push({ 'team/b.yaml': configMap('b') })
    assert.match((await scan()).message ?? '', /policy-unusable: the policy is missing: there is no ConfigMap/)

    const good = JSON.stringify({ tenants: [{ name: 'team', namespaces: [team], sources: [repository.url] }] })
    await made.push({ 'app/policy.yaml': policy(good) })
    assert.equal((await scan()).state, 'ready', JSON.stringify(await scan()))

    await made.push({ 'app/policy.yaml': policy('tenants: [{ name: team }]') })
    assert.match((await scan()).message ?? '', /policy-unusable: .*tenants\.0\.namespaces/)
    await made.push({ 'app/policy.yaml': policy(good), 'team/b.yaml': configMap('b', 'data: { x: "2" }\n') })
    assert.equal((await scan()).state, 'ready')
  })

  /** The user that a tenant is by default may write ConfigMaps in its namespace. */
  async function makeTenantUser(namespace: string): Promise<void> {
    const group = 'rbac.authorization.k8s.io'
    const meta = { apiVersion: `${group}/v1`, metadata: { name: 'team', namespace } }
    const rules = [{ apiGroups: [''], resources: ['configmaps'], verbs: ['*'] }]
    await cluster.client.apply({ ...meta, kind: 'Role', rules })
    const subjects = [{ kind: 'Group', name: 'sluice:tenant:team', apiGroup: group }]
    const roleRef = { apiGroup: group, kind: 'Role', name: 'team' }
    await cluster.client.apply({ ...meta, kind: 'RoleBinding', roleRef, subjects })
  }
})

describe('the identity of a tenant', () => {
  async function watched(tenant: object): Promise<{ made: Scenario; sent: KubeRequest[] }> {
    const sent: KubeRequest[] = []
    const wrapTransport = (inner: KubeTransport): KubeTransport => ({
      cluster: inner.cluster,
      send: (request) => {
        sent.push(request)
        return inner.send(request)
      },
    })
    const made = await scenario({ files: { 'app/a.yaml': configMap('a') }, wrapTransport })
    withPolicy(made, tenant)
    return { made, sent }
  }
  /** Requests for what is the tenant's; the deployment itself looks at ConfigMaps of its own. */
  const ofMaps = (sent: readonly KubeRequest[]): readonly KubeRequest[] =>
    sent.filter(({ path }) => /namespaces\/test-[^/]*\/configmaps/.test(path) && !path.includes('fluxcd.io%2Fwatch'))

  it('is a service account, whether an object names it or not; pruning and deleting too', async () => {
    const { made, sent } = await watched({ identity: { serviceAccount: 'team' } })
    await makeTenant(made, 'team')
    await made.kustomization('unnamed', { namePrefix: 'u-' })
    await made.kustomization('named', { namePrefix: 'n-', serviceAccountName: 'team' })
    await made.kustomization('other', { namePrefix: 'o-', serviceAccountName: 'default' })
    const record = await made.pushed()
    for (const name of ['unnamed', 'named']) assert.equal(nodeOf(record, `Kustomization/${name}`).state, 'ready')
    assert.match(nodeOf(record, 'Kustomization/other').message ?? '', /identity: spec\.serviceAccountName/)
    const key = { apiVersion: apiVersions.Kustomization, kind: 'Kustomization', namespace: made.namespace }
    await made.client.delete({ ...key, name: 'unnamed' })
    await made.scan()
    assert.equal(await made.client.find({ ...key, name: 'unnamed' }), undefined)
    const requests = ofMaps(sent)
    assert.ok(requests.length > 5)
    for (const { as } of requests) assert.deepEqual(as, { user: `system:serviceaccount:${made.namespace}:team` })
  })

  it('is a user with groups', async () => {
    const identity = { user: 'team-user', groups: ['team-group'] }
    const { made, sent } = await watched({ identity })
    const group = 'rbac.authorization.k8s.io'
    const meta = { apiVersion: `${group}/v1`, metadata: { name: 'team', namespace: made.namespace } }
    const rules = [{ apiGroups: [''], resources: ['configmaps'], verbs: ['*'] }]
    await made.client.apply({ ...meta, kind: 'Role', rules })
    const subjects = [{ kind: 'Group', name: 'team-group', apiGroup: group }]
    await made.client.apply({
      ...meta,
      kind: 'RoleBinding',
      roleRef: { apiGroup: group, kind: 'Role', name: 'team' },
      subjects,
    })
    await untilAllowed(made.client, identity, made.namespace)
    await made.kustomization('app')
    const record = await made.pushed()
    assert.equal(record.state, 'succeeded', JSON.stringify(record))
    for (const { as } of ofMaps(sent)) assert.deepEqual(as, identity)
  })

  it('deletes nothing for an object that is nobody’s, and says what to do', async () => {
    const { made } = await watched({ identity: { serviceAccount: 'team' } })
    await makeTenant(made, 'team')
    await made.kustomization('app')
    assert.equal((await made.pushed()).state, 'succeeded')
    withPolicy(made, { namespaces: ['another'] })
    const key = { apiVersion: apiVersions.Kustomization, kind: 'Kustomization', namespace: made.namespace, name: 'app' }
    await made.client.delete(key)
    const node = nodeOf(await made.scan(), 'Kustomization/app')
    assert.equal(node.state, 'failed')
    assert.match(node.message ?? '', /namespace-unassigned: .*belongs to no tenant/)
    const map = { apiVersion: 'v1', kind: 'ConfigMap', namespace: made.namespace, name: 'a' }
    assert.ok((await made.client.find(map)) !== undefined)
    withPolicy(made, { identity: { serviceAccount: 'team' } })
    await made.scan()
    assert.equal(await made.client.find(key), undefined)
    assert.equal(await made.client.find(map), undefined)
  })
})

describe('a policy that becomes stricter', () => {
  it('keeps a release from being put back to what is not allowed any more', async () => {
    const made = await createReleaseScenario(cluster, { files: { 'templates/a.yaml': configMapTemplate('a') } })
    open.push(made)
    withPolicy(made, { identity: { serviceAccount: 'team' } })
    await makeTenant(made, 'team', ['configmaps', 'secrets'])
    await made.release({ values: { value: 'one' }, driftDetection: { mode: 'enabled' } })
    assert.equal((await made.reconcile()).state, 'ready')
    withPolicy(made, { identity: { serviceAccount: 'team' }, kinds: { deny: ['ConfigMap'] } })
    const key = { apiVersion: 'v1', kind: 'ConfigMap', namespace: made.namespace, name: 'a' }
    await made.client.patch(key, { data: { value: 'by hand' } })
    const node = await made.reconcile()
    assert.equal(node.state, 'failed')
    assert.match(node.message ?? '', /kind: ConfigMap\/.*\/a/)
    assert.deepEqual((await made.client.get(key))['data'], { value: 'by hand' })
  })
})

describe('the credentials of the deployment', () => {
  const encrypted = readFileSync(
    new URL('../fixtures/sops/encrypted/rule-encrypted-regex.yaml', import.meta.url),
    'utf8',
  )
  const key = readFileSync(new URL('../fixtures/sops/keys/one.agekey', import.meta.url), 'utf8')

  it('decrypt nothing for a tenant, unless its policy says so', async () => {
    const made = await scenario({ files: { 'app/secret.yaml': encrypted } })
    const platform = await cluster.namespace()
    await made.client.apply({
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 'keys', namespace: platform },
      stringData: { 'age.agekey': key },
    })
    Object.assign(made.deps, { settings: { ...made.deps.settings, sopsAgeSecret: `${platform}/keys` } })
    const tenant = { identity: { serviceAccount: 'team' } }
    withPolicy(made, tenant)
    await makeTenant(made, 'team', ['configmaps', 'secrets'])
    await made.kustomization('app', { decryption: { provider: 'sops' } })
    assert.match(
      nodeOf(await made.pushed(), 'Kustomization/app').message ?? '',
      /platform-credentials: spec\.decryption/,
    )
    // A Secret of its own does not open the door to the keys of others.
    await made.client.apply({
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 'own', namespace: made.namespace },
      stringData: { 'unused.agekey': '' },
    })
    await made.kustomization('app', { decryption: { provider: 'sops', secretRef: { name: 'own' } } })
    const { record } = await made.run({ kind: 'trigger', target: 'cluster' })
    assert.equal(nodeOf(record, 'Kustomization/app').state, 'failed')
    withPolicy(made, { ...tenant, platformCredentials: true })
    await made.kustomization('app', { decryption: { provider: 'sops' } })
    const allowed = await made.run({ kind: 'trigger', target: 'cluster' })
    assert.equal(nodeOf(allowed.record, 'Kustomization/app').state, 'ready', JSON.stringify(allowed.record))
  })
})
