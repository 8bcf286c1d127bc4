import assert from 'node:assert/strict'
import type { Server } from 'node:http'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before, describe, it } from 'node:test'
import {
  GitObjectCache,
  defaultGitLimits,
  fetchArtifact,
  gitCredentials,
  resolveRevision,
} from '../../src/sources/index.ts'
import { makeCertificates } from '../support/certificates.ts'
import type { GitServerOptions } from '../support/git-server.ts'
import { GitServer } from '../support/git-server.ts'
import { makeGitDeps, readText } from '../support/git-sources.ts'

const canary = 'c4n4ry-t0ken'
const app = { 'a.yaml': 'a: 1\n', 'b.yaml': `b: ${'x'.repeat(3000)}\n` }
const main = { ref: { branch: 'main' } }

/** Asserts that the promise fails with an EngineError that fits and that shows no credential anywhere. */
async function refused(
  work: Promise<unknown>,
  want: { code?: string; reason?: string; message?: RegExp; disposition?: string },
): Promise<void> {
  await assert.rejects(work, (error: unknown) => {
    assert.ok(error instanceof Error)
    const { code, reason, disposition } = error as Error & { code?: string; reason?: string; disposition?: string }
    const shown = `${error.name} ${code} ${reason} ${error.message}`
    assert.equal(error.name, 'EngineError', shown)
    if (want.code !== undefined) assert.equal(code, want.code, shown)
    if (want.reason !== undefined) assert.equal(reason, want.reason, shown)
    if (want.disposition !== undefined) assert.equal(disposition, want.disposition, shown)
    if (want.message !== undefined) assert.match(error.message, want.message)
    assert.ok(!`${error.message}${JSON.stringify(error)}${String(error.stack)}`.includes(canary), shown)
    return true
  })
}

describe('credentials of a GitRepository', () => {
  const rows: {
    name: string
    auth: NonNullable<GitServerOptions['auth']>
    secret: { [key: string]: string }
    wrong: { [key: string]: string }
  }[] = [
    {
      name: 'user name and password',
      auth: { username: 'gït', password: `p:${canary}é` },
      secret: { username: 'gït', password: `p:${canary}é` },
      wrong: { username: 'git', password: canary },
    },
    {
      name: 'bearer token',
      auth: { bearerToken: canary },
      secret: { bearerToken: `${canary}\n` },
      wrong: { bearerToken: `${canary}x` },
    },
  ]
  for (const { name, auth, secret, wrong } of rows) {
    it(name, async () => {
      await using server = await GitServer.start({ auth })
      const { url } = await server.create('team/private', app)
      const deps = makeGitDeps()
      const artifact = await fetchArtifact(deps, { url, ...main, credentials: gitCredentials({ url, secret }) })
      await artifact.prefetch([''])
      assert.equal(readText(artifact.files, 'a.yaml'), 'a: 1\n')
      const refusal = { code: 'git-authentication', reason: 'GitOperationFailed' }
      await refused(resolveRevision(deps, { url, ...main }), { ...refusal, message: /name a Secret/ })
      const bad = gitCredentials({ url, secret: wrong })
      await refused(resolveRevision(deps, { url, ...main, credentials: bad }), {
        ...refusal,
        message: /credentials were refused/,
      })
      // What somebody else fetched is not given out without asking the remote.
      await refused(fetchArtifact(deps, { url, ref: { commit: artifact.commit.id } }), refusal)
      deps.close()
    })
  }

  it('from the URL', async () => {
    await using server = await GitServer.start({ auth: { username: 'u', password: canary } })
    const { url } = await server.create('team/private', app)
    const deps = makeGitDeps()
    const withLogin = url.replace('//', `//u:${canary}@`)
    const credentials = gitCredentials({ url: withLogin })
    await resolveRevision(deps, { url: withLogin, ...main, credentials })
    await refused(resolveRevision(deps, { url: withLogin, ...main }), { code: 'git-authentication' })
    await refused(
      resolveRevision(deps, { url: `${withLogin}?token=${canary}`, ref: { branch: 'nope' }, credentials }),
      {
        code: 'git-reference-not-found',
      },
    )
    deps.close()
  })

  it('own authority and client certificate', async () => {
    const certificates = makeCertificates()
    await using server = await GitServer.start({ tls: { ...certificates.server, clientCa: certificates.ca } })
    const { url } = await server.create('team/tls', app)
    const deps = makeGitDeps()
    const secret = {
      'ca.crt': certificates.ca,
      'tls.crt': certificates.client.cert,
      'tls.key': certificates.client.key,
    }
    const artifact = await fetchArtifact(deps, { url, ...main, credentials: gitCredentials({ url, secret }) })
    await artifact.prefetch([''])
    await refused(resolveRevision(deps, { url, ...main }), { code: 'http-unreachable', disposition: 'retry' })
    const onlyCa = gitCredentials({ url, secret: { caFile: certificates.ca } })
    await refused(resolveRevision(deps, { url, ...main, credentials: onlyCa }), { code: 'http-unreachable' })
    deps.close()
  })
})

