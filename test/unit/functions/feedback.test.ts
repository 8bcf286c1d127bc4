import assert from 'node:assert/strict'
import { after, before, beforeEach, describe, it } from 'node:test'
import { loadConfig } from '../../../functions/config.ts'
import { repositoryOf, type FeedbackRule } from '../../../functions/feedback-config.ts'
import { createFeedback, type Feedback, type FeedbackDeps } from '../../../functions/feedback.ts'
import { createRunStore, type RunStore, type StoredRecord } from '../../../src/coordinator/index.ts'
import type { StateStore } from '../../../src/ports/index.ts'
import { createMemoryLogger, createMemoryState } from '../../support/memory-ports.ts'
import { fakeGitHub, type FakeGitHub } from '../../support/fake-github.ts'
import { startNotifyServer, type NotifyServer } from '../../support/notify-server.ts'

let server: NotifyServer
before(async () => {
  server = await startNotifyServer()
})
beforeEach(() => {
  server.received.length = 0
})
after(() => server.close())

const token = 'github-token-of-the-test'
const commit = 'ab'.repeat(20)
const rule: FeedbackRule = { forge: 'github', repository: 'https://github.com/team/*', tokenSecret: 'GITHUB_TOKEN' }

interface Setup {
  readonly state: StateStore
  readonly plain: RunStore
  readonly logLines: readonly string[]
  readonly github: FakeGitHub
  /** One for each process that tells. */
  readonly instance: () => Feedback
  /** Resolves when nothing is told any more. */
  readonly idle: () => Promise<void>
}

async function setup(
  options: {
    readonly rule?: Partial<FeedbackRule>
    readonly clusters?: readonly string[]
    readonly delay?: () => number
    readonly after?: string
    /** A run that the store does not give out. */
    readonly unreadable?: string
  } = {},
): Promise<Setup> {
  const state = createMemoryState()
  const plain = createRunStore(state)
  const logger = createMemoryLogger()
  const work = new Set<Promise<void>>()
  const background = (promise: Promise<void>): void => {
    work.add(promise)
    void promise.finally(() => work.delete(promise))
  }
  const github = fakeGitHub(server, { token, ...(options.delay === undefined ? {} : { delay: options.delay }) })
  const deps: FeedbackDeps = {
    config: {
      feedback: [{ ...rule, ...options.rule }],
      settings: { publicUrl: 'https://sluice.example.com/' },
      privateHosts: [],
    },
    read: (name) => (name === 'GITHUB_TOKEN' ? token : undefined),
    state,
    runs: {
      ...plain,
      get: (id) => (id === options.unreadable ? Promise.reject(new Error('the store is away')) : plain.get(id)),
    },
    http: server.http,
    clock: { now: () => Date.now(), sleep: async () => undefined },
    logger,
    background,
  }
  await plain.putRequest({
    id: 'run1',
    trigger: 'push',
    receivedAt: 1,
    clusters: options.clusters ?? ['a', 'b'],
    push: {
      provider: 'github',
      deliveryId: 'd',
      urls: ['https://github.com/team/app.git', 'git@github.com:team/app.git'],
      ref: 'refs/heads/main',
      after: options.after ?? commit,
    },
  })
  return {
    state,
    plain,
    logLines: logger.lines,
    github,
    instance: () => createFeedback(deps),
    idle: async () => {
      while (work.size > 0) await Promise.all(work)
    },
  }
}

const node = (state: 'ready' | 'failed'): StoredRecord['nodes'][number] => ({
  kind: 'Kustomization',
  namespace: 'team',
  name: 'app',
  state,
  changes: [],
  unchanged: 0,
  timings: { startedAt: 1, finishedAt: 2 },
})

function record(cluster: string, state: StoredRecord['state'], more: Partial<StoredRecord> = {}): StoredRecord {
  const nodes = state === 'succeeded' ? [node('ready')] : state === 'failed' ? [node('failed')] : []
  return { id: 'run1', cluster, trigger: 'push', state, receivedAt: 1, nodes, timings: {}, ...more }
}

