import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  approvePlan,
  approveWaiting,
  createCaches,
  listWaiting,
  readPlanPart,
  type ChangeRef,
  type NodeRecord,
  type ObjectKey,
  type ReplanWish,
  type WindowRule,
} from '../../src/reconcile/index.ts'
import { useCluster } from '../support/cluster.ts'
import { notePlan, planKey, setPolicy, storeOf } from '../support/planned.ts'
import { configMapTemplate, createReleaseScenario, dataOf } from '../support/release-scenario.ts'
import { createScenario, nodeOf, type Scenario } from '../support/scenario.ts'

const cluster = useCluster()
const configMap = (name: string, color: string): string =>
  `apiVersion: v1\nkind: ConfigMap\nmetadata: { name: ${name}, namespace: $NAMESPACE }\ndata: { color: ${color} }\n`

const colorOf = async ({ client, namespace }: Scenario, name: string): Promise<unknown> =>
  (await client.find({ apiVersion: 'v1', kind: 'ConfigMap', namespace, name }))?.['data'].color

/** What runs ask the deployment for, and the deployment's part: it is done when the run is over, as a queue does it. */
interface Asked {
  readonly wishes: ReplanWish[]
  readonly looks: ObjectKey[]
}

/** Gives a scenario the policy, and notes what its runs ask for. */
function planAgain(made: Scenario): Asked {
  const asked: Asked = { wishes: [], looks: [] }
  setPolicy(
    made,
    { afterMerge: 'plan' },
    {
      requests: {
        run: async ({ objects }: { readonly objects: readonly ObjectKey[] }) => void asked.looks.push(...objects),
        plan: async (wish: ReplanWish) => void asked.wishes.push(wish),
      },
    },
  )
  return asked
}

/** Makes the plan of a wish as the deployment does, and looks at what it asks to look at. @returns the id of the plan. */
async function makePlan(made: Scenario, wish: ReplanWish, asked: Asked, id = 'again'): Promise<string> {
  const { cluster: name, url, branch, base, head, pullRequest } = wish
  const change: ChangeRef = {
    plan: id,
    urls: [url],
    repository: 'team/app',
    branch,
    base,
    head,
    headRef: branch,
    live: 'read',
    secrets: 'used',
    afterMerge: true,
    ...(pullRequest === undefined ? {} : { pullRequest }),
  }
  const { record } = await made.run({ kind: 'trigger', runId: id, plan: true, change })
  assert.equal(record.state, 'succeeded', JSON.stringify(record.error ?? record.nodes))
  assert.equal(record.cluster, name)
  await made.run({ kind: 'trigger', target: { objects: asked.looks.splice(0) } })
  return id
}

async function actionsOf(made: Scenario, plan: string): Promise<readonly string[]> {
  const stored = await readPlanPart(made.deps.state, planKey, { plan, cluster: 'test' })
  assert.ok(stored.kind === 'part')
  return stored.part.document.applications.flatMap(({ objects }) =>
    objects.map(({ ref, action }) => `${ref.kind} ${ref.name} ${action}`),
  )
}

const both = (a: string, b: string): { readonly [path: string]: string } => ({
  'app/a.yaml': configMap('a', a),
  'app/b.yaml': configMap('b', b),
})

/** Two pull requests were planned on the same base, and the other one was merged first; then this one. */
async function overtaken(): Promise<{ readonly made: Scenario; readonly asked: Asked; readonly node: NodeRecord }> {
  const made = await createScenario(cluster, { files: both('blue', 'blue') })
  await made.kustomization()
  await made.pushed()
  const asked = planAgain(made)
  const first = await notePlan(made, 7, both('green', 'blue'))
  const second = await notePlan(made, 8, both('blue', 'green'))
  await approvePlan(storeOf(made), first, { by: 'ada', how: 'merge' })
  assert.equal(nodeOf(await made.push(both('green', 'blue')), 'Kustomization/app').state, 'ready')
  await approvePlan(storeOf(made), second, { by: 'ada', how: 'merge' })
  const node = nodeOf(await made.push(both('green', 'green')), 'Kustomization/app')
  return { made, asked, node }
}

