import assert from 'node:assert/strict'
import { awaitRun, deliverPush } from '../support/deployment.ts'
import { runPage } from './run-page.ts'
import { configMapFile, kustomizationFile, setStage } from './stage.ts'

runPage('infra/docs/troubleshooting.md', {
  before: async (scene) => {
    const stage = await setStage(scene, {
      files: {
        'clusters/prod/apps.yaml': kustomizationFile('apps', './apps'),
        'clusters/prod/broken.yaml': kustomizationFile('broken', './broken'),
        'clusters/prod/late.yaml': kustomizationFile('late', './late', '  dependsOn: [{ name: broken }]\n'),
        'apps/settings.yaml': configMapFile('settings', 'from Git'),
        'late/late.yaml': configMapFile('late', 'from Git'),
        'broken/kustomization.yaml': 'resources: [missing.yaml]\n',
        'broken/fine.yaml': configMapFile('fine', 'from Git'),
      },
    })
    assert.ok(stage.deployment !== undefined)
    const { run = '' } = await deliverPush(stage.deployment, { url: stage.repository.url })
    await awaitRun(stage.deployment, run)
    const late = {
      apiVersion: 'kustomize.toolkit.fluxcd.io/v1',
      kind: 'Kustomization',
      namespace: 'flux-system',
      name: 'late',
    }
    await stage.client.waitFor(late, (found) => found?.['status']?.conditions !== undefined)
    return stage.env
  },
  after: {
    'sluice kustomize build broken': ({ output }) => assert.match(output, /missing\.yaml/),
    'sluice resume ks apps': ({ output }) => assert.match(output, /from Git$/),
    'sluice diff ks apps': ({ output }) => assert.match(output, /\+ local/),
  },
})
