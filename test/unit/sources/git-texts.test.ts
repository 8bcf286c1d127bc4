import assert from 'node:assert/strict'
import { generateKeyPairSync, sign } from 'node:crypto'
import { describe, it } from 'node:test'
import { knownHostKeys } from '../../../src/sources/git/known-hosts.ts'
import { rsaPrivateKey } from '../../../src/sources/git/rsa-key.ts'
import { parseModules } from '../../../src/sources/git/submodules.ts'
import { splitSignedCommit, splitSignedTag } from '../../../src/sources/git/verify/signed-object.ts'
import { readAuthorizedKeys, verifySshSignature } from '../../../src/sources/git/verify/ssh-signature.ts'

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)
const text = (data: Uint8Array | undefined): string | undefined =>
  data === undefined ? undefined : new TextDecoder().decode(data)

describe('.gitmodules', () => {
  const rows: [input: string, want: { path: string; url: string }[]][] = [
    ['', []],
    ['[submodule "a"]\npath = a\nurl = ../b', [{ path: 'a', url: '../b' }]],
    ['[submodule "a"]\r\n\tpath=x/y/\r\n\turl = "https://h/#x" ; c\r\n', [{ path: 'x/y', url: 'https://h/#x' }]],
    ['[Submodule "a \\"b\\""]\n PATH = a\n Url = u # comment\n[core]\npath = z\nurl = z', [{ path: 'a', url: 'u' }]],
    ['[submodule "a"]\npath = a\n[submodule "b"]\nurl = u', []],
    ['[submodule "a"]\npath = a\n[submodule "a"]\nurl = u', [{ path: 'a', url: 'u' }]],
    ['path = a\nurl = u', []],
  ]
  for (const [input, want] of rows) it(JSON.stringify(input), () => assert.deepEqual(parseModules(input), want))
  for (const path of ['..', '../x', '/x', 'a/../../b', '.git', 'a/.GIT/b', 'a\\b'])
    it(`refuses the path ${path}`, () =>
      assert.throws(() => parseModules(`[submodule "a"]\npath = "${path.replace('\\', '\\\\')}"\nurl = u`), {
        code: 'git-submodule',
      }))
})

describe('signed objects', () => {
  const commit =
    'tree t\nauthor a\ncommitter c\ngpgsig -----BEGIN PGP SIGNATURE-----\n \n abc\n -----END PGP SIGNATURE-----\nencoding x\n\nmessage\n\ngpgsig not this\n'
  it('a commit without its signature, byte for byte', () => {
    const split = splitSignedCommit(bytes(commit))
    assert.equal(split?.signature, '-----BEGIN PGP SIGNATURE-----\n\nabc\n-----END PGP SIGNATURE-----\n')
    assert.equal(text(split?.payload), 'tree t\nauthor a\ncommitter c\nencoding x\n\nmessage\n\ngpgsig not this\n')
  })
  it('the signature for the other hash is not part of what is signed', () => {
    const split = splitSignedCommit(bytes(commit.replace('encoding x', 'gpgsig-sha256 y\n z\nencoding x')))
    assert.equal(text(split?.payload), text(splitSignedCommit(bytes(commit))?.payload))
  })
  it('keeps bytes that are not UTF-8', () => {
    const data = Uint8Array.from([...bytes('tree t\ngpgsig s\n\n'), 0xff, 0xfe, 0x00])
    assert.deepEqual(splitSignedCommit(data)?.payload.slice(-3), Uint8Array.from([0xff, 0xfe, 0x00]))
  })
  it('none, and two', () => {
    assert.equal(splitSignedCommit(bytes('tree t\n\ngpgsig x\n')), undefined)
    assert.throws(() => splitSignedCommit(bytes('gpgsig a\nx y\ngpgsig b\n\n')), { code: 'git-bad-data' })
  })
  it('a tag: the last signature, at the start of a line', () => {
    const tag =
      'object o\n\nabout -----BEGIN PGP SIGNATURE-----\n-----BEGIN PGP SIGNATURE-----\nold\n-----BEGIN SSH SIGNATURE-----\nnew\n'
    const split = splitSignedTag(bytes(tag))
    assert.equal(split?.signature, '-----BEGIN SSH SIGNATURE-----\nnew\n')
    assert.equal(text(split?.payload), tag.slice(0, tag.indexOf('-----BEGIN SSH')))
    assert.equal(splitSignedTag(bytes('object o\n\nx')), undefined)
  })
})

