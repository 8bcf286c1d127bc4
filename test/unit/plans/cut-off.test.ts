import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { consumeMessage } from '../../../functions/consumer.ts'
import type { FunctionDeps } from '../../../functions/deps.ts'
import { planTargetOf, type PlanRule } from '../../../functions/plans/config.ts'
import { encodeLook } from '../../../functions/plans/look-message.ts'
import { listPlans, pullKey, readPlan } from '../../../functions/plans/records.ts'
import { createToldRuns } from '../../../functions/told-runs.ts'
import type { Json } from '../../../src/base/index.ts'
import { createRunStore, maxAttempts, parseMessage, type JobMessage } from '../../../src/coordinator/index.ts'
import { createNodeHttpClient } from '../../../src/platforms/node/http.ts'
import type { StateStore } from '../../../src/ports/index.ts'
import { changeJob, type ChangeJob, type EngineDeps } from '../../../src/reconcile/index.ts'
import { testConfig, testDeps } from '../../support/function-deps.ts'
import { createMemoryLogger, createMemoryState, systemClock, systemRandom } from '../../support/memory-ports.ts'
import { fleet, ruleOf, startPlanScene, type PlanScene } from '../../support/plan-scene.ts'
import { colorPlan, manifestsPlan } from '../../support/planning-engine.ts'

const key = new TextEncoder().encode('a key of plans of the tests')
const http = createNodeHttpClient({ egress: { allowPrivate: true } })
after(() => http.close())

/** What remains when a process is killed, and what kills it: the write with this number does not happen, nor anything after it. */
interface World {
  readonly state: StateStore
  readonly sent: Json[]
  /** Deps of a process that is killed at its `at`-th write to the store, the queue or the forge; never without. */
  readonly process: (at?: number) => {
    readonly deps: FunctionDeps
    readonly isDead: () => boolean
    settled: () => Promise<void>
  }
}

function createWorld(scene: PlanScene, rule: PlanRule): World {
  const state = createMemoryState()
  const sent: Json[] = []
  return {
    state,
    sent,
    process: (at = Number.POSITIVE_INFINITY) => {
      let writes = 0
      const write = <T>(work: () => Promise<T>): Promise<T> => {
        writes += 1
        return writes >= at ? Promise.reject(new Error('killed')) : work()
      }
      const dying: StateStore = {
        ...state,
        put: (...given) => write(() => state.put(...given)),
        putIfAbsent: (...given) => write(() => state.putIfAbsent(...given)),
        delete: (...given) => write(() => state.delete(...given)),
      }
      const queue = { send: (message: Json) => write(async () => void sent.push(message)) }
      const config = testConfig({ plans: [rule], planKey: key, privateHosts: ['127.0.0.1'] })
      const read = (name: string): string | undefined => (name === 'FORGE_TOKEN' ? scene.forge.token : undefined)
      const asked: typeof http = {
        ...http,
        send: (request) => (request.method === 'GET' ? http.send(request) : write(() => http.send(request))),
      }
      const base = testDeps({ config, state: dying, queue, http: asked, read })
      const told = createToldRuns({ ...base, runs: createRunStore(dying), forgeTokens: base.memory.forgeTokens })
      return { deps: { ...base, ...told }, isDead: () => writes >= at, settled: () => base.settled() }
    },
  }
}

