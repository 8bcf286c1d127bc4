import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { expectedSeconds, inLanes, longFiles, needsCluster } from '../../schedule.ts'

const root = fileURLToPath(new URL('../../../', import.meta.url))

describe('the order of test files', () => {
  it('is the longest first, files that compute beside files that wait, and none is left out', async () => {
    const files = ['test/unit/a', 'test/docs/a', 'test/unit/b', 'test/runtime/a', 'test/integration/a', 'test/unit/c']
    const begun: string[] = []
    let running = 0
    let most = 0
    await inLanes(files, 2, async (file) => {
      begun.push(file)
      running += 1
      most = Math.max(most, running)
      await new Promise((resolve) => setImmediate(resolve))
      running -= 1
    })
    assert.equal(most, 2)
    assert.deepEqual(begun.toSorted(), files.toSorted())
    assert.deepEqual(begun.slice(0, 2).toSorted(), ['test/runtime/a', 'test/unit/a'])
    const waiting = begun.filter(needsCluster)
    assert.deepEqual(
      waiting,
      waiting.toSorted((a, b) => expectedSeconds(b) - expectedSeconds(a)),
    )
  })

  it('knows no file that is gone', () => {
    assert.deepEqual(
      Object.keys(longFiles).filter((path) => !existsSync(root + path)),
      [],
    )
  })
})
