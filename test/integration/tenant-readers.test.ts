import assert from 'node:assert/strict'
import { after, describe, it } from 'node:test'
import { apiVersions } from '../../src/api/index.ts'
import { useCluster } from '../support/cluster.ts'
import { installCrds } from '../support/crds.ts'
import { awaitRun, deliverPush, startDeployment } from '../support/deployment.ts'
import { GitServer } from '../support/git-server.ts'
import { makeTenant } from '../support/tenant.ts'

const cluster = useCluster()
const closers: (() => Promise<void>)[] = []
after(async () => {
  for (const close of closers.toReversed()) await close()
})

const tokens = { TEAM: 'token-of-somebody-of-the-team', MAINTAINER: 'token-of-a-maintainer-of-the-team' }

describe('readers of a tenant whose policy is in the cluster', () => {
  it('see its namespaces and no others, as the policy is there', async () => {
    await installCrds(cluster.client)
    const [platform, team, other] = [await cluster.namespace(), await cluster.namespace(), await cluster.namespace()]
    const namespaces = [platform, team, other]
    const git = await GitServer.start()
    const files = Object.fromEntries(
      namespaces.map((namespace) => [
        `${namespace}/a.yaml`,
        `apiVersion: v1\nkind: ConfigMap\nmetadata: { name: a, namespace: ${namespace} }\n`,
      ]),
    )
    const repository = await git.create(`team/${team}`, files)
    const policy = (tenants: readonly string[]): Promise<unknown> =>
      cluster.client.apply({
        apiVersion: 'v1',
        kind: 'ConfigMap',
        metadata: { name: 'tenants', namespace: platform },
        data: {
          'tenants.yaml': JSON.stringify({
            tenants: [{ name: 'team', namespaces: tenants, sources: ['*'], identity: { serviceAccount: 'team' } }],
          }),
        },
      })
    await policy([team])
    const deployment = await startDeployment('node', {
      clusters: { main: cluster.address },
      namespaces,
      env: {
        ...tokens,
        TENANTS: JSON.stringify({ configMap: `${platform}/tenants` }),
        TOKENS: JSON.stringify([
          { name: 'tess', tokenSecret: 'TEAM', role: 'viewer', tenants: ['team'] },
          { name: 'tom', tokenSecret: 'MAINTAINER', role: 'maintainer', tenants: ['team'] },
        ]),
      },
    })
    closers.push(
      () => git.close(),
      () => deployment.stop(),
    )
    for (const namespace of namespaces) {
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
          path: `./${namespace}`,
          prune: true,
          sourceRef: { kind: 'GitRepository', name: 'app' },
        },
      })
    }
    await makeTenant({ namespace: team, client: cluster.client }, 'team')
    const { run = '' } = await deliverPush(deployment, { url: repository.url, after: (await repository.head()) ?? '' })
    await awaitRun(deployment, run)
    const ask = async (path: string, token: string): Promise<{ readonly status: number; readonly text: string }> => {
      const response = await fetch(deployment.url + path, { headers: { authorization: `Bearer ${token}` } })
      return { status: response.status, text: await response.text() }
    }
    for (const token of Object.values(tokens)) {
      for (const path of ['/api/objects', '/api/runs', `/api/clusters`, '/api/plans', '/ui', '/ui/drift']) {
        const { status, text } = await ask(path, token)
        assert.equal(status, 200, `${path}: ${text.slice(0, 200)}`)
        for (const hidden of [platform, other]) assert.equal(text.includes(hidden), false, `${path} shows ${hidden}`)
      }
      assert.ok((await ask('/api/objects', token)).text.includes(team))
      assert.equal((await ask(`/api/objects/main/Kustomization/${team}/app`, token)).status, 200)
      for (const hidden of [platform, other])
        assert.equal((await ask(`/api/objects/main/Kustomization/${hidden}/app`, token)).status, 404)
    }
    const act = async (namespace: string, token: string): Promise<number> =>
      (
        await fetch(`${deployment.url}/trigger`, {
          method: 'POST',
          headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
          body: JSON.stringify({
            action: 'suspend',
            cluster: 'main',
            object: { kind: 'Kustomization', namespace, name: 'app' },
          }),
        })
      ).status
    // The trigger knows no token that may only look.
    assert.equal(await act(team, tokens.TEAM), 401)
    for (const hidden of [platform, other]) assert.equal(await act(hidden, tokens.MAINTAINER), 404)
    assert.ok((await act(team, tokens.MAINTAINER)) < 300)
    // A policy that gives the namespace to somebody else is believed at the next look, a minute later: until then what was known counts.
    await policy([other])
    assert.equal((await ask(`/api/objects/main/Kustomization/${other}/app`, tokens.TEAM)).status, 404)
  })
})
