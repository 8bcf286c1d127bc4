import { startTestCluster } from '../support/cluster.ts'
import type { ControlPlaneAddress } from '../support/control-plane.ts'
import { installCrds } from '../support/crds.ts'
import { startDeployment, type Deployment } from '../support/deployment.ts'
import type { GitTestRepository } from '../support/git-repository.ts'
import { GitServer } from '../support/git-server.ts'
import { createKubeTestClient, type KubeTestClient } from '../support/kube-test-client.ts'
import { kubeconfigOf } from './run-page.ts'
import type { Scene } from './scene.ts'

/** What most pages begin with: a cluster of their own that follows a repository, and a deployment that serves it. */
export interface DocsStage {
  readonly address: ControlPlaneAddress
  readonly client: KubeTestClient
  readonly git: GitServer
  readonly repository: GitTestRepository
  /** Undefined where the page starts its own. */
  readonly deployment: Deployment | undefined
  /** `KUBECONFIG`, `REPOSITORY` (its URL), and with a deployment `SLUICE_URL` and `SLUICE_TOKEN`. */
  readonly env: { readonly [name: string]: string }
}

const sourceRef = { kind: 'GitRepository', name: 'fleet' }

/**
 * Sets it: repository `team/fleet` with the files (and `clusters/prod`), in the cluster the GitRepository `fleet` and the Kustomization `fleet` of `./clusters/prod` in
 * flux-system, as bootstrapping leaves them. Everything ends with the scene.
 *
 * @param options.env further variables of the deployment, which may need to know the repository's URL.
 */
export async function setStage(
  scene: Scene,
  options: {
    readonly files?: { readonly [path: string]: string }
    readonly deployment?: boolean
    readonly env?: (repository: GitTestRepository) => { readonly [name: string]: string }
  } = {},
): Promise<DocsStage> {
  const cluster = await startTestCluster(() => undefined)
  scene.defer(cluster.stop)
  const { address } = cluster
  const client = createKubeTestClient(address)
  scene.defer(async () => client.close())
  const git = await GitServer.start()
  scene.defer(() => git.close())
  const repository = await git.create('team/fleet', {
    'clusters/prod/README.md': 'What the cluster prod follows.\n',
    ...options.files,
  })
  await installCrds(client)
  await client.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'flux-system' } })
  const metadata = { name: 'fleet', namespace: 'flux-system' }
  await client.apply({
    apiVersion: 'source.toolkit.fluxcd.io/v1',
    kind: 'GitRepository',
    metadata,
    spec: { interval: '1m', url: repository.url, ref: { branch: 'main' } },
  })
  await client.apply({
    apiVersion: 'kustomize.toolkit.fluxcd.io/v1',
    kind: 'Kustomization',
    metadata,
    spec: { interval: '10m', path: './clusters/prod', prune: true, sourceRef },
  })
  const kubeconfig = await kubeconfigOf(scene, address)
  const env = { KUBECONFIG: kubeconfig, REPOSITORY: repository.url }
  if (options.deployment === false) return { address, client, git, repository, deployment: undefined, env }
  const deployment = await startDeployment('node', {
    clusters: { prod: address },
    scanIntervalSeconds: 2,
    env: options.env?.(repository) ?? {},
  })
  scene.defer(() => deployment.stop())
  return {
    address,
    client,
    git,
    repository,
    deployment,
    env: { ...env, SLUICE_URL: deployment.url, SLUICE_TOKEN: deployment.triggerToken },
  }
}

/** A Kustomization of the repository, as a file of `clusters/prod`. */
export function kustomizationFile(name: string, path: string, more = ''): string {
  return `apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: { name: ${name}, namespace: flux-system }
spec:
  interval: 10m
  path: ${path}
  prune: true
${more}  sourceRef: { kind: GitRepository, name: fleet }
`
}

/** A ConfigMap in the namespace default. */
export function configMapFile(name: string, value: string): string {
  return `apiVersion: v1\nkind: ConfigMap\nmetadata: { name: ${name}, namespace: default }\ndata: { value: "${value}" }\n`
}
