import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after } from 'node:test'
import type { Json } from '../../src/base/index.ts'
import type { QueueHandler } from '../../src/ports/index.ts'
import {
  createJsonLogger,
  createNodeQueue,
  createNodeStateStore,
  openDatabase,
  systemClock,
  systemRandom,
  type NodeQueue,
} from '../../src/platforms/node/index.ts'
import { createMemoryLogger, createMemoryState, systemClock as testClock } from '../support/memory-ports.ts'
import { describeQueue } from './queue.ts'
import { describeClock, describeLogger, describeRandom } from './runtime.ts'
import { describeStateStore } from './state.ts'

const directory = mkdtempSync(join(tmpdir(), 'sluice-node-'))
const queues: NodeQueue[] = []
let files = 0
after(async () => {
  await Promise.all(queues.map((queue) => queue.stop(100)))
  rmSync(directory, { recursive: true, force: true })
})

/** A clock that tests can put forward. */
const adjustable = (): { now: () => number; pass: (ms: number) => Promise<void> } => {
  let offset = 0
  return { now: () => Date.now() + offset, pass: async (ms) => void (offset += ms) }
}

describeStateStore('Node, SQLite file', async () => {
  const { now, pass } = adjustable()
  const database = openDatabase(join(directory, `state-${files++}.db`), { durability: 'process' })
  return { store: createNodeStateStore(database, { ...systemClock, now }), pass }
})
describeStateStore('tests, in memory', async () => {
  const { now, pass } = adjustable()
  return { store: createMemoryState(now), pass }
})

describeQueue('Node, SQLite file', async () => {
  const handler: { current: QueueHandler } = { current: async () => ({ kind: 'ack' }) }
  const dead: Json[] = []
  const file = join(directory, `queue-${files++}.db`)
  const queue = createNodeQueue({
    database: openDatabase(file, { durability: 'process' }),
    durableDatabase: openDatabase(file, { durability: 'power-loss' }),
    clock: systemClock,
    logger: createMemoryLogger(),
    maxAttempts: 3,
    laneOf: () => 'one',
    handle: (message, info) => handler.current(message, info),
    handleDeadLetter: async (message) => void dead.push(message),
  })
  queues.push(queue)
  queue.start()
  return {
    queue,
    maxAttempts: 3,
    slackMs: 100,
    deadLetters: () => dead,
    handle: (next) => void (handler.current = next),
  }
})

describeClock('Node', systemClock)
describeClock('tests', testClock)
describeRandom('Node', systemRandom)
describeLogger('Node', (write) => createJsonLogger({ write }))
