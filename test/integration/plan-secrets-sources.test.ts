import assert from 'node:assert/strict'
import { before, describe, it } from 'node:test'
import { parse } from 'yaml'
import { Canaries } from '../support/canaries.ts'
import { useCluster } from '../support/cluster.ts'
import { configMap, guessOf, kustomization, outputsOf, useScenarios } from '../support/probes.ts'
import type { Scenario } from '../support/scenario.ts'

const cluster = useCluster()
const scenario = useScenarios(cluster)
const fromConfigMap = '  postBuild: { substituteFrom: [{ kind: ConfigMap, name: variables }] }\n'

describe('what the author of a pull request sees of sources that have a secret in their URL', () => {
  const word = guessOf('path')
  const canaries = new Canaries()
  const source = (kind: string, spec: string): string =>
    `apiVersion: source.toolkit.fluxcd.io/v1\nkind: ${kind}\nmetadata: { name: hidden, namespace: $NAMESPACE }\nspec: { interval: 1h, ${spec} }\n`
  const chart = (version: string): string => `apiVersion: helm.toolkit.fluxcd.io/v2
kind: HelmRelease
metadata: { name: charted, namespace: $NAMESPACE }
spec: { interval: 1h, chart: { spec: { chart: app, version: "${version}", sourceRef: { kind: HelmRepository, name: hidden } } } }
`
  const child = (path: string): string =>
    kustomization('child', path).replace('{ kind: GitRepository, name: app }', '{ kind: GitRepository, name: hidden }')
  const including = (path: string): string =>
    source(
      'GitRepository',
      `url: "$GIT", ref: { branch: main }, include: [{ repository: { name: hidden } }], ignore: "${path}"`,
    ).replace('name: hidden, namespace', 'name: outer, namespace')
  let made: Scenario
  before(async () => {
    canaries.add('path', word.right)
    made = await scenario({ 'app/a.yaml': configMap('a', '{ x: "1" }') })
    // What a ConfigMap has that is not in Git counts as secret in a plan, too. What runs say of a source, its status in the cluster, has its URL, as with Flux: of a Secret the test's own search would find it there.
    await made.client.apply({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'variables', namespace: made.namespace },
      data: { word: word.right },
    })
    const nowhere = new URL('/', made.repository.url).href
    await made.repository.commit(
      Object.entries({
        'app/git.yaml': source('GitRepository', `url: "${nowhere}\${word}/x.git", ref: { branch: main }`),
        'app/helm.yaml': source('HelmRepository', `url: "${nowhere}\${word}/charts"`),
        'app/outer.yaml': including('/none').replace('$GIT', made.repository.url),
        'app/child.yaml': child('./one'),
        'app/using.yaml': kustomization('using', './app').replace('name: app }', 'name: outer }'),
        'app/charted.yaml': chart('1.0.0'),
      }).map(([path, text]) => [path, text.replaceAll('$NAMESPACE', made.namespace)] as const),
    )
    await made.client.apply(
      parse(kustomization('app', './app', fromConfigMap).replaceAll('$NAMESPACE', made.namespace)) as object,
    )
    await made.pushed()
  })
  it('nothing, where what they give out cannot be had', async () => {
    const told = await outputsOf(made, {
      'app/child.yaml': child('./two'),
      'app/outer.yaml': including('/other').replace('$GIT', made.repository.url),
      'app/charted.yaml': chart('2.0.0'),
    })
    for (const [output, shown] of Object.entries(told)) canaries.see(output, shown)
    const failed = [...(told['text'] ?? '').matchAll(/error (\w+ \S+) cannot be had; why is not shown here/g)]
    assert.deepEqual(
      failed.map(([, what]) => what?.replaceAll(made.namespace, 'NS')),
      ['HelmChart NS/NS-charted', 'GitRepository NS/hidden', 'GitRepository NS/outer'],
    )
    canaries.assertNone(5)
  })
})
