import { readFileSync, readdirSync } from 'node:fs'
import { createKeyServices, readKeyMaterial, type KeyServices } from '../../src/secrets/index.ts'

const root = new URL('../fixtures/sops/', import.meta.url)

/** The names of the fixtures that sops 3.13.2 encrypted (test/fixtures/sops/generate.sh). */
export function encryptedFixtures(): readonly string[] {
  return readdirSync(new URL('encrypted/', root))
}

export function encryptedFixture(name: string): Uint8Array {
  return new Uint8Array(readFileSync(new URL(`encrypted/${name}`, root)))
}

/** What `sops decrypt` printed for a fixture; those that differ in keys only have the content of another one. */
export function decryptedFixture(name: string): Uint8Array {
  const same = name.startsWith('key-') || name === 'groups.yaml' ? 'secret.yaml' : name.replace(/^groups\./, 'values.')
  return new Uint8Array(readFileSync(new URL(`decrypted/${same}`, root)))
}

/** A key for tests, by its file name: `one.agekey`, `rsa2048.asc`, `ssh_ed25519`. */
export function fixtureKey(name: string): Uint8Array {
  return new Uint8Array(readFileSync(new URL(`keys/${name}`, root)))
}

/** Key services with the given keys and nobody to ask over the network. */
export async function fixtureKeys(...names: readonly string[]): Promise<KeyServices> {
  const entry = (name: string): string => (name.startsWith('ssh_') ? `${name}.agekey` : name)
  const material = readKeyMaterial(new Map(names.map((name) => [entry(name), fixtureKey(name)])), 'the test')
  return await createKeyServices(material, {
    http: { send: () => Promise.reject(new Error('nothing is to be sent here')) },
    egress: {},
    now: () => Date.now(),
    signal: new AbortController().signal,
  })
}

/** A YAML file for `one.agekey` with other keys in its metadata, which no MAC covers. */
export function fixtureWithKeys(keys: object, name = 'secret.yaml'): Uint8Array {
  const text = new TextDecoder().decode(encryptedFixture(name))
  const metadata = Object.entries(keys)
    .map(([name, value]) => `    ${name}: ${JSON.stringify(value)}\n`)
    .join('')
  return new TextEncoder().encode(text.replace(/ {4}age:\n(?: {5,}.*\n)+/, metadata))
}

/** The data key of a YAML file for `one.agekey`. */
export async function fixtureDataKey(name = 'secret.yaml'): Promise<Uint8Array> {
  const text = new TextDecoder().decode(encryptedFixture(name))
  const enc = /-----BEGIN AGE[\s\S]*?-----END AGE ENCRYPTED FILE-----/.exec(text)?.[0].replaceAll(/^\s+/gm, '') ?? ''
  return await (await fixtureKeys('one.agekey')).decrypt({ kind: 'age', recipient: '', enc })
}

/** All keys that any fixture needs. */
export const allFixtureKeys = [
  'one.agekey',
  'two.agekey',
  'hybrid.agekey',
  'ssh_ed25519',
  'ssh_rsa',
  'rsa2048.asc',
  'ed25519.asc',
] as const
