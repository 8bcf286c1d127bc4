import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Clock, Logger, Random } from '../../src/ports/index.ts'

/** The contract of the Clock port. */
export function describeClock(name: string, clock: Clock): void {
  void describe(`Clock contract: ${name}`, () => {
    void it('tells the time in milliseconds', () => assert.ok(Math.abs(clock.now() - Date.now()) < 1000))
    void it('sleeps as long as asked to', async () => {
      const started = performance.now()
      await clock.sleep(30)
      assert.ok(performance.now() - started >= 28)
    })
    void it('wakes up, rejecting, when aborted; also before it fell asleep', async () => {
      const abort = new AbortController()
      const sleeping = clock.sleep(60_000, abort.signal)
      abort.abort()
      await assert.rejects(sleeping)
      await assert.rejects(clock.sleep(60_000, abort.signal))
    })
  })
}

/** The contract of the Random port. */
export function describeRandom(name: string, random: Random): void {
  void describe(`Random contract: ${name}`, () => {
    void it('gives as many bytes as asked for, different ones each time', () => {
      assert.equal(random.bytes(0).length, 0)
      const [a, b] = [random.bytes(32), random.bytes(32)]
      assert.equal(a.length, 32)
      assert.notDeepEqual(a, b)
    })
  })
}

/** The contract of the Logger port for one that writes JSON lines. */
export function describeLogger(name: string, make: (write: (line: string) => void) => Logger): void {
  void describe(`Logger contract: ${name}`, () => {
    const collect = (): { logger: Logger; lines: Record<string, unknown>[] } => {
      const lines: Record<string, unknown>[] = []
      return { logger: make((line) => void lines.push(JSON.parse(line) as Record<string, unknown>)), lines }
    }
    void it('writes level, message and fields, one line each', () => {
      const { logger, lines } = collect()
      logger.log('warn', 'two\nlines', { a: 1, b: { c: ['x'] }, gone: undefined })
      assert.equal(lines.length, 1)
      const { level, message, a, b } = lines[0] ?? {}
      assert.deepEqual({ level, message, a, b }, { level: 'warn', message: 'two\nlines', a: 1, b: { c: ['x'] } })
      assert.ok(!('gone' in (lines[0] ?? {})))
    })
    void it('adds fields to every line, without changing the logger they came from', () => {
      const { logger, lines } = collect()
      const child = logger.with({ run: 'r' }).with({ cluster: 'c' })
      child.log('info', 'm', { run: 's' })
      logger.log('info', 'm')
      assert.deepEqual([lines[0]?.['run'], lines[0]?.['cluster'], lines[1]?.['run']], ['s', 'c', undefined])
    })
    void it('fields cannot pretend to be level or message', () => {
      const { logger, lines } = collect()
      logger.with({ level: 'debug' }).log('error', 'real', { message: 'forged' })
      assert.deepEqual([lines[0]?.['level'], lines[0]?.['message']], ['error', 'real'])
    })
  })
}
