import assert from 'node:assert/strict'
import { before, describe, it } from 'node:test'
import { createApp } from '../../../functions/app.ts'
import type { NamedToken } from '../../../functions/access/config.ts'
import { savePlan, saveSummary, type PlanRecord } from '../../../functions/plans/records.ts'
import type { Json } from '../../../src/base/index.ts'
import { parsePlan, raw, type ApplicationInput, type PlanDocument } from '../../../src/plan/index.ts'
import { changeJob, type ChangeJob, type EngineDeps } from '../../../src/reconcile/index.ts'
import { readToken, testConfig, testDeps } from '../../support/function-deps.ts'
import { systemClock, systemRandom } from '../../support/memory-ports.ts'

const planKey = new TextEncoder().encode('a key of plans of the tests')
const word = 'canary-hidden'
const scopes = {
  shop: { namespaces: ['shop'] },
  bank: { namespaces: ['bank'], clusters: ['one'] },
  two: { clusters: ['two'] },
  nobody: { namespaces: ['else'] },
} as const
const namedTokens: readonly NamedToken[] = Object.entries(scopes).map(([name, scope]) => ({
  name,
  tokens: [`token-of-${name}-of-the-tests`],
  grant: { role: 'viewer', scope },
}))
const tokenOf = (name: keyof typeof scopes | 'all'): string =>
  name === 'all' ? readToken : `token-of-${name}-of-the-tests`

const rendered = (kind: string, name: string, namespace: string, data: Json) => ({
  object: raw({ apiVersion: 'v1', kind, metadata: { name, namespace }, data } as never),
  open: 'itself' as const,
  file: `${namespace}/a.yaml`,
  line: 1,
})

/** An application that changes a ConfigMap. */
function application(cluster: string, namespace: string, more: Partial<ApplicationInput> = {}): ApplicationInput {
  const object = (value: string) => rendered('ConfigMap', `of-${namespace}`, namespace, { value })
  return {
    cluster,
    kind: 'Kustomization',
    namespace,
    name: namespace,
    state: 'planned',
    prune: true,
    force: false,
    live: 'not-asked',
    hasSecrets: false,
    objects: [{ base: object('old'), head: object('new') }],
    ...more,
  }
}

const failed = { state: 'failed', errors: [{ message: raw(`${word} is wrong`), phase: 'render' }] } as const
const dead = [{ kind: 'Kustomization', namespace: word, name: word }]

type Deps = ReturnType<typeof testDeps>

/** Stores a plan as the jobs of its clusters do. */
async function storePlan(
  deps: Deps,
  at: number,
  parts: { readonly [cluster: string]: readonly ApplicationInput[] | undefined },
): Promise<PlanRecord> {
  const id = String(at).padStart(32, '0')
  const run = `01${'a'.repeat(22)}${String(at).padStart(2, '0')}`
  const change: PlanRecord['change'] = {
    plan: id,
    urls: ['https://git.example/team/fleet.git'],
    repository: 'team/fleet',
    pullRequest: at,
    branch: 'refs/heads/main',
    base: 'a'.repeat(40),
    head: 'b'.repeat(40),
    live: 'denied',
    secrets: 'used',
  }
  const plan: PlanRecord = {
    id,
    pull: id,
    repository: 'team/fleet',
    number: at,
    title: `change ${at}`,
    author: 'jane',
    webUrl: `https://git.example/team/fleet/pull/${at}`,
    isFork: false,
    change,
    attempt: 'delivery',
    run,
    listedAs: run,
    at: deps.clock.now(),
    clusters: Object.keys(parts),
    isQueued: true,
    state: 'current',
    problems: [`${word} in the configuration`],
  }
  const records = { state: deps.state, key: planKey, logger: deps.logger }
  await savePlan(records, plan)
  await deps.runs.putRequest({
    id: run,
    trigger: 'trigger',
    receivedAt: plan.at,
    clusters: plan.clusters,
    plan: true,
    change,
  })
  await saveSummary(records, id, { run, verdict: 'failed', dangers: 77, touched: 88 })
  const engine = { state: deps.state, planKey, clock: systemClock, random: systemRandom } as unknown as EngineDeps
  for (const [cluster, applications] of Object.entries(parts)) {
    if (applications === undefined) continue
    const job: ChangeJob = { kind: 'trigger', runId: run, cluster, receivedAt: plan.at, plan: true, change }
    const { record } = await changeJob(engine, job, {}, () =>
      Promise.resolve({ applications, digests: [], renders: 2, requests: 0 }),
    )
    await deps.runs.putRecord(record)
  }
  return plan
}

