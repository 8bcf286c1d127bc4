import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { pullLink, stateText, withPlanLinks } from '../../../src/ui/plan-state.ts'

const id = '0f3c1b6f0a7c4d52b6c1f5f2e8a94d10'

describe('a plan after the merge on pages', () => {
  it('is linked in the sentence of what waits for it', async () => {
    assert.equal(
      `${await withPlanLinks(`waits for approval of plan ${id}, which <b>`)}`,
      `waits for approval of plan <a class="break" href="/ui/plans/${id}">${id}</a>, which &lt;b&gt;`,
    )
    assert.equal(`${await withPlanLinks('waits for staging')}`, 'waits for staging')
  })

  it('says for which cluster it was made, and names its repository where no pull request is known', async () => {
    assert.equal(stateText({ state: 'current', afterMerge: ['prod'] }), 'made after the merge for prod')
    assert.match(stateText({ state: 'superseded', afterMerge: ['prod'] }), /; a newer commit took its place$/)
    assert.equal(`${await pullLink({ repository: 'team/app', webUrl: '' })}`, 'team/app')
  })
})
