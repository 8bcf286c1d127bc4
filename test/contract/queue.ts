import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Json } from '../../src/base/index.ts'
import type { Queue, QueueHandler } from '../../src/ports/index.ts'

/** A queue under test with its consumer. */
export interface QueueUnderTest {
  readonly queue: Queue
  /** Attempts after which a message is a dead letter. */
  readonly maxAttempts: number
  /** The slack that timing may have, in milliseconds. */
  readonly slackMs: number
  /** Replaces what is done with messages. */
  readonly handle: (handler: QueueHandler) => Promise<void> | void
  readonly deadLetters: () => Promise<readonly Json[]> | readonly Json[]
}

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

/** How much longer than in a queue alone on its machine everything may take: these tests are about order and counts. */
const patienceMs = 10_000

async function until(condition: () => boolean | Promise<boolean>, timeoutMs: number): Promise<void> {
  for (const end = Date.now() + timeoutMs + patienceMs; !(await condition()); await sleep(10)) {
    assert.ok(Date.now() < end, 'did not happen in time')
  }
}

/** The contract of the Queue port and of the consumer behind it. `make` returns a queue that delivers. */
export function describeQueue(name: string, make: () => Promise<QueueUnderTest>): void {
  void describe(`Queue contract: ${name}`, () => {
    void it('delivers each message, with what it holds, as attempt 1', async () => {
      const { queue, handle, slackMs } = await make()
      const seen: Json[] = []
      await handle(async (message, { attempt }) => {
        seen.push([message, attempt])
        return { kind: 'ack' }
      })
      const messages: Json[] = [{ a: [1, 'ü\u0000', null] }, 'text', 7]
      await Promise.all(messages.map((message) => queue.send(message)))
      await until(() => seen.length === 3, slackMs + 500)
      await sleep(slackMs)
      const sorted = (list: Json[]): string[] => list.map((one) => JSON.stringify(one)).toSorted()
      assert.deepEqual(sorted(seen), sorted(messages.map((message) => [message, 1])))
    })

    void it('waits before delivering where asked to', async () => {
      const { queue, handle, slackMs } = await make()
      const arrived: number[] = []
      await handle(async () => {
        arrived.push(Date.now())
        return { kind: 'ack' }
      })
      const sent = Date.now()
      await queue.send('later', { delaySeconds: 1 })
      await until(() => arrived.length === 1, 1500 + slackMs)
      assert.ok((arrived[0] ?? 0) - sent >= 950)
    })

    void it('delivers again what is to be retried or threw, counting attempts, and buries it after the last', async () => {
      const { queue, handle, slackMs, maxAttempts, deadLetters } = await make()
      const attempts: number[] = []
      await handle(async (_message, { attempt }) => {
        attempts.push(attempt)
        if (attempt === 1) throw new Error('fails')
        return { kind: 'retry', delaySeconds: 0 }
      })
      await queue.send({ poison: true })
      await until(async () => (await deadLetters()).length === 1, 1500 + (slackMs + 200) * maxAttempts)
      assert.deepEqual(
        attempts,
        Array.from({ length: maxAttempts }, (_, i) => i + 1),
      )
      assert.deepEqual(await deadLetters(), [{ poison: true }])
      await sleep(slackMs)
      assert.equal(attempts.length, maxAttempts)
    })

    void it('one message that hangs does not hold up others', async () => {
      const { queue, handle, slackMs } = await make()
      let release = (): void => undefined
      const hanging = new Promise<void>((resolve) => (release = resolve))
      const done: Json[] = []
      await handle(async (message) => {
        if (message === 'hangs') await hanging
        done.push(message)
        return { kind: 'ack' }
      })
      await queue.send('hangs')
      await sleep(slackMs)
      await queue.send('passes')
      await until(() => done.includes('passes'), slackMs * 2 + 1000)
      assert.deepEqual(done, ['passes'])
      release()
      await until(() => done.length === 2, slackMs + 1000)
    })
  })
}
