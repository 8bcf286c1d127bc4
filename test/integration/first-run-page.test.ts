import assert from 'node:assert/strict'
import { after, describe, it } from 'node:test'
import { apiVersions } from '../../src/api/index.ts'
import { useCluster } from '../support/cluster.ts'
import { installCrds } from '../support/crds.ts'
import { awaitRun, deliverPush, deploymentEnvironment, startDeployment, type ShownRun } from '../support/deployment.ts'
import { GitServer } from '../support/git-server.ts'
import { askPlans, eventually } from '../support/plan-scene.ts'
import { formOf, Visitor } from '../support/visitor.ts'

const cluster = useCluster()
const closers: (() => Promise<void>)[] = []
after(async () => {
  for (const close of closers.toReversed()) await close()
})

const tokens = {
  TOKENS: JSON.stringify([
    { name: 'max', tokenSecret: 'MAX', role: 'maintainer' },
    { name: 'vera', tokenSecret: 'VERA', role: 'viewer' },
  ]),
  MAX: 'token-of-a-maintainer-of-everything',
  VERA: 'token-of-a-viewer-of-everything',
}

describe('the first run of a cluster', () => {
  it('waits, says what it would do, and is approved from the page of the cluster by those who may', async () => {
    await installCrds(cluster.client)
    const namespace = await cluster.namespace()
    const git = await GitServer.start()
    const repository = await git.create(`team/${namespace}`, {
      'app/a.yaml': 'apiVersion: v1\nkind: ConfigMap\nmetadata: { name: a }\ndata: { x: "1" }\n',
    })
    const options = {
      clusters: { main: cluster.address },
      namespaces: [namespace],
      settings: { firstRun: 'plan', holdNamespace: namespace },
      env: tokens,
    }
    const deployment = await startDeployment('node', options)
    closers.push(
      () => git.close(),
      () => deployment.stop(),
    )
    const metadata = { name: 'app', namespace }
    await cluster.client.apply({
      apiVersion: apiVersions.GitRepository,
      kind: 'GitRepository',
      metadata,
      spec: { interval: '1h', url: repository.url, ref: { branch: 'main' } },
    })
    await cluster.client.apply({
      apiVersion: apiVersions.Kustomization,
      kind: 'Kustomization',
      metadata,
      spec: {
        interval: '1h',
        path: './app',
        prune: true,
        targetNamespace: namespace,
        sourceRef: { kind: 'GitRepository', name: 'app' },
      },
    })
    const push = async (): Promise<ShownRun> => {
      const { run = '' } = await deliverPush(deployment, {
        url: repository.url,
        after: (await repository.head()) ?? '',
      })
      return awaitRun(deployment, run)
    }
    const isApplied = async (): Promise<boolean> =>
      (await cluster.client.find({ apiVersion: 'v1', kind: 'ConfigMap', namespace, name: 'a' })) !== undefined
    await push()
    assert.equal(await isApplied(), false)

    const visited = { deployment, env: deploymentEnvironment(options) }
    const [max, vera] = [await Visitor.come(visited, tokens.MAX), await Visitor.come(visited, tokens.VERA)]
    const path = '/ui/clusters/main'
    assert.equal(formOf(await vera.read(path), 'approve'), undefined)
    const page = await max.read(path)
    const fields = formOf(page, 'approve')
    assert.ok(fields, page)
    assert.match(page, /Approve the first run…/)
    const refused = await vera.send('approve', { ...fields, csrf: await vera.tokenFor('approve'), confirmed: 'yes' })
    assert.equal(refused.status, 403)
    assert.equal((await max.send('approve', { ...fields, csrf: 'x', confirmed: 'yes' })).status, 403)
    assert.equal(await isApplied(), false)

    // Asked once more: the question alone does nothing.
    const question = await max.send('approve', fields)
    assert.equal(question.status, 200)
    const text = await question.text()
    assert.match(text, /Everything that Git says is applied to the cluster/)
    await push()
    assert.equal(await isApplied(), false)
    const answer = await max.follow(await max.send('approve', formOf(text, 'approve') ?? {}))
    assert.match(answer, /role="status"/)
    await eventually(async () => assert.equal(await isApplied(), true), 60_000)
    await eventually(async () => assert.equal(formOf(await max.read(path), 'approve'), undefined))
    const { actions } = await askPlans<{
      readonly actions: readonly { readonly actor: string; readonly action: string; readonly outcome: string }[]
    }>(deployment, '/api/actions')
    assert.deepEqual(
      actions.filter(({ action }) => action === 'approve').map(({ actor, outcome }) => [actor, outcome]),
      [
        ['max', 'done'],
        ['vera', 'refused'],
      ],
    )
    await repository.commit({
      'app/a.yaml': 'apiVersion: v1\nkind: ConfigMap\nmetadata: { name: a }\ndata: { x: "2" }\n',
    })
    assert.equal((await push()).state, 'succeeded')
  })
})
