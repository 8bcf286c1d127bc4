import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { GitObjectCache, fetchArtifact, type GitDeps } from '../../src/sources/index.ts'
import type { GitTestRepository } from '../support/git-repository.ts'
import { GitSigner, type TestPgpKey } from '../support/git-signing.ts'
import { GitServer } from '../support/git-server.ts'
import { makeGitDeps } from '../support/git-sources.ts'
import { makeSshKey } from '../support/ssh-server.ts'

describe('signatures of commits and tags', () => {
  let server: GitServer
  let signer: GitSigner
  let repository: GitTestRepository
  let pgp: TestPgpKey
  let other: TestPgpKey
  const ssh = makeSshKey('ed25519')
  const deps = makeGitDeps()
  const fresh = (): GitDeps => ({ ...deps, cache: new GitObjectCache() })

  before(async () => {
    server = await GitServer.start()
    signer = new GitSigner()
    pgp = signer.pgpKey('author', 'ed25519')
    other = signer.pgpKey('other', 'rsa2048')
    repository = await server.create('team/signed', { 'a.yaml': 'a: 1\n' })
  })
  after(async () => {
    deps.close()
    signer.close()
    await server.close()
  })

  /** Puts a signed commit on a branch of its own; `change` alters the object after it was signed. */
  async function signCommit(
    branch: string,
    key: string,
    format: 'openpgp' | 'ssh',
    change: (text: string) => string = (text) => text,
  ): Promise<string> {
    const tree = await repository.revParse('main^{tree}')
    const signed = signer.git(repository, key, format, 'commit-tree', '-S', '-m', `signed für ${branch}`, tree)
    const text = await repository.git('cat-file', 'commit', signed)
    const changed = change(`${text}\n`)
    const commit = changed === `${text}\n` ? signed : await repository.writeObject('commit', changed)
    await repository.setBranch(branch, commit)
    return commit
  }
  function sshKeyFile(key: { identity: string; publicKey: string }): string {
    const file = join(
      signer.home,
      `key-${Math.abs(key.publicKey.length)}-${key.publicKey.slice(30, 40).replace(/\W/g, '')}`,
    )
    writeFileSync(file, key.identity, { mode: 0o600 })
    writeFileSync(`${file}.pub`, key.publicKey)
    return file
  }
  const verify = (
    ref: { branch?: string; tag?: string; name?: string; semver?: string },
    mode: string | undefined,
    keys: { [name: string]: string },
  ): Promise<string | undefined> =>
    fetchArtifact(fresh(), {
      url: repository.url,
      ref,
      verify: { keys, ...(mode === undefined ? {} : { mode }) },
    }).then(({ verified }) => verified)

  it('OpenPGP: a commit by a key of the ring, whatever the ring is called', async () => {
    const commit = await signCommit('pgp', pgp.id, 'openpgp')
    for (const mode of ['HEAD', 'head', undefined]) {
      const message = await verify({ branch: 'pgp' }, mode, { 'b.asc': other.armored, whatever: pgp.armored })
      assert.equal(message, `verified signature of\n\t- commit '${commit}' with key '${pgp.id}'`)
    }
    const rsa = await signCommit('pgp-rsa', other.id, 'openpgp')
    const message = await verify({ branch: 'pgp-rsa' }, 'HEAD', { all: pgp.armored, b: other.armored })
    assert.equal(message, `verified signature of\n\t- commit '${rsa}' with key '${other.id}'`)
  })

  for (const type of ['ed25519', 'rsa', 'ecdsa'] as const) {
    it(`SSH: a commit by a key of type ${type}`, async () => {
      const key = makeSshKey(type)
      const commit = await signCommit(`ssh-${type}`, sshKeyFile(key), 'ssh')
      const keys = {
        'authors.sshpub': `# authors\n${ssh.publicKey}\nrestrict,command="echo ssh-rsa AAAA" ${key.publicKey}\n`,
      }
      const fingerprint = signer.run('ssh-keygen', '-lf', `${sshKeyFile(key)}.pub`).split(' ')[1]
      const message = await verify({ branch: `ssh-${type}` }, 'HEAD', keys)
      assert.equal(message, `verified signature of\n\t- commit '${commit}' with key '${fingerprint}'`)
    })
  }

  const refusal = { code: 'git-verification', reason: 'InvalidCommitSignature', disposition: 'retry' }

  it('refuses an unsigned commit, and keys of others or of the wrong kind', async () => {
    await signCommit('pgp2', pgp.id, 'openpgp')
    await signCommit('ssh2', sshKeyFile(ssh), 'ssh')
    const rows: [branch: string, keys: { [name: string]: string }, message: RegExp][] = [
      [
        'main',
        { a: pgp.armored },
        /unable to verify Git commit: unable to verify payload as the provided signature is empty/,
      ],
      ['pgp2', { a: other.armored }, /unable to verify payload with any of the given key rings/],
      ['pgp2', {}, /any of the given key rings/],
      ['pgp2', { a: 'nonsense' }, /unable to read armored key ring/],
      ['pgp2', { 'a.sshpub': ssh.publicKey }, /any of the given key rings/],
      ['ssh2', { 'a.sshpub': makeSshKey('ed25519').publicKey }, /any of the given authorized keys/],
      ['ssh2', { 'a.asc': ssh.publicKey }, /any of the given authorized keys/],
      ['ssh2', { 'a.sshpub': 'ssh-ed25519 !!!' }, /any of the given authorized keys/],
    ]
    for (const [branch, keys, message] of rows) {
      await assert.rejects(verify({ branch }, 'HEAD', keys), { ...refusal, message }, branch)
    }
  })

  it('refuses a commit that was changed after it was signed', async () => {
    const changes: [name: string, change: (text: string) => string][] = [
      ['message', (text) => text.replace('signed', 'changed')],
      ['author', (text) => text.replace('t@example.com', 'u@example.com')],
      ['header', (text) => text.replace('committer', 'x-extra yes\ncommitter')],
    ]
    for (const [index, [name, change]] of changes.entries()) {
      await signCommit(`bad-pgp-${index}`, pgp.id, 'openpgp', change)
      await signCommit(`bad-ssh-${index}`, sshKeyFile(ssh), 'ssh', change)
      const keys = { a: pgp.armored, 'b.sshpub': ssh.publicKey }
      await assert.rejects(verify({ branch: `bad-pgp-${index}` }, 'HEAD', keys), refusal, name)
      await assert.rejects(verify({ branch: `bad-ssh-${index}` }, 'HEAD', keys), refusal, name)
    }
  })

  it('refuses two signatures in one commit, and an SSH signature that was made for something else', async () => {
    const twice = (text: string): string => {
      const signature = /^gpgsig (?:.*\n )+.*\n/m.exec(text)?.[0] ?? ''
      return text.replace(signature, signature + signature)
    }
    await signCommit('twice', pgp.id, 'openpgp', twice)
    await assert.rejects(verify({ branch: 'twice' }, 'HEAD', { a: pgp.armored }), { name: 'EngineError' })
    const plain = await repository.git('cat-file', 'commit', 'main')
    const file = join(signer.home, 'payload')
    writeFileSync(file, `${plain}\n`)
    signer.run('ssh-keygen', '-Y', 'sign', '-n', 'file', '-f', sshKeyFile(ssh), file)
    const lines = readFileSync(`${file}.sig`, 'utf8').trimEnd().split('\n')
    const forged = `${plain}\n`.replace('\n\n', `\ngpgsig ${lines.join('\n ')}\n\n`)
    await repository.setBranch('namespace', await repository.writeObject('commit', forged))
    await assert.rejects(verify({ branch: 'namespace' }, 'HEAD', { 'b.sshpub': ssh.publicKey }), refusal)
  })

  it('Tag and TagAndHEAD verify the tag object, found by tag, semver or name', async () => {
    const commit = await signCommit('release', sshKeyFile(ssh), 'ssh')
    signer.git(repository, pgp.id, 'openpgp', 'tag', '-s', '-m', 'one', 'v1.0.0', commit)
    signer.git(repository, sshKeyFile(ssh), 'ssh', 'tag', '-s', '-m', 'two', 'v1.1.0', commit)
    const keys = { a: pgp.armored, 'b.sshpub': ssh.publicKey }
    const tag = await repository.revParse('v1.0.0')
    assert.equal(
      await verify({ tag: 'v1.0.0' }, 'Tag', keys),
      `verified signature of\n\t- tag 'v1.0.0@${tag}' with key '${pgp.id}'`,
    )
    const both = await verify({ name: 'refs/tags/v1.0.0' }, 'TagAndHEAD', keys)
    assert.match(both ?? '', /^verified signature of\n\t- tag 'v1\.0\.0@.*\n\t- commit '/)
    assert.match((await verify({ semver: '1.x' }, 'Tag', keys)) ?? '', /tag 'v1\.1\.0@.* with key 'SHA256:/)
    await assert.rejects(verify({ tag: 'v1.0.0' }, 'TagAndHEAD', { a: pgp.armored }), refusal)
    await assert.rejects(verify({ tag: 'v1.0.0' }, 'Tag', { 'b.sshpub': ssh.publicKey }), {
      reason: 'InvalidTagSignature',
      message: /unable to verify Git tag/,
    })
  })

  it('refuses a tag mode without a tag (for good), unsigned and lightweight tags, and a signed tag under another name', async () => {
    const keys = { a: pgp.armored }
    await assert.rejects(verify({ branch: 'main' }, 'Tag', keys), {
      reason: 'InvalidVerificationMode',
      disposition: 'stall',
    })
    await repository.tag('light')
    await repository.tag('unsigned', { message: 'x' })
    for (const tag of ['light', 'unsigned']) {
      await assert.rejects(verify({ tag }, 'Tag', keys), {
        reason: 'InvalidGitObject',
        message: /since it is not signed/,
      })
    }
    signer.git(repository, pgp.id, 'openpgp', 'tag', '-s', '-m', 'old', 'v0.1.0', await repository.revParse('main'))
    await repository.git('update-ref', 'refs/tags/v9.0.0', await repository.revParse('v0.1.0'))
    await assert.rejects(verify({ tag: 'v9.0.0' }, 'Tag', keys), {
      reason: 'InvalidTagSignature',
      message: /has the name "v0\.1\.0"/,
    })
  })

  it('also over version 1 of the protocol', async () => {
    await using old = await GitServer.start({ protocol: 1 })
    const copy = await old.create('team/old', { 'a.yaml': 'a: 1\n' })
    const commit = (await copy.head()) ?? ''
    signer.git(copy, pgp.id, 'openpgp', 'tag', '-s', '-m', 'one', 'v1.0.0', commit)
    const options = { url: copy.url, ref: { tag: 'v1.0.0' }, verify: { mode: 'Tag', keys: { a: pgp.armored } } }
    const { verified } = await fetchArtifact(fresh(), options)
    assert.match(verified ?? '', /tag 'v1\.0\.0@/)
  })
})
