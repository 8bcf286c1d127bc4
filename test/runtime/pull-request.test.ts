import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { ruleNames } from '../../src/plan/index.ts'
import { auditMark, readRequestCounts } from '../support/audit-log.ts'
import { startTestCluster, useCluster } from '../support/cluster.ts'
import { installCrds } from '../support/crds.ts'
import { dangerousChange } from '../support/dangerous-change.ts'
import { awaitIdle, startDeployment, type Deployment, type Platform } from '../support/deployment.ts'
import { createKubeTestClient, type KubeTestClient, type TestObject } from '../support/kube-test-client.ts'
import type { KeptPull } from '../support/forge-api/types.ts'
import { askPlans, eventually, fleet, startPlanScene, type PlanScene, type ShownPlan } from '../support/plan-scene.ts'

const cluster = useCluster()
const platforms: readonly Platform[] = ['node', 'workerd']
const closers: (() => Promise<void>)[] = []
let green: {
  readonly address: Awaited<ReturnType<typeof startTestCluster>>['address']
  readonly client: KubeTestClient
}
before(async () => {
  const started = await startTestCluster(() => undefined)
  const client = createKubeTestClient(started.address)
  green = { address: started.address, client }
  closers.push(async () => {
    client.close()
    await started.stop()
  })
})
after(async () => {
  for (const close of closers.toReversed()) await close()
})

interface Stage {
  readonly namespace: string
  readonly clients: readonly KubeTestClient[]
  readonly scene: PlanScene
  readonly deployment: Deployment
  readonly logs: readonly string[]
}

/** A repository at a forge, two clusters with its root Kustomization, and a deployment that plans its pull requests. */
async function stage(
  platform: Platform,
  make: (namespace: string) => {
    readonly files: { readonly [path: string]: string }
    readonly path: string
    readonly changes?: object
    readonly hasApp?: boolean
  },
): Promise<Stage> {
  const namespace = await cluster.namespace()
  await green.client.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } })
  const clients = [cluster.client, green.client]
  const { files, path, changes, hasApp = true } = make(namespace)
  const scene = await startPlanScene({ kind: 'github', hasApp, files, isOpen: true })
  closers.push(() => scene.close())
  for (const client of clients) {
    await installCrds(client)
    await client.apply({
      apiVersion: 'source.toolkit.fluxcd.io/v1',
      kind: 'GitRepository',
      metadata: { name: 'app', namespace },
      spec: { interval: '1h', url: scene.repository.git.url, ref: { branch: 'main' } },
    })
    await client.apply({
      apiVersion: 'kustomize.toolkit.fluxcd.io/v1',
      kind: 'Kustomization',
      metadata: { name: 'root', namespace },
      spec: { interval: '1h', path, prune: true, sourceRef: { kind: 'GitRepository', name: 'app' } },
    })
  }
  const config = (name: string, { server, caPem }: { readonly server: string; readonly caPem: string }): object => ({
    name,
    server,
    ca: caPem,
    tokenSecret: `${name.toUpperCase()}_TOKEN`,
    ...(changes === undefined ? {} : { changes }),
  })
  const logs: string[] = []
  const deployment = await startDeployment(platform, {
    clusters: { blue: cluster.address, green: green.address },
    namespaces: [namespace],
    settings: { publicUrl: 'https://sluice.example.com' },
    env: {
      ...scene.env,
      CLUSTERS: JSON.stringify([config('blue', cluster.address), config('green', green.address)]),
    },
    log: (line) => logs.push(line),
  })
  closers.push(() => deployment.stop())
  scene.connect(deployment)
  return { namespace, clients, scene, deployment, logs }
}

/** Has the source looked at and what is made from it applied, and waits for that. */
async function applyAll({ deployment, namespace }: Stage): Promise<void> {
  const response = await fetch(`${deployment.url}/trigger`, {
    method: 'POST',
    headers: { authorization: `Bearer ${deployment.triggerToken}`, 'content-type': 'application/json' },
    body: JSON.stringify({ source: { kind: 'GitRepository', namespace, name: 'app' }, wait: 120 }),
  })
  assert.ok(response.ok, `the trigger is answered with ${response.status}: ${await response.text()}`)
}

