import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { parseAllDocuments } from 'yaml'
import { MemoryTree } from '../../../src/files/index.ts'
import type { KubeMap, KubeObject } from '../../../src/resources/index.ts'
import {
  createDecryption,
  noDecryption,
  refuseEncryptedSecrets,
  type Decryption,
} from '../../../src/reconcile/kustomization/decrypt.ts'
import { EngineError } from '../../../src/base/index.ts'
import { decryptedFixture, encryptedFixture, fixtureKeys } from '../../support/sops-fixtures.ts'

const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes)
const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64')

async function decryption(keys: readonly string[] = ['one.agekey'], verifyMac = false): Promise<Decryption> {
  return createDecryption(await fixtureKeys(...keys), { verifyMac, signal: new AbortController().signal })
}

function objectOf(name: string): KubeObject {
  return parseAllDocuments(text(encryptedFixture(name)))[0]?.toJS() as KubeObject
}

const secret = (data: KubeMap, annotations: KubeMap = {}): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: { name: 's', namespace: 'n', annotations },
  data,
})

describe('objects', () => {
  it('that are encrypted as a whole, of any kind, whatever kustomize added', async () => {
    const encrypted = objectOf('rule-encrypted-regex.yaml')
    encrypted['metadata'] = { ...(encrypted['metadata'] as KubeMap), labels: { added: 'later' } }
    const other: KubeObject = { ...encrypted, kind: 'Custom', apiVersion: 'example.com/v1' }
    const [plain, custom] = await (await decryption()).objects([encrypted, other])
    assert.deepEqual(plain?.['stringData'], { password: 'correct-horse-battery-staple', user: 'admin' })
    assert.deepEqual(plain?.['data'], { token: 'dGhlLXRva2Vu' })
    assert.equal(plain?.['sops'], undefined)
    assert.ok(plain !== undefined)
    assert.deepEqual((plain['metadata'] as KubeMap)['labels'], { added: 'later' })
    assert.equal(custom?.['kind'], 'Custom')
    assert.notEqual(encrypted['sops'], undefined, 'the object that was passed in stays as it is')
  })

  it('with the MAC checked: only where it covers nothing that kustomize changes', async () => {
    const strict = await decryption(['one.agekey'], true)
    const tolerant = objectOf('rule-mac-only-encrypted.yaml')
    tolerant['metadata'] = { name: 'other', namespace: 'added' }
    assert.equal((await strict.objects([tolerant])).length, 1)
    const covered = objectOf('rule-encrypted-regex.yaml')
    await strict.objects([covered])
    await assert.rejects(strict.objects([{ ...covered, metadata: { name: 'other' } }]), /mac_only_encrypted/)
  })

  const files = ['values.env', 'values.ini', 'values.json', 'secret.yaml', 'content.bin', 'strings.yaml', 'types.yaml']
  for (const name of files) {
    it(`files in the data of a Secret: ${name}`, async () => {
      const [plain] = await (
        await decryption()
      ).objects([secret({ [name]: base64(encryptedFixture(name)), x: 'aGVsbG8=' })])
      assert.deepEqual(plain?.['data'], { [name]: base64(decryptedFixture(name)), x: 'aGVsbG8=' })
    })
  }

  it('what is no base64, or no text, stays for the server to refuse', async () => {
    const object = secret({ a: 'no base64!', b: 12, c: null })
    assert.deepEqual(await (await decryption()).objects([object]), [object])
  })

  it('only with a key whose extension names the format', async () => {
    const wrong = secret({ config: base64(encryptedFixture('secret.yaml')) })
    await assert.rejects(
      (await decryption()).objects([wrong]),
      /the field 'config' of Secret\/n\/s cannot be decrypted: .*'data'/,
    )
  })

  it('not where the annotation says so, in any letter case; nor without decryption', async () => {
    const annotation = { 'kustomize.toolkit.fluxcd.io/decrypt': 'Disabled' }
    const inData = secret({ 'values.env': base64(encryptedFixture('values.env')) }, annotation)
    const whole = { ...objectOf('rule-encrypted-regex.yaml'), metadata: { name: 's', annotations: annotation } }
    assert.deepEqual(await (await decryption()).objects([inData, whole]), [inData, whole])
    assert.doesNotThrow(() => refuseEncryptedSecrets([inData, whole]))
    assert.deepEqual(await noDecryption.objects([whole]), [whole])
  })

  it('report every failure, by name', async () => {
    const one = { ...objectOf('rule-encrypted-regex.yaml'), metadata: { name: 'one', namespace: 'n' } }
    const two = secret({ 'values.env': base64(encryptedFixture('values.env')) })
    await assert.rejects((await decryption(['two.agekey'])).objects([one, two]), (error: Error) => {
      assert.match(error.message, /^Secret\/n\/one cannot be decrypted: .*age age1/m)
      assert.match(error.message, /^the field 'values\.env' of Secret\/n\/s cannot be decrypted: /m)
      return true
    })
  })

  it('that nobody decrypts are refused, all of them, wherever the encrypted values are', () => {
    const whole = objectOf('rule-encrypted-regex.yaml')
    const named = (name: string): KubeObject => ({ ...whole, metadata: { name, namespace: 'n' } })
    assert.throws(
      () => refuseEncryptedSecrets([named('a'), named('b'), secret({})]),
      /Secret\/n\/a is SOPS encrypted, configuring decryption is required.*\n.*Secret\/n\/b is SOPS encrypted/,
    )
  })
})

