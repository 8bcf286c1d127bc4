import { GitServer } from './git-server.ts'
import type { GitTestRepository } from './git-repository.ts'
import type { TestCluster } from './cluster.ts'
import type { ControlPlaneAddress } from './control-plane.ts'
import { installCrds } from './crds.ts'
import { startNamespacedView, type NamespacedView } from './namespaced-view.ts'

/** Clusters that follow one repository. Each has what is in `apps`: a Kustomization per directory, two ConfigMaps in each. */
export interface Fleet {
  readonly views: readonly NamespacedView[]
  readonly git: GitServer
  readonly repository: GitTestRepository
  /** `CLUSTERS` of a deployment for all of them, without credentials. */
  readonly clusters: readonly { readonly name: string; readonly server: string }[]
  /** Changes one application. Returns the commit. */
  change(app: string, value: string): Promise<string>
  /** The values that a cluster has now, by application. */
  valuesOf(view: NamespacedView): Promise<{ readonly [app: string]: string }>
  close(): Promise<void>
}

/** Makes them on the test's API server. */
export async function createFleet(
  cluster: Pick<TestCluster, 'client' | 'namespace'> & {
    readonly address: Pick<ControlPlaneAddress, 'server' | 'caPem' | 'token'>
  },
  options: { readonly clusters: number; readonly apps: readonly string[] },
): Promise<Fleet> {
  const { client, address } = cluster
  await installCrds(client)
  const git = await GitServer.start()
  const files = Object.fromEntries(options.apps.flatMap((app) => Object.entries(filesOf(app, 'start'))))
  const repository = await git.create('team/fleet', files)
  const views: NamespacedView[] = []
  for (let at = 0; at < options.clusters; at++) {
    const namespace = await cluster.namespace()
    views.push(await startNamespacedView(address, namespace))
    await client.apply({
      apiVersion: 'source.toolkit.fluxcd.io/v1',
      kind: 'GitRepository',
      metadata: { name: 'fleet', namespace },
      spec: { interval: '1h', url: repository.url, ref: { branch: 'main' } },
    })
    for (const app of options.apps) {
      await client.apply({
        apiVersion: 'kustomize.toolkit.fluxcd.io/v1',
        kind: 'Kustomization',
        metadata: { name: app, namespace },
        spec: {
          interval: '1h',
          path: `./apps/${app}`,
          prune: true,
          targetNamespace: namespace,
          sourceRef: { kind: 'GitRepository', name: 'fleet' },
        },
      })
    }
  }
  return {
    views,
    git,
    repository,
    clusters: views.map((view, at) => ({ name: `c${at}`, server: view.server })),
    change: (app, value) => repository.commit(filesOf(app, value)),
    valuesOf: async ({ namespace }) => {
      const list = await client.list({ apiVersion: 'v1', kind: 'ConfigMap', namespace, name: '' })
      const ours = list.filter((one) => one.metadata.name.endsWith('-second'))
      return Object.fromEntries(ours.map((one) => [one.metadata.name.replace(/-second$/, ''), one['data'].value]))
    },
    close: async () => {
      await Promise.all(views.map((view) => view.close()))
      await git.close()
    },
  }
}

function filesOf(app: string, value: string): { readonly [path: string]: string } {
  const configMap = (name: string): string =>
    `apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: ${name}\ndata:\n  value: "${value}"\n`
  return {
    [`apps/${app}/first.yaml`]: configMap(`${app}-first`),
    [`apps/${app}/second.yaml`]: configMap(`${app}-second`),
  }
}
