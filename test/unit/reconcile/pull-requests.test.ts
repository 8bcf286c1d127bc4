import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createGitHubApp, type ForgeKind } from '../../../src/forges/index.ts'
import { createNodeHttpClient } from '../../../src/platforms/node/http.ts'
import { openPullRequests, type ForgeCredential } from '../../../src/reconcile/index.ts'
import { defaultGitLimits, GitObjectCache } from '../../../src/sources/index.ts'
import { startForge, type ForgeServer } from '../../support/forge-api/server.ts'
import { systemClock } from '../../support/memory-ports.ts'

async function withForge(
  kind: ForgeKind,
  credentialOf: (server: ForgeServer, deps: Parameters<typeof openPullRequests>[0]) => Promise<ForgeCredential>,
  work: (server: ForgeServer, pulls: ReturnType<typeof openPullRequests>, commit: string) => Promise<void>,
): Promise<void> {
  const server = await startForge(kind, { hasApp: true })
  const http = createNodeHttpClient({ egress: { allowPrivate: true } })
  const deps = {
    http,
    egress: { allowPrivate: true },
    clock: systemClock,
    cache: new GitObjectCache(),
    limits: defaultGitLimits,
  }
  try {
    await server.create('team', 'fleet', { 'a.yaml': 'a: 1\n' })
    const { last } = await server.pulls.open('team/fleet', { branch: 'topic', files: { 'a.yaml': 'a: 2\n' } })
    const credential = await credentialOf(server, deps)
    await work(
      server,
      openPullRequests(deps, { kind, host: server.host, owner: 'team', name: 'fleet', credential }),
      last.head,
    )
  } finally {
    await server.close()
    http.close()
  }
}

const report = {
  name: 'sluice/plan',
  key: 'k',
  state: 'failure',
  title: 'Two dangers',
  summary: 's',
  annotations: [{ path: 'a.yaml', line: 1, level: 'failure', message: 'm' }],
} as const

describe('pull requests of a repository', () => {
  for (const kind of ['github', 'gitlab', 'gitea'] as const)
    it(`get the statuses that notifications set at ${kind}, once each`, () =>
      withForge(
        kind,
        async ({ token }) => ({ token }),
        async (server, pulls, commit) => {
          const said = { ...report, commit }
          assert.deepEqual(await pulls.reportCheck(said), { as: 'status', annotations: 0 })
          await pulls.reportCheck(said)
          await pulls.reportCheck({ ...said, state: 'success', title: 'Nothing to fear' })
          assert.deepEqual(
            server.repositories
              .get('team/fleet')
              ?.statuses.map(({ context, state, description }) => [context, state, description]),
            [
              ['sluice/plan', kind === 'gitlab' ? 'failed' : 'failure', 'Two dangers'],
              ['sluice/plan', 'success', 'Nothing to fear'],
            ],
          )
        },
      ))

  it('an App has check runs and a token that is asked for once', () =>
    withForge(
      'github',
      async (server, deps) => {
        const { id, privateKey } = await createGitHubApp(deps, { host: server.host }, 'a-code-of-the-tests')
        return { app: { id, privateKey } }
      },
      async (server, pulls, commit) => {
        assert.deepEqual(await pulls.reportCheck({ ...report, commit }), { as: 'check-run', annotations: 1 })
        const { outcome } = await pulls.upsertComment(1, { marker: 'plan', body: 'b' })
        assert.equal(outcome, 'created')
        const repository = server.repositories.get('team/fleet')
        assert.equal(repository?.pulls[0]?.comments[0]?.author, 'sluice-fleet[bot]')
        assert.equal(repository?.checkRuns[0]?.conclusion, 'failure')
        assert.equal(server.requests.filter(({ path }) => path.endsWith('/access_tokens')).length, 1)
      },
    ))

  it('a token that is refused shows in no message, of statuses neither', () =>
    withForge(
      'gitea',
      async () => ({ token: 'canary-wrong-token' }),
      async (_server, pulls, commit) => {
        for (const ask of [() => pulls.reportCheck({ ...report, commit }), () => pulls.read(1)]) {
          const error = (await ask().catch((caught: unknown) => caught)) as Error
          assert.match(error.message, /401|does not accept/)
          assert.doesNotMatch(`${error.message}${JSON.stringify(error)}`, /canary/)
        }
      },
    ))
})