/** Approves what waits, as it waits. */
async function approveWaiting({ deployment }: Stage): Promise<void> {
  const response = await fetch(`${deployment.url}/trigger`, {
    method: 'POST',
    headers: { authorization: `Bearer ${deployment.triggerToken}`, 'content-type': 'application/json' },
    body: JSON.stringify({ action: 'approve', waiting: true }),
  })
  assert.equal(response.status, 202, await response.text())
}

async function planOf({ deployment }: Stage, pull: KeptPull): Promise<ShownPlan> {
  return eventually(async () => {
    const { plans } = await askPlans<{ readonly plans: readonly ShownPlan[] }>(deployment)
    const found = plans.find(({ number, head }) => number === pull.number && head === pull.last.head)
    assert.ok(found, 'the pull request is planned')
    const plan = await askPlans<ShownPlan>(deployment, `/api/plans/${found.id}`)
    assert.equal(plan.pending, false)
    return plan
  }, 60_000)
}

interface AfterMergePlan extends ShownPlan {
  readonly base: string
  readonly live: string
  readonly secrets: string
  readonly afterMerge?: readonly string[]
}

const configMap = (namespace: string, name: string, color: string): string =>
  JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace }, data: { color } })

async function colors({ clients, namespace }: Stage, name: string): Promise<readonly unknown[]> {
  const found = await Promise.all(
    clients.map((client) => client.find({ apiVersion: 'v1', kind: 'ConfigMap', namespace, name })),
  )
  return found.map((object: TestObject | undefined) => object?.['data']?.color)
}