describe('SSH signatures', () => {
  const wire = (...parts: (string | Uint8Array)[]): Buffer =>
    Buffer.concat(
      parts.map((part) => {
        const data = Buffer.from(part)
        const length = Buffer.alloc(4)
        length.writeUInt32BE(data.length)
        return Buffer.concat([length, data])
      }),
    )
  const pair = generateKeyPairSync('ed25519')
  const point = pair.publicKey.export({ type: 'spki', format: 'der' }).subarray(-32)
  const payload = bytes('payload')

  /** A signature as a security key makes it (PROTOCOL.u2f), by a key that is in memory. */
  async function securityKey(flags: number): Promise<string | undefined> {
    const { createHash } = await import('node:crypto')
    const sha256 = (data: Uint8Array): Buffer => createHash('sha256').update(data).digest()
    const type = 'sk-ssh-ed25519@openssh.com'
    const key = wire(type, point, 'ssh:')
    const signed = Buffer.concat([Buffer.from('SSHSIG'), wire('git', '', 'sha256', sha256(payload))])
    const tail = Buffer.from([flags, 0, 0, 0, 9])
    const value = sign(null, Buffer.concat([sha256(Buffer.from('ssh:')), tail, sha256(signed)]), pair.privateKey)
    const version = Buffer.from([0, 0, 0, 1])
    const inner = Buffer.concat([wire(type, value), tail])
    const blob = Buffer.concat([Buffer.from('SSHSIG'), version, wire(key, 'git', '', 'sha256', inner)])
    const armored = `-----BEGIN SSH SIGNATURE-----\n${blob.toString('base64')}\n-----END SSH SIGNATURE-----\n`
    return verifySshSignature(armored, payload, [`${type} ${key.toString('base64')} me`])
  }
  it('a security key counts when it was touched', async () => {
    assert.match((await securityKey(1)) ?? '', /^SHA256:/)
    assert.match((await securityKey(5)) ?? '', /^SHA256:/)
    assert.equal(await securityKey(4), undefined)
  })
  it('damaged ones count as none', async () => {
    for (const armored of [
      '',
      'x',
      '-----BEGIN SSH SIGNATURE-----\n!!\n-----END SSH SIGNATURE-----',
      `-----BEGIN SSH SIGNATURE-----\n${btoa('SSHSIG')}\n-----END SSH SIGNATURE-----`,
    ])
      assert.equal(await verifySshSignature(armored, payload, []), undefined)
  })
  it('reads authorized keys', () => {
    const key = wire('ssh-ed25519', point).toString('base64')
    const other = wire('ssh-rsa', 'x').toString('base64')
    const file = `# c\n\nssh-ed25519 ${key} me\n  command="ssh-rsa ${other}",no-pty ssh-ed25519 ${key}\nssh-ed25519 ${other}\nssh-ed25519\n`
    assert.equal(readAuthorizedKeys(file).length, 2)
  })
})

describe('known_hosts', () => {
  const key = `ssh-ed25519 ${btoa('key')}`
  const rows: [line: string, host: string, port: number, isKnown: boolean][] = [
    [`h ${key}`, 'H', 22, true],
    [`h ${key}`, 'h', 2222, false],
    [`[h]:2222 ${key}`, 'h', 2222, true],
    [`*.example.com,!bad.example.com ${key}`, 'a.example.com', 22, true],
    [`*.example.com,!bad.example.com ${key}`, 'bad.example.com', 22, false],
    [`h? ${key}`, 'h1', 22, true],
    [`@cert-authority h ${key}`, 'h', 22, false],
    [`@revoked h ${key}`, 'h', 22, false],
    [`::1 ${key}`, '[::1]', 22, true],
    [`${'*a'.repeat(50)} ${key}`, 'a'.repeat(200), 22, true],
    [`${'*a'.repeat(50)}b ${key}`, 'a'.repeat(2000), 22, false],
  ]
  for (const [line, host, port, isKnown] of rows)
    it(`${line.slice(0, 40)} for ${host.slice(0, 20)}:${port}`, () => {
      const keys = knownHostKeys(line, host, port)
      assert.equal(keys.algorithms.length > 0, isKnown)
      assert.equal(keys.accepts(bytes('key')), isKnown)
      assert.equal(keys.accepts(bytes('kez')), false)
    })
})

describe('RSA private keys', () => {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  it('PKCS #1 becomes PKCS #8', () => {
    const want = new Uint8Array(privateKey.export({ type: 'pkcs8', format: 'der' }))
    for (const type of ['pkcs1', 'pkcs8'] as const)
      assert.deepEqual(rsaPrivateKey(privateKey.export({ type, format: 'pem' }).toString()), want)
    assert.equal(rsaPrivateKey('-----BEGIN EC PRIVATE KEY-----\nAAAA\n-----END EC PRIVATE KEY-----'), undefined)
  })
})
