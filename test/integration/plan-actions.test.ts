import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { startNode, type NodeServer } from '../../functions/node.ts'
import type { ForgeKind } from '../../src/forges/index.ts'
import { deploymentEnvironment, triggerToken } from '../support/deployment.ts'
import type { KeptPull } from '../support/forge-api/types.ts'
import { askPlans, eventually, fleet, startPlanScene, type PlanScene, type ShownPlan } from '../support/plan-scene.ts'
import { colorPlan, planningEngine } from '../support/planning-engine.ts'
import { formOf, Visitor } from '../support/visitor.ts'

const maintainerToken = 'token-of-a-maintainer-of-everything'
const viewerToken = 'token-of-a-viewer-of-everything'

const closers: (() => Promise<void>)[] = []
after(async () => {
  for (const close of closers.toReversed()) await close()
})

interface ShownAction {
  readonly actor: string
  readonly how: string
  readonly action: string
  readonly outcome: string
  readonly target?: { readonly plan?: string }
  readonly reason?: string
}

interface Scene extends PlanScene {
  readonly env: { readonly [name: string]: string }
  readonly deployment: NodeServer & { readonly triggerToken: string }
}

async function setup(kind: ForgeKind = 'github'): Promise<Scene> {
  const scene = await startPlanScene({ kind, files: { 'app/a.yaml': 'color: red\n' } })
  const directory = await mkdtemp(join(tmpdir(), 'sluice-plan-actions-'))
  const blue = { name: 'blue', server: 'https://127.0.0.1:1', changes: { afterMerge: 'hold' } }
  const env = deploymentEnvironment({
    clusters: [blue],
    settings: { publicUrl: 'https://sluice.example.com' },
    env: {
      ...scene.env,
      TOKENS: JSON.stringify([
        { name: 'max', tokenSecret: 'MAX', role: 'maintainer' },
        { name: 'vera', tokenSecret: 'VERA', role: 'viewer' },
      ]),
      MAX: maintainerToken,
      VERA: viewerToken,
    },
  })
  const server = await startNode(
    { ...env, PORT: '0', HOST: '127.0.0.1', DATA_DIR: directory },
    { createEngine: planningEngine(colorPlan), log: () => undefined },
  )
  const deployment = { ...server, triggerToken }
  scene.connect(deployment)
  closers.push(
    () => rm(directory, { recursive: true, force: true }),
    () => scene.close(),
    () => server.stop(1000),
  )
  return { ...scene, env, deployment }
}

/** A pull request with a plan that is made. */
async function planned(scene: Scene): Promise<{ readonly pull: KeptPull; readonly id: string }> {
  const pull = await scene.forge.pulls.open(fleet, { branch: 'topic', files: { 'app/a.yaml': 'color: blue\n' } })
  await eventually(() => assert.match(scene.comments(pull)[0]?.body ?? '', /This change can be applied/))
  const { plans } = await askPlans<{ readonly plans: readonly ShownPlan[] }>(scene.deployment)
  return { pull, id: plans[0]?.id ?? '' }
}

async function merged(scene: Scene, pull: KeptPull): Promise<void> {
  await scene.forge.pulls.merge(fleet, pull)
  await eventually(async () => {
    const { plans } = await askPlans<{ readonly plans: readonly ShownPlan[] }>(scene.deployment)
    assert.equal(plans[0]?.state, 'merged')
  })
}

const actionsOf = async ({ deployment }: Scene): Promise<readonly ShownAction[]> =>
  (await askPlans<{ readonly actions: readonly ShownAction[] }>(deployment, '/api/actions')).actions

for (const kind of ['github', 'gitlab', 'gitea'] as const)
  describe(`the revert of a merged pull request of ${kind}`, () => {
    it('is opened once, from the page of its plan, and recorded', async () => {
      const scene = await setup(kind)
      const { pull, id } = await planned(scene)
      const max = await Visitor.come(scene, maintainerToken)
      const path = `/ui/plans/${id}`
      assert.equal(formOf(await max.read(path), 'revert'), undefined, 'nothing to take back yet')
      const before = scene.repository.pulls.length
      await merged(scene, pull)
      const fields = formOf(await max.read(path), 'revert')
      assert.ok(fields)
      const page = await max.follow(await max.send('revert', fields))
      assert.equal(scene.repository.pulls.length, before + 1)
      const opened = scene.repository.pulls.at(-1)
      assert.equal(opened?.title, `Revert "${pull.title}"`)
      assert.match(page, new RegExp(`role="status"[^]*Opened: [^]*href="http[^"]+/${opened.number}"`))
      const again = await max.follow(await max.send('revert', fields))
      assert.match(again, /There is an open pull request already/)
      assert.equal(scene.repository.pulls.length, before + 1)
      await eventually(async () => {
        const found = (await actionsOf(scene)).filter(({ action }) => action === 'revert')
        assert.deepEqual(
          found.map(({ actor, how, outcome, target }) => [actor, how, outcome, target?.plan]),
          [
            ['max', 'session', 'done', id],
            ['max', 'session', 'done', id],
          ],
        )
      })
    })
  })

