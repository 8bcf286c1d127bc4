import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import type { PlanDocument } from '../../src/plan/index.ts'
import { planOf, propose, startApplications, writesSince } from '../support/change-plans.ts'
import { bundleCli, writeKubeconfig } from '../support/cli.ts'
import { useCluster } from '../support/cluster.ts'
import { openCopy } from '../support/fleet-copy.ts'
import { createScenario } from '../support/scenario.ts'

const cluster = useCluster()

const configMap = (name: string, color: string): string =>
  `apiVersion: v1\nkind: ConfigMap\nmetadata: { name: ${name}, namespace: $NAMESPACE }\ndata: { color: "${color}" }\n`
const service = (port: number): string =>
  `apiVersion: v1\nkind: Service\nmetadata: { name: web, namespace: $NAMESPACE }\nspec: { ports: [{ port: ${port} }] }\n`

describe('plan --base with a cluster', () => {
  it('says what the plan of the same commits says in a deployment, by reads and dry-runs alone', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'sluice-copy-'))
    const made = await createScenario(cluster, {
      files: {
        'app/child.yaml':
          'apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: { name: child, namespace: $NAMESPACE }\nspec:\n  interval: 1h\n  prune: true\n  path: ./child\n  sourceRef: { kind: GitRepository, name: app }\n  postBuild: { substituteFrom: [{ kind: Secret, name: variables }] }\n',
        'child/a.yaml': configMap('a', 'red ${password}'),
        'child/drift.yaml': configMap('drift', 'red'),
        'child/gone.yaml': configMap('gone', 'red'),
        'child/service.yaml': service(80),
      },
    })
    try {
      const { namespace, client, repository } = made
      await client.apply({
        apiVersion: 'v1',
        kind: 'Secret',
        metadata: { name: 'variables', namespace },
        stringData: { password: 'canary-password' },
      })
      await made.kustomization('app', { targetNamespace: undefined })
      await startApplications(made)
      const key = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'drift', namespace } }
      await client.apply({ ...key, data: { color: 'by hand' } })
      const files = {
        'child/a.yaml': configMap('a', 'blue ${password}'),
        'child/gone.yaml': null,
        'child/drift.yaml': configMap('drift', 'green'),
        'child/service.yaml': service(70_000),
        'child/new.yaml': configMap('new', 'blue'),
      }
      const commits = await propose(made, files)
      const wanted = await planOf(made, commits)

      const copy = openCopy(directory)
      const cloned = openCopy(join(directory, 'copy'))
      await copy.git('clone', '--quiet', '--branch', 'main', repository.path, cloned.directory)
      // As somebody else spells it.
      await cloned.git('remote', 'set-url', 'origin', `ssh://git@127.0.0.1${new URL(repository.url).pathname}`)
      for (const [path, text] of Object.entries(files))
        await cloned.write({ [path]: text?.replaceAll('$NAMESPACE', namespace) ?? null })
      const cli = await bundleCli(directory)
      const kubeconfig = join(directory, 'kubeconfig')
      await writeKubeconfig(kubeconfig, cluster.address)
      const run = (...args: readonly string[]): ReturnType<typeof cli.run> =>
        cli.run(['plan', '--base', 'main', '--kubeconfig', kubeconfig, '-n', namespace, ...args], {}, cloned.directory)

      const mark = await cluster.auditMark()
      const result = await run()
      assert.equal(result.code, 1, result.stderr)
      assert.deepEqual(await writesSince(cluster, mark, namespace), [])
      const { requests } = await cluster.requestCounts(mark)
      assert.ok(
        requests.some(({ uri, verb }) => verb === 'patch' && uri.includes('dryRun=All') && uri.includes(namespace)),
      )
      const document = JSON.parse(
        result.stdout.replaceAll('"cluster": "kubeconfig"', '"cluster": "test"'),
      ) as PlanDocument
      assert.deepEqual(document.applications, JSON.parse(JSON.stringify(wanted.document.applications)))
      assert.deepEqual(document.dangers, JSON.parse(JSON.stringify(wanted.document.dangers)))
      assert.deepEqual(wanted.actions('Kustomization/child').toSorted(), [
        'a change change',
        'drift change both',
        'gone delete change',
        'new create change',
        'web refuse change',
      ])
      assert.equal(`${result.stdout}${result.stderr}`.includes('canary'), false)
      assert.match(result.stderr, /✔ nothing was written\n/)

      await cloned.git('remote', 'set-url', 'origin', 'https://example.com/other/repository')
      const unknown = await run()
      assert.equal(unknown.code, 2)
      assert.match(unknown.stderr, /no GitRepository of the cluster follows a branch of a remote[^]*--source/)
      const named = await run('--source', `${namespace}/app`, '-o', 'name')
      assert.equal(named.code, 1, named.stderr)
      assert.match(named.stdout, new RegExp(`^Kustomization/${namespace}/child\n$`))
      const wrong = await run('--source', `${namespace}/nobody`)
      assert.equal(wrong.code, 2)
      assert.match(wrong.stderr, /the cluster has no GitRepository .*\/nobody/)
      await client.delete({ apiVersion: 'v1', kind: 'Secret', namespace, name: 'variables' })
    } finally {
      await made.close()
      await rm(directory, { recursive: true, force: true })
    }
  })
})
