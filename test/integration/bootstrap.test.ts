import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { composeCrd, definitions } from '../../src/api/index.ts'
import { stepNames, uninstall, type StepName } from '../../src/bootstrap/index.ts'
import type { ForgeKind } from '../../src/forges/index.ts'
import { printYaml } from '../../src/yaml/index.ts'
import type { AuditMark } from '../support/audit-log.ts'
import { adopt, CutOff, type Adoption } from '../support/bootstrap/adoption.ts'
import { Canaries } from '../support/canaries.ts'
import { startControlPlane, type ControlPlane } from '../support/control-plane.ts'
import { startForge, type ForgeServer } from '../support/forge-api/server.ts'
import { createKubeTestClient, type KubeTestClient } from '../support/kube-test-client.ts'

const crd = (name: string): { apiVersion: string; kind: string; name: string } => ({
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  name,
})
const kustomization = {
  apiVersion: 'kustomize.toolkit.fluxcd.io/v1',
  kind: 'Kustomization',
  namespace: 'flux-system',
  name: 'flux-system',
}
const workload = { apiVersion: 'v1', kind: 'ConfigMap', namespace: 'default', name: 'web' }
const workloadFile = (color: string): string =>
  `apiVersion: v1\nkind: ConfigMap\nmetadata: { name: web, namespace: default }\ndata: { color: ${color} }\n`
const crdPath = 'clusters/prod/flux-system/sluice-crds.yaml'
const bucketCrd = 'buckets.source.toolkit.fluxcd.io'
const quiet = {
  begin: () => undefined,
  done: () => undefined,
  found: () => undefined,
  removed: () => undefined,
  warn: () => undefined,
}

