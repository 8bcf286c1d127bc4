import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, it } from 'node:test'
import {
  createForge,
  createGitHubApp,
  gitHubApiOf,
  manifestForm,
  type Forge,
  type ForgeKind,
} from '../../../src/forges/index.ts'
import { createNodeHttpClient } from '../../../src/platforms/node/http.ts'
import { startForge, type ForgeServer } from '../../support/forge-api/server.ts'

const kinds: readonly ForgeKind[] = ['github', 'gitlab', 'gitea']
const secret = 'canary-secret-of-the-webhook'

async function withForge(
  kind: ForgeKind,
  work: (forge: Forge, server: ForgeServer, received: { body: string }[], url: string) => Promise<void>,
  token?: string,
): Promise<void> {
  const server = await startForge(kind)
  const http = createNodeHttpClient({ egress: { allowPrivate: true } })
  const received: { body: string }[] = []
  const receiver = createServer((request, response) => {
    let body = ''
    request.on('data', (chunk: Buffer) => (body += chunk.toString()))
    request.on('end', () => {
      received.push({ body })
      response.writeHead(202).end()
    })
  })
  await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/hook`
  try {
    const target = { host: server.host, owner: 'team', name: 'fleet', token: token ?? server.token }
    await work(createForge(kind, { http, egress: { allowPrivate: true } }, target), server, received, url)
  } finally {
    await server.close()
    receiver.closeAllConnections()
    receiver.close()
    http.close()
  }
}

for (const kind of kinds) {
  describe(kind, () => {
    it('makes a repository and finds it again', () =>
      withForge(kind, async (forge, server) => {
        assert.equal(await forge.readRepository(), undefined)
        const made = await forge.createRepository({ isPrivate: true })
        assert.deepEqual(await forge.readRepository(), made)
        assert.deepEqual(
          { id: made.id, isPrivate: made.isPrivate, cloneUrl: made.cloneUrl },
          { id: 'team/fleet', isPrivate: true, cloneUrl: `${server.git.origin}/team/fleet.git` },
        )
      }))

    it('keeps a webhook: registers, changes, has it deliver, deletes', () =>
      withForge(kind, async (forge, server, received, url) => {
        await server.create('team', 'fleet', { a: 'a' })
        assert.deepEqual(await forge.listWebhooks(), [])
        const made = await forge.createWebhook({ url, secret })
        assert.deepEqual(
          { url: made.url, isActive: made.isActive, events: made.events },
          { url, isActive: true, events: forge.eventsOf({}) },
        )
        assert.equal(server.repositories.get('team/fleet')?.hooks[0]?.secret, secret)
        const changed = await forge.updateWebhook(made.id, { url, secret: `${secret}-2`, pullRequests: true })
        assert.deepEqual(changed.events, forge.eventsOf({ pullRequests: true }))
        assert.equal(server.repositories.get('team/fleet')?.hooks[0]?.secret, `${secret}-2`)
        assert.deepEqual(await forge.listWebhooks(), [changed])
        const before = received.length
        await forge.testWebhook(made.id)
        for (let look = 0; received.length === before && look < 200; look++)
          await new Promise((done) => setTimeout(done, 10))
        assert.ok(received.length > before)
        const deliveries = await forge.recentDeliveries(made.id)
        if (kind === 'gitea') assert.equal(deliveries, undefined)
        else if (kind === 'gitlab')
          assert.deepEqual(
            deliveries?.map(({ event, status }) => [event, status]),
            [['push_hooks', 202]],
          )
        await forge.deleteWebhook(made.id)
        await forge.deleteWebhook(made.id)
        assert.deepEqual(await forge.listWebhooks(), [])
      }))

    it('says what is wrong with a token, and never shows it', () =>
      withForge(
        kind,
        async (forge) => {
          const asks: readonly (() => Promise<unknown>)[] = [
            () => forge.readRepository(),
            () => forge.createWebhook({ url: 'https://x.example', secret }),
          ]
          for (const ask of asks) {
            const error = (await ask().catch((caught: unknown) => caught)) as Error & { code: string }
            assert.equal(error.code, 'forge-unauthorized')
            assert.match(error.message, /does not accept the token: Bad credentials/)
            assert.doesNotMatch(`${error.message}${JSON.stringify(error)}`, /canary/)
          }
        },
        'canary-wrong-token',
      ))

    it('names the right that is missing', () =>
      withForge(kind, async (forge) => {
        // There is no repository, which is what a token without the right sees.
        await assert.rejects(forge.listWebhooks(), {
          code: 'forge-not-found',
          message: /answers 404.*; the token needs/,
        })
      }))
  })
}

describe('a forge that misbehaves', () => {
  /** One answer to everything. */
  async function answering(
    answer: { readonly status: number; readonly body: string; readonly headers?: { readonly [name: string]: string } },
    work: (forge: Forge) => Promise<void>,
  ): Promise<void> {
    const server = createServer((_request, response) =>
      response.writeHead(answer.status, answer.headers ?? {}).end(answer.body),
    )
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const http = createNodeHttpClient({ egress: { allowPrivate: true } })
    const host = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    try {
      const target = { host, owner: 'team', name: 'fleet', token: 'canary-token' }
      await work(createForge('github', { http, egress: { allowPrivate: true } }, target))
    } finally {
      server.closeAllConnections()
      server.close()
      http.close()
    }
  }
  const rows: readonly (readonly [name: string, answer: Parameters<typeof answering>[0], want: object])[] = [
    ['with something else than JSON', { status: 200, body: '<html>' }, { code: 'forge-answer' }],
    ['with other fields', { status: 200, body: '{"full_name": 7}' }, { code: 'forge-answer', message: /full_name/ }],
    ['with too much', { status: 200, body: `"${'x'.repeat(3 << 20)}"` }, { code: 'forge-answer' }],
    [
      'with an error of its own',
      { status: 502, body: 'bad gateway' },
      { code: 'forge-unavailable', disposition: 'retry' },
    ],
    [
      'with a limit',
      { status: 429, body: '{"message":"slow down"}' },
      { code: 'forge-unavailable', message: /slow down/ },
    ],
    [
      'with a redirect',
      { status: 301, body: '', headers: { location: 'https://evil.example' } },
      { code: 'forge-refused' },
    ],
    [
      'with the token in its words',
      { status: 422, body: '{"message":"canary-token is odd"}' },
      { message: /: \*\*\* is odd/ },
    ],
  ]
  for (const [name, answer, want] of rows)
    it(`${name}, is told in words`, () => answering(answer, (forge) => assert.rejects(forge.readRepository(), want)))

  it('that is nowhere is unavailable, and a token does not travel in the clear', async () => {
    const http = createNodeHttpClient({ egress: { allowPrivate: true } })
    const target = { owner: 'team', name: 'fleet', token: 'canary-token' }
    const nowhere = createForge(
      'gitea',
      { http, egress: { allowPrivate: true } },
      { ...target, host: 'http://127.0.0.1:9' },
    )
    await assert.rejects(nowhere.readRepository(), { code: 'forge-unavailable', disposition: 'retry' })
    const clear = createForge('gitea', { http, egress: {} }, { ...target, host: 'http://git.example.com' })
    await assert.rejects(clear.readRepository(), { code: 'egress-refused' })
    http.close()
  })
})

describe('a GitHub App', () => {
  it('has a form for an organisation and for a user', () => {
    const options = {
      name: 'sluice-prod',
      hookUrl: 'https://sluice.example/hook/github',
      redirectUrl: 'http://127.0.0.1:1/callback',
      homepage: 'https://sluice.example',
      host: 'https://github.com',
      state: 'a b',
    }
    assert.equal(manifestForm(options).action, 'https://github.com/settings/apps/new?state=a%20b')
    const form = manifestForm({ ...options, organization: 'team' })
    assert.equal(form.action, 'https://github.com/organizations/team/settings/apps/new?state=a%20b')
    assert.equal((JSON.parse(form.manifest) as { public: boolean }).public, false)
  })

  it('comes for a code, once', async () => {
    const server = await startForge('github')
    const http = createNodeHttpClient({ egress: { allowPrivate: true } })
    const deps = { http, egress: { allowPrivate: true } }
    try {
      const app = await createGitHubApp(deps, { host: server.host }, 'a-code-of-the-tests')
      assert.deepEqual({ id: app.id, slug: app.slug }, { id: '4711', slug: 'sluice-fleet' })
      assert.match(app.privateKey, /PRIVATE KEY/)
      await assert.rejects(createGitHubApp(deps, { host: server.host }, 'a-code-of-the-tests'), {
        code: 'forge-not-found',
        message: /only once/,
      })
    } finally {
      http.close()
      await server.close()
    }
  })

  it('has its API where GitHub has it', () => {
    assert.equal(gitHubApiOf({ host: 'https://github.com' }), 'https://api.github.com')
    assert.equal(gitHubApiOf({ host: 'https://git.example.com' }), 'https://git.example.com/api/v3')
  })
})
