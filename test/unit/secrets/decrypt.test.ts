import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { isEngineError, type EngineError } from '../../../src/base/index.ts'
import { decryptFile, formatOfPath, type DecryptOptions } from '../../../src/secrets/index.ts'
import {
  allFixtureKeys,
  decryptedFixture,
  encryptedFixture,
  encryptedFixtures,
  fixtureKeys,
} from '../../support/sops-fixtures.ts'

const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes)
const bytes = (value: string): Uint8Array => new TextEncoder().encode(value)

async function decrypt(content: Uint8Array, name: string, options: Partial<DecryptOptions> = {}): Promise<Uint8Array> {
  return await decryptFile(content, {
    format: formatOfPath(name),
    keys: options.keys ?? (await fixtureKeys(...allFixtureKeys)),
    name,
    ...options,
  })
}

async function failure(work: Promise<unknown>): Promise<EngineError> {
  const error = await work.then(
    () => assert.fail('it should have failed'),
    (caught: unknown) => caught,
  )
  assert.ok(isEngineError(error), String(error))
  return error
}

describe('files that sops encrypted', () => {
  it('are all there: every format, rule, key and group', () => {
    assert.ok(encryptedFixtures().length >= 26, encryptedFixtures().join(' '))
  })
  for (const name of encryptedFixtures()) {
    it(`${name} decrypts to what sops prints, and its MAC holds`, async () => {
      const plain = await decrypt(encryptedFixture(name), name, { verifyMac: true })
      assert.equal(text(plain), text(decryptedFixture(name)))
      assert.deepEqual(plain, decryptedFixture(name))
    })
  }
})

describe('keys', () => {
  const rows: readonly (readonly [file: string, keys: readonly string[]])[] = [
    ['secret.yaml', ['one.agekey']],
    ['key-hybrid.yaml', ['hybrid.agekey']],
    ['key-ssh-ed25519.yaml', ['ssh_ed25519']],
    ['key-ssh-rsa.yaml', ['ssh_rsa']],
    ['key-pgp-rsa.yaml', ['rsa2048.asc']],
    ['key-pgp-ecc.yaml', ['ed25519.asc']],
    ['key-several.yaml', ['two.agekey']],
    ['key-several.yaml', ['rsa2048.asc']],
    ['groups.yaml', ['one.agekey', 'two.agekey']],
    ['groups.yaml', ['one.agekey', 'rsa2048.asc']],
    ['groups.yaml', ['two.agekey', 'rsa2048.asc']],
    ['groups.ini', ['one.agekey']],
  ]
  for (const [file, names] of rows) {
    it(`${names.join(' and ')} open ${file}`, async () => {
      const plain = await decrypt(encryptedFixture(file), file, { keys: await fixtureKeys(...names) })
      assert.deepEqual(plain, decryptedFixture(file))
    })
  }

  it('that are others: every key of the file is named with why it did not help', async () => {
    const keys = await fixtureKeys('hybrid.agekey', 'ed25519.asc')
    const error = await failure(decrypt(encryptedFixture('key-several.yaml'), 'app/key.yaml', { keys }))
    assert.equal(error.code, 'sops-no-data-key')
    assert.equal(error.reason, 'BuildFailed')
    assert.match(error.message, /^app\/key\.yaml cannot be decrypted: no key service gave the data key: /)
    assert.equal(
      error.message.match(/age age1[a-z0-9]{58}: none of the 1 age identities at hand is a recipient/g)?.length,
      2,
    )
    assert.match(error.message, /OpenPGP [0-9A-F]{40}: the private keys at hand are others: [0-9A-F]{40}/)
  })

  it('that are missing', async () => {
    const error = await failure(decrypt(encryptedFixture('key-several.yaml'), 'x.yaml', { keys: await fixtureKeys() }))
    assert.match(error.message, /there is no age identity; add one as \*\.agekey/)
    assert.match(error.message, /there is no OpenPGP private key; add one as \*\.asc/)
  })

  it('of too few groups', async () => {
    const keys = await fixtureKeys('two.agekey')
    const error = await failure(decrypt(encryptedFixture('groups.yaml'), 'x.yaml', { keys }))
    assert.match(error.message, /\(1 of the 2 key groups needed\): group 1: age .*; group 3: OpenPGP /)
  })

  const unusable: readonly (readonly [string, string, RegExp])[] = [
    ['ssh_protected', 'secret.yaml', /protected by a passphrase/],
    ['protected.asc', 'key-pgp-rsa.yaml', /protected by a passphrase/],
  ]
  for (const [key, file, message] of unusable) {
    it(`${key} is refused`, async () => {
      const error = await failure(fixtureKeys(key).then((keys) => decrypt(encryptedFixture(file), file, { keys })))
      assert.match(error.message, message)
    })
  }
})

