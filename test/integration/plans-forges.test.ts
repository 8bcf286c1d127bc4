import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { startNode, type NodeServer } from '../../functions/node.ts'
import type { ForgeKind } from '../../src/forges/index.ts'
import { deploymentEnvironment, triggerToken } from '../support/deployment.ts'
import {
  askPlans,
  eventually,
  fleet,
  startPlanScene,
  type PlanScene,
  type PlanSceneOptions,
  type ShownPlan,
} from '../support/plan-scene.ts'
import { colorPlan, planningEngine, type FakePlan } from '../support/planning-engine.ts'

const closers: (() => Promise<void>)[] = []
after(async () => {
  for (const close of closers.toReversed()) await close()
})

interface Scene extends PlanScene {
  readonly deployment: NodeServer & { readonly triggerToken: string }
  readonly logs: string[]
}

async function setup(
  options: Partial<PlanSceneOptions> & { readonly plan?: FakePlan; readonly clusters?: readonly string[] } = {},
): Promise<Scene> {
  const { plan = colorPlan, clusters = ['blue', 'green'], ...rest } = options
  const scene = await startPlanScene({ kind: 'github', files: { 'app/a.yaml': 'color: red\n' }, ...rest })
  const directory = await mkdtemp(join(tmpdir(), 'sluice-plans-'))
  const logs: string[] = []
  const env = deploymentEnvironment({
    clusters: clusters.map((name) => ({ name, server: 'https://127.0.0.1:1' })),
    settings: { publicUrl: 'https://sluice.example.com' },
    env: scene.env,
  })
  const server = await startNode(
    { ...env, PORT: '0', HOST: '127.0.0.1', DATA_DIR: directory },
    { createEngine: planningEngine(plan), log: (line) => logs.push(line) },
  )
  const deployment = { ...server, triggerToken }
  scene.connect(deployment)
  closers.push(
    () => rm(directory, { recursive: true, force: true }),
    () => scene.close(),
    () => server.stop(1000),
  )
  return { ...scene, deployment, logs }
}

const plansOf = async ({ deployment }: Scene): Promise<readonly ShownPlan[]> =>
  (await askPlans<{ readonly plans: readonly ShownPlan[] }>(deployment)).plans

const kinds: readonly (readonly [kind: ForgeKind, hasApp: boolean])[] = [
  ['github', true],
  ['github', false],
  ['gitlab', false],
  ['gitea', false],
]

for (const [kind, hasApp] of kinds)
  describe(`plans at ${kind}${hasApp ? ', as an App' : ''}`, () => {
    it('a pull request gets one comment and a check; a new push changes both', async () => {
      const scene = await setup({ kind, hasApp })
      const { forge, comments, check } = scene
      const pull = await forge.pulls.open(fleet, { branch: 'topic', files: { 'app/a.yaml': 'color: blue\n' } })
      const first = pull.last.head
      const text = await eventually(() => {
        const [own, ...others] = comments(pull)
        assert.ok(own)
        assert.deepEqual(others, [])
        return own.body
      })
      assert.match(text, /^<!-- sluice:plan:sluice -->\n### This change can be applied\n/)
      assert.match(text, new RegExp(`\\+ color-${first.slice(0, 8)}`))
      const [plan] = await plansOf(scene)
      assert.match(text, new RegExp(`https://sluice.example.com/ui/plans/${plan?.id}`))
      await eventually(() => assert.match(check(first), /^success: This change can be applied: 2 applications$/))

      const second = await forge.pulls.push(fleet, pull, { 'app/a.yaml': 'color: green\n' })
      await eventually(() => assert.match(comments(pull)[0]?.body ?? '', new RegExp(`color-${second.slice(0, 8)}`)))
      assert.equal(comments(pull).length, 1)
      await eventually(() => assert.match(check(second), /^success/))
      assert.deepEqual(
        (await plansOf(scene)).map(({ head, state }) => [head, state]),
        [
          [second, 'current'],
          [first, 'superseded'],
        ],
      )

      await forge.pulls.merge(fleet, pull)
      await eventually(async () => assert.equal((await plansOf(scene))[0]?.state, 'merged'))
    })
  })