describe('statuses that the deployment sets', () => {
  it('follow the run: one for each cluster and one over all, with a link', async () => {
    const { instance, idle, github } = await setup()
    const { runs } = instance()
    await runs.putRecord(record('a', 'running'))
    await idle()
    assert.deepEqual(github.latest(commit), {
      sluice: 'pending: 0 of 2 clusters done',
      'sluice/a': 'pending: being applied',
    })
    await runs.putRecord(record('a', 'succeeded'))
    await idle()
    assert.equal(github.latest(commit)['sluice'], 'pending: 1 of 2 clusters done')
    assert.equal(github.latest(commit)['sluice/a'], 'success: 1 applied')
    await runs.putRecord(record('b', 'failed', { nodes: [node('failed'), node('ready')], state: 'partial' }))
    await idle()
    assert.deepEqual(github.latest(commit), {
      sluice: 'failure: 1 of 2 clusters failed (b)',
      'sluice/a': 'success: 1 applied',
      'sluice/b': 'failure: 1 of 2 failed',
    })
    for (const status of github.statuses.get(commit) ?? [])
      assert.equal(status.target_url, 'https://sluice.example.com/runs/run1')
    assert.equal(
      server.received[0]?.url,
      `https://api.github.com/repos/team/app/commits/${commit}/statuses?per_page=50`,
    )
  })

  it('say the same whatever the order, and say it once', async () => {
    for (const order of [
      ['a', 'b'],
      ['b', 'a'],
    ]) {
      const { instance, idle, github } = await setup()
      const { runs } = instance()
      for (const cluster of order) {
        await runs.putRecord(record(cluster, cluster === 'a' ? 'succeeded' : 'failed'))
        await idle()
      }
      assert.deepEqual(github.latest(commit), {
        sluice: 'failure: 1 of 2 clusters failed (b)',
        'sluice/a': 'success: 1 applied',
        'sluice/b': 'failure: 1 of 1 failed',
      })
      const before = github.statuses.get(commit)?.length
      // The queue delivers more than once, and records are written again.
      for (const cluster of order) await runs.putRecord(record(cluster, cluster === 'a' ? 'succeeded' : 'failed'))
      await idle()
      assert.equal(github.statuses.get(commit)?.length, before)
    }
  })

  it('end right when many clusters tell at the same time, each from its own process', async () => {
    const clusters = ['a', 'b', 'c', 'd', 'e']
    for (let seed = 1; seed <= 10; seed++) {
      let random = seed
      const next = (): number => (random = (random * 48_271) % 2_147_483_647)
      const { instance, idle, github, state } = await setup({ clusters, delay: () => (next() % 4 === 0 ? 50 : 1) })
      const states = clusters.map(() => (next() % 4 === 0 ? 'failed' : 'succeeded'))
      await Promise.all(
        clusters.map(async (cluster, index) => {
          const { runs } = instance()
          if (seed % 2 === 0) await runs.putRecord(record(cluster, 'running'))
          await new Promise((resolve) => setTimeout(resolve, next() % 40))
          await runs.putRecord(record(cluster, states[index] ?? 'failed'))
        }),
      )
      await idle()
      const failed = clusters.filter((_, index) => states[index] === 'failed')
      const latest = github.latest(commit)
      assert.equal(
        latest['sluice'],
        failed.length === 0
          ? 'success: 5 of 5 clusters up to date'
          : `failure: ${failed.length} of 5 clusters failed (${failed.join(', ')})`,
        `seed ${seed}`,
      )
      for (const [index, cluster] of clusters.entries())
        assert.match(latest[`sluice/${cluster}`] ?? '', states[index] === 'failed' ? /^failure/ : /^success/)
      assert.deepEqual(await state.list('feedback/'), [])
    }
  })

  it('are none for a push that concerns nothing', async () => {
    const { instance, idle, github } = await setup()
    const { runs } = instance()
    for (const cluster of ['a', 'b']) await runs.putRecord(record(cluster, 'succeeded', { nodes: [] }))
    await idle()
    assert.deepEqual(github.latest(commit), {})
  })

  it('say that all is up to date where a scan was sooner', async () => {
    const { instance, idle, github } = await setup({ clusters: ['a'] })
    await instance().runs.putRecord(record('a', 'succeeded', { nodes: [], timings: { fetchedAt: 1 } }))
    await idle()
    assert.deepEqual(github.latest(commit), {
      sluice: 'success: 1 of 1 cluster up to date',
      'sluice/a': 'success: up to date',
    })
  })

  it('end where a run had begun and concerned nothing after all', async () => {
    const { instance, idle, github } = await setup()
    const { runs } = instance()
    await runs.putRecord(record('a', 'running'))
    await idle()
    for (const cluster of ['a', 'b']) await runs.putRecord(record(cluster, 'succeeded', { nodes: [] }))
    await idle()
    assert.deepEqual(github.latest(commit), {
      sluice: 'success: 2 of 2 clusters up to date',
      'sluice/a': 'success: up to date',
    })
  })

  it('are no success where the push is held back, or only planned', async () => {
    const { instance, idle, github } = await setup()
    const { runs } = instance()
    await runs.putRecord(record('a', 'running'))
    await idle()
    const node = { kind: 'GitRepository', namespace: 'apps', name: 'app', changes: [], unchanged: 0 } as const
    const timings = { startedAt: 1, finishedAt: 2 }
    const held = { ...node, state: 'skipped', reason: 'Suspended', timings } as const
    await runs.putRecord(record('a', 'succeeded', { nodes: [held] }))
    await runs.putRecord(record('b', 'succeeded', { nodes: [{ ...held, state: 'ready' }], plan: true }))
    await idle()
    assert.match(github.latest(commit)['sluice/a'] ?? '', /^pending/)
    assert.match(github.latest(commit)['sluice'] ?? '', /^pending/)
  })

  it('are not those of a failed try, but of the last one', async () => {
    const { instance, idle, github } = await setup({ clusters: ['a'] })
    const { runs } = instance()
    const error = { code: 'cluster-unreachable', message: 'no answer from a' }
    await runs.putRecord(record('a', 'failed', { nodes: [], error }))
    await idle()
    assert.equal(github.latest(commit)['sluice'], 'pending: 0 of 1 cluster done')
    await runs.putRecord(record('a', 'failed', { nodes: [], error, givenUp: true }))
    await idle()
    assert.equal(github.latest(commit)['sluice'], 'failure: 1 of 1 cluster failed (a)')
    assert.equal(github.latest(commit)['sluice/a'], 'failure: failed: cluster-unreachable')
  })

  it('are no failure of a push that a newer one took the place of', async () => {
    const { instance, idle, github } = await setup({ clusters: ['a', 'b'], rule: { deployments: true } })
    const { runs } = instance()
    await runs.putRecord(record('a', 'succeeded'))
    const error = { code: 'superseded', message: 'newer requests took its place' }
    await runs.putRecord(record('b', 'failed', { nodes: [], error, givenUp: true }))
    await idle()
    assert.deepEqual(github.latest(commit), {
      sluice: 'success: 2 of 2 clusters up to date',
      'sluice/a': 'success: 1 applied',
      'sluice/b': 'success: left to a newer push',
    })
    assert.deepEqual(
      github.deployments.map(({ environment }) => environment),
      ['a'],
    )
  })

  it('come later where the forge is away, and the log shows no token', async () => {
    const { instance, idle, github, state, logLines } = await setup({ clusters: ['a'] })
    const { runs, retry } = instance()
    server.answerWith(() => ({ status: 403, body: `bad token ${token}` }))
    await runs.putRecord(record('a', 'succeeded'))
    await idle()
    assert.deepEqual(
      (await state.list('feedback/')).map(({ key }) => key),
      ['feedback/run1'],
    )
    assert.equal(logLines.length, 1)
    assert.match(logLines[0] ?? '', /answered with status 403: bad token \*\*\*\*\*/)
    const again = fakeGitHub(server, { token })
    await retry()
    assert.deepEqual(again.latest(commit), {
      sluice: 'success: 1 of 1 cluster up to date',
      'sluice/a': 'success: 1 applied',
    })
    assert.deepEqual(await state.list('feedback/'), [])
    assert.deepEqual(github.latest(commit), {})
  })

  it('come also where more than a round holds are refused, and before them', async () => {
    const { instance, state, plain } = await setup({ clusters: ['a'] })
    // The token of an organisation has ended: what is to be told there stays.
    const github = fakeGitHub(server, { token, refuses: (url) => url.pathname.startsWith('/repos/team/ended/') })
    const waits = async (id: string, repository: string): Promise<void> => {
      const push = { provider: 'github', deliveryId: id, ref: 'refs/heads/main', after: commit }
      const urls = [`https://github.com/team/${repository}`]
      await plain.putRequest({ id, trigger: 'push', receivedAt: 1, clusters: ['a'], push: { ...push, urls } })
      await plain.putRecord(record('a', 'succeeded', { id }))
      await state.put(`feedback/${id}`, true)
    }
    for (let n = 100; n < 170; n++) await waits(`run${n}`, 'ended')
    await waits('run2', 'app')
    for (let round = 0; round < 2; round++) await instance().retry()
    assert.deepEqual(github.latest(commit), {
      sluice: 'success: 1 of 1 cluster up to date',
      'sluice/a': 'success: 1 applied',
    })
    const left = (await state.list('feedback/')).map(({ key }) => key)
    assert.equal(left.length, 70)
    assert.ok(!left.includes('feedback/run2'))
  })

  it('come also where the run before cannot be read', async () => {
    const { instance, state, plain, github, logLines } = await setup({ clusters: ['a'], unreadable: 'run0' })
    await plain.putRecord(record('a', 'succeeded'))
    for (const id of ['run0', 'run1']) await state.put(`feedback/${id}`, true)
    await instance().retry()
    assert.equal(github.latest(commit)['sluice'], 'success: 1 of 1 cluster up to date')
    assert.deepEqual(
      (await state.list('feedback/')).map(({ key }) => key),
      ['feedback/run0'],
    )
    assert.equal(logLines.length, 1)
  })

  it('are not set for scans, other repositories, and what is no commit', async () => {
    for (const [name, options, more] of [
      ['scan', {}, { trigger: 'scan' as const }],
      ['repository', { rule: { repository: 'https://github.com/other/*' } }, {}],
      ['commit', { after: 'deadbeef' }, {}],
    ] as const) {
      const { instance, idle } = await setup(options)
      await instance().runs.putRecord(record('a', 'succeeded', more))
      await idle()
      assert.equal(server.received.length, 0, name)
    }
  })

  it('have names of their own where two deployments tell of one repository', async () => {
    const { instance, idle, github } = await setup({ clusters: ['a'], rule: { context: 'staging' } })
    await instance().runs.putRecord(record('a', 'succeeded'))
    await idle()
    assert.deepEqual(Object.keys(github.latest(commit)).toSorted(), ['staging', 'staging/a'])
  })
})

