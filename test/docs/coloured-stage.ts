import type { TestCluster } from '../support/cluster.ts'
import { startDeployment, type Deployment } from '../support/deployment.ts'
import { colouredConfigMap, colourOf } from '../support/following.ts'
import { createScenario, type Scenario } from '../support/scenario.ts'
import type { Scene } from './scene.ts'

/** A cluster in which Git decides on the colour of one ConfigMap, and a deployment that looks at it every second. */
export interface ColouredStage extends Scenario {
  readonly deployment: Deployment
  /** What the commands of a page need to ask the deployment. */
  readonly env: { readonly [name: string]: string }
  colour(): Promise<unknown>
  /** Commits another colour; the deployment's next look finds it. */
  paint(color: string): Promise<void>
}

/** Sets it, with the ConfigMap blue and applied. The deployment's cluster is `production`; `env` is more of its environment. Everything ends with the scene. */
export async function setColouredStage(
  scene: Scene,
  cluster: TestCluster,
  env: { readonly [name: string]: string } = {},
): Promise<ColouredStage> {
  const file = (color: string): string => colouredConfigMap('a', color, ', namespace: $NAMESPACE')
  const scenario = await createScenario(cluster, { files: { 'app/a.yaml': file('blue') } })
  scene.defer(() => scenario.close())
  const { namespace, client, repository } = scenario
  await scenario.kustomization()
  await scenario.pushed()
  const source = { apiVersion: 'source.toolkit.fluxcd.io/v1', kind: 'GitRepository', namespace, name: 'app' }
  await client.patch(source, { spec: { interval: '1s' } })
  const deployment = await startDeployment('node', {
    clusters: { production: cluster.address },
    namespaces: [namespace],
    scanIntervalSeconds: 1,
    settings: { holdNamespace: namespace },
    env,
  })
  scene.defer(() => deployment.stop())
  return {
    ...scenario,
    deployment,
    env: {
      SLUICE_URL: deployment.url,
      SLUICE_TOKEN: deployment.triggerToken,
      SLUICE_NAMESPACE: namespace,
      SLUICE_ACTOR: 'ada',
    },
    colour: () => colourOf(client, namespace, 'a'),
    paint: async (color) =>
      void (await repository.commit({ 'app/a.yaml': file(color).replace('$NAMESPACE', namespace) })),
  }
}
