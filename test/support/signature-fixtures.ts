import { readFileSync } from 'node:fs'
import type { RecordedRegistry, RecordedRepository } from './recorded-registry.ts'

/** What `test/fixtures/signatures/make.ts` has recorded: content of a registry with signatures, and what cosign and notation said about it. */
export interface SignatureFixtures {
  readonly madeAt: string
  readonly keys: { readonly [name: string]: string }
  readonly certificates: { readonly [name: string]: string }
  readonly trustedRoot: string
  readonly otherRoot: string
  /** `good`, or `bad: …`. */
  readonly verdicts: { readonly [repository: string]: string }
  readonly repositories: { readonly [name: string]: RecordedRepository }
}

export function readSignatureFixtures(): SignatureFixtures {
  return JSON.parse(
    readFileSync(new URL('../fixtures/signatures/registry.json', import.meta.url), 'utf8'),
  ) as SignatureFixtures
}

/** Digest of the signed artifact of a recorded repository. */
export function digestOfFixture(fixtures: SignatureFixtures, repository: string): string {
  return fixtures.repositories[repository]?.tags['v1'] ?? ''
}

/** Puts all of it into a registry. */
export function loadFixtures(registry: RecordedRegistry, fixtures: SignatureFixtures): void {
  for (const [name, recorded] of Object.entries(fixtures.repositories)) registry.load(name, recorded)
}

/** A trust policy document with one statement for everything. */
export function trustPolicyOf(statement: object = {}): string {
  return JSON.stringify({
    version: '1.0',
    trustPolicies: [
      {
        name: 'all',
        registryScopes: ['*'],
        signatureVerification: { level: 'strict' },
        trustStores: ['ca:t'],
        trustedIdentities: ['x509.subject: C=US, ST=WA, O=Notary\\, Inc'],
        ...statement,
      },
    ],
  })
}
