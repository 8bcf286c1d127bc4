import assert from 'node:assert/strict'
import { createHmac, randomBytes } from 'node:crypto'
import { after, before, describe, it } from 'node:test'
import { createNodeSshClient } from '../../src/platforms/node/index.ts'
import type { GitDeps } from '../../src/sources/index.ts'
import { GitObjectCache, fetchArtifact, gitCredentials, resolveRevision } from '../../src/sources/index.ts'
import type { GitTestRepository } from '../support/git-repository.ts'
import { GitServer } from '../support/git-server.ts'
import { listPaths, makeGitDeps, readText } from '../support/git-sources.ts'
import { TestSshServer, makeSshKey } from '../support/ssh-server.ts'

const main = { ref: { branch: 'main' } }
const host = makeSshKey('ed25519')
const rsaHost = makeSshKey('rsa')
const user = makeSshKey('ed25519')
const stranger = makeSshKey('ed25519')

describe('a GitRepository over SSH', () => {
  let files: GitServer
  let server: TestSshServer
  let repository: GitTestRepository
  let url: string
  const ssh = createNodeSshClient({ egress: { allowPrivate: true } })
  const deps = { ...makeGitDeps(), ssh }
  const fresh = (): GitDeps => ({ ...deps, cache: new GitObjectCache() })
  const secret = (): { [key: string]: string } => ({
    identity: user.identity,
    known_hosts: server.knownHosts(host),
  })
  const login = (changes: { [key: string]: string } = {}): ReturnType<typeof gitCredentials> =>
    gitCredentials({ url, secret: { ...secret(), ...changes } })

  before(async () => {
    files = await GitServer.start()
    repository = await files.create('team/app', { 'deploy/a.yaml': 'a: 1\n', 'other/b.yaml': 'b: 1\n' })
    server = await TestSshServer.start({ root: files.root, hostKeys: [rsaHost, host], authorizedKeys: [user] })
    url = `ssh://git@127.0.0.1:${server.port}/team/app.git`
  })
  after(async () => {
    ssh.close()
    deps.close()
    await server.close()
    await files.close()
  })

  it('fetches directories first, then the files wanted, then the difference', async () => {
    const one = fresh()
    const credentials = login()
    const artifact = await fetchArtifact(one, { url, ...main, credentials })
    assert.equal(artifact.revision, `main@sha1:${await repository.head()}`)
    await artifact.prefetch(['deploy'])
    assert.equal(readText(artifact.files, 'deploy/a.yaml'), 'a: 1\n')
    assert.throws(() => artifact.files.read('other/b.yaml'), { name: 'PendingFiles' })
    await repository.commit({ 'deploy/a.yaml': 'a: 2\n' })
    const next = await fetchArtifact(one, { url, ...main, credentials, previous: artifact.commit.id })
    await next.prefetch(['deploy'])
    assert.equal(readText(next.files, 'deploy/a.yaml'), 'a: 2\n')
    assert.deepEqual(listPaths(next.files), ['deploy/a.yaml', 'other/b.yaml'])
    assert.equal(server.connections, 1)
    assert.ok(server.commands.every((command) => command === "git-upload-pack '/team/app.git'"))
    assert.deepEqual([...new Set(server.users)], ['git'])
  })

  it('a server that hides the wish for version 2: isomorphic-git over the same connection', async () => {
    await using old = await TestSshServer.start({
      root: files.root,
      hostKeys: [host],
      authorizedKeys: [user],
      acceptEnv: false,
    })
    const at = `ssh://127.0.0.1:${old.port}/team/app.git`
    const credentials = gitCredentials({ url: at, secret: { ...secret(), known_hosts: old.knownHosts(host) } })
    const artifact = await fetchArtifact(fresh(), { url: at, ...main, credentials })
    assert.equal(readText(artifact.files, 'other/b.yaml'), 'b: 1\n')
    ssh.close()
  })

  for (const [name, key, extra] of [
    ['RSA in the older PEM form', makeSshKey('rsa', '', 'PEM'), {}],
    ['ECDSA', makeSshKey('ecdsa'), {}],
    ['Ed25519 with a passphrase', makeSshKey('ed25519', 'p4ss phrase'), { password: 'p4ss phrase' }],
  ] as const) {
    it(`logs in with a key of type ${name}, as the user of the Secret`, async () => {
      await using other = await TestSshServer.start({ root: files.root, hostKeys: [host], authorizedKeys: [key] })
      const at = `ssh://somebody@127.0.0.1:${other.port}/team/app.git`
      const data = { identity: key.identity, known_hosts: other.knownHosts(host), username: 'deploy', ...extra }
      await resolveRevision(fresh(), { url: at, ...main, credentials: gitCredentials({ url: at, secret: data }) })
      assert.deepEqual(other.users, ['deploy'])
      ssh.close()
    })
  }

  it('known_hosts: hashed names, wildcards, only the key types that are listed', async () => {
    const name = `[127.0.0.1]:${server.port}`
    const salt = randomBytes(20)
    const hash = createHmac('sha1', salt).update(name).digest('base64')
    for (const known of [
      `# comment\n\n|1|${salt.toString('base64')}|${hash} ${host.publicKey}\r\n`,
      `other,[127.0.0.*]:* ${host.publicKey}`,
      `${name} ${rsaHost.publicKey}`,
      `nonsense\n${name} ssh-ed25519 !!!\n${name} ${host.publicKey}`,
    ]) {
      await resolveRevision(fresh(), { url, ...main, credentials: login({ known_hosts: known }) })
    }
  })

  const refusals: [name: string, changes: () => { [key: string]: string }, code: string, message: RegExp][] = [
    [
      'no line for the host',
      () => ({ known_hosts: `example.com ${host.publicKey}` }),
      'git-unknown-host',
      /ssh-keyscan/,
    ],
    [
      'a line for the default port only',
      () => ({ known_hosts: `127.0.0.1 ${host.publicKey}` }),
      'git-unknown-host',
      /no key/,
    ],
    [
      'another key of the same type',
      () => ({ known_hosts: server.knownHosts(stranger) }),
      'ssh-host-key',
      /not the one in known_hosts/,
    ],
    [
      'a key that is revoked',
      () => ({ known_hosts: `${server.knownHosts(host)}@revoked * ${host.publicKey}` }),
      'ssh-host-key',
      /known_hosts/,
    ],
    [
      'a pattern that takes the host out',
      () => ({ known_hosts: `[127.0.0.*]:*,!${server.knownHosts(host)}` }),
      'git-unknown-host',
      /no key/,
    ],
    [
      'a key that the host does not know',
      () => ({ identity: stranger.identity }),
      'ssh-authentication',
      /refused the key/,
    ],
    [
      'a passphrase that is missing',
      () => ({ identity: makeSshKey('ed25519', 'c4n4ry').identity }),
      'ssh-identity',
      /passphrase/,
    ],
    ['a key that is none', () => ({ identity: 'c4n4ry' }), 'ssh-identity', /cannot be read/],
  ]
  for (const [name, changes, code, message] of refusals) {
    it(`refuses ${name}`, async () => {
      ssh.close()
      await assert.rejects(
        resolveRevision(fresh(), { url, ...main, credentials: login(changes()) }),
        (error: Error) => {
          assert.equal((error as Error & { code?: string }).code, code, String(error))
          assert.match(error.message, message)
          const shown = `${error.message}${JSON.stringify(error)}${String(error.cause)}`
          assert.ok(!/c4n4ry|PRIVATE KEY/.test(shown), shown)
          return true
        },
      )
    })
  }

  it('a kept connection is judged by the known hosts of whoever uses it', async () => {
    await resolveRevision(fresh(), { url, ...main, credentials: login() })
    const bad = login({ known_hosts: server.knownHosts(stranger) })
    await assert.rejects(resolveRevision(fresh(), { url, ...main, credentials: bad }), { code: 'ssh-host-key' })
  })

  it('needs identity and known_hosts, and a platform with sockets', async () => {
    for (const [key, message] of [
      ['identity', /'identity' is required/],
      ['known_hosts', /'known_hosts' is required/],
    ] as const) {
      assert.throws(() => login({ [key]: ' ' }), { reason: 'AuthenticationFailed', message })
    }
    const { ssh: _, ...without } = deps
    await assert.rejects(resolveRevision(without, { url, ...main, credentials: login() }), {
      code: 'git-unsupported',
      message: /https/,
    })
  })

  it('tells a missing repository, a refused one and a broken answer apart', async () => {
    const credentials = login()
    await assert.rejects(resolveRevision(fresh(), { url: `${url}.nope`, ...main, credentials }), {
      code: 'git-not-found',
      reason: 'GitOperationFailed',
    })
    for (const [answer, code] of [
      [{ stderr: 'access denied to c4n4ry' }, 'git-authentication'],
      [{ stderr: 'boom' }, 'git-connection'],
      [{ stdout: 'Welcome to the machine!\n' }, 'git-bad-data'],
      [{ stdout: '000eversion 2\n' }, 'git-bad-data'],
    ] as const) {
      server.answer = () => answer
      await assert.rejects(resolveRevision(fresh(), { url, ...main, credentials }), (error: Error) => {
        assert.equal((error as Error & { code?: string }).code, code, String(error))
        assert.ok(!error.message.includes('c4n4ry'))
        return true
      })
    }
    server.answer = undefined
  })

  it('a path cannot become a command', async () => {
    const evil = url.replace('team/app.git', "team/x';touch%20pwned;'.git")
    server.commands.length = 0
    await assert.rejects(resolveRevision(fresh(), { url: evil, ...main, credentials: login() }), {
      name: 'EngineError',
    })
    assert.deepEqual(server.commands, [String.raw`git-upload-pack '/team/x'\'';touch pwned;'\''.git'`])
  })

  it('private addresses are refused unless they are allowed', async () => {
    const guarded = createNodeSshClient()
    await assert.rejects(resolveRevision({ ...fresh(), ssh: guarded }, { url, ...main, credentials: login() }), {
      code: 'egress-refused',
    })
  })

  it('a host that does not answer is given up in time', async () => {
    server.answer = undefined
    const limits = { ...deps.limits, timeoutMs: 1 }
    await assert.rejects(resolveRevision({ ...fresh(), limits }, { url, ...main, credentials: login() }), {
      disposition: 'retry',
    })
  })
})
