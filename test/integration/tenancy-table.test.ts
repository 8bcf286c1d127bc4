import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { apiVersions, type Kind } from '../../src/api/index.ts'
import type { Job, NodeRecord } from '../../src/reconcile/index.ts'
import { parsePolicy } from '../../src/tenancy/index.ts'
import type { AuditMark } from '../support/audit-log.ts'
import { useCluster } from '../support/cluster.ts'
import { bundleCli, writeKubeconfig, type Cli } from '../support/cli.ts'
import { createNamespace } from '../support/create-namespace.ts'
import { endNamespace } from '../support/end-namespace.ts'
import { createScenario, type Scenario } from '../support/scenario.ts'
import { tenancyCases, type TenancyCase } from '../support/tenancy-cases.ts'

const cluster = useCluster()

const workloads: ReadonlySet<string> = new Set(['Kustomization', 'HelmRelease'])
/** A push to a Git repository is no reason to look at what comes from elsewhere. */
const isOfGit = ({ kind, spec }: TenancyCase): boolean =>
  kind === 'GitRepository' ||
  (workloads.has(kind) &&
    !/"kind":"(?:OCIRepository|Bucket|HelmRepository|HelmChart|ExternalArtifact)"/.test(JSON.stringify(spec)))
/** Nothing looks at a registry of charts by itself, but the charts in it. */
const isLookedAt = ({ kind, spec }: TenancyCase): boolean =>
  workloads.has(kind) || (sources.has(kind) && spec['type'] !== 'oci')
const sources: ReadonlySet<string> = new Set(['GitRepository', 'OCIRepository', 'HelmRepository', 'Bucket'])

