import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { parseAllDocuments } from 'yaml'
import { startTestCluster } from '../support/cluster.ts'
import { installCrds } from '../support/crds.ts'
import { startDeployment } from '../support/deployment.ts'
import type { GitTestRepository } from '../support/git-repository.ts'
import { GitServer } from '../support/git-server.ts'
import { createKubeTestClient } from '../support/kube-test-client.ts'
import { kubeconfigOf, runPage } from './run-page.ts'

const configMap = (namespace: string, name: string): string =>
  `apiVersion: v1\nkind: ConfigMap\nmetadata: { name: ${name}, namespace: ${namespace} }\n`

let team: GitTestRepository

// A cluster of its own: the policy has a place in it that other tests must not see.
runPage('infra/docs/tenants.md', {
  before: async (scene) => {
    const { address, stop } = await startTestCluster(() => undefined)
    scene.defer(stop)
    const client = createKubeTestClient(address)
    scene.defer(async () => client.close())
    await installCrds(client)
    const git = await GitServer.start()
    scene.defer(() => git.close())
    const platform = await git.create('org/fleet', { 'clusters/production/a.yaml': configMap('flux-system', 'a') })
    team = await git.create('org/team-a', { 'a.yaml': configMap('team-a', 'own') })
    const objects = `apiVersion: v1
kind: Namespace
metadata: { name: flux-system }
---
apiVersion: source.toolkit.fluxcd.io/v1
kind: GitRepository
metadata: { name: flux-system, namespace: flux-system }
spec: { interval: 1h, url: "${platform.url}", ref: { branch: main } }
---
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: { name: flux-system, namespace: flux-system }
spec: { interval: 1h, path: ./clusters/production, prune: true, sourceRef: { kind: GitRepository, name: flux-system } }
`
    for (const document of parseAllDocuments(objects)) await client.apply(document.toJS() as object)
    const deployment = await startDeployment('node', {
      clusters: { production: address },
      scanIntervalSeconds: 1,
      env: { TENANTS: '{"configMap": "flux-system/sluice-tenants"}' },
    })
    scene.defer(() => deployment.stop())
    await promisify(execFile)('git', ['clone', '--quiet', platform.path, `${scene.directory}/fleet`])
    for (const [name, value] of [
      ['user.name', 'ada'],
      ['user.email', 'ada@example.com'],
    ] as const)
      await promisify(execFile)('git', ['-C', `${scene.directory}/fleet`, 'config', name, value])
    return {
      PLATFORM: 'fleet',
      TEAM_REPOSITORY: team.url,
      KUBECONFIG: await kubeconfigOf(scene, address),
    }
  },
  after: {
    'sluice get ks': async ({ output }) => {
      assert.match(output, /"ready": ?"?True|True/)
      await team.commit({ 'planted.yaml': configMap('kube-system', 'planted') })
    },
    'sluice plan': ({ output }) =>
      assert.match(
        output,
        /refused by the policy of tenant 'team-a': object-namespace: ConfigMap\/kube-system\/planted: 'kube-system' is not a namespace of the tenant/,
      ),
  },
})