describe('sources', () => {
  const tree = (files: { readonly [path: string]: string | Uint8Array | { readonly symlink: string } }): MemoryTree =>
    new MemoryTree(files)

  it('files, env files and patches of the kustomization and of those it leads to', async () => {
    const files = tree({
      'app/kustomization.yaml': `
resources: [../base, other.yaml, missing, https://example.com/x]
components: [../component]
secretGenerator:
- name: a
  files: [values.json, .dockerconfigjson=docker, plain.txt=content.txt, ../outside/../app/values.ini]
  envs: [values.env, secrets]
patches:
- path: secret.yaml
- path: https://example.com/patch.yaml
- patch: '{}'
configMapGenerator:
- name: c
  files: [types.yaml]
`,
      'app/values.json': encryptedFixture('values.json'),
      'app/docker': encryptedFixture('values.json'),
      'app/content.txt': encryptedFixture('content.txt'),
      'app/values.ini': encryptedFixture('values.ini'),
      'app/values.env': encryptedFixture('values.env'),
      'app/secrets': encryptedFixture('groups.env'),
      'app/secret.yaml': encryptedFixture('secret.yaml'),
      'app/types.yaml': encryptedFixture('types.yaml'),
      'app/other.yaml': 'a: b\n',
      'base/kustomization.yml': 'resources: [../app]\nsecretGenerator:\n- files: [link.bin]\n',
      'base/link.bin': { symlink: '../shared/content.bin' },
      'shared/content.bin': encryptedFixture('content.bin'),
      'component/Kustomization': 'secretGenerator:\n- env: values.env\n',
      'component/values.env': encryptedFixture('values.env'),
      'elsewhere/values.env': encryptedFixture('values.env'),
    })
    const plain = await (await decryption()).sources(files, 'app')
    const rows: readonly (readonly [path: string, fixture: string])[] = [
      ['app/values.json', 'values.json'],
      ['app/docker', 'values.json'],
      ['app/content.txt', 'content.txt'],
      ['app/values.ini', 'values.ini'],
      ['app/values.env', 'values.env'],
      ['app/secrets', 'values.env'],
      ['app/secret.yaml', 'secret.yaml'],
      ['shared/content.bin', 'content.bin'],
      ['component/values.env', 'values.env'],
    ]
    for (const [path, fixture] of rows) assert.deepEqual(plain.read(path), decryptedFixture(fixture), path)
    for (const path of ['app/types.yaml', 'elsewhere/values.env', 'app/other.yaml'])
      assert.deepEqual(plain.read(path), files.read(path), path)
  })

  it('files that lead out of the tree, and kustomizations that are none, are left to the build', async () => {
    const files = tree({
      'app/kustomization.yaml': 'secretGenerator:\n- files: [../../x, /etc/passwd, link]\nresources: [../bad]\n',
      'app/link': { symlink: '../../etc/passwd' },
      'bad/kustomization.yaml': ': [',
    })
    assert.equal(await (await decryption()).sources(files, 'app'), files)
  })

  it('every file that does not decrypt is reported', async () => {
    const files = tree({
      'kustomization.yaml': 'secretGenerator:\n- files: [a.json=values.json]\n  envs: [values.env]\n',
      'values.json': encryptedFixture('values.json'),
      'values.env': encryptedFixture('values.env'),
    })
    await assert.rejects((await decryption(['two.agekey'])).sources(files, ''), (error: Error) => {
      assert.match(error.message, /^values\.json cannot be decrypted: /m)
      assert.match(error.message, /^values\.env cannot be decrypted: /m)
      return true
    })
  })
})

describe('messages', () => {
  it('never hold what was decrypted, in any spelling', async () => {
    const used = await decryption()
    await used.objects([
      objectOf('rule-encrypted-regex.yaml'),
      secret({ 's.yaml': base64(encryptedFixture('strings.yaml')) }),
    ])
    const value = 'correct-horse-battery-staple'
    const message = [value, btoa(value), 'dGhlLXRva2Vu', 'the-token', '  indented', 'say \\"hi\\"'].join(' and ')
    const shown = used.redact(new EngineError(message, { code: 'x', reason: 'BuildFailed', data: { quoted: value } }))
    assert.doesNotMatch(JSON.stringify(shown), /battery|Y29ycmVjd|dGhlLX|the-token|say/)
    assert.equal(shown.reason, 'BuildFailed')
    const harmless = new EngineError('nothing of it', { code: 'x' })
    assert.equal(used.redact(harmless), harmless)
  })
})