/** Every reference field, on every way into the engine: refused with the name of the rule, and nothing is done. */
describe('every reference to something of somebody else', () => {
  let made: Scenario
  let other: string
  let directory: string
  let cli: Cli
  let cases: readonly (TenancyCase & { readonly name: string })[]
  let mark: AuditMark

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'sluice-tenancy-'))
    cli = await bundleCli(directory)
    const name = `test-tenancy-${Date.now().toString(36)}`
    const places = [name, `${name}-other`] as const
    other = places[1]
    for (const namespace of places) await createNamespace(cluster.client, namespace)
    const files = {
      'app/a.yaml': 'apiVersion: v1\nkind: ConfigMap\nmetadata: { name: applied }\n',
      'chart/Chart.yaml': 'apiVersion: v2\nname: chart\nversion: 1.2.3\n',
      'chart/templates/a.yaml': 'apiVersion: v1\nkind: ConfigMap\nmetadata: { name: applied-by-helm }\n',
    }
    made = await createScenario({ ...cluster, namespace: () => Promise.resolve(name) }, { files })
    const { client, repository } = made
    const { url } = repository
    const policy = { tenants: [{ name: 'a', namespaces: [name], sources: [url] }], platformNamespaces: [other] }
    await writeFile(join(directory, 'tenants.yaml'), JSON.stringify(policy))
    await writeKubeconfig(join(directory, 'kubeconfig'), cluster.address)
    const settings = { ...made.deps.settings, namespaces: [name, other], tenants: parsePolicy(policy) }
    Object.assign(made.deps, { settings })
    // What is referred to is there, and would do.
    await client.apply({
      apiVersion: apiVersions.GitRepository,
      kind: 'GitRepository',
      metadata: { name: 'shared', namespace: other },
      spec: { interval: '1h', url, ref: { branch: 'main' } },
    })
    cases = tenancyCases({ own: name, other, url }).map((one, index) => ({ ...one, name: `case-${index}` }))
    for (const one of cases) {
      const { kind, spec, annotations = {}, status } = one
      const object = {
        apiVersion: apiVersions[kind as Kind],
        kind,
        metadata: { name: one.name, namespace: name, annotations },
      }
      await client.apply({ ...object, spec })
      if (status !== undefined)
        await client.request('PATCH', statusPath(name, one.name), {
          body: { status },
          contentType: 'application/merge-patch+json',
        })
    }
    mark = await cluster.auditMark()
  })
  after(async () => {
    await made.close()
    for (const name of [made.namespace, other]) await endNamespace(cluster.client, name)
    await rm(directory, { recursive: true, force: true })
  })

  const statusPath = (namespace: string, name: string): string =>
    `/apis/source.toolkit.fluxcd.io/v1/namespaces/${namespace}/externalartifacts/${name}/status`

  /** What an entry point must have said of a case. */
  const assertRefused = (nodes: readonly NodeRecord[], wanted: readonly (TenancyCase & { name: string })[]): void => {
    const wrong = wanted.flatMap((one) => {
      const node = nodes.find(({ kind, name }) => kind === one.kind && name === one.name)
      const isRefused = node?.state === 'failed' && node.reason === 'AccessDenied'
      const isNamed = node?.message?.includes(`${one.rule}: `) === true && node.message.includes(one.field)
      return isRefused && isNamed ? [] : [`${one.kind} ${one.title}: ${node?.state} ${node?.reason} ${node?.message}`]
    })
    assert.deepEqual(wrong, [])
  }
  const pushOf = (urls: readonly string[]): Partial<Job> => ({
    kind: 'push',
    push: { provider: 'github', deliveryId: crypto.randomUUID(), urls, ref: 'refs/heads/main' },
  })
  const forget = async (): Promise<void> => {
    for (const { key } of await made.deps.state.list('')) await made.deps.state.delete(key)
    delete made.deps.caches.checks
  }

  it('a push', async () => {
    const { url } = made.repository
    const { record } = await made.run(pushOf([url, url.replace('/team/', '/secret/')]))
    assertRefused(record.nodes, cases.filter(isOfGit))
  })

  it('a scan', async () => {
    await forget()
    const { record } = await made.run({ kind: 'scan' })
    assertRefused(record.nodes, cases.filter(isLookedAt))
  })

  it('a trigger for everything, and for one object', async () => {
    const { record } = await made.run({ kind: 'trigger', target: 'cluster' })
    assertRefused(record.nodes, cases.filter(isLookedAt))
    for (const one of cases.filter(({ kind }) => workloads.has(kind))) {
      const object = { kind: one.kind, namespace: made.namespace, name: one.name }
      assertRefused((await made.run({ kind: 'trigger', target: { object } })).record.nodes, [one])
    }
  })

  it('a plan', async () => {
    const { record } = await made.run({ kind: 'trigger', target: 'cluster', plan: true })
    assertRefused(
      record.nodes,
      cases.filter(({ kind }) => workloads.has(kind)),
    )
  })

  it('the command line with a kubeconfig alone', async () => {
    const args = ['plan', 'cluster', '-n', made.namespace, '--tenants', join(directory, 'tenants.yaml'), '-o', 'json']
    const { stdout, stderr } = await cli.run([...args, '--kubeconfig', join(directory, 'kubeconfig')])
    for (const one of cases.filter(({ kind }) => workloads.has(kind)))
      assert.ok(stdout.includes(one.field) && stdout.includes(`${one.rule}: `), `${one.title}\n${stdout}${stderr}`)
  })

  it('a chart in a registry of somebody else', async () => {
    const { client, namespace } = made
    const repository = cases.find(({ spec }) => spec['type'] === 'oci')
    assert.ok(repository !== undefined)
    const sourceRef = { kind: 'HelmRepository', name: repository.name }
    await client.apply({
      apiVersion: apiVersions.HelmRelease,
      kind: 'HelmRelease',
      metadata: { name: 'of-registry', namespace },
      spec: { interval: '10m', chart: { spec: { chart: 'app', sourceRef } } },
    })
    const object = { kind: 'HelmRelease', namespace, name: 'of-registry' }
    const { record } = await made.run({ kind: 'trigger', target: { object } })
    const node = record.nodes.find(({ name }) => name === 'of-registry')
    assert.equal(node?.state, 'failed')
    assert.match(node.message ?? '', /source-url: spec\.url/)
  })

  it('an ExternalArtifact is nothing to render, and a Receiver is not ready', async () => {
    const { client, namespace } = made
    for (const one of cases.filter(({ kind }) => kind === 'ExternalArtifact')) {
      const name = `of-${one.name}`
      await made.kustomization(name, {
        sourceRef: { kind: 'ExternalArtifact', name: one.name },
        targetNamespace: undefined,
      })
      const object = { kind: 'Kustomization', namespace, name }
      const { record } = await made.run({ kind: 'trigger', target: { object } })
      const [node] = record.nodes.filter((found) => found.name === name)
      assert.equal(node?.state, 'failed')
      assert.match(node.message ?? '', new RegExp(`${one.rule}: .*${one.field}`))
    }
    const receiver = cases.find(({ kind }) => kind === 'Receiver')
    const found = await client.get({
      apiVersion: apiVersions.Receiver,
      kind: 'Receiver',
      namespace,
      name: receiver?.name ?? '',
    })
    const ready = (
      found['status'] as { conditions: { type: string; status: string; message: string }[] }
    ).conditions.find(({ type }) => type === 'Ready')
    assert.equal(ready?.status, 'False')
    assert.match(ready.message, /cross-namespace-reference: spec\.resources\[0\]\.namespace/)
  })

  it('and nothing was done', async () => {
    const { requests } = await cluster.requestCounts(mark)
    const writes = requests
      .filter(({ verb }) => !['get', 'list', 'watch'].includes(verb))
      .filter(({ uri }) => !uri.includes('dryRun=All'))
      .filter(({ uri }) => uri.includes(`/namespaces/${made.namespace}/`) || uri.includes(`/namespaces/${other}/`))
      .filter(({ uri }) => !/\/(?:status|events)\b|toolkit\.fluxcd\.io/.test(uri))
    assert.deepEqual(
      writes.map(({ verb, uri }) => `${verb} ${uri}`),
      [],
    )
    const maps = await made.client.list({ apiVersion: 'v1', kind: 'ConfigMap', namespace: made.namespace })
    assert.deepEqual(
      maps.map(({ metadata }) => metadata.name).filter((name) => name.startsWith('applied')),
      [],
    )
  })
})