describe('a Git server that misbehaves', () => {
  let server: GitServer
  let url: string
  const deps = makeGitDeps()
  before(async () => {
    server = await GitServer.start()
    url = (await server.create('team/app', app)).url
  })
  after(async () => {
    deps.close()
    await server.close()
  })
  const fresh = (): typeof deps => ({ ...deps, cache: new GitObjectCache() })

  it('slow: the deadline holds', async () => {
    server.misbehaviour = { kind: 'slow', ms: 2000 }
    const limits = { ...defaultGitLimits, timeoutMs: 100 }
    const start = performance.now()
    await refused(resolveRevision({ ...fresh(), limits }, { url, ...main }), { disposition: 'retry' })
    await refused(resolveRevision(fresh(), { url, ...main, signal: AbortSignal.timeout(50) }), { disposition: 'retry' })
    assert.ok(performance.now() - start < 1500)
    server.misbehaviour = { kind: 'none' }
  })

  it('busy or broken: retry, after the time that it names', async () => {
    for (const { status, code, retryAfter } of [
      { status: 429, code: 'git-unavailable', retryAfter: '7' },
      { status: 503, code: 'git-unavailable', retryAfter: undefined },
      { status: 500, code: 'git-unavailable', retryAfter: undefined },
      { status: 418, code: 'git-http-status', retryAfter: undefined },
      { status: 403, code: 'git-authentication', retryAfter: undefined },
      { status: 404, code: 'git-not-found', retryAfter: undefined },
    ]) {
      server.misbehaviour = { kind: 'status', status, ...(retryAfter === undefined ? {} : { retryAfter }) }
      await refused(resolveRevision(fresh(), { url: `${url}?token=${canary}`, ...main }), {
        code,
        disposition: 'retry',
      })
    }
    server.misbehaviour = { kind: 'status', status: 429, retryAfter: '7' }
    await assert.rejects(resolveRevision(fresh(), { url, ...main }), { retryAfterMs: 7000 })
    server.misbehaviour = { kind: 'none' }
  })

  it('a page instead of Git, or half of it', async () => {
    for (const [body, type] of [
      ['<html>login</html>', 'text/html'],
      ['<html>login</html>', 'application/x-git-upload-pack-advertisement'],
      ['000eversion 2\n', 'application/x-git-upload-pack-advertisement'],
      ['000eversion 2\n00', 'application/x-git-upload-pack-advertisement'],
      ['', 'application/x-git-upload-pack-advertisement'],
      ['0003', 'application/x-git-upload-pack-advertisement'],
      [
        `${'0'.repeat(2)}40ERR token ${canary.replace('4', '5')} not allowed here at all, go away....`,
        'application/x-git-upload-pack-advertisement',
      ],
    ] as const) {
      server.misbehaviour = { kind: 'body', body, type }
      await refused(resolveRevision(fresh(), { url, ...main }), {})
    }
    server.misbehaviour = { kind: 'none' }
  })

  it('cut off anywhere, or with any byte changed: never a wrong file', async () => {
    let failed = 0
    for (let at = 0; at < 460; at += 13) {
      for (const misbehaviour of [
        { kind: 'truncate', bytes: at },
        { kind: 'corrupt', offset: at },
      ] as const) {
        server.misbehaviour = { kind: 'none' }
        const one = fresh()
        const resolved = await resolveRevision(one, { url, ...main })
        server.misbehaviour = misbehaviour
        try {
          const artifact = await fetchArtifact(one, { url, resolved })
          await artifact.prefetch([''])
          assert.equal(readText(artifact.files, 'a.yaml'), app['a.yaml'])
          assert.equal(readText(artifact.files, 'b.yaml'), app['b.yaml'])
        } catch (error) {
          failed++
          assert.ok(error instanceof Error)
          assert.equal(error.name, 'EngineError', String(error.stack))
        }
        // Afterwards the same cache gives the right content: nothing wrong was kept.
        server.misbehaviour = { kind: 'none' }
        const again = await fetchArtifact(one, { url, resolved })
        await again.prefetch([''])
        assert.equal(readText(again.files, 'b.yaml'), app['b.yaml'])
      }
    }
    assert.ok(failed > 20, `${failed} failures`)
  })

  it('too large: every limit names itself', async () => {
    for (const [limits, message] of [
      [{ maxPackBytes: 100 }, /more than the limit of 100 bytes/],
      [{ maxObjectBytes: 1000 }, /a file of \d+ bytes, more than the limit of 1000/],
      [{ maxUnpackedBytes: 1500 }, /larger than the limit of 1500/],
      [{ maxObjects: 1 }, /more than the limit of 1/],
      [{ maxRefsBytes: 40 }, /more than the limit of 40 bytes/],
    ] as const) {
      const limited = { ...fresh(), limits: { ...defaultGitLimits, ...limits } }
      const work = fetchArtifact(limited, { url, ...main }).then((artifact) => artifact.prefetch(['']))
      await refused(work, { code: 'git-too-large', message, disposition: 'stall' })
    }
  })

  it('a repository that repeats itself to grow is cut off', async () => {
    const repository = await server.create('team/bomb', { 'x/.sourceignore': 'a\n', 'x/f': '1' })
    let tree = await repository.revParse('main:x')
    for (let depth = 0; depth < 9; depth++) {
      const lines = Array.from({ length: 10 }, (_, i) => `040000 tree ${tree}\td${i}`).join('\n')
      tree = await repository.makeTree(`${lines}\n`)
    }
    const commit = await repository.git('-c', 'user.name=t', '-c', 'user.email=t@e', 'commit-tree', '-m', 'bomb', tree)
    await repository.setBranch('main', commit)
    const start = performance.now()
    await refused(fetchArtifact(fresh(), { url: repository.url, ...main }), { code: 'git-too-large' })
    assert.ok(performance.now() - start < 3000)
  })

  it('names that must not occur in a tree are refused', async () => {
    for (const name of ['.git', '..', '.GIT', 'git~1']) {
      const repository = await server.create(`team/bad-${encodeURIComponent(name).replaceAll('.', 'dot')}`, { f: '1' })
      const blob = await repository.revParse('main:f')
      const entry = Buffer.concat([Buffer.from(`100644 ${name}\0`), Buffer.from(blob, 'hex')])
      const tree = await repository.writeObject('tree', entry)
      const commit = await repository.git('-c', 'user.name=t', '-c', 'user.email=t@e', 'commit-tree', '-m', 'bad', tree)
      await repository.setBranch('main', commit)
      const work = fetchArtifact(fresh(), { url: repository.url, ...main }).then((artifact) => artifact.files.list(''))
      await refused(work, { code: 'git-bad-data' })
    }
  })
})