describe('what was merged after another one', () => {
  it('is planned from what is applied, waits for that plan, and is applied once it is approved', async () => {
    const { made, asked, node } = await overtaken()
    try {
      assert.equal(node.reason, 'WaitingForApproval')
      assert.match(node.message ?? '', /; a new plan is made; to approve it: /)
      const [wish, ...others] = asked.wishes
      assert.deepEqual([others.length, wish?.pullRequest], [0, 8])
      assert.ok(wish)
      const plan = await makePlan(made, wish, asked)
      assert.deepEqual(await actionsOf(made, plan), ['ConfigMap b change'])
      const [waiting] = await listWaiting(storeOf(made), 'test')
      assert.deepEqual([waiting?.plan, waiting?.pullRequest], [plan, 8])
      assert.match(
        waiting?.message ?? '',
        /plan again, which was made after the merge and says the same: comment \/apply test on pull request #8, or sluice approve plan again$/,
      )
      assert.equal(await colorOf(made, 'b'), 'blue')
      const { clusters } = await approvePlan(storeOf(made), plan, { by: 'ada', how: 'page' })
      const [own] = clusters
      await made.run({ kind: 'trigger', target: { objects: own?.applications ?? [] } })
      assert.equal(await colorOf(made, 'b'), 'green')
      assert.deepEqual(await listWaiting(storeOf(made), 'test'), [])
      assert.equal(asked.wishes.length, 1)
    } finally {
      await made.close()
    }
  })

  it('is planned once more where the branch moves on, and the older plan lets nothing else through', async () => {
    const { made, asked } = await overtaken()
    try {
      const [wish] = asked.wishes
      assert.ok(wish)
      const older = await makePlan(made, wish, asked, 'older')
      // A commit that changes nothing of it goes on to wait for the same plan.
      await made.push({ 'README.md': 'merged with another one\n' })
      assert.equal(asked.wishes.length, 1)
      assert.equal((await listWaiting(storeOf(made), 'test'))[0]?.plan, older)
      const node = nodeOf(await made.push(both('green', 'yellow')), 'Kustomization/app')
      assert.equal(node.reason, 'WaitingForApproval')
      const next = asked.wishes[1]
      assert.ok(next)
      assert.deepEqual([next.base, next.head === wish.head], [wish.base, false])
      await approvePlan(storeOf(made), older, { by: 'ada', how: 'page' })
      await made.run({ kind: 'trigger', target: 'cluster' })
      assert.equal(await colorOf(made, 'b'), 'blue')
      const newer = await makePlan(made, next, asked, 'newer')
      await approvePlan(storeOf(made), newer, { by: 'ada', how: 'page' })
      await made.run({ kind: 'trigger', target: 'cluster' })
      assert.equal(await colorOf(made, 'b'), 'yellow')
    } finally {
      await made.close()
    }
  })

  it('is applied without anybody where it becomes what was approved', async () => {
    const { made, asked } = await overtaken()
    try {
      const [wish] = asked.wishes
      assert.ok(wish)
      await makePlan(made, wish, asked)
      // The other one is taken back: what is left is what was planned and approved with this one.
      await made.push(both('blue', 'green'))
      assert.equal(await colorOf(made, 'b'), 'green')
      assert.equal(await colorOf(made, 'a'), 'blue')
      assert.deepEqual(await listWaiting(storeOf(made), 'test'), [])
    } finally {
      await made.close()
    }
  })
})

