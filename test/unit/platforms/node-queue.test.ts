import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import type { Json } from '../../../src/base/index.ts'
import { createNodeQueue, openDatabase, systemClock } from '../../../src/platforms/node/index.ts'
import { createMemoryLogger } from '../../support/memory-ports.ts'

test('a message that becomes due while the queue looks is delivered, whatever comes first: the look or the time', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'sluice-queue-'))
  try {
    const delays = Array.from({ length: 24 }, (_, index) => index / 2)
    for (const delayMs of delays) {
      // Time passes with every look at the clock, and in no other way.
      let looks = 0
      const delivered: Json[] = []
      const file = join(directory, `${delayMs}.db`)
      const queue = createNodeQueue({
        database: openDatabase(file, { durability: 'process' }),
        durableDatabase: openDatabase(file, { durability: 'process' }),
        clock: { ...systemClock, now: () => 1_000 + looks++ },
        logger: createMemoryLogger(),
        maxAttempts: 1,
        laneOf: () => 'one',
        handle: async (message) => {
          delivered.push(message)
          return { kind: 'ack' }
        },
        handleDeadLetter: async () => undefined,
      })
      queue.start()
      await queue.send(delayMs, { delaySeconds: delayMs / 1000 })
      for (const end = Date.now() + 2_000; delivered.length === 0 && Date.now() < end;) await systemClock.sleep(2)
      await queue.stop(100)
      assert.deepEqual(delivered, [delayMs])
    }
  } finally {
    rmSync(directory, { recursive: true })
  }
})
