import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { consumeMessage } from '../../../functions/consumer.ts'
import type { FunctionDeps } from '../../../functions/deps.ts'
import { planTargetOf, type PlanRule } from '../../../functions/plans/config.ts'
import { encodeLook } from '../../../functions/plans/look-message.ts'
import { planId, pullKey, readPlan, readPull, type RecordDeps } from '../../../functions/plans/records.ts'
import { createToldRuns } from '../../../functions/told-runs.ts'
import type { Json } from '../../../src/base/index.ts'
import { createRunStore, parseMessage } from '../../../src/coordinator/index.ts'
import { createNodeHttpClient } from '../../../src/platforms/node/http.ts'
import type { Clock, StateStore } from '../../../src/ports/index.ts'
import type { KeptPull } from '../../support/forge-api/types.ts'
import { testConfig, testDeps } from '../../support/function-deps.ts'
import { createMemoryLogger, createMemoryState, systemClock } from '../../support/memory-ports.ts'
import { fleet, ruleOf, startPlanScene, type PlanScene } from '../../support/plan-scene.ts'

const key = new TextEncoder().encode('a key of plans of the tests')
const http = createNodeHttpClient({ egress: { allowPrivate: true } })
after(() => http.close())

/** Longer than a look holds its lock. */
const longTime = 10 * 60_000

interface Process {
  readonly deps: FunctionDeps
  readonly settled: () => Promise<void>
}

/** Processes with one store, one queue and one clock, which a test sets forward. */
interface World {
  readonly state: StateStore
  readonly records: RecordDeps
  readonly sent: Json[]
  readonly pass: (ms: number) => void
  /** `slow`: is done before the first answer of the forge whose path it fits is there. */
  readonly process: (slow?: { readonly path: RegExp; readonly until: () => Promise<void> }) => Process
}

function createWorld(scene: PlanScene, rule: PlanRule): World {
  let passed = 0
  const clock: Clock = { ...systemClock, now: () => Date.now() + passed }
  const state = createMemoryState(() => clock.now())
  const sent: Json[] = []
  return {
    state,
    records: { state, key, logger: createMemoryLogger() },
    sent,
    pass: (ms) => void (passed += ms),
    process: (slow) => {
      let isSlow = slow !== undefined
      const asked: typeof http = {
        ...http,
        send: async (request) => {
          const answer = await http.send(request)
          if (slow === undefined || !isSlow || !slow.path.test(new URL(request.url).pathname)) return answer
          isSlow = false
          // The forge has answered; nobody has heard of it yet.
          const body = await new Response(answer.body).arrayBuffer()
          await slow.until()
          return { ...answer, body: new Response(body).body }
        },
      }
      const config = testConfig({ plans: [rule], planKey: key, privateHosts: ['127.0.0.1'] })
      const read = (name: string): string | undefined => (name === 'FORGE_TOKEN' ? scene.forge.token : undefined)
      const queue = { send: async (message: Json) => void sent.push(message) }
      const base = testDeps({ config, state, queue, http: asked, read, clock })
      const told = createToldRuns({ ...base, runs: createRunStore(state), forgeTokens: base.memory.forgeTokens })
      return { deps: { ...base, ...told }, settled: () => base.settled() }
    },
  }
}

