import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { consumeMessage } from '../../../functions/consumer.ts'
import type { FunctionDeps } from '../../../functions/deps.ts'
import { planTargetAt, type PlanRule } from '../../../functions/plans/config.ts'
import { encodeLook } from '../../../functions/plans/look-message.ts'
import { listPlans, planId, type PlanRecord } from '../../../functions/plans/records.ts'
import { threadOf } from '../../../functions/plans/replans.ts'
import { createRunRequests } from '../../../functions/run-requests.ts'
import { createToldRuns } from '../../../functions/told-runs.ts'
import type { Json } from '../../../src/base/index.ts'
import { createRunStore, maxAttempts, parseMessage, type JobMessage } from '../../../src/coordinator/index.ts'
import { createNodeHttpClient } from '../../../src/platforms/node/http.ts'
import type { StateStore } from '../../../src/ports/index.ts'
import { applicationDigest } from '../../../src/reconcile/approval/plans.ts'
import {
  applicationPrefix,
  getSigned,
  putSigned,
  waitKey,
  type PlannedRecord,
} from '../../../src/reconcile/approval/records.ts'
import {
  approvePlan,
  approveWaiting,
  changeJob,
  listWaiting,
  type ApprovalStore,
  type ChangeJob,
  type EngineDeps,
  type ReplanWish,
} from '../../../src/reconcile/index.ts'
import type { KeptPull } from '../../support/forge-api/types.ts'
import { testConfig, testDeps } from '../../support/function-deps.ts'
import { createMemoryLogger, createMemoryState, systemClock, systemRandom } from '../../support/memory-ports.ts'
import { fleet, ruleOf, startPlanScene, type PlanScene } from '../../support/plan-scene.ts'
import { colorPlan } from '../../support/planning-engine.ts'

const key = new TextEncoder().encode('a key of plans of the tests')
const http = createNodeHttpClient({ egress: { allowPrivate: true } })
after(() => http.close())

interface Process {
  readonly deps: FunctionDeps
  readonly isDead: () => boolean
  readonly settled: () => Promise<void>
}

/** What remains when a process is killed. */
interface World {
  readonly state: StateStore
  readonly store: ApprovalStore
  readonly sent: Json[]
  /** A process that is killed at its `at`-th write to the store, the queue or the forge; never without. */
  readonly process: (at?: number) => Process
}