for (const platform of platforms)
  describe(`a pull request at a deployment on ${platform}`, () => {
    it('is planned with every danger and changes nothing; a new push changes the comment', async () => {
      const files: { change?: ReturnType<typeof dangerousChange> } = {}
      const made = await stage(platform, (namespace) => {
        files.change = dangerousChange(namespace, namespace)
        return { files: files.change.base, path: './clusters/one' }
      })
      const { change } = files
      assert.ok(change)
      const { namespace, scene, clients } = made
      await applyAll(made)
      const named = { apiVersion: 'kustomize.toolkit.fluxcd.io/v1', kind: 'Kustomization', namespace }
      await eventually(async () => {
        for (const client of clients)
          for (const name of ['root', 'parent', 'risky', 'refused', 'many', 'below']) {
            const { conditions = [] } = (await client.find({ ...named, name }))?.['status'] ?? {}
            const ready = conditions.find(({ type }: { type: string }) => type === 'Ready')
            assert.equal(ready?.status, 'True', `${name}: ${ready?.message}`)
          }
      }, 90_000)
      for (const client of clients)
        await client.apply({
          apiVersion: named.apiVersion,
          kind: named.kind,
          metadata: { name: 'parent', namespace },
          spec: { suspend: true },
        })

      // The last events of a run are sent behind its last status.
      await awaitIdle(made.deployment)
      // This control plane is ours alone: everything in its log that is not of the tests or of Kubernetes itself is of the deployment.
      const audit = {
        auditLogPath: green.address.auditLogPath,
        request: (url: string) => green.client.request('GET', url),
      }
      const mark = await auditMark(audit)
      const pull = await scene.forge.pulls.open(fleet, { branch: 'risky', files: change.head })
      const { document } = await planOf(made, pull)
      const ours = (await readRequestCounts(audit, mark)).requests.filter(
        ({ userAgent }) => !/^(?:sluice-tests|fake-kubelet|kube-|.*apiserver)/.test(userAgent),
      )
      const carriedOut = ours.filter(
        ({ verb, uri }) => !['get', 'list', 'watch'].includes(verb) && !/[?&]dryRun=All(?:&|$)/.test(uri),
      )
      assert.deepEqual(carriedOut, [])
      assert.ok(ours.some(({ verb, uri }) => verb === 'patch' && uri.includes('dryRun=All')))

      const found = new Set(document.dangers.map(({ rule, application }) => `${rule} ${application}`))
      const missing = change.expected.filter(
        ({ rule, application }) => !found.has(`${rule} Kustomization/${namespace}/${application}`),
      )
      assert.deepEqual(missing, [])
      assert.deepEqual(
        ruleNames.filter((rule) => !change.expected.some((one) => one.rule === rule)),
        [],
      )
      for (const name of ['blue', 'green']) assert.ok(document.applications.some(({ cluster: one }) => one === name))

      const [comment] = await eventually(() => {
        const own = scene.comments(pull)
        assert.equal(own.length, 1)
        assert.match(own[0]?.body ?? '', /namespace-deletion|deletes Namespace/)
        return own
      })
      assert.ok(Buffer.byteLength(comment?.body ?? '') <= 60 * 1024)
      await eventually(() => assert.match(scene.check(pull.last.head), /^(?:failure|action_required): /))
      assert.ok(scene.repository.checkRuns.some(({ annotations }) => annotations.length > 0))

      await scene.forge.pulls.push(fleet, pull, { 'below/objects.yaml': configMap(namespace, 'below', 'third') })
      await planOf(made, pull)
      await eventually(() => {
        const own = scene.comments(pull)
        assert.equal(own.length, 1)
        assert.match(own[0]?.body ?? '', new RegExp(pull.last.head.slice(0, 7)))
      })
    })

    it('is applied as it was approved; where another one came first, it is held until somebody says so', async () => {
      const made = await stage(platform, (namespace) => ({
        files: {
          'app/a.yaml': configMap(namespace, 'a', 'blue'),
          'app/b.yaml': configMap(namespace, 'b', 'blue'),
        },
        path: './app',
        changes: { afterMerge: 'hold' },
      }))
      const { namespace, scene } = made
      // Nobody has planned what is there to begin with.
      await applyAll(made)
      assert.deepEqual(await colors(made, 'a'), [undefined, undefined])
      await approveWaiting(made)
      await eventually(async () => assert.deepEqual(await colors(made, 'a'), ['blue', 'blue']))

      const first = await scene.forge.pulls.open(fleet, {
        branch: 'first',
        files: { 'app/a.yaml': configMap(namespace, 'a', 'green') },
      })
      const second = await scene.forge.pulls.open(fleet, {
        branch: 'second',
        files: { 'app/b.yaml': configMap(namespace, 'b', 'green') },
      })
      await planOf(made, first)
      await planOf(made, second)
      await eventually(() => assert.match(scene.check(second.last.head), /^success/))

      // What was planned is what is on the branch now: nobody is asked.
      await scene.forge.pulls.merge(fleet, first)
      await eventually(async () => assert.deepEqual(await colors(made, 'a'), ['green', 'green']), 60_000)

      // The second was planned without the first: what would be applied is not what anybody has seen.
      const commit = await scene.forge.pulls.merge(fleet, second)
      await eventually(async () => {
        for (const client of made.clients) {
          const object = await client.get({
            apiVersion: 'kustomize.toolkit.fluxcd.io/v1',
            kind: 'Kustomization',
            namespace,
            name: 'root',
          })
          const held = object['status'].conditions.find(({ type }: { type: string }) => type === 'Held')
          assert.equal(held?.reason, 'WaitingForApproval')
          assert.match(held?.message, new RegExp(commit.slice(0, 7)))
        }
      }, 60_000)
      assert.deepEqual(await colors(made, 'b'), ['blue', 'blue'])

      // Who may only read is not heard; who may is.
      await scene.forge.pulls.comment(fleet, second, 'eve', '/apply')
      await eventually(() => assert.match(made.logs.join('\n'), /eve/))
      assert.deepEqual(await colors(made, 'b'), ['blue', 'blue'])
      // A run that goes on could make what waits anew, and the comment would be about what was there before.
      await awaitIdle(made.deployment)
      await scene.forge.pulls.comment(fleet, second, 'ada', '/apply blue')
      await eventually(async () => assert.deepEqual(await colors(made, 'b'), ['green', 'blue']), 60_000)
      await scene.forge.pulls.comment(fleet, second, 'ada', '/apply')
      await eventually(async () => assert.deepEqual(await colors(made, 'b'), ['green', 'green']), 60_000)
    })

    it('is planned again where another one came first, and applied once somebody approves that', async () => {
      const made = await stage(platform, (namespace) => ({
        files: {
          'app/a.yaml': configMap(namespace, 'a', 'blue'),
          'app/b.yaml': configMap(namespace, 'b', 'blue'),
        },
        path: './app',
        changes: { afterMerge: 'plan' },
        hasApp: false,
      }))
      const { namespace, scene, deployment } = made
      await applyAll(made)
      await approveWaiting(made)
      await eventually(async () => assert.deepEqual(await colors(made, 'b'), ['blue', 'blue']))
      const first = await scene.forge.pulls.open(fleet, {
        branch: 'first',
        files: { 'app/a.yaml': configMap(namespace, 'a', 'green') },
      })
      const second = await scene.forge.pulls.open(fleet, {
        branch: 'second',
        files: { 'app/b.yaml': configMap(namespace, 'b', 'green') },
      })
      const old = await planOf(made, first)
      await planOf(made, second)
      const base = await scene.forge.pulls.merge(fleet, first)
      await eventually(async () => assert.deepEqual(await colors(made, 'a'), ['green', 'green']), 60_000)

      const head = await scene.forge.pulls.merge(fleet, second)
      const body = await eventually(() => {
        const [own, ...others] = scene
          .comments(second)
          .filter((one) => one.body.startsWith('<!-- sluice:plan:sluice:after'))
        assert.deepEqual(others, [])
        for (const name of ['blue', 'green']) assert.match(own?.body ?? '', new RegExp(`\\*\\*${name}\\*\\* waits`))
        return own?.body ?? ''
      }, 90_000)
      assert.match(body, /differs in the wanted objects from what was approved with the plan of pull request/)
      assert.match(body, /#### This change can be applied/)
      assert.deepEqual(scene.comments(first).length, 1)
      const { plans } = await askPlans<{ readonly plans: readonly AfterMergePlan[] }>(deployment)
      const again = plans.filter(({ afterMerge }) => afterMerge !== undefined)
      assert.deepEqual(new Set(again.map(({ afterMerge }) => afterMerge?.[0])), new Set(['blue', 'green']))
      for (const one of again) {
        const { number, state, base: from, head: to, live, secrets } = one
        assert.deepEqual([number, state, from, to], [second.number, 'current', base, head])
        assert.deepEqual([live, secrets], ['read', 'used'])
        const { document } = await askPlans<ShownPlan>(deployment, `/api/plans/${one.id}`)
        assert.deepEqual(
          document.applications.flatMap(({ objects }) => objects.map(({ ref, action }) => `${ref.name} ${action}`)),
          ['b change'],
        )
      }
      assert.ok(!again.some(({ id }) => id === old.id))
      // What waits says which plan it waits for, and nothing was applied meanwhile.
      await eventually(async () => {
        for (const [index, client] of made.clients.entries()) {
          const name = ['blue', 'green'][index]
          const id = again.find(({ afterMerge }) => afterMerge?.[0] === name)?.id
          const object = await client.get({
            apiVersion: 'kustomize.toolkit.fluxcd.io/v1',
            kind: 'Kustomization',
            namespace,
            name: 'root',
          })
          const held = object['status'].conditions.find(({ type }: { type: string }) => type === 'Held')
          assert.match(held?.message, new RegExp(`approval of plan ${id}, which was made after the merge`))
        }
      }, 60_000)
      assert.deepEqual(await colors(made, 'b'), ['blue', 'blue'])

      await scene.forge.pulls.comment(fleet, second, 'ada', '/apply blue')
      await eventually(async () => assert.deepEqual(await colors(made, 'b'), ['green', 'blue']), 60_000)
      await eventually(() => {
        const text = scene.comments(second).find(({ body: one }) => one.includes('plan:sluice:after'))?.body ?? ''
        assert.equal(text.match(/Approved by <code>ada/g)?.length, 1)
      })
      const green = again.find(({ afterMerge }) => afterMerge?.[0] === 'green')?.id
      const response = await fetch(`${deployment.url}/trigger`, {
        method: 'POST',
        headers: { authorization: `Bearer ${deployment.triggerToken}`, 'content-type': 'application/json' },
        body: JSON.stringify({ action: 'approve', planId: green }),
      })
      assert.equal(response.status, 202, await response.text())
      await eventually(async () => assert.deepEqual(await colors(made, 'b'), ['green', 'green']), 60_000)
      // Nothing waits any more, and nothing more was planned.
      const { plans: later } = await askPlans<{ readonly plans: readonly AfterMergePlan[] }>(deployment)
      assert.equal(later.length, plans.length)
    })
  })
