import assert from 'node:assert/strict'
import { createPublicKey, generateKeyPairSync, verify } from 'node:crypto'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before, describe, it } from 'node:test'
import { GitObjectCache, fetchArtifact, providerCredentials, type GitDeps } from '../../src/sources/index.ts'
import { GitServer } from '../support/git-server.ts'
import { makeGitDeps, readText } from '../support/git-sources.ts'

const keys = generateKeyPairSync('rsa', { modulusLength: 2048 })
const pkcs1 = keys.privateKey.export({ type: 'pkcs1', format: 'pem' }).toString()
const pkcs8 = keys.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
const canary = 'ghs_c4n4ry'
const hour = 3_600_000

/** The part of GitHub's API that an App logs in with, faithful to its paths, methods and status codes. */
class AppServer {
  readonly log: string[] = []
  readonly claims: { iss?: string; iat?: number; exp?: number }[] = []
  lifetimeMs = hour
  fail: number | undefined
  readonly #server: Server

  constructor() {
    this.#server = createServer((request, response) => {
      this.log.push(`${request.method} ${request.url}`)
      const send = (status: number, body: object): void => {
        response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
      }
      if (this.fail !== undefined) return send(this.fail, { message: `bad ${canary}` })
      if (!this.#isSigned(request.headers.authorization ?? '')) return send(401, { message: 'bad credentials' })
      if (request.url === '/api/v3/orgs/team/installation') return send(200, { id: 42 })
      if (request.url === '/api/v3/users/somebody/installation') return send(200, { id: 43 })
      if (
        request.method === 'POST' &&
        /^\/api\/v3\/app\/installations\/4[23]\/access_tokens$/.test(request.url ?? '')
      ) {
        return send(201, { token: canary, expires_at: new Date(Date.now() + this.lifetimeMs).toISOString() })
      }
      return send(404, { message: 'Not Found' })
    })
  }

  async start(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve))
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  close(): void {
    this.#server.close()
    this.#server.closeAllConnections()
  }

  #isSigned(authorization: string): boolean {
    const [head = '', claims = '', signature = ''] = authorization.replace('Bearer ', '').split('.')
    this.claims.push(JSON.parse(Buffer.from(claims, 'base64url').toString()) as object)
    const isRs256 = Buffer.from(head, 'base64url').toString() === '{"alg":"RS256","typ":"JWT"}'
    const data = Buffer.from(`${head}.${claims}`)
    return (
      isRs256 &&
      verify(
        'RSA-SHA256',
        data,
        createPublicKey(keys.publicKey.export({ type: 'spki', format: 'pem' })),
        Buffer.from(signature, 'base64url'),
      )
    )
  }
}

