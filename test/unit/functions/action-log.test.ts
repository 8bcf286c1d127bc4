import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { listActions, recordAction, type ActionRecord } from '../../../functions/action-log.ts'
import { testDeps } from '../../support/function-deps.ts'

const all = (): boolean => true

function entry(change: Partial<ActionRecord> = {}): Omit<ActionRecord, 'id' | 'at'> {
  return { actor: 'ann', how: 'session', action: 'suspend', outcome: 'done', ...change }
}

describe('the record of actions', () => {
  it('shows what was done, newest first, in pages', async () => {
    const deps = testDeps()
    let now = Date.now()
    const clocked = { ...deps, clock: { ...deps.clock, now: () => (now += 10) } }
    for (let index = 0; index < 7; index++)
      recordAction(clocked, entry({ target: { cluster: `c${index}` }, reason: 'outage', run: `01run${index}` }))
    await deps.settled()
    const seen: string[] = []
    let before: string | undefined
    do {
      const page = await listActions(deps, { limit: 3, before }, all)
      seen.push(...page.actions.map(({ run = '' }) => run))
      before = page.next
    } while (before !== undefined)
    assert.deepEqual(
      seen,
      ['6', '5', '4', '3', '2', '1', '0'].map((digit) => `01run${digit}`),
    )
    const [first] = (await listActions(deps, { limit: 1 }, all)).actions
    const { id: _id, at: _at, ...rest } = first ?? ({} as ActionRecord)
    assert.deepEqual(rest, entry({ target: { cluster: 'c6' }, reason: 'outage', run: '01run6' }))
  })

  it('leaves out what somebody may not see, and goes on behind it', async () => {
    const deps = testDeps()
    for (let index = 0; index < 150; index++)
      recordAction(deps, entry({ target: { cluster: index === 0 ? 'mine' : 'other' } }))
    await deps.settled()
    const isMine = ({ target }: ActionRecord): boolean =>
      target !== undefined && 'cluster' in target && target.cluster === 'mine'
    const { actions } = await listActions(deps, { limit: 10 }, isMine)
    assert.equal(actions.length, 1)
  })

  it('keeps little of a flood of refused attempts, and all that was done', async () => {
    const deps = testDeps()
    for (let index = 0; index < 500; index++) recordAction(deps, entry({ outcome: 'refused', action: 'sign-in' }))
    for (let index = 0; index < 40; index++) recordAction(deps, entry())
    await deps.settled()
    const { actions } = await listActions(deps, { limit: 600 }, all)
    const refused = actions.filter(({ outcome }) => outcome === 'refused').length
    // The flood may go over the turn of a minute.
    assert.ok(refused >= 30 && refused <= 60, String(refused))
    assert.equal(actions.length - refused, 40)
  })

  it('cuts long texts, and fails nothing when the store does not write', async () => {
    const deps = testDeps()
    const long = 'x'.repeat(5_000)
    recordAction(deps, entry({ actor: long, reason: long, run: long, target: { cluster: long } }))
    await deps.settled()
    const [stored] = await deps.state.list('action-log/')
    assert.ok(JSON.stringify(stored).length < 2_000)
    const broken = testDeps({ state: { ...deps.state, put: () => Promise.reject(new Error('disk full')) } })
    recordAction(broken, entry())
    await broken.settled()
    assert.match(broken.logger.lines.join('\n'), /action not recorded/)
  })
})
