import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import type { CreateEngine } from '../../functions/engine.ts'
import { startNode, type NodeServer } from '../../functions/node.ts'
import { EngineError } from '../../src/base/index.ts'
import type { Run } from '../../src/coordinator/index.ts'
import type { Job } from '../../src/reconcile/index.ts'
import { githubPush, githubRequest, recordingEngine, triggerToken, webhookSecret } from '../support/function-deps.ts'

const directory = mkdtempSync(join(tmpdir(), 'sluice-runtime-'))
const servers: NodeServer[] = []
after(async () => {
  await Promise.all(servers.map((server) => server.stop()))
  rmSync(directory, { recursive: true, force: true })
})

const environment = (name: string): Record<string, string> => ({
  CLUSTERS: JSON.stringify([
    { name: 'one', server: 'https://127.0.0.1:1' },
    { name: 'two', server: 'https://127.0.0.1:1' },
  ]),
  GITHUB_WEBHOOK_SECRET: JSON.stringify(['a newer secret', webhookSecret]),
  TRIGGER_TOKEN: triggerToken,
  BODY_LIMIT_BYTES: '100000',
  DATA_DIR: join(directory, name),
  HOST: '127.0.0.1',
  PORT: '0',
})
async function start(
  name: string,
  createEngine: CreateEngine,
  more: { readonly [setting: string]: string } = {},
): Promise<NodeServer> {
  const server = await startNode({ ...environment(name), ...more }, { createEngine, log: () => undefined })
  servers.push(server)
  return server
}
const pushTo = (server: NodeServer, delivery: string, after?: string): Promise<Response> =>
  fetch(githubRequest(githubPush(after === undefined ? {} : { after }), { delivery, base: server.url }))
async function runOf(server: NodeServer, id: string): Promise<Run> {
  const response = await fetch(`${server.url}/runs/${id}`, { headers: { authorization: `Bearer ${triggerToken}` } })
  assert.equal(response.status, 200)
  return (await response.json()) as Run
}
async function until<T>(look: () => Promise<T> | T, isGood: (value: T) => boolean, timeoutMs = 5000): Promise<T> {
  for (const end = Date.now() + timeoutMs; ; await new Promise((resolve) => setTimeout(resolve, 10))) {
    const value = await look()
    if (isGood(value)) return value
    assert.ok(Date.now() < end, `did not happen in time: ${JSON.stringify(value)}`)
  }
}
const pushes = (jobs: readonly Job[]): Job[] => jobs.filter((job) => job.kind === 'push')