describe('a GitHub App', () => {
  const app = new AppServer()
  let api: string
  let git: GitServer
  let url: string
  const deps = makeGitDeps()
  const fresh = (changes: Partial<GitDeps> = {}): GitDeps => ({ ...deps, cache: new GitObjectCache(), ...changes })
  before(async () => {
    api = await app.start()
    git = await GitServer.start({ auth: { username: 'x-access-token', password: canary } })
    url = (await git.create('team/app', { 'a.yaml': 'a: 1\n' })).url
  })
  after(async () => {
    app.close()
    deps.close()
    await git.close()
  })
  const secret = (changes: { [key: string]: string } = {}): { [key: string]: string } => ({
    githubAppID: '7',
    githubAppPrivateKey: pkcs1,
    githubAppBaseURL: api,
    ...(changes['githubAppInstallationOwner'] === undefined ? { githubAppInstallationID: '42' } : {}),
    ...changes,
  })
  const login = (one: GitDeps, changes: { [key: string]: string } = {}): ReturnType<typeof providerCredentials> =>
    providerCredentials(one, { url, provider: 'github', namespace: 'ns', secret: secret(changes) })

  it('reads a repository with the token of its installation, asked for once', async () => {
    const one = fresh()
    app.log.length = 0
    const [credentials] = await Promise.all([login(one), login(one), login(one)])
    const artifact = await fetchArtifact(one, { url, ref: { branch: 'main' }, credentials })
    await artifact.prefetch([''])
    assert.equal(readText(artifact.files, 'a.yaml'), 'a: 1\n')
    await login(one)
    assert.deepEqual(app.log, ['POST /api/v3/app/installations/42/access_tokens'])
    const { iss, iat = 0, exp = 0 } = app.claims.at(-1) ?? {}
    assert.equal(iss, '7')
    assert.equal(exp - iat, 120)
    assert.ok(Math.abs(Date.now() / 1000 - 30 - iat) < 20)
  })

  it('asks for a new token five minutes before the old one ends', async () => {
    app.log.length = 0
    let now = Date.now()
    const one = fresh({ clock: { now: () => now, sleep: () => Promise.resolve() } })
    await login(one)
    now += hour - 301_000
    await login(one)
    assert.equal(app.log.length, 1)
    now += 2000
    await login(one)
    assert.equal(app.log.length, 2)
  })

  it('finds the installation by its owner: an organisation, then a user', async () => {
    for (const [owner, want] of [
      ['team', ['GET /api/v3/orgs/team/installation', 'POST /api/v3/app/installations/42/access_tokens']],
      [
        'somebody',
        [
          'GET /api/v3/orgs/somebody/installation',
          'GET /api/v3/users/somebody/installation',
          'POST /api/v3/app/installations/43/access_tokens',
        ],
      ],
    ] as const) {
      app.log.length = 0
      await login(fresh(), { githubAppInstallationOwner: owner, githubAppPrivateKey: pkcs8 })
      assert.deepEqual(app.log, want)
    }
    await assert.rejects(login(fresh(), { githubAppInstallationOwner: 'nobody' }), {
      reason: 'AuthenticationFailed',
      message: /no installation of the App for "nobody"/,
    })
  })

  it('adds /api/v3/ to a server, but not to an API', async () => {
    app.log.length = 0
    await login(fresh(), { githubAppBaseURL: `${api}/api/v3` })
    await login(fresh(), { githubAppBaseURL: `${api}/` })
    assert.deepEqual([...new Set(app.log)], ['POST /api/v3/app/installations/42/access_tokens'])
  })

  it('says what is wrong, without the key, the token or the answer', async () => {
    const rows: [changes: { [key: string]: string }, message: RegExp][] = [
      [{ githubAppID: 'x' }, /githubAppID/],
      [{ githubAppPrivateKey: '' }, /githubAppPrivateKey is missing/],
      [{ githubAppPrivateKey: canary }, /not an RSA private key/],
      [
        { githubAppPrivateKey: `-----BEGIN RSA PRIVATE KEY-----\n${btoa(canary)}\n-----END RSA PRIVATE KEY-----` },
        /not an RSA private key/,
      ],
      [{ githubAppInstallationOwner: 'team', githubAppInstallationID: '42' }, /exactly one/],
      [{ githubAppInstallationID: '' }, /exactly one/],
      [{ githubAppInstallationID: '../../x' }, /githubAppInstallationID/],
      [{ githubAppBaseURL: 'file:///etc' }, /githubAppBaseURL/],
      [{ githubAppInstallationID: '99' }, /status 404/],
      [
        {
          githubAppPrivateKey: generateKeyPairSync('rsa', { modulusLength: 2048 })
            .privateKey.export({ type: 'pkcs1', format: 'pem' })
            .toString(),
        },
        /status 401/,
      ],
    ]
    for (const [changes, message] of rows) {
      await assert.rejects(login(fresh(), changes), (error: Error) => {
        assert.equal((error as Error & { reason?: string }).reason, 'AuthenticationFailed', String(error))
        assert.match(error.message, message)
        assert.ok(!`${error.message}${JSON.stringify(error)}${String(error.cause)}`.match(/c4n4ry|PRIVATE KEY-/))
        return true
      })
    }
    app.fail = 500
    await assert.rejects(
      login(fresh()),
      (error: Error) => !error.message.includes(canary) && /status 500/.test(error.message),
    )
    app.fail = undefined
    await assert.rejects(login(fresh({ egress: {} })), { reason: 'AuthenticationFailed', message: /refused/ })
  })

  it('clouds log in through what the deployment has for them, or say that there is nothing', async () => {
    const one = fresh({ logins: { azure: () => Promise.resolve({ bearerToken: canary }) } })
    const options = { url, namespace: 'ns', serviceAccountName: 'reader' }
    const { authorization } = await providerCredentials(one, { ...options, provider: 'azure' })
    assert.equal(authorization, `Bearer ${canary}`)
    await assert.rejects(providerCredentials(one, { ...options, provider: 'aws' }), {
      code: 'git-unsupported',
      message: /"aws" in this deployment/,
    })
  })
})
