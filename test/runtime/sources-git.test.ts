import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { GitObjectCache } from '../../src/sources/index.ts'
import type { GitTestRepository } from '../support/git-repository.ts'
import { GitServer } from '../support/git-server.ts'
import { GitSigner } from '../support/git-signing.ts'
import { makeGitDeps } from '../support/git-sources.ts'
import { runGitSteps, type GitSeen, type GitStep } from '../support/git-steps.ts'
import { createMemoryBlobs } from '../support/memory-ports.ts'
import { makeSshKey } from '../support/ssh-server.ts'
import { startWorker } from '../support/workerd.ts'

/** A place where sources run. Steps of one call run at the same time; `restart` forgets everything but the store. */
interface Host {
  run(steps: readonly GitStep[], restart?: boolean): Promise<readonly GitSeen[]>
  close(): Promise<void>
}

const hosts: { readonly [name: string]: () => Promise<Host> } = {
  node: async () => {
    const store = createMemoryBlobs()
    const base = makeGitDeps()
    let cache = new GitObjectCache({ store })
    return {
      run: async (steps, restart = false) => {
        if (restart) cache = new GitObjectCache({ store })
        const seen = await runGitSteps({ ...base, cache }, steps)
        await cache.flush()
        return seen
      },
      close: async () => base.close(),
    }
  },
  workerd: async () => {
    const worker = await startWorker({ env: {}, entry: new URL('../support/source-worker.ts', import.meta.url) })
    return {
      run: async (steps, restart = false) => {
        const response = await fetch(worker.url, { method: 'POST', body: JSON.stringify({ steps, restart }) })
        assert.equal(response.status, 200, await response.clone().text())
        return (await response.json()) as GitSeen[]
      },
      close: () => worker.stop(),
    }
  },
}

const canary = 'c4n4ry'
const main = { ref: { branch: 'main' } }