describe('who may not revert', () => {
  it('sees no button, is refused, and that is recorded; forms of others count for nothing', async () => {
    const scene = await setup()
    const { pull, id } = await planned(scene)
    await merged(scene, pull)
    const before = scene.repository.pulls.length
    const path = `/ui/plans/${id}`
    const vera = await Visitor.come(scene, viewerToken)
    const max = await Visitor.come(scene, maintainerToken)
    assert.equal(formOf(await vera.read(path), 'revert'), undefined)
    const fields = formOf(await max.read(path), 'revert') ?? {}
    assert.equal((await vera.send('revert', fields)).status, 403, 'the token of another session')
    const refused = await vera.send('revert', { ...fields, csrf: await vera.tokenFor('revert') })
    assert.equal(refused.status, 403)
    assert.match(await refused.text(), /vera may look, and may not revert/)
    await eventually(async () =>
      assert.deepEqual(
        (await actionsOf(scene))
          .filter(({ action }) => action === 'revert')
          .map(({ actor, outcome }) => [actor, outcome]),
        [['vera', 'refused']],
      ),
    )
    assert.equal((await max.send('revert', { ...fields, csrf: 'x' })).status, 403)
    assert.equal((await max.send('revert', fields, 'https://evil.example')).status, 403)
    assert.equal((await max.send('revert', { ...fields, plan: '0'.repeat(32) })).status, 404)
    assert.equal((await max.send('revert', { ...fields, plan: '../x' })).status, 400)
    assert.equal(scene.repository.pulls.length, before)
  })

  it('is told what the forge says, and that is recorded', async () => {
    const scene = await setup()
    const { pull, id } = await planned(scene)
    await merged(scene, pull)
    await scene.repository.git.commit({ 'app/a.yaml': 'color: yellow\n' })
    const max = await Visitor.come(scene, maintainerToken)
    const answer = await max.send('revert', formOf(await max.read(`/ui/plans/${id}`), 'revert') ?? {})
    assert.equal(answer.status, 409)
    assert.match(await answer.text(), /revert it with git/)
    await eventually(async () =>
      assert.ok((await actionsOf(scene)).some(({ action, outcome }) => action === 'revert' && outcome === 'failed')),
    )
  })
})

describe('the approval of a plan from its page', () => {
  it('is asked for once more, counts for what was shown, and is recorded', async () => {
    const scene = await setup()
    const { id } = await planned(scene)
    const path = `/ui/plans/${id}`
    const max = await Visitor.come(scene, maintainerToken)
    const vera = await Visitor.come(scene, viewerToken)
    assert.equal(formOf(await vera.read(path), 'approve'), undefined)
    const fields = formOf(await max.read(path), 'approve') ?? {}
    const refused = await vera.send('approve', {
      ...fields,
      csrf: await vera.tokenFor('approve'),
      confirmed: 'yes',
    })
    assert.equal(refused.status, 403)
    const question = await max.send('approve', fields)
    assert.equal(question.status, 200)
    const confirmed = formOf(await question.text(), 'approve') ?? {}
    assert.deepEqual({ ...confirmed }, { ...fields, confirmed: 'yes' })
    assert.doesNotMatch(await max.read(path), /Approved by/)
    const other = await max.send('approve', { ...confirmed, seen: 'another plan' })
    assert.equal(other.status, 409)
    assert.match(await other.text(), /is another one by now/)
    assert.doesNotMatch(await max.read(path), /Approved by/)
    const page = await max.follow(await max.send('approve', confirmed))
    assert.match(page, /Approved: the plan of team\/fleet#1\. Applications that are looked at: 1 of blue\./)
    assert.match(page, /Approved by <b>max \(page\)<\/b> for blue/)
    await eventually(async () =>
      assert.deepEqual(
        (await actionsOf(scene))
          .filter(({ action }) => action === 'approve')
          .map(({ actor, how, outcome, target }) => [actor, how, outcome, target?.plan]),
        [
          ['max', 'session', 'done', id],
          ['max', 'session', 'failed', id],
          ['vera', 'session', 'refused', id],
        ],
      ),
    )
  })
})

describe('comments with commands', () => {
  it('are recorded, those that were followed and those that were refused', async () => {
    const scene = await setup()
    const { forge } = scene
    const { pull, id } = await planned(scene)
    scene.repository.people.set('mia', 'maintain')
    const said: readonly (readonly [string, string, string, string])[] = [
      ['eve', '/plan', 'plan', 'refused'],
      ['rob', '/plan', 'plan', 'done'],
      ['rob', '/apply', 'apply', 'refused'],
      ['mia', '/apply blue', 'apply', 'done'],
    ]
    for (const [login, text, action, outcome] of said) {
      await forge.pulls.comment(fleet, pull, login, text)
      const found = await eventually(async () => {
        const record = (await actionsOf(scene)).find(
          (one) => one.actor === `${login} (team/fleet#1)` && one.action === action,
        )
        assert.ok(record, `${login}: ${text}`)
        return record
      })
      assert.deepEqual([found.how, found.outcome, found.target?.plan], ['comment', outcome, id])
      if (outcome === 'refused') assert.match(found.reason ?? '', /may not/)
    }
  })
})