describe('deployments at GitHub', () => {
  it('are one for each cluster, and follow it', async () => {
    const { instance, idle, github } = await setup({ rule: { deployments: true } })
    const { runs } = instance()
    await runs.putRecord(record('a', 'running'))
    await idle()
    await runs.putRecord(record('a', 'succeeded'))
    await runs.putRecord(record('b', 'failed'))
    await idle()
    await runs.putRecord(record('b', 'failed'))
    await idle()
    assert.deepEqual(
      github.deployments.map(({ environment, sha, statuses }) => [
        environment,
        sha,
        statuses.map(({ state }) => state),
      ]),
      [
        ['a', commit, ['success', 'in_progress']],
        ['b', commit, ['failure']],
      ],
    )
    assert.equal(github.deployments[0]?.statuses[0]?.log_url, 'https://sluice.example.com/runs/run1')
    const made = server.received.find(({ method, url }) => method === 'POST' && url.endsWith('/deployments'))
    assert.equal(
      made?.body,
      `{"ref":"${commit}","task":"deploy","auto_merge":false,"required_contexts":[],"environment":"a","description":"Sluice"}`,
    )
  })
})

describe('which repositories are told of', () => {
  const rows: readonly (readonly [string, string, string | undefined])[] = [
    ['https://github.com/team/*', 'https://github.com/team/app.git', 'https://github.com/team/app'],
    ['https://github.com/team/*', 'https://github.com/team/app', 'https://github.com/team/app'],
    ['https://github.com/team/*', 'git@github.com:team/app.git', 'https://github.com/team/app'],
    ['https://github.com/team/*', 'ssh://git@github.com:2222/team/app.git', 'https://github.com/team/app'],
    ['https://github.com/team/*', 'git://github.com/team/app.git', 'https://github.com/team/app'],
    ['https://github.com/team/*', 'https://github.com/other/app', undefined],
    ['https://github.com/team/*', 'https://github.com/team/app/extra', undefined],
    ['https://github.com/team/*', 'https://github.com/team/..', undefined],
    ['https://github.com/team/*', 'https://github.com/team/..%2f..%2fuser', undefined],
    ['https://github.com/team/*', 'https://evil.example.com/team/app', undefined],
    ['https://github.com/team/*', 'https://github.com.evil.example.com/team/app', undefined],
    ['https://github.com/team/*', 'http://github.com:8080/team/app', undefined],
    ['https://github.com/team/*', 'nonsense', undefined],
    ['https://github.com/*/*', 'https://github.com/any/thing', 'https://github.com/any/thing'],
    [
      'https://gitlab.example.com/group/*/app',
      'git@gitlab.example.com:group/sub/app.git',
      'https://gitlab.example.com/group/sub/app',
    ],
    [
      'https://dev.azure.com/org/project/_git/*',
      'https://dev.azure.com/org/project/_git/app',
      'https://dev.azure.com/org/project/_git/app',
    ],
  ]
  for (const [repository, url, want] of rows) {
    it(`${url} by ${repository}: ${want ?? 'no'}`, () =>
      assert.equal(repositoryOf({ ...rule, repository }, [url]), want))
  }

  it('another host may be asked, by configuration only', () => {
    const other = { ...rule, apiHost: 'https://api.proxy.example.com' }
    assert.equal(repositoryOf(other, ['https://github.com/team/app']), 'https://api.proxy.example.com/team/app')
  })
})

