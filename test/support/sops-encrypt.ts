import { createCipheriv, randomBytes } from 'node:crypto'
import { encryptedFixture, fixtureDataKey } from './sops-fixtures.ts'

/** Encrypts values as sops does, with the data key of the fixtures for `one.agekey`. There is no MAC, which is not checked by default. */
export interface SopsEncrypter {
  /** A value at its keys: `ENC[AES256_GCM,…]`. */
  value(text: string, keys: readonly string[], type?: 'str' | 'int' | 'bool'): string
  /** The metadata as YAML, to be put at the end of a file or an object. `rule`: lines such as `encrypted_regex: ^data$`. */
  metadata(rule?: string): string
  /** The metadata of a JSON file, for values of binary files. */
  json(value: string): string
}

/** Makes an encrypter; reading the fixture's key takes a moment. */
export async function createSopsEncrypter(): Promise<SopsEncrypter> {
  const key = await fixtureDataKey()
  const fixture = new TextDecoder().decode(encryptedFixture('secret.yaml'))
  const enc = /-----BEGIN AGE[\s\S]*?-----END AGE ENCRYPTED FILE-----/.exec(fixture)?.[0].replaceAll(/^\s+/gm, '') ?? ''
  const recipient = /recipient: (\S+)/.exec(fixture)?.[1] ?? ''
  const mac = 'ENC[AES256_GCM,data:AAAA,iv:AAAA,tag:AAAA,type:str]'
  const value: SopsEncrypter['value'] = (text, keys, type = 'str') => {
    const iv = randomBytes(32)
    const cipher = createCipheriv('aes-256-gcm', key, iv)
    cipher.setAAD(Buffer.from(`${keys.join(':')}:`))
    const data = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()])
    const parts = [data, iv, cipher.getAuthTag()].map((part) => part.toString('base64'))
    return `ENC[AES256_GCM,data:${parts[0]},iv:${parts[1]},tag:${parts[2]},type:${type}]`
  }
  const metadata = { age: [{ recipient, enc }], lastmodified: '2026-11-25T19:09:09Z', mac, version: '3.13.2' }
  return {
    value,
    metadata: (rule = '') => {
      const age = enc
        .split('\n')
        .map((line) => `        ${line}\n`)
        .join('')
      return `sops:\n  age:\n  - recipient: ${recipient}\n    enc: |\n${age}  lastmodified: "2026-11-25T19:09:09Z"\n  mac: ${mac}\n  version: 3.13.2\n${rule === '' ? '' : `  ${rule}\n`}`
    },
    json: (text) => JSON.stringify({ data: value(text, ['data']), sops: metadata }, null, 2),
  }
}