for (const [name, start] of Object.entries(hosts)) {
  describe(`Git sources on ${name}`, () => {
    let host: Host
    let server: GitServer
    let repository: GitTestRepository
    let url: string
    before(async () => {
      host = await start()
      server = await GitServer.start()
      repository = await server.create('team/app', {
        'deploy/a.yaml': 'a: 1\n',
        'deploy/notes.md': 'n\n',
        'other/b.yaml': 'b: 1\n',
        'deploy/.sourceignore': '*.md\n',
      })
      url = repository.url
    })
    after(async () => {
      await host.close()
      await server.close()
    })

    it('fetches what is wanted, then the difference, then nothing; a new instance goes on from the store', async () => {
      const step: GitStep = { url, options: main, prefetch: ['deploy'] }
      server.reset()
      const [first] = await host.run([step])
      const files = { 'deploy/.sourceignore': '*.md\n', 'deploy/a.yaml': 'a: 1\n' }
      assert.deepEqual(first?.files, files)
      assert.equal(server.reset().requests, 5)
      const previous = first?.revision?.slice(-40) ?? ''
      await repository.commit({ 'deploy/a.yaml': 'a: 2\n' })
      const [second] = await host.run([{ ...step, options: { ...main, previous } }])
      assert.deepEqual(second?.files, { ...files, 'deploy/a.yaml': 'a: 2\n' })
      assert.equal(server.reset().requests, 2)
      const [third] = await host.run([step])
      assert.deepEqual(third, second)
      assert.equal(server.reset().requests, 1)
      const [again] = await host.run([step], true)
      assert.equal(again?.digest, second?.digest)
      assert.ok(server.reset().requests <= 3)
    })

    it('downloads once for two that ask at the same time', async () => {
      const apart = await server.create('team/twice', { 'x/a.yaml': 'a: 1\n', 'x/b.yaml': 'b: 1\n' })
      const step: GitStep = { url: apart.url, options: main, prefetch: ['x'] }
      server.reset()
      const seen = await host.run([step, step, step])
      assert.deepEqual(seen[1], seen[0])
      assert.deepEqual(seen[2], seen[0])
      const { log } = server.reset()
      // Each asks where the branch is; trees and files come once.
      assert.ok(log.length <= 3 + 3 + 2, log.join('\n'))
    })

    it('follows every kind of reference', async () => {
      const one = await server.create('team/refs', { f: '1' })
      const commit = (await one.head()) ?? ''
      await one.tag('v1.2.3', { message: 'x' })
      await one.tag('v1.10.0')
      await one.git('update-ref', 'refs/pull/7/head', commit)
      const refs = [{ branch: 'main' }, { tag: 'v1.2.3' }, { semver: '1.x' }, { name: 'refs/pull/7/head' }, { commit }]
      const seen = await host.run(refs.map((ref) => ({ url: one.url, options: { ref }, resolveOnly: true })))
      assert.deepEqual(
        seen.map(({ revision }) => revision?.replace(commit, '')),
        ['main@sha1:', 'v1.2.3@sha1:', 'v1.10.0@sha1:', 'refs/pull/7/head@sha1:', 'sha1:'],
      )
    })

    it('logs in, and says what is wrong without the credential', async () => {
      await using guarded = await GitServer.start({ auth: { username: 'u', password: canary } })
      const { url: at } = await guarded.create('team/private', { f: '1' })
      const [good, bad, none] = await host.run([
        { url: at, options: main, secret: { username: 'u', password: canary } },
        { url: at, options: main, secret: { username: 'u', password: `${canary}x` } },
        { url: at, options: main },
      ])
      assert.deepEqual(good?.files, { f: '1' })
      for (const one of [bad, none]) {
        assert.equal(one?.error?.code, 'git-authentication')
        assert.ok(!JSON.stringify(one).includes(canary))
      }
    })

    it('speaks version 1 through isomorphic-git', async () => {
      await using old = await GitServer.start({ protocol: 1 })
      const { url: at } = await old.create('team/old', { 'd/f': '1' })
      const [seen] = await host.run([{ url: at, options: main, prefetch: ['d'] }])
      assert.deepEqual(seen?.files, { 'd/f': '1' })
    })

    it('submodules and sparse checkout', async () => {
      const library = await server.create('team/library', { 'l.yaml': 'l\n' })
      const top = await server.create('team/top', {
        'a/x': '1',
        'vendor/lib': { submodule: (await library.head()) ?? '' },
        '.gitmodules': '[submodule "lib"]\n\tpath = vendor/lib\n\turl = ../library\n',
      })
      const options = { ...main, recurseSubmodules: true, sparseCheckout: ['vendor'] }
      const [seen] = await host.run([{ url: top.url, options }])
      assert.deepEqual(seen?.files, { 'vendor/lib/l.yaml': 'l\n' })
    })

    it('verifies OpenPGP and SSH signatures', async () => {
      const signer = new GitSigner()
      try {
        const signed = await server.create('team/signed', { f: '1' })
        const tree = await signed.revParse('main^{tree}')
        const pgp = signer.pgpKey('author', 'ed25519')
        const rows: [branch: string, keys: { [name: string]: string }][] = [['pgp', { a: pgp.armored }]]
        await signed.setBranch('pgp', signer.git(signed, pgp.id, 'openpgp', 'commit-tree', '-S', '-m', 'x', tree))
        for (const type of ['ed25519', 'rsa', 'ecdsa'] as const) {
          const key = makeSshKey(type)
          const file = join(signer.home, type)
          writeFileSync(file, key.identity, { mode: 0o600 })
          await signed.setBranch(type, signer.git(signed, file, 'ssh', 'commit-tree', '-S', '-m', 'x', tree))
          rows.push([type, { 'a.sshpub': key.publicKey }])
        }
        const stepOf = (branch: string, keys: { [name: string]: string }): GitStep => ({
          url: signed.url,
          options: { ref: { branch }, verify: { keys } },
        })
        for (const one of await host.run(rows.map(([branch, keys]) => stepOf(branch, keys)))) {
          assert.match(one.verified ?? JSON.stringify(one), /^verified signature of\n\t- commit '/)
        }
        const crossed = rows.map(([branch], i) => stepOf(branch, rows[(i + 1) % rows.length]?.[1] ?? {}))
        for (const one of await host.run(crossed)) assert.equal(one.error?.reason, 'InvalidCommitSignature')
      } finally {
        signer.close()
      }
    })

    it('refuses damage, SHA-256 repositories, and SSH where there is none', async () => {
      const apart = await server.create('team/damaged', { f: 'x'.repeat(500) })
      const step: GitStep = { url: apart.url, options: main }
      await host.run([{ ...step, resolveOnly: true }])
      for (const misbehaviour of [
        { kind: 'corrupt', offset: 60 },
        { kind: 'truncate', bytes: 60 },
      ] as const) {
        server.misbehaviour = misbehaviour
        const [seen] = await host.run([step])
        assert.equal(seen?.error?.reason ?? 'GitOperationFailed', 'GitOperationFailed')
        assert.ok(seen?.error, JSON.stringify(seen))
      }
      server.misbehaviour = { kind: 'none' }
      const [good, over] = await host.run([
        step,
        { url: 'ssh://git@127.0.0.1/x', secret: { identity: canary, known_hosts: 'x' } },
      ])
      assert.equal(good?.files?.['f']?.length, 500)
      assert.equal(over?.error?.code, 'git-unsupported')
      assert.ok(!JSON.stringify(over).includes(canary))
      await runSha256(host, server)
    })
  })
}

async function runSha256(host: Host, server: GitServer): Promise<void> {
  const { runGit } = await import('../support/git-repository.ts')
  const path = join(server.root, 'team/other-hash.git')
  await runGit(['init', '--quiet', '--bare', '--object-format=sha256', '--initial-branch=main', path])
  const tree = (await runGit(['-C', path, 'hash-object', '-t', 'tree', '-w', '--stdin'], [''])).trim()
  const identity = ['-c', 'user.name=t', '-c', 'user.email=t@e']
  const commit = (await runGit(['-C', path, ...identity, 'commit-tree', '-m', 'x', tree])).trim()
  await runGit(['-C', path, 'update-ref', 'refs/heads/main', commit])
  const [seen] = await host.run([{ url: `${server.origin}/team/other-hash.git`, options: main }])
  assert.equal(seen?.error?.code, 'git-unsupported', JSON.stringify(seen))
  assert.match(seen?.error?.message ?? '', /sha256/)
}