interface Shown {
  readonly verdict?: string
  readonly touched?: number
  readonly dangers?: number
  readonly number: number
  readonly pending: boolean
  readonly document: Json
}

describe('plans for readers with a scope', () => {
  let deps: Deps
  let mixed: PlanRecord
  const stored: string[] = []
  const ask = async (who: keyof typeof scopes | 'all', path: string): Promise<{ status: number; text: string }> => {
    const headers = { authorization: `Bearer ${tokenOf(who)}` }
    const response = await createApp(deps).fetch(new Request(`http://sluice.test${path}`, { headers }))
    return { status: response.status, text: await response.text() }
  }
  const heads = async (who: keyof typeof scopes | 'all', query = '') => {
    const { status, text } = await ask(who, `/api/plans${query}`)
    assert.equal(status, 200, text)
    return JSON.parse(text) as { readonly plans: readonly Shown[]; readonly before?: string }
  }
  const show = async (who: keyof typeof scopes | 'all'): Promise<Shown & { readonly plan: PlanDocument }> => {
    const { status, text } = await ask(who, `/api/plans/${mixed.id}`)
    assert.equal(status, 200, text)
    const shown = JSON.parse(text) as Shown
    return { ...shown, plan: parsePlan(JSON.stringify(shown.document)) }
  }

  before(async () => {
    const config = testConfig({ planKey })
    deps = testDeps({ config: { ...config, reading: { ...config.reading, namedTokens } } })
    await storePlan(deps, 1, { one: [application('one', word, failed)], two: [] })
    const moved = rendered('ConfigMap', 'moved', 'common', { value: 'x' })
    mixed = await storePlan(deps, 2, {
      one: [
        application('one', 'shop', {
          deadDependencies: dead,
          objects: [...application('one', 'shop').objects, { head: moved }],
        }),
        application('one', word, { ...failed, objects: [{ base: moved }] }),
        application('one', 'bank'),
      ],
      two: [application('two', word, failed)],
    })
    await storePlan(deps, 3, { one: [application('one', 'bank')], two: undefined })
    await storePlan(deps, 4, { one: [application('one', 'shop', { state: 'unaffected', objects: [] })] })
    await storePlan(deps, 5, { two: [application('two', 'shop')] })
    stored.push(...(await deps.state.list('plans/', { limit: 500 })).map(({ key }) => key))
  })

  const numbers: { readonly [who in keyof typeof scopes | 'all']: readonly number[] } = {
    all: [5, 4, 3, 2, 1],
    shop: [5, 2],
    bank: [3, 2],
    two: [5, 2],
    nobody: [],
  }
  for (const [who, wanted] of Object.entries(numbers) as [keyof typeof scopes | 'all', readonly number[]][])
    it(`${who}: lists the plans ${wanted.join(', ') || 'of nothing'}, all others are not there`, async () => {
      const { plans } = await heads(who)
      assert.deepEqual(
        plans.map(({ number }) => number),
        wanted,
      )
      for (const number of numbers.all) {
        const id = String(number).padStart(32, '0')
        const status = wanted.includes(number) ? 200 : 404
        const paths = [`/api/plans/${id}`, `/ui/plans/${id}`]
        for (const path of [
          ...paths,
          ...['json', 'markdown', 'sarif'].map((one) => `${paths[0]}/export?format=${one}`),
        ])
          assert.equal((await ask(who, path)).status, status, path)
      }
    })

  it('everything that is told of others is kept from who sees one application of a plan', async () => {
    assert.ok(JSON.stringify(await show('all')).includes(word), 'there is something to be kept')
    const path = `/api/plans/${mixed.id}`
    const paths = ['/api/plans', '/ui/plans', path, `/ui/plans/${mixed.id}`]
    for (const who of ['shop', 'bank'] as const)
      for (const one of [
        ...paths,
        ...['json', 'markdown', 'sarif'].map((format) => `${path}/export?format=${format}`),
      ]) {
        const answer = await ask(who, one)
        // Markdown has signs as entities.
        const text = answer.text.replaceAll(/&#(\d+);/g, (_, code: string) => String.fromCodePoint(Number(code)))
        assert.ok(!text.includes(word), `${who} sees at ${one}: ${text}`)
        assert.doesNotMatch(text, /\b(77|88)\b/)
        assert.doesNotMatch(text, who === 'shop' ? /of-bank/ : /of-shop/)
        if (one !== '/api/plans' && one !== '/ui/plans')
          assert.ok(text.includes(`of-${who}`) || one.endsWith('sarif'), one)
      }
  })

  it('verdict, counts and dangers are those of what is left', async () => {
    const all = await show('all')
    assert.deepEqual([all.verdict, all.touched], ['failed', 4])
    const shop = await show('shop')
    const rules = shop.plan.dangers.map(({ rule, message }) => `${rule}: ${message}`)
    assert.deepEqual(rules, ['dependency-never-ready: what it depends on can never be ready'])
    assert.deepEqual([shop.verdict, shop.touched, shop.dangers], ['dangers', 1, 1])
    assert.deepEqual(shop.plan.applications[0]?.objects.map(({ action, from }) => [action, from]).toSorted(), [
      ['change', undefined],
      ['move', 'another application'],
    ])
    const bank = await show('bank')
    assert.deepEqual([bank.verdict, bank.touched, bank.dangers], ['changes', 1, 0])
    assert.deepEqual([bank.plan.dangers, bank.plan.reference], [[], undefined])
    const listed = (await heads('bank')).plans.find(({ number }) => number === 2)
    assert.deepEqual([listed?.verdict, listed?.touched, listed?.dangers], ['changes', 1, 0])
  })

  it('a cluster is waited for by those alone who may see something of it', async () => {
    const [all, bank] = [await heads('all'), await heads('bank')]
    const verdicts = [all, bank].map(({ plans }) => plans.find(({ number }) => number === 3)?.verdict)
    assert.deepEqual(verdicts, ['failed', 'changes'], 'whoever sees everything is told what was noted')
    const id = '3'.padStart(32, '0')
    const pending = async (who: 'all' | 'bank') =>
      (JSON.parse((await ask(who, `/api/plans/${id}`)).text) as Shown).pending
    assert.deepEqual([await pending('all'), await pending('bank')], [true, false])
  })

  it('who sees a whole cluster sees all of a plan there, and nothing of the other', async () => {
    const { plan, verdict } = await show('two')
    assert.deepEqual(
      plan.applications.map(({ cluster, name }) => `${cluster} ${name}`),
      [`two ${word}`],
    )
    assert.equal(verdict, 'failed')
  })

  it('pages follow each other, and plans of others take no place in them', async () => {
    const first = await heads('shop', '?limit=1')
    assert.deepEqual([first.plans.map(({ number }) => number), first.before !== undefined], [[5], true])
    const second = await heads('shop', `?limit=1&before=${first.before}`)
    assert.deepEqual([second.plans.map(({ number }) => number), second.before], [[2], undefined])
  })

  it('nothing was written for any of them', async () => {
    const keys = (await deps.state.list('plans/', { limit: 500 })).map(({ key }) => key)
    assert.deepEqual(keys, stored)
  })

  it('a commit leads to its plans, for each reader to those that they see', async () => {
    const head = 'b'.repeat(40)
    for (const [who, wanted] of Object.entries(numbers) as [keyof typeof scopes | 'all', readonly number[]][]) {
      const { status, text } = await ask(who, `/api/commits/${head}`)
      assert.equal(status, wanted.length === 0 ? 404 : 200, text)
      const { plans = [] } = JSON.parse(text) as { readonly plans?: readonly Shown[] }
      assert.deepEqual(
        plans.map(({ number }) => number),
        wanted,
      )
      const page = await ask(who, `/ui/commits/${head}`)
      assert.equal(page.status, status)
      if (who !== 'all') assert.ok(!page.text.includes(word) && !text.includes(word), `${who} sees what is not theirs`)
    }
    const records = { state: deps.state, key: planKey, logger: deps.logger }
    const merge = 'd'.repeat(40)
    await savePlan(records, { ...mixed, state: 'merged', mergeCommit: merge })
    const brought = await ask('all', `/ui/commits/${merge}`)
    assert.match(brought.text, /Brings the plan/)
    assert.ok(brought.text.includes(`href="/ui/plans/${mixed.id}"`) && brought.text.includes('team/fleet#2'))
    const planned = await ask('all', `/ui/plans/${mixed.id}`)
    assert.ok(planned.text.includes(`href="/ui/commits/${merge}"`), 'the plan leads to the way of what was merged')
    const planning = await ask('all', `/ui/runs/${mixed.run}`)
    assert.equal(planning.status, 200)
    assert.ok(planning.text.includes(`href="/ui/plans/${mixed.id}"`), 'its run leads to the plan')
    // What the list says is not believed where the sealed record does not say it.
    await deps.state.put(`plans/commits/${'e'.repeat(40)}/01x`, mixed.id)
    assert.equal((await ask('all', `/api/commits/${'e'.repeat(40)}`)).status, 404)
    await savePlan(records, mixed)
  })
})