describe('redirects and hosts', () => {
  let server: GitServer
  let other: Server
  let otherOrigin: string
  const seen: { url: string | undefined; authorization: string | undefined }[] = []
  const deps = makeGitDeps()
  before(async () => {
    server = await GitServer.start()
    await server.create('team/app', app)
    other = createServer((request, response) => {
      seen.push({ url: request.url, authorization: request.headers.authorization })
      response.writeHead(301, { location: `${server.origin}${request.url}` }).end()
    })
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve))
    otherOrigin = `http://127.0.0.1:${(other.address() as AddressInfo).port}`
  })
  after(async () => {
    deps.close()
    other.close()
    await server.close()
  })

  it('a moved repository is followed, without the credentials', async () => {
    const url = `${otherOrigin}/team/app.git`
    const credentials = gitCredentials({ url, secret: { username: 'u', password: canary } })
    const one = { ...deps, cache: new GitObjectCache() }
    server.reset()
    const artifact = await fetchArtifact(one, { url, ...main, credentials })
    await artifact.prefetch([''])
    assert.equal(readText(artifact.files, 'a.yaml'), 'a: 1\n')
    assert.equal(seen.length, 1)
    assert.match(seen[0]?.authorization ?? '', /^Basic /)
    const { authorizations } = server.reset()
    assert.equal(authorizations.length, 4)
    assert.deepEqual(
      authorizations.filter((value) => value !== undefined),
      [],
    )
  })

  it('circles and strange targets end', async () => {
    for (const [to, code] of [
      [server.origin, 'redirect-refused'],
      ['file:///etc', 'redirect-refused'],
      ['http://[', 'redirect-refused'],
    ] as const) {
      server.misbehaviour = { kind: 'redirect', to }
      await refused(
        resolveRevision({ ...deps, cache: new GitObjectCache() }, { url: `${server.origin}/team/app.git`, ...main }),
        { code },
      )
    }
    server.misbehaviour = { kind: 'none' }
  })

  it('private hosts are refused, also behind a redirect', async () => {
    const egress = { allowHosts: ['127.0.0.1'] }
    for (const url of [
      'http://10.0.0.1/x',
      'http://169.254.169.254/x',
      'http://localhost/x',
      'http://[::1]/x',
      'https://kubernetes.default.svc/x',
    ]) {
      await refused(resolveRevision({ ...deps, egress }, { url, ...main }), { code: 'egress-refused' })
    }
    for (const to of ['http://169.254.169.254/latest', 'http://[::ffff:169.254.169.254]', 'http://2852039166']) {
      server.misbehaviour = { kind: 'redirect', to }
      const one = { ...deps, cache: new GitObjectCache(), egress }
      await refused(resolveRevision(one, { url: `${server.origin}/team/app.git`, ...main }), { code: 'egress-refused' })
    }
    server.misbehaviour = { kind: 'none' }
  })

  it('a server that moved while its capabilities were remembered is found again', async () => {
    const one = { ...deps, cache: new GitObjectCache() }
    const url = `${server.origin}/team/app.git`
    await resolveRevision(one, { url, ...main })
    const second = await GitServer.start()
    await second.create('team/app', app)
    server.misbehaviour = { kind: 'redirect', to: second.origin }
    await resolveRevision(one, { url, ...main })
    server.misbehaviour = { kind: 'none' }
    await second.close()
    await refused(resolveRevision(one, { url, ...main }), { code: 'http-unreachable' })
  })
})
