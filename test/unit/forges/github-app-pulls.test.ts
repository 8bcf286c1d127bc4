import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createPullRequests, type CheckReport, type PullRequests } from '../../../src/forges/index.ts'
import { createNodeHttpClient } from '../../../src/platforms/node/http.ts'
import { addComment } from '../../support/forge-api/pull-keeper.ts'
import { installationToken } from '../../support/forge-api/github.ts'
import { startForge, type ForgeServer } from '../../support/forge-api/server.ts'
import type { KeptPull, KeptRepository } from '../../support/forge-api/types.ts'

const now = 1_800_000_000_000

async function withApp(
  work: (scene: {
    readonly pulls: PullRequests
    readonly server: ForgeServer
    readonly repository: KeptRepository
    readonly pull: KeptPull
    readonly slept: number[]
  }) => Promise<void>,
): Promise<void> {
  const server = await startForge('github', { hasApp: true })
  const http = createNodeHttpClient({ egress: { allowPrivate: true } })
  const slept: number[] = []
  const clock = { now: () => now, sleep: async (ms: number) => void slept.push(ms) }
  const target = {
    host: server.host,
    owner: 'team',
    name: 'fleet',
    token: () => Promise.resolve(installationToken),
    app: { id: 4711 },
  }
  try {
    const repository = await server.create('team', 'fleet', { 'a.yaml': 'a: 1\n' })
    const pull = await server.pulls.open('team/fleet', { branch: 'topic', files: { 'a.yaml': 'a: 2\n' } })
    await work({
      pulls: createPullRequests('github', { http, egress: { allowPrivate: true }, clock }, target),
      server,
      repository,
      pull,
      slept,
    })
  } finally {
    await server.close()
    http.close()
  }
}

const annotations = (count: number): CheckReport['annotations'] =>
  Array.from({ length: count }, (_, at) => ({
    path: 'a.yaml',
    line: at + 1,
    level: 'warning',
    message: `remark ${at}`,
  }))

describe('an App of GitHub', () => {
  const reportOf = (pull: KeptPull, more: Partial<CheckReport> = {}): CheckReport => ({
    commit: pull.last.head,
    name: 'plan',
    key: 'sha256:one',
    state: 'failure',
    title: 'Two dangers',
    summary: 'What will happen',
    annotations: [],
    ...more,
  })

  it('tells remarks in batches of fifty, and completes the run with the last', () =>
    withApp(async ({ pulls, server, repository, pull }) => {
      server.requests.length = 0
      assert.deepEqual(await pulls.reportCheck(reportOf(pull, { annotations: annotations(120) })), {
        as: 'check-run',
        annotations: 120,
      })
      const sent = server.requests.filter(({ method }) => method !== 'GET')
      const batch = (body: object): number => (body as { output: { annotations: unknown[] } }).output.annotations.length
      assert.deepEqual(
        sent.map(({ method, body }) => [method, body['status'], batch(body)]),
        [
          ['POST', 'in_progress', 50],
          ['PATCH', 'in_progress', 50],
          ['PATCH', 'completed', 20],
        ],
      )
      const [run] = repository.checkRuns
      assert.deepEqual([run?.conclusion, run?.annotations.length, run?.commit], ['failure', 120, pull.last.head])
      assert.deepEqual(
        run?.annotations.map((one) => one['message']),
        annotations(120).map(({ message }) => message),
      )
    }))

  it('goes on with its own unfinished run, and ends that of another report', () =>
    withApp(async ({ pulls, repository, pull }) => {
      await pulls.reportCheck(reportOf(pull, { state: 'running' }))
      // Half of it was told when it was cut off.
      const report = reportOf(pull, { annotations: annotations(120) })
      await pulls.reportCheck({ ...report, state: 'running', annotations: annotations(50) })
      await pulls.reportCheck(report)
      assert.deepEqual(
        repository.checkRuns.map(({ status, annotations: told }) => [status, told.length]),
        [['completed', 120]],
      )
      await pulls.reportCheck(reportOf(pull, { key: 'sha256:two', state: 'running', annotations: annotations(3) }))
      await pulls.reportCheck(reportOf(pull, { key: 'sha256:three', state: 'success', annotations: annotations(2) }))
      assert.deepEqual(
        repository.checkRuns.map(({ conclusion, annotations: told }) => [conclusion, told.length]),
        [
          ['failure', 120],
          ['cancelled', 3],
          ['success', 2],
        ],
      )
    }))

  it('says nothing twice', () =>
    withApp(async ({ pulls, repository, pull, server }) => {
      const report = reportOf(pull, { annotations: annotations(2) })
      await pulls.reportCheck(report)
      server.requests.length = 0
      assert.deepEqual(await pulls.reportCheck(report), { as: 'check-run', annotations: 2 })
      assert.deepEqual(
        server.requests.map(({ method }) => method),
        ['GET'],
      )
      await pulls.reportCheck({ ...report, state: 'success' })
      await pulls.reportCheck({ ...report, key: 'sha256:two' })
      assert.deepEqual(
        repository.checkRuns.map(({ conclusion }) => conclusion),
        ['failure', 'success', 'failure'],
      )
    }))

  it('keeps to the limits of texts and of remarks', () =>
    withApp(async ({ pulls, repository, pull, server }) => {
      const many = await pulls.reportCheck(
        reportOf(pull, { annotations: annotations(1200), summary: 'ü'.repeat(60_000) }),
      )
      assert.equal(many.annotations, 1000)
      assert.equal(repository.checkRuns[0]?.annotations.length, 1000)
      const made = server.requests.find(({ path, method }) => method === 'POST' && path.endsWith('/check-runs'))
      const { output } = (made?.body ?? {}) as { output: { summary: string } }
      assert.ok(Buffer.byteLength(output.summary) <= 65_535)
      assert.match(output.summary, /^ü+…$/)
    }))

  it('knows its comments by the App, not by whoever uses it', () =>
    withApp(async ({ pulls, pull }) => {
      const hidden = '<!-- sluice:plan -->\n'
      addComment(pull, 1, { author: 'mallory', body: `${hidden}fake`, viaApp: true })
      addComment(pull, 2, { author: 'other[bot]', body: `${hidden}fake` })
      const made = await pulls.upsertComment(1, { marker: 'plan', body: 'real' })
      assert.equal(made.outcome, 'created')
      assert.equal((await pulls.upsertComment(1, { marker: 'plan', body: 'more' })).id, made.id)
      assert.deepEqual(
        pull.comments.map(({ author }) => author),
        ['mallory', 'other[bot]', 'sluice-fleet[bot]'],
      )
    }))

  it('waits for limits as GitHub documents them', () =>
    withApp(async ({ pulls, server, slept }) => {
      const reset = String(now / 1000 + 20)
      server.refusals.push(
        {
          status: 403,
          headers: { 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': reset },
          json: { message: 'API rate limit exceeded' },
        },
        { status: 403, json: { message: 'You have exceeded a secondary rate limit. Please wait a few minutes' } },
      )
      assert.equal((await pulls.readBranch('main')) === undefined, false)
      assert.deepEqual(slept, [21_000, 60_000])
      server.refusals.push({
        status: 403,
        headers: { 'x-ratelimit-remaining': '17' },
        json: { message: 'Resource not accessible by integration' },
      })
      await assert.rejects(pulls.readBranch('main'), { code: 'forge-forbidden' })
      server.refusals.push({
        status: 403,
        headers: { 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': String(now / 1000 + 1800) },
      })
      await assert.rejects(pulls.readBranch('main'), { code: 'forge-unavailable', retryAfterMs: 1_801_000 })
    }))
})