describe('FEEDBACK of the configuration', () => {
  const load = (feedback: unknown, more: { readonly [name: string]: string } = { GITHUB_TOKEN: token }): unknown => {
    const values: { readonly [name: string]: string } = {
      CLUSTERS: '[{"name":"a","server":"https://a.example.com"}]',
      FEEDBACK: JSON.stringify(feedback),
      ...more,
    }
    return loadConfig((name) => values[name]).feedback
  }
  it('is read', () => {
    assert.deepEqual(load([rule]), [rule])
    assert.deepEqual(
      loadConfig((name) => (name === 'CLUSTERS' ? '[{"name":"a","server":"https://a.example.com"}]' : undefined))
        .feedback,
      [],
    )
  })
  const bad: readonly (readonly [object, RegExp])[] = [
    [{ ...rule, forge: 'slack' }, /FEEDBACK\.0\.forge/],
    [{ ...rule, repository: 'https://github.com/' }, /must name repositories/],
    [{ ...rule, tokenSecret: 'ghp_0123456789' }, /name of a secret/],
    [{ ...rule, tokenSecret: 'MISSING' }, /there is no secret MISSING/],
    [{ ...rule, forge: 'gitlab', deployments: true }, /only GitHub has deployments/],
    [{ ...rule, context: 'a/b' }, /FEEDBACK\.0\.context/],
    [{ ...rule, extra: 1 }, /FEEDBACK\.0/],
  ]
  for (const [wrong, message] of bad) {
    it(`${JSON.stringify(wrong)} is refused`, () =>
      assert.throws(() => load([wrong]), { code: 'config-invalid', message }))
  }
})