function createWorld(scene: PlanScene, rules: readonly PlanRule[]): World {
  const state = createMemoryState()
  const sent: Json[] = []
  return {
    state,
    store: { state, clock: systemClock, key },
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
      const config = testConfig({
        clusters: [{ name: 'one', changes: { afterMerge: 'plan' } }, { name: 'two' }],
        plans: rules,
        planKey: key,
        privateHosts: ['127.0.0.1'],
      })
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

const application = 'Kustomization/flux-system/shop'

/** Does a cluster's plan in a process. */
async function doJob({ deps, settled }: Process, { job }: JobMessage): Promise<void> {
  const { state, queue, runs } = deps
  const requests = createRunRequests({ queue, runs, clock: systemClock, random: systemRandom })
  const engine = { state, planKey: key, clock: systemClock, random: systemRandom, requests } as unknown as EngineDeps
  const { record } = await changeJob(engine, job as ChangeJob, {}, async (_, own) => colorPlan(own))
  await deps.runs.putRecord(record)
  await settled()
}

async function take(process: Process, message: Json, attempt = 1): Promise<unknown> {
  const outcome = await consumeMessage(process.deps, message, { attempt })
  await process.settled()
  return outcome
}

const jobsOf = (world: World): readonly JobMessage[] => world.sent.splice(0).map((sent) => parseMessage(sent))

describe('a plan after the merge', () => {
  let scene: PlanScene
  let rule: PlanRule
  before(async () => {
    scene = await startPlanScene({ kind: 'gitea', files: { 'app/a.yaml': 'color: red\n' } })
    rule = ruleOf(scene)
  })
  after(() => scene.close())

  /** A pull request that was planned and merged. */
  async function merged(world: World, branch: string): Promise<{ readonly pull: KeptPull; readonly wish: ReplanWish }> {
    const pull = await scene.forge.pulls.open(fleet, { branch, files: { 'app/a.yaml': `${branch}: 1\n` } })
    const message = encodeLook({
      id: `look-${branch}`,
      provider: 'gitea',
      urls: [scene.repository.git.url],
      number: pull.number,
      reason: 'delivery',
      receivedAt: 1,
    })
    await take(world.process(), message)
    for (const job of jobsOf(world)) await doJob(world.process(), job)
    const base = (await scene.repository.git.head()) ?? ''
    const head = await scene.forge.pulls.merge(fleet, pull)
    return {
      pull,
      wish: {
        cluster: 'one',
        url: scene.repository.git.url,
        branch: 'refs/heads/main',
        base,
        head,
        pullRequest: pull.number,
        waiting: [
          {
            application,
            why: `differs in the wanted objects from what was approved with the plan of pull request #${pull.number}`,
          },
        ],
      },
    }
  }

  /** Sends a wish as a run of the cluster does. */
  async function ask({ deps }: Process, wish: ReplanWish): Promise<void> {
    const { queue, runs } = deps
    await createRunRequests({ queue, runs, clock: systemClock, random: systemRandom }).plan?.(wish)
  }

  async function replans(world: World): Promise<readonly PlanRecord[]> {
    const records = { state: world.state, key, logger: createMemoryLogger() }
    const { plans } = await listPlans(records, { limit: 20 })
    return plans.filter(({ afterMerge }) => afterMerge !== undefined)
  }

  const afterComments = (pull: KeptPull): readonly string[] =>
    scene.comments(pull).flatMap(({ body }) => (body.startsWith('<!-- sluice:plan:sluice:after -->') ? [body] : []))

  /** What waits on the cluster, exactly as a plan of this head would have it. */
  async function waits({ store }: World, wish: ReplanWish, name = application): Promise<void> {
    const job = { cluster: 'one', change: { base: wish.base, head: wish.head, live: 'read' } } as unknown as ChangeJob
    const [digest] = colorPlan(job).digests
    assert.ok(digest)
    await putSigned(store, waitKey('one', name), {
      ...applicationDigest(digest, key),
      application: name,
      cluster: 'one',
      revision: `main@sha1:${wish.head}`,
      generation: 1,
      since: Date.now(),
      message: 'waits',
    })
  }

  it('is one plan of one run, and one comment, wherever taking the message up is cut off', async () => {
    let isComplete = false
    for (let at = 1; !isComplete; at++) {
      assert.ok(at < 60, 'it has an end')
      const world = createWorld(scene, [rule])
      const { pull, wish } = await merged(world, `look-${at}`)
      await waits(world, wish)
      await ask(world.process(), wish)
      const [message] = world.sent.splice(0)
      assert.ok(message !== undefined)
      const first = world.process(at)
      await take(first, message).catch(() => undefined)
      isComplete = !first.isDead()
      assert.deepEqual(await take(world.process(), message, 2), { kind: 'ack' }, `after write ${at}`)
      // The same wish once more changes nothing.
      await ask(world.process(), wish)
      const again = world.sent.splice(-1)[0]
      assert.deepEqual(await take(world.process(), again ?? null), { kind: 'ack' })
      const jobs = jobsOf(world)
      assert.equal(new Set(jobs.map(({ job }) => job.runId)).size, 1, `after write ${at}`)
      assert.deepEqual([...new Set(jobs.map(({ job }) => job.cluster))], ['one'])
      const [plan, ...others] = await replans(world)
      assert.deepEqual(others, [])
      assert.deepEqual([plan?.isQueued, plan?.state, plan?.number], [true, 'current', pull.number], `after write ${at}`)
      const { live, secrets, base, head, headRef } = plan?.change ?? {}
      assert.deepEqual([live, secrets, base, head], ['read', 'used', wish.base, wish.head])
      assert.equal(headRef, 'refs/heads/main')
      for (const job of jobs) await doJob(world.process(), job)
      assert.equal(afterComments(pull).length, 1, `after write ${at}`)
      assert.deepEqual(await world.state.list('plans/look/'), [])
      assert.deepEqual(await world.state.list('plans/pending/'), [])
    }
  })

  it('also where another one was killed at it: its attempts outlast the lock that is left', async () => {
    const world = createWorld(scene, [rule])
    const { wish } = await merged(world, 'after-locked')
    await waits(world, wish)
    await ask(world.process(), wish)
    const message = world.sent.splice(-1)[0] ?? null
    const thread = threadOf('one', planTargetAt([rule], wish.url)?.address ?? '', wish.branch)
    await world.state.put(`plans/look/${planId(thread, wish)}`, 'somebody else')
    let waited = 0
    for (let attempt = 1; attempt < maxAttempts; attempt++) {
      const outcome = await consumeMessage(world.process().deps, message, { attempt })
      assert.equal(outcome.kind, 'retry')
      if (outcome.kind === 'retry') waited += outcome.delaySeconds
    }
    assert.ok(waited > 240, `${waited} seconds`)
    assert.deepEqual(await replans(world), [])
  })

  it('is told and known to be waited for, wherever making it is cut off', async () => {
    let isComplete = false
    for (let at = 1; !isComplete; at++) {
      assert.ok(at < 60, 'it has an end')
      const world = createWorld(scene, [rule])
      const { pull, wish } = await merged(world, `job-${at}`)
      await waits(world, wish)
      await ask(world.process(), wish)
      await take(world.process(), world.sent.splice(0)[0] ?? null)
      const [job] = jobsOf(world)
      assert.ok(job)
      const first = world.process(at)
      await doJob(first, job).catch(() => undefined)
      isComplete = !first.isDead()
      const again = world.process()
      const record = await again.deps.runs.getRecord(job.job.runId, 'one')
      if (record?.state !== 'succeeded') await doJob(again, job)
      else await again.deps.plans?.retry()
      await again.settled()
      const [plan] = await replans(world)
      const [body = ''] = afterComments(pull)
      assert.match(body, /\*\*one\*\* waits: what was merged is not what was approved/, `after write ${at}`)
      assert.match(body, /differs in the wanted objects from what was approved with the plan of pull request/)
      assert.ok(body.includes('/apply one') && body.includes(plan?.id ?? 'no plan'))
      assert.match(body, /#### This change can be applied/)
      // It is looked at again, and then says which plan it waits for.
      const looks = jobsOf(world).map(({ job: { target } }) => target)
      assert.ok(looks.length > 0, `after write ${at}`)
      const object = { kind: 'Kustomization', namespace: 'flux-system', name: 'shop' }
      for (const look of looks) assert.deepEqual(look, { objects: [object] })
      const planned = await getSigned<PlannedRecord>(
        world.store,
        `${applicationPrefix('one', application)}${plan?.id ?? ''}`,
      )
      assert.deepEqual([planned?.afterMerge, planned?.pullRequest], [true, pull.number])
      await approvePlan(world.store, plan?.id ?? '', { by: 'ada', how: 'page' })
      assert.deepEqual(await listWaiting(world.store, 'one'), [])
    }
  })

  it('takes the place of an older one that nothing waits for any more, and of no other', async () => {
    const world = createWorld(scene, [rule])
    const { pull, wish } = await merged(world, 'older')
    await waits(world, wish)
    // Each is asked for because of another application too, which stays with its commit.
    const plan = async (given: ReplanWish): Promise<void> => {
      const other = `Kustomization/flux-system/${given.head}`
      await waits(world, given, other)
      await ask(world.process(), { ...given, waiting: [{ application: other, why: 'x' }] })
      await take(world.process(), world.sent.splice(0)[0] ?? null)
      for (const job of jobsOf(world)) await doJob(world.process(), job)
      world.sent.length = 0
    }
    await plan(wish)
    const next = await merged(world, 'newer')
    const newer = { ...next.wish, base: wish.base }
    await plan(newer)
    const states = async (): Promise<readonly (readonly [string, string])[]> =>
      (await replans(world)).map(({ change, state }) => [change.head, state] as const).toReversed()
    assert.deepEqual(await states(), [
      [wish.head, 'current'],
      [newer.head, 'current'],
    ])
    await waits(world, newer)
    const last = await merged(world, 'last')
    await plan({ ...last.wish, base: wish.base })
    assert.deepEqual(await states(), [
      [wish.head, 'superseded'],
      [newer.head, 'current'],
      [last.wish.head, 'current'],
    ])
    assert.match(afterComments(pull)[0] ?? '', /Nothing waits for what was planned here any more/)
    assert.match(afterComments(next.pull)[0] ?? '', /\*\*one\*\* waits/)
    // What was approved goes on to say so, whatever comes after it.
    const [made] = await replans(world)
    assert.equal(made?.change.head, last.wish.head)
    await approvePlan(world.store, made.id, { by: 'ada', how: 'page' })
    const end = await merged(world, 'end')
    await plan({ ...end.wish, base: wish.base })
    assert.deepEqual((await states()).slice(2), [
      [last.wish.head, 'current'],
      [end.wish.head, 'current'],
    ])
  })

  it('is shown on its page alone where no rule is for the repository, or the pull request is not merged', async () => {
    const world = createWorld(scene, [])
    const { wish } = await merged(createWorld(scene, [rule]), 'no-rule')
    await waits(world, wish)
    await ask(world.process(), wish)
    await take(world.process(), world.sent.splice(0)[0] ?? null)
    for (const job of jobsOf(world)) await doJob(world.process(), job)
    const [plan] = await replans(world)
    assert.deepEqual([plan?.number, plan?.repository, plan?.change.live], [undefined, 'team/fleet', 'read'])
    const open = await scene.forge.pulls.open(fleet, { branch: 'open', files: { 'app/a.yaml': 'open: 1\n' } })
    const other = createWorld(scene, [rule])
    await waits(other, wish)
    await ask(other.process(), { ...wish, pullRequest: open.number })
    await take(other.process(), other.sent.splice(0)[0] ?? null)
    for (const job of jobsOf(other)) await doJob(other.process(), job)
    assert.equal((await replans(other))[0]?.number, undefined)
    assert.deepEqual(afterComments(open), [])
  })

  it('is told of its pull request also where the push came before the notice of the merge', async () => {
    for (const isLate of [true, false]) {
      const world = createWorld(scene, [rule])
      const { pull, wish } = await merged(world, `first-${isLate}`)
      const { pullRequest: number = 0, ...unknown } = wish
      const notice = encodeLook({
        id: `notice-${number}`,
        provider: 'gitea',
        urls: [scene.repository.git.url],
        number,
        reason: 'delivery',
        receivedAt: 1,
      })
      if (!isLate) await take(world.process(), notice)
      world.sent.length = 0
      await waits(world, wish)
      await ask(world.process(), unknown)
      await take(world.process(), world.sent.splice(0)[0] ?? null)
      for (const job of jobsOf(world)) await doJob(world.process(), job)
      if (isLate) {
        assert.deepEqual(afterComments(pull), [])
        await take(world.process(), notice)
        const message = world.sent.find((one) => 'replan' in (one as object))
        await take(world.process(), message ?? null)
      }
      assert.match(afterComments(pull)[0] ?? '', /\*\*one\*\* waits/)
      const [plan, ...others] = await replans(world)
      assert.deepEqual([plan?.number, plan?.change.pullRequest, others], [number, number, []])
    }
  })

  it('is made although the forge does not answer, after some patience', async () => {
    const { wish } = await merged(createWorld(scene, [rule]), 'deaf')
    const world = createWorld(scene, [{ ...rule, apiHost: 'http://127.0.0.1:1' }])
    await waits(world, wish)
    await ask(world.process(), wish)
    const [message = null] = world.sent.splice(0)
    assert.equal(((await take(world.process(), message)) as { kind: string }).kind, 'retry')
    assert.deepEqual(await take(world.process(), message, 5), { kind: 'ack' })
    const [plan] = await replans(world)
    assert.match(plan?.problems[0] ?? '', /the forge could not be asked/)
    assert.equal(jobsOf(world).length, 1)
  })

  it('is not made where nothing waits any more when it would begin, and what was begun is ended', async () => {
    const world = createWorld(scene, [rule])
    const { pull, wish } = await merged(world, 'notice-is-late')
    const left = async (given: ReplanWish): Promise<void> => {
      await ask(world.process(), given)
      assert.deepEqual(await take(world.process(), world.sent.splice(0)[0] ?? null), { kind: 'ack' })
      assert.deepEqual([jobsOf(world), await replans(world)], [[], []])
    }
    // It was approved and applied.
    await left(wish)
    // It was approved, and the run is still to come.
    await waits(world, wish)
    await approveWaiting(world.store, 'one', { by: 'ada', how: 'page' })
    await left(wish)
    // It waits for another commit by now, of which another message comes.
    await waits(world, { ...wish, head: 'c'.repeat(40) })
    await left(wish)
    assert.deepEqual(afterComments(pull), [])
    await waits(world, wish)
    await ask(world.process(), wish)
    const [message = null] = world.sent.splice(0)
    await take(world.process(), message)
    const [job] = jobsOf(world)
    assert.ok(job)
    await world.state.delete(waitKey('one', application))
    assert.deepEqual(await take(world.process(), message, 2), { kind: 'ack' })
    await doJob(world.process(), job)
    assert.deepEqual([(await replans(world)).length, afterComments(pull).length], [1, 1])
  })

  it('is asked for with a delay, within which an ordinary merge is approved', async () => {
    const delays: unknown[] = []
    const queue = { send: async (_: Json, options: object = {}) => void delays.push(options) }
    const runs = createRunStore(createMemoryState())
    const { wish } = await merged(createWorld(scene, [rule]), 'delay')
    await createRunRequests({ queue, runs, clock: systemClock, random: systemRandom }).plan?.(wish)
    assert.deepEqual(delays, [{ delaySeconds: 5 }])
  })
})
