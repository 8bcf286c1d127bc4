import assert from 'node:assert/strict'
import { after, describe, it } from 'node:test'
import { extractTarGz } from '../../src/sources/index.ts'
import { Canaries } from '../support/canaries.ts'
import { useCluster } from '../support/cluster.ts'
import { installCrds } from '../support/crds.ts'
import { startDeployment, type Platform } from '../support/deployment.ts'
import { colouredConfigMap, colourOf, followDirectory, followGit } from '../support/following.ts'
import { askPlans, eventually, fleet, startPlanScene, type ShownPlan } from '../support/plan-scene.ts'

const cluster = useCluster()
const platforms: readonly Platform[] = ['node', 'workerd']

const archiveLimits = { maxExtractedBytes: 1 << 24, maxFiles: 1000 }

for (const platform of platforms)
  describe(`plans of pull requests, on ${platform}`, () => {
    const closers: (() => Promise<void>)[] = []
    after(async () => {
      for (const close of closers.toReversed()) await close()
    })

    it('a pull request is planned against the cluster, told, changed with a push, and applied with its merge', async () => {
      const canaries = new Canaries()
      const password = canaries.make('secret')
      const namespace = await cluster.namespace()
      await installCrds(cluster.client)
      const secret = (word: string): string =>
        `apiVersion: v1\nkind: Secret\nmetadata:\n  name: login\nstringData:\n  password: ${word}\n`
      const scene = await startPlanScene({
        kind: 'github',
        hasApp: true,
        isOpen: true,
        rule: { manifests: { branch: 'sluice/rendered/{number}' } },
        files: {
          'app/a.yaml': colouredConfigMap('a', 'red'),
          'app/b.yaml': colouredConfigMap('b', 'red'),
          'app/login.yaml': secret(password),
        },
      })
      closers.push(() => scene.close())
      const { forge, repository, comments, check } = scene
      await followGit(cluster.client, { name: 'fleet', namespace, url: repository.git.url })
      await followDirectory(cluster.client, { name: 'app', namespace, source: 'fleet' })
      const deployment = await startDeployment(platform, {
        clusters: { blue: cluster.address },
        namespaces: [namespace],
        settings: { publicUrl: 'https://sluice.example.com' },
        env: scene.env,
        log: (line) => canaries.see('log', line),
      })
      closers.push(() => deployment.stop())
      scene.connect(deployment)
      await deployment.scan()
      const colorOf = (name: string): Promise<unknown> => colourOf(cluster.client, namespace, name)
      await eventually(async () => assert.equal(await colorOf('a'), 'red'), 60_000)

      const pull = await forge.pulls.open(fleet, {
        branch: 'topic',
        files: { 'app/a.yaml': colouredConfigMap('a', 'blue'), 'app/login.yaml': secret(canaries.make('next secret')) },
      })
      const first = await eventually(() => {
        assert.match(comments(pull)[0]?.body ?? '', /^\+ blue$/m)
        return comments(pull)[0]?.body ?? ''
      }, 60_000)
      assert.match(first, /1 application on 1 cluster: 2 to change/)
      assert.match(first, /^- red$/m)
      assert.match(first, /the value is not shown/)
      await eventually(() =>
        assert.match(check(pull.last.head), /^success: This change can be applied: 1 application$/),
      )

      await forge.pulls.push(fleet, pull, { 'app/a.yaml': colouredConfigMap('a', 'green'), 'app/b.yaml': null })
      await eventually(() => assert.match(comments(pull)[0]?.body ?? '', /^\+ green$/m), 60_000)
      assert.match(comments(pull)[0]?.body ?? '', /1 to delete/)
      assert.equal(comments(pull).length, 1)
      assert.equal(await colorOf('a'), 'red', 'a plan changes nothing')
      const { plans } = await askPlans<{ readonly plans: readonly ShownPlan[] }>(deployment)
      assert.deepEqual(
        plans.map(({ state }) => state),
        ['current', 'superseded'],
      )
      for (const { id } of plans) {
        canaries.see('API', JSON.stringify(await askPlans<ShownPlan>(deployment, `/api/plans/${id}`)))
        const headers = { authorization: `Bearer ${deployment.triggerToken}` }
        canaries.see('page', await (await fetch(`${deployment.url}/ui/plans/${id}`, { headers })).text())
        const manifests = `${deployment.url}/api/plans/${id}/manifests`
        canaries.see('manifests', await (await fetch(manifests, { headers })).text())
        const archive = await fetch(`${manifests}/archive`, { headers })
        assert.equal(archive.status, 200)
        const files = await extractTarGz(new Uint8Array(await archive.arrayBuffer()), archiveLimits, 'Test')
        const directory = `head/blue/${namespace}/Kustomization/app`
        assert.deepEqual(
          files.list(directory).map(({ name }) => name),
          (id === plans[0]?.id ? ['a'] : ['a', 'b'])
            .map((name) => `ConfigMap.${namespace}.${name}.yaml`)
            .concat([`Secret.${namespace}.login.yaml`]),
        )
        const text = (path: string): string => new TextDecoder().decode(files.read(path))
        assert.match(text(`${directory}/ConfigMap.${namespace}.a.yaml`), /color: (?:blue|green)/)
        const login = text(`${directory}/Secret.${namespace}.login.yaml`)
        assert.match(login, /password: \(hidden [0-9a-f]{8}\)/)
        canaries.see('YAML', login)
        const of = new URLSearchParams({ cluster: 'blue', kind: 'Kustomization', namespace, name: 'app', side: 'head' })
        const yaml = await fetch(`${manifests}/file?${of.toString()}`, { headers })
        assert.equal(yaml.headers.get('content-type'), 'text/yaml; charset=utf-8')
        canaries.see('YAML', await yaml.text())
      }
      const branch = `sluice/rendered/${pull.number}`
      await eventually(
        () => assert.match(comments(pull)[0]?.body ?? '', /\[The change as plain YAML\]\(http\S+\/compare\//),
        60_000,
      )
      await eventually(async () =>
        assert.match(
          await repository.git.git('diff', '-U0', `${branch}~1`, branch),
          /^-\s+color: red\n\+\s+color: green$/m,
        ),
      )
      canaries.see('branch', await repository.git.git('log', '-p', branch))
      for (const { body } of pull.comments) canaries.see('comment', body)
      canaries.see('checks', JSON.stringify(repository.checkRuns))

      await forge.pulls.merge(fleet, pull)
      await eventually(async () => assert.equal(await colorOf('a'), 'green'), 60_000)
      await eventually(async () => {
        const shown = await askPlans<{ readonly plans: readonly ShownPlan[] }>(deployment)
        assert.equal(shown.plans[0]?.state, 'merged')
      })
      await eventually(async () => assert.equal(await repository.git.git('branch', '--list', branch), ''), 60_000)
      canaries.assertNone(8)
    })
  })
