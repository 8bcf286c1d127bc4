import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { parseAllDocuments } from 'yaml'
import type { KubeObject } from '../../../src/resources/index.ts'
import { formatOfPath, maskFile, maskJsonObject } from '../../../src/secrets/index.ts'
import { decryptedFixture, encryptedFixture, encryptedFixtures } from '../../support/sops-fixtures.ts'

const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes)

function masked(name: string): string {
  return text(maskFile(encryptedFixture(name), { format: formatOfPath(name), mask: () => 'masked' }))
}

/** Every scalar replaced where it is one; what is null stays. */
function shapeOf(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(shapeOf)
  if (value === null) return null
  if (typeof value !== 'object' || value instanceof Date || value instanceof Uint8Array) return 'scalar'
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, shapeOf(item)]))
}

describe('a masked file', () => {
  for (const name of encryptedFixtures()) {
    it(`${name} has nothing that was encrypted in it, and needs no key`, () => {
      const found = masked(name)
      assert.equal(found.includes('ENC['), false)
      assert.ok(found.includes('masked'))
      for (const word of ['correct-horse', 'the-token', 'pa=ss word', 'canary-in-a-template', '918273645'])
        assert.equal(found.includes(word), false, word)
    })
  }

  for (const name of encryptedFixtures().filter((one) => one.endsWith('.yaml') || one.endsWith('.json'))) {
    it(`${name} has the shape of what sops decrypts`, () => {
      const documents = (content: string): unknown =>
        parseAllDocuments(content).map((document) => shapeOf(document.toJS({ maxAliasCount: -1 })))
      assert.deepEqual(documents(masked(name)), documents(text(decryptedFixture(name))))
    })
  }

  it('keeps what is not encrypted', () => {
    const secret = masked('rule-encrypted-regex.yaml')
    assert.match(secret, /name: credentials/)
    assert.match(secret, /password: masked/)
    assert.equal(secret.includes('sops'), false)
    assert.match(masked('values.env'), /^[A-Z_]+=masked$/m)
    assert.match(masked('values.ini'), /=\s*masked/)
    assert.equal(masked('content.bin'), 'masked')
  })

  it('says where each value is, and what is written there', () => {
    const places: string[] = []
    maskFile(encryptedFixture('nested.yaml'), {
      format: 'yaml',
      mask: (path, encrypted) => {
        assert.match(encrypted, /^(?:ENC\[AES256_GCM,data:.*\]|)$/)
        places.push(path.join('/'))
        return 'x'
      },
    })
    assert.equal(new Set(places).size, places.length, 'no two values have one place')
  })
})

describe('a masked object', () => {
  it('is another one, without the metadata of sops', () => {
    const given = parseAllDocuments(text(encryptedFixture('rule-encrypted-regex.yaml')))[0]?.toJS() as KubeObject
    const before = JSON.stringify(given)
    const object = maskJsonObject(given, (path) => path.join('.'))
    assert.deepEqual(object['stringData'], { password: 'stringData.password', user: 'stringData.user' })
    assert.equal(object['sops'], undefined)
    assert.equal(JSON.stringify(given), before)
  })
})