/** The API server is this file's own, because definitions come and go here. */
describe('bootstrap', () => {
  let controlPlane: ControlPlane
  let client: KubeTestClient

  before(async () => {
    controlPlane = await startControlPlane()
    client = createKubeTestClient(controlPlane)
  })
  after(async () => {
    client.close()
    await controlPlane.stop()
  })

  /** A forge and somebody who adopts the cluster with it; at the end everything is gone, the definitions too. */
  async function withAdoption(
    kind: ForgeKind,
    work: (made: Adoption, forge: ForgeServer) => Promise<void>,
  ): Promise<void> {
    const forge = await startForge(kind)
    const canaries = new Canaries()
    canaries.add('token of the forge', forge.token)
    canaries.add('token of the cluster', controlPlane.token)
    const made = await adopt(controlPlane, forge, canaries)
    try {
      await work(made, forge)
      await remove(made)
    } finally {
      await made.close()
      await forge.close()
    }
    for (const line of made.environment.split('\n')) {
      const [, name = '', value = ''] = /^(\w*(?:SECRET|TOKEN))=(.+)$/.exec(line) ?? []
      if (name !== '') canaries.add(name, value)
    }
    canaries.assertNone(0)
  }

  async function remove(made: Adoption, isTotal = true): Promise<number> {
    const options = { isDryRun: false, withCrds: isTotal, withNamespace: isTotal }
    const removed = await uninstall({ client: made.client, forge: undefined, report: quiet }, options)
    if (isTotal) {
      made.client.invalidateDiscovery()
      const namespace = { apiVersion: 'v1', kind: 'Namespace', name: 'flux-system' }
      await client.waitFor(namespace, (found) => found === undefined, 60_000)
      for (const { plural, group } of Object.values(definitions))
        await client.waitFor(crd(`${plural}.${group}`), (found) => found === undefined)
      await client.delete(workload).catch(() => undefined)
    }
    return removed
  }

  /** What we wrote to the cluster: whoever bootstraps, and the deployment. */
  async function writesSince(mark: AuditMark): Promise<readonly string[]> {
    const { requests } = await controlPlane.requestCounts(mark)
    return requests
      .filter(({ verb, uri }) => ['create', 'update', 'patch', 'delete'].includes(verb) && !uri.includes('dryRun=All'))
      .filter(({ user }) => !/^system:(kube|apiserver|serviceaccount:kube-system)/.test(user))
      .map(({ verb, uri, user }) => `${verb} ${uri} ${user}`)
  }

  const applied = (commit: string): Promise<unknown> =>
    client.waitFor(kustomization, (found) => String(found?.['status']?.lastAppliedRevision).endsWith(commit), 60_000)

  for (const kind of ['github', 'gitlab', 'gitea'] as const) {
    it(`from nothing with ${kind}: repository, cluster side, deployment, webhook, and back`, () =>
      withAdoption(kind, async (made, forge) => {
        assert.equal(await client.find(crd(bucketCrd)), undefined)
        // First without a deployment: it is started from what this writes.
        const first = await made.run()
        assert.equal(first.isServed, false)
        const repository = forge.repositories.get('team/fleet')
        assert.ok(repository)
        assert.equal(repository.isPrivate, true)
        assert.equal(
          await repository.git.git('ls-tree', '-r', '--name-only', 'main'),
          ['kustomization', 'sluice-components', 'sluice-crds']
            .flatMap((name) => (name === 'kustomization' ? ['gotk-sync', name] : [name]))
            .map((name) => `clusters/prod/flux-system/${name}.yaml`)
            .join('\n'),
        )
        const inGit = await repository.git.git('grep', '-I', 'canary', 'main').catch(() => '')
        assert.equal(inGit, '', 'no secret is in Git')
        const secret = await client.get({
          apiVersion: 'v1',
          kind: 'Secret',
          namespace: 'flux-system',
          name: 'flux-system',
        })
        assert.equal(Buffer.from(secret['data'].password, 'base64').toString(), forge.token)

        // Then with it.
        const url = await made.serve()
        const second = await made.run()
        assert.equal(second.isServed, true)
        assert.equal(second.writes, 1, made.told.join('\n'))
        assert.equal(second.head, first.head)
        const [hook] = repository.hooks
        assert.equal(repository.hooks.length, 1)
        assert.equal(hook?.url, `${url}/hook/${kind}`)
        assert.ok(hook.deliveries.every(({ status }) => status === 200 || status === 202))
        assert.ok(hook.deliveries.length > 0)

        // A push arrives by webhook alone.
        await forge.push('team/fleet', { 'clusters/prod/apps/web.yaml': workloadFile('blue') })
        await client.waitFor(workload, (found) => found?.['data']?.color === 'blue', 60_000)
        const commit = (await repository.git.head()) ?? ''
        await applied(commit)

        // A second time there is nothing to do, and nothing is done.
        const mark = await controlPlane.auditMark()
        forge.requests.length = 0
        const environment = made.environment
        const again = await made.run()
        assert.deepEqual({ writes: again.writes, head: again.head }, { writes: 0, head: commit }, made.told.join('\n'))
        assert.deepEqual(
          made.told.filter((line) => line.startsWith('✔') || line.startsWith('!')),
          [],
        )
        assert.deepEqual(
          forge.requests.filter(({ method }) => method !== 'GET'),
          [],
        )
        assert.equal(made.environment, environment)
        assert.deepEqual(await writesSince(mark), [])

        // Uninstalled, the workload stays.
        assert.ok((await remove(made, false)) > 0)
        assert.equal(await client.find(kustomization), undefined)
        assert.equal(
          await client.find({ apiVersion: 'v1', kind: 'ServiceAccount', namespace: 'flux-system', name: 'sluice' }),
          undefined,
        )
        assert.equal((await client.get(workload))['data'].color, 'blue')
        assert.equal(await remove(made, false), 0)
      }))
  }

  it('upgrades its own definitions through Git, and refuses those that it could not serve', () =>
    withAdoption('github', async (made, forge) => {
      await made.run()
      await made.serve()
      await made.run()
      const crds = Object.values(definitions).map((one) => JSON.parse(JSON.stringify(composeCrd(one))) as CrdFile)
      const text = (): string => crds.map((one) => `---\n${printYaml(one, { dialect: 'sigs' })}`).join('')
      const bucket = crds.find((one) => one.metadata.name === bucketCrd)
      assert.ok(bucket)
      bucket.spec.names.shortNames = ['bkt']
      await forge.push('team/fleet', { [crdPath]: text(), 'clusters/prod/apps/web.yaml': workloadFile('blue') })
      const hasName = (names?: { shortNames?: string[] }): boolean => names?.shortNames?.[0] === 'bkt'
      await client.waitFor(crd(bucketCrd), (found) => hasName(found?.['spec'].names), 60_000)
      await client.waitFor(crd(bucketCrd), (found) => hasName(found?.['status'].acceptedNames), 60_000)
      const good = (await forge.repositories.get('team/fleet')?.git.head()) ?? ''
      await applied(good)
      const before = await client.get(crd(bucketCrd))

      for (const version of bucket.spec.versions) if (version.name === 'v1') version.served = false
      bucket.spec.versions.push({ ...bucket.spec.versions[0], name: 'v9', served: true, storage: true } as never)
      for (const version of bucket.spec.versions) version.storage = version.name === 'v9'
      const bad = await forge.push('team/fleet', {
        [crdPath]: text(),
        'clusters/prod/apps/web.yaml': workloadFile('red'),
      })
      const refused = await client.waitFor(
        kustomization,
        (found) => messageOf(found).includes('does not serve v1'),
        60_000,
      )
      assert.match(messageOf(refused), /^nothing was changed: CustomResourceDefinition\/buckets.*Update the deployment/)
      assert.equal((await client.get(crd(bucketCrd))).metadata.resourceVersion, before.metadata.resourceVersion)
      assert.equal((await client.get(workload))['data'].color, 'blue')
      assert.ok(!String(refused?.['status'].lastAppliedRevision).endsWith(bad))

      // A bootstrap does not overwrite it either.
      await assert.rejects(made.run(), { code: 'bootstrap-newer', message: /does not serve v1/ })

      // Taken back, it goes on.
      const components = 'clusters/prod/apps/later.yaml'
      const later = `apiVersion: v1\nkind: ConfigMap\nmetadata: { name: later, namespace: default, annotations: { sluice.dev/minimum-version: 99.0.0 } }\n`
      await forge.push('team/fleet', { [crdPath]: printCrds(), [components]: later })
      await client.waitFor(kustomization, (found) => messageOf(found).includes('needs Sluice 99.0.0 or later'), 60_000)
      assert.equal((await client.get(workload))['data'].color, 'blue')
      const last = await forge.push('team/fleet', { [components]: null })
      await applied(last)
      assert.equal((await client.get(workload))['data'].color, 'red')
    }))

  it('cut off behind any step and run again it ends the same', () =>
    withAdoption('gitlab', async (made, forge) => {
      const cut = (step: StepName): Promise<void> => assert.rejects(made.run({ cutAfter: step }), CutOff)
      const served = stepNames.indexOf('deployment')
      for (const step of stepNames.slice(0, served)) await cut(step)
      await made.serve()
      for (const step of stepNames) await cut(step)
      await made.run()
      const again = await made.run()
      assert.equal(again.writes, 0, made.told.join('\n'))
      assert.match(messageOf(await client.get(kustomization)), /^Applied revision: main@sha1:/)
      assert.equal(await forge.repositories.get('team/fleet')?.git.git('rev-list', '--count', 'main'), '1')
      assert.equal(forge.repositories.get('team/fleet')?.hooks.length, 1)
      assert.equal(made.environment.match(/^GITLAB_WEBHOOK_SECRET=/gm)?.length, 1)
    }))

  it('a dry run shows everything and does nothing', () =>
    withAdoption('gitea', async (made, forge) => {
      const mark = await controlPlane.auditMark()
      const { writes } = await made.run({ isDryRun: true })
      assert.equal(writes, 0)
      assert.equal(forge.repositories.size, 0)
      assert.equal(made.environment, '')
      assert.deepEqual(await writesSince(mark), [])
      assert.deepEqual(
        forge.requests.filter(({ method }) => method !== 'GET'),
        [],
      )
      assert.ok(made.shown.has(crdPath))
      assert.match(made.shown.get('sluice.env') ?? '', /^PROD_TOKEN=\*\*\*$/m)
      assert.match(made.told.join('\n'), /would make it, private/)
      assert.match(made.told.join('\n'), /ClusterRoleBinding\/sluice-cluster-admin created/)
    }))

  it("reuses the layout of Flux's bootstrap, and leaves its controllers alone", () =>
    withAdoption('github', async (made, forge) => {
      await forge.create('team', 'fleet', fluxFiles(`${forge.git.origin}/team/fleet.git`))
      const { writes, hasFluxControllers } = await made.run()
      assert.ok(writes > 0)
      assert.equal(hasFluxControllers, true)
      const git = forge.repositories.get('team/fleet')?.git
      assert.ok(git)
      assert.equal(
        await git.git('diff', '--name-status', 'main~1', 'main'),
        'M\tclusters/prod/flux-system/kustomization.yaml\nA\tclusters/prod/flux-system/sluice-components.yaml',
      )
      assert.equal(
        await git.git('show', 'main:clusters/prod/flux-system/kustomization.yaml'),
        '# Kept.\napiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources:\n- gotk-components.yaml\n- gotk-sync.yaml # and this\n- sluice-components.yaml',
      )
      // Its objects are in the cluster as it would have them, but for the controllers.
      assert.equal((await client.get(kustomization))['spec'].path, './clusters/prod')
      assert.deepEqual(await client.list({ apiVersion: 'apps/v1', kind: 'Deployment', namespace: 'flux-system' }), [])
      const stopped = await made.run({ stopFluxControllers: true })
      assert.equal(stopped.hasFluxControllers, false)
      await made.serve()
      await made.run({ stopFluxControllers: true })
      const deployment = {
        apiVersion: 'apps/v1',
        kind: 'Deployment',
        namespace: 'flux-system',
        name: 'source-controller',
      }
      assert.equal((await client.get(deployment))['spec'].replicas, 0)
      assert.equal((await made.run({ stopFluxControllers: true })).writes, 0, made.told.join('\n'))
    }))
})