describe('a look that takes longer than its turn', () => {
  let scene: PlanScene
  let rule: PlanRule
  before(async () => {
    scene = await startPlanScene({ kind: 'gitea', files: { 'app/a.yaml': 'color: red\n' } })
    rule = ruleOf(scene)
  })
  after(() => scene.close())

  const keyOf = ({ number }: KeptPull): string =>
    pullKey(planTargetOf([rule], 'gitea', [scene.repository.git.url])?.address ?? '', number)
  const messageFor = ({ number }: KeptPull, id: string): Json =>
    encodeLook({
      id,
      provider: 'gitea',
      urls: [scene.repository.git.url],
      number,
      reason: 'delivery',
      receivedAt: 1,
    })
  const open = (branch: string): Promise<KeptPull> =>
    scene.forge.pulls.open(fleet, { branch, files: { 'app/a.yaml': `${branch}: 1\n` } })
  const push = (pull: KeptPull): Promise<string> =>
    scene.forge.pulls.push(fleet, pull, { 'app/a.yaml': 'color: second\n' })

  /** What stands is the plan of the last head, and only its jobs are queued. */
  async function isPlanned(world: World, pull: KeptPull): Promise<void> {
    const { latest } = (await readPull(world.records, keyOf(pull))) ?? {}
    assert.equal(latest?.kind, 'plan')
    const plan = latest.kind === 'plan' ? await readPlan(world.records, latest.plan) : undefined
    assert.deepEqual([plan?.change.head, plan?.state, plan?.isQueued], [pull.last.head, 'current', true])
    const jobs = world.sent.map((one) => parseMessage(one).job)
    assert.deepEqual([...new Set(jobs.map(({ runId }) => runId))], [plan?.run])
  }

  // What the forge says of the pull request itself, and what it is asked before a plan is stored.
  for (const [name, path] of [
    ['pull', /\/pulls\/\d+$/],
    ['configuration', /\/contents\/|\/raw\/|\/git\/trees\//],
  ] as const)
    it(`writes nothing once another one had the next: slow at its ${name}`, async () => {
      const pull = await open(`slow-${name}`)
      const world = createWorld(scene, rule)
      const lock = `plans/look/${keyOf(pull)}`
      let endOfFirst = (): void => undefined
      const firstEnded = new Promise<void>((resolve) => (endOfFirst = resolve))
      let second: Promise<void> = Promise.resolve()
      let secondsLock: Json | undefined
      const first = world.process({
        path,
        until: async () => {
          await push(pull)
          world.pass(longTime)
          const { deps, settled } = world.process()
          let hasWritten = (): void => undefined
          const written = new Promise<void>((resolve) => (hasWritten = resolve))
          const { plans } = deps
          assert.ok(plans)
          // It goes on telling until after the first one's end.
          const tell = async (topic: string): Promise<void> => {
            secondsLock = await world.state.get(lock)
            hasWritten()
            await firstEnded
            await plans.tell(topic)
          }
          second = (async () => {
            const message = messageFor(pull, 'second')
            const outcome = await consumeMessage({ ...deps, plans: { ...plans, tell } }, message, { attempt: 1 })
            assert.deepEqual(outcome, { kind: 'ack' })
            await settled()
          })()
          await written
        },
      })
      const outcome = await consumeMessage(first.deps, messageFor(pull, 'first'), { attempt: 1 })
      await first.settled()
      assert.ok(secondsLock !== undefined)
      assert.deepEqual(await world.state.get(lock), secondsLock, 'the lock of the second is still there')
      assert.equal(outcome.kind, 'retry', 'the message comes again')
      await isPlanned(world, pull)
      endOfFirst()
      await second
      assert.deepEqual(await world.state.list('plans/look/'), [])
      // It finds what the second one has done.
      assert.deepEqual(await consumeMessage(world.process().deps, messageFor(pull, 'first'), { attempt: 2 }), {
        kind: 'ack',
      })
      await isPlanned(world, pull)
      assert.match(scene.check(pull.last.head), /^pending: Planning on 2 clusters/)
    })

  it('writes nothing either where the other one has gone already', async () => {
    const pull = await open('gone')
    const world = createWorld(scene, rule)
    const first = world.process({
      path: /\/pulls\/\d+$/,
      until: async () => {
        await push(pull)
        world.pass(longTime)
        const second = world.process()
        assert.deepEqual(await consumeMessage(second.deps, messageFor(pull, 'second'), { attempt: 1 }), { kind: 'ack' })
        await second.settled()
      },
    })
    const outcome = await consumeMessage(first.deps, messageFor(pull, 'first'), { attempt: 1 })
    assert.equal(outcome.kind, 'retry')
    await first.settled()
    await isPlanned(world, pull)
    assert.deepEqual(await world.state.list('plans/look/'), [])
  })

  it('leaves it to the same message where the queue has given that out once more', async () => {
    const pull = await open('twice')
    const world = createWorld(scene, rule)
    const first = world.process({
      path: /\/pulls\/\d+$/,
      until: async () => {
        await push(pull)
        const again = world.process()
        assert.deepEqual(await consumeMessage(again.deps, messageFor(pull, 'same'), { attempt: 2 }), { kind: 'ack' })
        await again.settled()
      },
    })
    const outcome = await consumeMessage(first.deps, messageFor(pull, 'same'), { attempt: 1 })
    assert.equal(outcome.kind, 'retry')
    await first.settled()
    await isPlanned(world, pull)
  })

  it('is done again also where nobody else came: it has no right to write any more', async () => {
    const pull = await open('alone')
    const world = createWorld(scene, rule)
    const first = world.process({ path: /\/pulls\/\d+$/, until: async () => world.pass(longTime) })
    const outcome = await consumeMessage(first.deps, messageFor(pull, 'alone'), { attempt: 1 })
    assert.equal(outcome.kind, 'retry')
    assert.equal(await readPull(world.records, keyOf(pull)), undefined)
    assert.deepEqual(await consumeMessage(world.process().deps, messageFor(pull, 'alone'), { attempt: 2 }), {
      kind: 'ack',
    })
    await isPlanned(world, pull)
    const base = (await scene.repository.git.head()) ?? ''
    const change = { branch: 'refs/heads/main', base, head: pull.last.head }
    assert.ok(await readPlan(world.records, planId(keyOf(pull), change)))
  })
})