describe('a plan survives being cut off', () => {
  let scene: PlanScene
  let rule: PlanRule
  before(async () => {
    scene = await startPlanScene({ kind: 'gitea', files: { 'app/a.yaml': 'color: red\n' } })
    rule = ruleOf(scene)
  })
  after(() => scene.close())

  const messageFor = (number: number): Json =>
    encodeLook({
      id: `look-${number}`,
      provider: 'gitea',
      urls: [scene.repository.git.url],
      number,
      reason: 'delivery',
      receivedAt: 1,
    })

  it('between any two writes of the look: it is done once', async () => {
    let isComplete = false
    for (let at = 1; !isComplete; at++) {
      assert.ok(at < 60, 'it has an end')
      const pull = await scene.forge.pulls.open(fleet, { branch: `look-${at}`, files: { 'app/a.yaml': `at: ${at}\n` } })
      const world = createWorld(scene, rule)
      const message = messageFor(pull.number)
      const first = world.process(at)
      await consumeMessage(first.deps, message, { attempt: 1 }).catch(() => undefined)
      await first.settled().catch(() => undefined)
      isComplete = !first.isDead()
      // The queue still has the message, and gives it out again.
      const second = world.process()
      assert.deepEqual(await consumeMessage(second.deps, message, { attempt: 2 }), { kind: 'ack' }, `after write ${at}`)
      await second.settled()
      const jobs = world.sent.map((one) => parseMessage(one).job)
      assert.deepEqual([...new Set(jobs.map(({ cluster }) => cluster))].toSorted(), ['one', 'two'], `after write ${at}`)
      assert.equal(new Set(jobs.map(({ runId }) => runId)).size, 1, `after write ${at}`)
      const records = { state: world.state, key, logger: createMemoryLogger() }
      const { plans } = await listPlans(records, { limit: 10 })
      assert.deepEqual(
        plans.map(({ isQueued, run, state }) => [isQueued, run, state]),
        [[true, jobs[0]?.runId, 'current']],
        `after write ${at}`,
      )
      assert.match(scene.check(pull.last.head), /^pending: Planning on 2 clusters/)
      assert.deepEqual(await world.state.list('plans/look/'), [])
    }
  })

  it('also where a look was killed, and another event comes: its attempts outlast the lock that is left', async () => {
    const pull = await scene.forge.pulls.open(fleet, { branch: 'locked', files: { 'app/a.yaml': 'color: blue\n' } })
    const world = createWorld(scene, rule)
    const target = planTargetOf([rule], 'gitea', [scene.repository.git.url])
    await world.state.put(`plans/look/${pullKey(target?.address ?? '', pull.number)}`, 'somebody else')
    let waited = 0
    for (let attempt = 1; attempt < maxAttempts; attempt++) {
      const outcome = await consumeMessage(world.process().deps, messageFor(pull.number), { attempt })
      assert.equal(outcome.kind, 'retry')
      if (outcome.kind === 'retry') waited += outcome.delaySeconds
    }
    assert.ok(waited > 240, `${waited} seconds`)
    assert.deepEqual(world.sent, [])
  })

  /** Does a cluster's job in a process: the part, the record, and what follows from them. */
  async function doJob({ deps, settled }: ReturnType<World['process']>, { job }: JobMessage): Promise<void> {
    const engine = {
      state: deps.state,
      planKey: key,
      clock: systemClock,
      random: systemRandom,
    } as unknown as EngineDeps
    const { record } = await changeJob(engine, job as ChangeJob, {}, async (_, own) =>
      own.change.manifests === true ? manifestsPlan(own) : colorPlan(own),
    )
    await deps.runs.putRecord(record)
    await settled()
  }

  it('between any two writes of the last cluster: the comment is there in the end', async () => {
    let isComplete = false
    for (let at = 1; !isComplete; at++) {
      assert.ok(at < 60, 'it has an end')
      const pull = await scene.forge.pulls.open(fleet, { branch: `tell-${at}`, files: { 'app/a.yaml': `at: ${at}\n` } })
      const world = createWorld(scene, rule)
      const looking = world.process()
      await consumeMessage(looking.deps, messageFor(pull.number), { attempt: 1 })
      await looking.settled()
      const [one, two] = world.sent.map((sent) => parseMessage(sent))
      assert.ok(one !== undefined && two !== undefined)
      await doJob(world.process(), one)
      assert.deepEqual(scene.comments(pull), [], 'not before all clusters are there')
      const last = world.process(at)
      await doJob(last, two).catch(() => undefined)
      isComplete = !last.isDead()
      // The job is done again where its record was not stored; else the schedule tells what was not told.
      const again = world.process()
      const record = await again.deps.runs.getRecord(two.job.runId, two.job.cluster)
      if (record?.state !== 'succeeded') await doJob(again, two)
      else await again.deps.plans?.retry()
      await again.settled()
      assert.equal(scene.comments(pull).length, 1, `after write ${at}`)
      assert.match(scene.comments(pull)[0]?.body ?? '', /This change can be applied/)
      assert.match(scene.check(pull.last.head), /^success: This change can be applied: 2 applications/)
      assert.deepEqual(await world.state.list('plans/pending/'), [])
    }
  })

  it('at every other write, with a branch: it is there with both commits in the end, and gone with the pull request', async () => {
    const withBranch: PlanRule = { ...rule, manifests: { branch: 'rendered/{number}' } }
    const run = (...args: readonly string[]): Promise<string> => scene.repository.git.git(...args)
    let isComplete = false
    for (let at = 1; !isComplete; at += 2) {
      assert.ok(at < 60, 'it has an end')
      const pull = await scene.forge.pulls.open(fleet, { branch: `git-${at}`, files: { 'app/a.yaml': `at: ${at}\n` } })
      const branch = `rendered/${pull.number}`
      const world = createWorld(scene, withBranch)
      const looking = world.process()
      await consumeMessage(looking.deps, messageFor(pull.number), { attempt: 1 })
      await looking.settled()
      const [one, two] = world.sent.map((sent) => parseMessage(sent))
      assert.ok(one !== undefined && two !== undefined)
      await doJob(world.process(), one)
      const last = world.process(at)
      await doJob(last, two).catch(() => undefined)
      const again = world.process()
      const record = await again.deps.runs.getRecord(two.job.runId, two.job.cluster)
      if (record?.state !== 'succeeded') await doJob(again, two)
      else await again.deps.plans?.retry()
      await again.settled()
      assert.equal(await run('rev-list', '--count', branch), '2', `after write ${at}`)
      const [comment, ...others] = scene.comments(pull)
      assert.deepEqual(others, [])
      assert.match(
        comment?.body ?? '',
        new RegExp(`\\.\\.\\.${await run('rev-parse', branch)}\\)`),
        `after write ${at}`,
      )
      assert.deepEqual(await world.state.list('plans/pending/'), [], `after write ${at}`)

      await scene.forge.pulls.merge(fleet, pull)
      const ending = world.process(at)
      const ended = messageFor(pull.number)
      await consumeMessage(ending.deps, ended, { attempt: 1 }).catch(() => undefined)
      await ending.settled().catch(() => undefined)
      isComplete = !last.isDead() && !ending.isDead()
      const after = world.process()
      await consumeMessage(after.deps, ended, { attempt: 2 })
      await after.deps.plans?.retry()
      await after.settled()
      assert.equal(await run('branch', '--list', branch), '', `after write ${at} of the end`)
      assert.deepEqual(await world.state.list('plans/pending/'), [], `after write ${at} of the end`)
    }
  })

  it('a look that another one is in the way of waits for it; one that came again takes its own place', async () => {
    const pull = await scene.forge.pulls.open(fleet, { branch: 'locked', files: { 'app/a.yaml': 'locked: 1\n' } })
    const world = createWorld(scene, rule)
    const target = planTargetOf([rule], 'gitea', [scene.repository.git.url])
    const lock = `plans/look/${pullKey(target?.address ?? '', pull.number)}`
    await world.state.put(lock, 'another look')
    const { deps, settled } = world.process()
    const message = messageFor(pull.number)
    assert.deepEqual(await consumeMessage(deps, message, { attempt: 1 }), { kind: 'retry', delaySeconds: 1 })
    assert.deepEqual(world.sent, [])
    await world.state.put(lock, `look-${pull.number}`)
    assert.deepEqual(await consumeMessage(deps, message, { attempt: 2 }), { kind: 'ack' })
    await settled()
    assert.equal(world.sent.length, 2)
  })

  it('a part that somebody has changed is not shown, and planned again', async () => {
    const pull = await scene.forge.pulls.open(fleet, { branch: 'forged', files: { 'app/a.yaml': 'forged: 1\n' } })
    const world = createWorld(scene, rule)
    const { deps, settled } = world.process()
    await consumeMessage(deps, messageFor(pull.number), { attempt: 1 })
    await settled()
    for (const sent of world.sent.splice(0)) await doJob({ deps, settled, isDead: () => false }, parseMessage(sent))
    const [entry] = await world.state.list('plans/parts/')
    assert.ok(entry)
    const forged = JSON.parse(JSON.stringify(entry.value).replaceAll('color-', 'canary-')) as Json
    await world.state.put(entry.key, forged)
    world.sent.length = 0
    const [plan] = (await listPlans({ state: world.state, key, logger: deps.logger }, { limit: 1 })).plans
    assert.ok(plan)
    await deps.plans?.tell(plan.pull)
    await settled()
    assert.match(scene.comments(pull)[0]?.body ?? '', /its part of the plan is lost; it is planned again/)
    assert.doesNotMatch(JSON.stringify(scene.comments(pull)), /canary/)
    // The message that was sent leads to a plan of the same commits, made anew.
    const looks = world.sent.splice(0)
    assert.equal(looks.length, 1)
    await consumeMessage(deps, looks[0] ?? null, { attempt: 1 })
    for (const sent of world.sent.splice(0)) await doJob({ deps, settled, isDead: () => false }, parseMessage(sent))
    assert.doesNotMatch(scene.comments(pull)[0]?.body ?? '', /is lost/)
    const now = await readPlan({ state: world.state, key, logger: deps.logger }, plan.id)
    assert.notEqual(now?.run, plan.run)
  })
})