describe('what cannot be planned again', () => {
  it('says why, and waits for somebody', async () => {
    const made = await createScenario(cluster, { files: both('blue', 'blue') })
    try {
      await made.kustomization()
      await made.pushed()
      const asked = planAgain(made)
      const source = {
        apiVersion: 'source.toolkit.fluxcd.io/v1',
        kind: 'GitRepository',
        metadata: { name: 'app', namespace: made.namespace },
        spec: { interval: '1m', url: made.repository.url, ref: { tag: 'v1' } },
      }
      await made.repository.commit({ 'app/a.yaml': configMap('a', 'green').replace('$NAMESPACE', made.namespace) })
      await made.repository.tag('v1')
      await made.client.apply(source)
      const target = { source: { kind: 'GitRepository', namespace: made.namespace, name: 'app' } }
      const node = nodeOf((await made.run({ kind: 'trigger', target })).record, 'Kustomization/app')
      assert.match(
        node.message ?? '',
        /there is no plan of it; no new plan can be made, because its source does not follow a branch; to approve it: comment \/apply test/,
      )
      assert.deepEqual(asked.wishes, [])
    } finally {
      await made.close()
    }
  })
})

describe('a HelmRelease whose chart is in Git', () => {
  it('is planned again from what it was let through with', async () => {
    const made = await createReleaseScenario(cluster, { files: { 'templates/a.yaml': configMapTemplate('a') } })
    try {
      const asked = planAgain(made)
      await made.release()
      await made.pushed()
      const first = await made.reconcile()
      assert.match(first.message ?? '', /no new plan can be made, because it is not known what is applied now/)
      await approveWaiting(storeOf(made), 'test', { by: 'ada', how: 'command' })
      assert.equal((await made.reconcile()).state, 'ready')
      const chart = 'apiVersion: v2\nname: app\nversion: 1.1.0\nappVersion: "3.1"\n'
      await made.chart({ 'Chart.yaml': chart, 'values.yaml': 'value: next\n' })
      await made.repository.commit({})
      await made.pushed()
      const node = await made.reconcile()
      assert.equal(node.reason, 'WaitingForApproval', node.message)
      assert.match(node.message ?? '', /; a new plan is made; to approve it: /)
      const [wish, ...others] = asked.wishes
      assert.ok(wish)
      assert.deepEqual(others, [])
      const plan = await makePlan(made, wish, asked)
      assert.ok((await actionsOf(made, plan)).includes('ConfigMap a change'))
      assert.equal((await listWaiting(storeOf(made), 'test'))[0]?.plan, plan)
      await approvePlan(storeOf(made), plan, { by: 'ada', how: 'page' })
      assert.equal((await made.reconcile()).state, 'ready')
      assert.deepEqual(await dataOf(made), { value: 'next' })
    } finally {
      await made.close()
    }
  })
})

describe('a cluster with a window and an approved plan', () => {
  const freeze: WindowRule = { name: 'freeze', kind: 'deny', when: 'daily', timeZone: 'UTC' }
  const setWindows = (made: Scenario, windows: readonly WindowRule[]): void => {
    Object.assign(made.deps, { settings: { ...made.deps.settings, windows } })
  }

  for (const afterMerge of ['hold', 'plan'] as const)
    it(`that says ${afterMerge} waits for the window, and applies then without asking`, async () => {
      const made = await createScenario(cluster, { files: both('blue', 'blue') })
      try {
        await made.kustomization()
        await made.pushed()
        setPolicy(made, { afterMerge })
        const plan = await notePlan(made, 7, both('blue', 'green'))
        setWindows(made, [freeze])
        await approvePlan(storeOf(made), plan, { by: 'ada', how: 'merge' })
        const node = nodeOf(await made.push(both('blue', 'green')), 'Kustomization/app')
        assert.deepEqual([node.state, node.reason], ['skipped', 'HeldByWindow'])
        assert.equal(await colorOf(made, 'b'), 'blue')
        assert.deepEqual(await listWaiting(storeOf(made), 'test'), [])
        setWindows(made, [])
        Object.assign(made.deps, { caches: createCaches() })
        await made.scan()
        assert.equal(await colorOf(made, 'b'), 'green')
        assert.deepEqual(await listWaiting(storeOf(made), 'test'), [])
      } finally {
        await made.close()
      }
    })
})
