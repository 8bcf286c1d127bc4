import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { planTargetOf, type PlanRule } from '../../../functions/plans/config.ts'
import { pullKey, savePull, type RecordDeps } from '../../../functions/plans/records.ts'
import { notePending } from '../../../functions/plans/tell.ts'
import { createToldRuns } from '../../../functions/told-runs.ts'
import { createNodeHttpClient } from '../../../src/platforms/node/http.ts'
import { testConfig, testDeps } from '../../support/function-deps.ts'
import { createMemoryLogger, createMemoryState } from '../../support/memory-ports.ts'
import { fleet, ruleOf, startPlanScene, type PlanScene } from '../../support/plan-scene.ts'

const key = new TextEncoder().encode('a key of plans of the tests')
const http = createNodeHttpClient({ egress: { allowPrivate: true } })
after(() => http.close())

describe('what could not be told of plans', () => {
  let scene: PlanScene
  let rule: PlanRule
  before(async () => {
    scene = await startPlanScene({ kind: 'gitea', files: { 'app/a.yaml': 'color: red\n' } })
    rule = ruleOf(scene)
  })
  after(() => scene.close())

  it('is told also where more than a round holds are refused, and before it', async () => {
    const pull = await scene.forge.pulls.open(fleet, { branch: 'one', files: { 'app/a.yaml': 'color: blue\n' } })
    const state = createMemoryState()
    const records: RecordDeps = { state, key, logger: createMemoryLogger() }
    const addressOf = (url: string): string => planTargetOf([rule], 'gitea', [url])?.address ?? ''
    const waits = async (url: string, number: number, commit: string): Promise<void> => {
      const topic = pullKey(addressOf(url), number)
      await savePull(records, topic, {
        provider: 'gitea',
        urls: [url],
        repository: fleet,
        number,
        title: 'A change',
        author: 'ada',
        webUrl: '',
        isFork: true,
        state: 'open',
        latest: { kind: 'gate', commit, forks: 'never' },
        lookedAt: 1,
      })
      await notePending(state, topic)
    }
    const { url } = scene.repository.git
    await waits(url, pull.number, pull.last.head)
    const own = pullKey(addressOf(url), pull.number)
    // The forge knows nothing of this repository any more.
    const gone = url.replace('fleet', 'gone')
    let refused = 0
    for (let number = 1; refused < 70; number++) {
      if (pullKey(addressOf(gone), number) > own) continue
      refused += 1
      await waits(gone, number, pull.last.head)
    }

    const config = testConfig({ plans: [rule], planKey: key, privateHosts: ['127.0.0.1'] })
    const read = (name: string): string | undefined => (name === 'FORGE_TOKEN' ? scene.forge.token : undefined)
    for (let round = 0; round < 2; round++) {
      const base = testDeps({ config, state, http, read })
      await createToldRuns({ ...base, forgeTokens: base.memory.forgeTokens }).plans.retry()
      await base.settled()
    }
    assert.match(scene.check(pull.last.head), /fork/)
    const left = (await state.list('plans/pending/')).map((entry) => entry.key)
    assert.equal(left.length, 70)
    assert.ok(!left.includes(`plans/pending/${own}`))
  })
})