describe('files that somebody changed', () => {
  const secret = text(encryptedFixture('secret.yaml'))
  const swap = (from: RegExp, to: string | ((match: string) => string)): string => {
    const changed = typeof to === 'string' ? secret.replace(from, to) : secret.replace(from, to)
    assert.notEqual(changed, secret)
    return changed
  }
  const value = (key: string): string => new RegExp(`${key}: (ENC\\[.*\\])`).exec(secret)?.[1] ?? ''
  const rows: readonly { name: string; content: string; verifyMac?: boolean; code: string; message: RegExp }[] = [
    {
      name: 'a flipped byte of a value',
      content: swap(/(password: ENC\[AES256_GCM,data:)(.)/, '$1!$2').replace(
        /data:!./,
        (m) => `data:${m.endsWith('A') ? 'B' : 'A'}`,
      ),
      code: 'sops-bad-value',
      message: /the value of 'stringData\.password' cannot be decrypted: it was changed or moved/,
    },
    {
      name: 'two values swapped',
      content: secret
        .replace(value('password'), 'X')
        .replace(value('user'), value('password'))
        .replace('password: X', `password: ${value('user')}`),
      code: 'sops-bad-value',
      message: /it was changed or moved after it was encrypted/,
    },
    {
      name: 'a value in plain',
      content: swap(/user: ENC\[.*\]/, 'user: root'),
      code: 'sops-bad-value',
      message: /the value of 'stringData\.user' cannot be decrypted: it is not encrypted/,
    },
    {
      name: 'a number in plain',
      content: swap(/user: ENC\[.*\]/, 'user: 12'),
      code: 'sops-bad-value',
      message: /it should be encrypted and is a plain value/,
    },
    {
      name: 'a value cut off',
      content: swap(/(user: ENC\[AES256_GCM,data:[^,]*).*/, '$1'),
      code: 'sops-bad-value',
      message: /it is not encrypted, or not as SOPS does it/,
    },
    {
      name: 'an entry removed',
      content: swap(/ *user: ENC\[.*\n/, ''),
      verifyMac: true,
      code: 'sops-bad-mac',
      message: /values were changed, added, removed or reordered/,
    },
    {
      name: 'the MAC changed',
      content: swap(/mac: ENC\[AES256_GCM,data:../, 'mac: ENC[AES256_GCM,data:AA'),
      verifyMac: true,
      code: 'sops-bad-mac',
      message: /its message authentication code was damaged/,
    },
    {
      name: 'the time changed',
      content: swap(/lastmodified: "\d{4}/, 'lastmodified: "1999'),
      verifyMac: true,
      code: 'sops-bad-mac',
      message: /lastmodified was changed/,
    },
    {
      name: 'the MAC removed',
      content: swap(/ *mac: .*\n/, ''),
      verifyMac: true,
      code: 'sops-bad-mac',
      message: /it has no message authentication code/,
    },
    { name: 'no metadata', content: 'a: b\n', code: 'sops-bad-file', message: /no mapping 'sops'/ },
    {
      name: 'no keys',
      content: 'a: b\nsops: {lastmodified: "2024-01-01T00:00:00Z"}\n',
      code: 'sops-bad-file',
      message: /names no keys/,
    },
    {
      name: 'the age part damaged',
      content: swap(/-----BEGIN AGE ENCRYPTED FILE-----\n\s+..../, (m) => m.slice(0, -4) + 'AAAA'),
      code: 'sops-no-data-key',
      message: /what age encrypted is damaged/,
    },
    { name: 'half of the file', content: secret.slice(0, secret.length / 2), code: 'sops-bad-file', message: /./ },
    {
      name: 'YAML that is none',
      content: `${secret}\n  :\n - {`,
      code: 'sops-bad-file',
      message: /the YAML cannot be read/,
    },
  ]
  for (const { name, content, verifyMac, code, message } of rows) {
    it(name, async () => {
      const error = await failure(
        decrypt(bytes(content), 'app/secret.yaml', verifyMac === undefined ? {} : { verifyMac }),
      )
      assert.equal(error.code, code, error.message)
      assert.match(error.message, message)
      assert.match(error.message, /^app\/secret\.yaml cannot be decrypted: /)
      assert.doesNotMatch(JSON.stringify(error), /ENC\[|battery|admin/)
    })
  }

  it('without a look at the MAC, as Flux does it, a removed entry goes unnoticed', async () => {
    const plain = text(await decrypt(bytes(secret.replace(/ *user: ENC\[.*\n/, '')), 'secret.yaml'))
    assert.doesNotMatch(plain, /user/)
    assert.match(plain, /password: correct-horse-battery-staple/)
  })

  it('every cut of a JSON and a dotenv file is an error, never a part of the content', async () => {
    for (const name of ['values.json', 'values.env', 'values.ini']) {
      const content = encryptedFixture(name)
      const keys = await fixtureKeys('one.agekey')
      for (let length = 0; length < content.length - 2; length += 97) {
        const error = await failure(decrypt(content.subarray(0, length), name, { keys, verifyMac: true }))
        assert.notEqual(error.disposition, 'bug')
      }
    }
  })

  it('a file that is too large is not read', async () => {
    const error = await failure(decrypt(new Uint8Array((5 << 20) + 1), 'x.bin'))
    assert.equal(error.code, 'sops-file-too-large')
  })
})

describe('output formats', () => {
  it('a YAML file becomes JSON, a flat one dotenv', async () => {
    const json = JSON.parse(
      text(await decrypt(encryptedFixture('secret.yaml'), 'secret.yaml', { outputFormat: 'json' })),
    )
    assert.equal(json.stringData.password, 'correct-horse-battery-staple')
    const error = await failure(decrypt(encryptedFixture('secret.yaml'), 'secret.yaml', { outputFormat: 'dotenv' }))
    assert.match(error.message, /a dotenv file cannot hold the nested value of 'metadata'/)
    assert.doesNotMatch(error.message, /battery/)
  })
})
