import assert from 'node:assert/strict'
import { after, describe, it } from 'node:test'
import { consumeMessage } from '../../../functions/consumer.ts'
import type { FunctionDeps } from '../../../functions/deps.ts'
import { planTargetOf } from '../../../functions/plans/config.ts'
import { encodeLook, type LookMessage } from '../../../functions/plans/look-message.ts'
import { listPlans, pullKey, readPull } from '../../../functions/plans/records.ts'
import { createToldRuns } from '../../../functions/told-runs.ts'
import { createRunStore } from '../../../src/coordinator/index.ts'
import type { ForgeKind } from '../../../src/forges/index.ts'
import { createNodeHttpClient } from '../../../src/platforms/node/http.ts'
import { changeJob, listPlanned, type ChangeJob, type EngineDeps } from '../../../src/reconcile/index.ts'
import { addComment } from '../../support/forge-api/pull-keeper.ts'
import { testConfig, testDeps } from '../../support/function-deps.ts'
import { createMemoryState, systemClock, systemRandom } from '../../support/memory-ports.ts'
import { fleet, ruleOf, startPlanScene } from '../../support/plan-scene.ts'
import { colorPlan } from '../../support/planning-engine.ts'

const planKey = new TextEncoder().encode('a key of plans of the tests')
const http = createNodeHttpClient({ egress: { allowPrivate: true } })
const closers: (() => Promise<void>)[] = []
after(async () => {
  for (const close of closers) await close()
  http.close()
})

/** A pull request, and a deployment whose cluster holds what nobody has approved. Times are milliseconds from now. */
async function setup(kind: ForgeKind) {
  const scene = await startPlanScene({ kind, files: { 'app/a.yaml': 'color: red\n' } })
  closers.push(() => scene.close())
  scene.forge.groups.set('everybody', ['ada'])
  const rule = ruleOf(scene)
  const state = createMemoryState()
  const clusters = [{ name: 'one', changes: { afterMerge: 'hold' } }] as const
  const config = testConfig({ clusters, plans: [rule], planKey, privateHosts: ['127.0.0.1'] })
  const read = (name: string): string | undefined => (name === 'FORGE_TOKEN' ? scene.forge.token : undefined)
  const base = testDeps({ config, state, http, read })
  const told = createToldRuns({ ...base, runs: createRunStore(state), forgeTokens: base.memory.forgeTokens })
  const deps: FunctionDeps = { ...base, ...told }
  const pull = await scene.forge.pulls.open(fleet, { branch: 'topic', files: { 'app/a.yaml': 'color: blue\n' } })
  const records = { state, key: planKey, logger: base.logger }
  const address = planTargetOf([rule], kind, [scene.repository.git.url])?.address ?? ''
  let messages = 0
  const look = async (more: Partial<LookMessage> = {}): Promise<void> => {
    const message: LookMessage = {
      id: `look-${(messages += 1)}`,
      provider: kind,
      urls: [scene.repository.git.url],
      number: pull.number,
      reason: 'delivery',
      receivedAt: Date.now(),
      ...more,
    }
    assert.deepEqual(await consumeMessage(deps, encodeLook(message), { attempt: 1 }), { kind: 'ack' })
    await base.settled()
  }
  return {
    scene,
    pull,
    look,
    /** Does the last job that is a plan, as if that took so long. @returns the plan. */
    plan: async (afterMs: number, says = ''): Promise<string> => {
      const job = base.sent.map((one) => one.job).findLast(({ change }) => change !== undefined) as ChangeJob
      const clock = { ...systemClock, now: () => Date.now() + afterMs }
      const engine = { state, planKey, clock, random: systemRandom } as unknown as EngineDeps
      const { record } = await changeJob(engine, job, {}, async (_, own) => {
        const made = colorPlan(own)
        return { ...made, digests: made.digests.map((one) => ({ ...one, artifacts: { says } })) }
      })
      await told.runs.putRecord(record)
      await base.settled()
      return job.change.plan
    },
    /** The delivery of a comment, which comes in as late as may be. */
    apply: async (writtenAfterMs: number): Promise<void> => {
      const createdAt = new Date(Date.now() + writtenAfterMs).toISOString()
      const { id } = addComment(pull, 9000 + messages, { author: 'ada', body: '/apply', createdAt })
      await look({ reason: 'command', comment: String(id), receivedAt: Date.now() + 3_600_000 })
    },
    approvedBy: async (plan: string): Promise<string | undefined> =>
      (await listPlanned({ state, clock: systemClock, key: planKey }, plan))[0]?.approved?.by,
    refusal: async () => (await readPull(records, pullKey(address, pull.number)))?.refused?.why,
    states: async () => (await listPlans(records, { limit: 10 })).plans.map((one) => one.state),
  }
}

const push = ({ scene, pull }: Awaited<ReturnType<typeof setup>>, color: string): Promise<string> =>
  scene.forge.pulls.push(fleet, pull, { 'app/a.yaml': `color: ${color}\n` })

for (const kind of ['github', 'gitlab', 'gitea'] as const)
  describe(`what is approved at ${kind}`, () => {
    it('by a comment is what was planned when it was written, however late its delivery comes', async () => {
      const made = await setup(kind)
      await made.look()
      const first = await made.plan(0)
      await push(made, 'green')
      await made.look()
      const second = await made.plan(60_000)
      assert.notEqual(second, first)
      // Written when the plan of the first commit was the last one.
      await made.apply(30_000)
      assert.deepEqual([await made.approvedBy(first), await made.approvedBy(second)], [undefined, undefined])
      assert.equal(
        await made.refusal(),
        'the plan was made after the comment was written; look at it and write /apply again',
      )
      await made.apply(61_000)
      assert.equal(await made.approvedBy(second), `ada (${fleet}#1)`)
    })

    it('by a comment is also what was planned again since and says the same', async () => {
      const made = await setup(kind)
      await made.look()
      const plan = await made.plan(0)
      await made.plan(60_000)
      await made.apply(30_000)
      assert.equal(await made.approvedBy(plan), `ada (${fleet}#1)`)
    })

    it('by the merge is what was planned by then', async () => {
      const made = await setup(kind)
      await made.look()
      const plan = await made.plan(0)
      await made.scene.forge.pulls.merge(fleet, made.pull)
      await made.plan(60_000)
      await made.look()
      assert.deepEqual(await made.states(), ['merged'])
      assert.equal(await made.approvedBy(plan), `the merge of ${fleet}#1`)
    })

    for (const earlier of [false, true])
      it(`by the merge is nothing that was planned after it${earlier ? ', where the plan said something else before' : ''}`, async () => {
        const made = await setup(kind)
        await made.look()
        if (earlier) await made.plan(0, 'something else')
        await made.scene.forge.pulls.merge(fleet, made.pull)
        const plan = await made.plan(60_000)
        await made.look()
        assert.deepEqual(await made.states(), ['merged'])
        assert.equal(await made.approvedBy(plan), undefined)
      })
  })