void describe('Node deployment', () => {
  void it('a push runs on every cluster, and a scan at the start', async () => {
    const engine = recordingEngine()
    const server = await start('push', () => engine.run)
    const answer = await pushTo(server, 'd1')
    assert.equal(answer.status, 202)
    const { run } = (await answer.json()) as { run: string }
    const finished = await until(
      () => runOf(server, run),
      (value) => value.state === 'succeeded',
    )
    assert.deepEqual(
      finished.records.map((record) => record.cluster),
      ['one', 'two'],
    )
    assert.deepEqual(
      pushes(engine.jobs).map((job) => job.cluster),
      ['one', 'two'],
    )
    await until(
      () => engine.jobs,
      (jobs) => jobs.filter((job) => job.kind === 'scan').length === 2,
    )
  })

  void it('duplicate deliveries at the same time: one run', async () => {
    const engine = recordingEngine()
    const server = await start('duplicates', () => engine.run)
    const answers = await Promise.all(Array.from({ length: 10 }, () => pushTo(server, 'same')))
    const ids = new Set(
      await Promise.all(answers.map(async (answer) => ((await answer.json()) as { run: string }).run)),
    )
    assert.equal(ids.size, 1)
    await until(
      () => runOf(server, [...ids][0] ?? ''),
      (run) => run.state === 'succeeded',
    )
    await new Promise((resolve) => setTimeout(resolve, 100))
    assert.equal(pushes(engine.jobs).length, 2)
  })

  void it('a dead cluster delays nobody, and its push is tried again until it succeeds', async () => {
    let isDead = true
    const engine = recordingEngine()
    const server = await start('dead', ({ cluster }) => async (job) => {
      if (cluster === 'two' && isDead)
        throw new EngineError('no route to it', { code: 'cluster-unreachable', disposition: 'retry' })
      return engine.run(job)
    })
    const { run } = (await (await pushTo(server, 'd1')).json()) as { run: string }
    const waiting = await until(
      () => runOf(server, run),
      (value) => value.records[0]?.state === 'succeeded' && value.records[1]?.error !== undefined,
    )
    assert.deepEqual(
      [waiting.state, waiting.records[1]?.state, waiting.records[1]?.error?.code],
      ['running', 'queued', 'cluster-unreachable'],
    )
    isDead = false
    await until(
      () => runOf(server, run),
      (value) => value.state === 'succeeded',
    )
  })

  void it('a run that waits for health goes on by itself', async () => {
    const engine = recordingEngine((job, count) =>
      job.kind === 'push' && count < 8 ? { state: 'running', requeueAfterMs: 20 } : {},
    )
    const server = await start('follow-up', () => engine.run)
    const { run } = (await (await pushTo(server, 'd1')).json()) as { run: string }
    await until(
      () => runOf(server, run),
      (value) => value.state === 'succeeded',
    )
    assert.ok(pushes(engine.jobs).length > 2)
  })

  void it('messages in the queue survive a restart; what was cut off is run again', async () => {
    const never = new Promise<never>(() => undefined)
    const first = await startNode(environment('restart'), {
      log: () => undefined,
      createEngine:
        () =>
        (_job, { stop }) =>
          Promise.race([
            never,
            new Promise<never>((_, reject) => stop?.addEventListener('abort', () => reject(new Error('cut off')))),
          ]),
    })
    const answer = (await (await pushTo(first, 'd1')).json()) as { run: string }
    const queued = (await (await pushTo(first, 'd2', 'c'.repeat(40))).json()) as { run: string }
    await Promise.all([first.stop(50), new Promise((resolve) => setTimeout(resolve, 50))])
    const engine = recordingEngine()
    const second = await start('restart', () => engine.run)
    for (const { run } of [answer, queued])
      await until(
        () => runOf(second, run),
        (value) => value.state === 'succeeded',
      )
    const again = (await (await pushTo(second, 'd1')).json()) as { run: string; duplicate: boolean }
    assert.deepEqual(again, { run: answer.run, duplicate: true })
  })

  void it('refuses bodies over the cap and bodies that trickle, over a real connection', async () => {
    const server = await start('bodies', () => recordingEngine().run, { BODY_TIMEOUT_SECONDS: '0.4' })
    const { port, hostname } = new URL(server.url)
    const exchange = (head: readonly string[], feed: (write: (text: string) => void) => void): Promise<string> =>
      new Promise((resolve, reject) => {
        const socket = connect(Number(port), hostname)
        let text = ''
        socket.on('data', (data) => (text += data.toString()))
        socket.on('close', () => resolve(text))
        socket.on('error', (error: Error & { code?: string }) => (text === '' ? reject(error) : resolve(text)))
        const write = (part: string): void => void (socket.writable && socket.write(part))
        const headers = [
          'POST /hook/github HTTP/1.1',
          'Host: x',
          `X-Hub-Signature-256: sha256=${'0'.repeat(64)}`,
          ...head,
          '',
          '',
        ]
        write(headers.join('\r\n'))
        feed(write)
      })
    const announced = await exchange(['Content-Length: 100001'], () => undefined)
    assert.match(announced, /^HTTP\/1.1 413 /)
    const chunk = `${(1 << 16).toString(16)}\r\n${' '.repeat(1 << 16)}\r\n`
    const chunked = await exchange(['Transfer-Encoding: chunked'], (write) => write(chunk.repeat(3)))
    assert.match(chunked, /^HTTP\/1.1 413 /)
    const started = Date.now()
    const slow = await exchange(['Content-Length: 50'], (write) => {
      write(' ')
    })
    assert.match(slow, /^HTTP\/1.1 408 /)
    assert.ok(Date.now() - started < 5000)
  })

  void it('names everything that is wrong with the configuration, and no secret', async () => {
    const wrong = {
      CLUSTERS: '[{"name": "One"}, {"name": "b", "server": "http://x", "tokenSecret": "B_TOKEN"}]',
      TRIGGER_TOKEN: 'hunter2',
      BODY_LIMIT_BYTES: 'many',
      SETTINGS: '{"noRemoteBase": true, "x": "hunter2',
    }
    await assert.rejects(startNode(wrong), (error: Error) => {
      for (const name of [
        'CLUSTERS.0.name',
        'CLUSTERS.0.server',
        'CLUSTERS.1.server',
        'TRIGGER_TOKEN',
        'BODY_LIMIT_BYTES',
        'SETTINGS',
      ]) {
        assert.ok(error.message.includes(name), `${name} in ${error.message}`)
      }
      return !error.message.includes('hunter2')
    })
    await assert.rejects(startNode({}), /CLUSTERS: is missing/)
  })
})