interface CrdFile {
  readonly metadata: { readonly name: string }
  readonly spec: {
    readonly names: { shortNames: string[] }
    readonly versions: { name: string; served: boolean; storage: boolean }[]
  }
}

function messageOf(found: { readonly [field: string]: unknown } | undefined): string {
  const status = found?.['status'] as { conditions?: { type: string; message: string }[] } | undefined
  return status?.conditions?.find(({ type }) => type === 'Ready')?.message ?? ''
}

function printCrds(): string {
  return Object.values(definitions)
    .map((one) => `---\n${printYaml(JSON.parse(JSON.stringify(composeCrd(one))), { dialect: 'sigs' })}`)
    .join('')
}

/** What `flux bootstrap` leaves in a repository, with one controller for all of them. */
function fluxFiles(url: string): { readonly [path: string]: string } {
  const part = 'app.kubernetes.io/part-of: flux'
  const components = `apiVersion: v1\nkind: Namespace\nmetadata: { name: flux-system, labels: { ${part} } }\n${printCrds()}---\napiVersion: apps/v1\nkind: Deployment\nmetadata: { name: source-controller, namespace: flux-system, labels: { ${part} } }\nspec:\n  replicas: 1\n  selector: { matchLabels: { app: source-controller } }\n  template:\n    metadata: { labels: { app: source-controller } }\n    spec: { containers: [{ name: manager, image: example/source-controller:v1 }] }\n`
  const sync = `# This manifest was generated by flux. DO NOT EDIT.\n---\napiVersion: source.toolkit.fluxcd.io/v1\nkind: GitRepository\nmetadata:\n  name: flux-system\n  namespace: flux-system\nspec:\n  interval: 1m0s\n  ref:\n    branch: main\n  secretRef:\n    name: flux-system\n  url: ${url}\n---\napiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata:\n  name: flux-system\n  namespace: flux-system\nspec:\n  interval: 10m0s\n  path: ./clusters/prod\n  prune: true\n  sourceRef:\n    kind: GitRepository\n    name: flux-system\n`
  const at = 'clusters/prod/flux-system'
  return {
    [`${at}/gotk-components.yaml`]: components,
    [`${at}/gotk-sync.yaml`]: sync,
    [`${at}/kustomization.yaml`]:
      '# Kept.\napiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources:\n- gotk-components.yaml\n- gotk-sync.yaml # and this\n',
  }
}
