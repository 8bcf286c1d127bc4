import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { isSubsetName, parseDistinguishedName } from '../../../src/sources/verify/notation/distinguished-name.ts'
import { choosePolicy, parseTrustPolicy } from '../../../src/sources/verify/notation/trust-policy.ts'

const statement = {
  name: 'a',
  registryScopes: ['*'],
  signatureVerification: { level: 'strict' },
  trustStores: ['ca:t'],
  trustedIdentities: ['*'],
}
const document = (...statements: readonly object[]): string =>
  JSON.stringify({ version: '1.0', trustPolicies: statements.map((one) => ({ ...statement, ...one })) })

describe('a trust policy', () => {
  it('levels, and what overrides them', () => {
    const levelOf = (signatureVerification: object) => parseTrustPolicy(document({ signatureVerification }))[0]?.level
    const all = (authenticity: string, rest: string) => ({
      integrity: 'enforce',
      authenticity,
      authenticTimestamp: rest,
      expiry: rest,
      revocation: rest,
    })
    assert.deepEqual(levelOf({ level: 'strict' }), all('enforce', 'enforce'))
    assert.deepEqual(levelOf({ level: 'permissive' }), all('enforce', 'log'))
    assert.deepEqual(levelOf({ level: 'audit' }), all('log', 'log'))
    assert.equal(levelOf({ level: 'skip' }), undefined)
    assert.deepEqual(levelOf({ level: 'strict', override: { revocation: 'skip', expiry: 'log' } }), {
      ...all('enforce', 'enforce'),
      revocation: 'skip',
      expiry: 'log',
    })
  })

  it('the statement of the repository, else that for everything', () => {
    const policies = parseTrustPolicy(document({ name: 'all' }, { name: 'one', registryScopes: ['r.test/a/b'] }))
    assert.equal(choosePolicy(policies, 'r.test/a/b', 'x').name, 'one')
    assert.equal(choosePolicy(policies, 'r.test/a/c', 'x').name, 'all')
    assert.throws(() => choosePolicy(policies.slice(1), 'r.test/a', 'r.test/a@sha256:0'), {
      message: /^artifact "r\.test\/a@sha256:0" has no applicable trust policy statement\./,
    })
  })

  it('is refused in the words of notation', () => {
    const rows: readonly [text: string, message: RegExp][] = [
      ['{', /^error occurred while parsing trustpolicy\.json: /],
      ['null', /^trust policy document has empty version/],
      ['{"version":"2.0"}', /unsupported version "2\.0"/],
      ['{"version":"1.0","trustPolicies":[]}', /can not have zero trust policy statements/],
      ['{"version":"1.0","trustPolicies":[null]}', /is missing a name/],
      [document({ name: '' }), /is missing a name/],
      [document({}, {}), /multiple trust policy statements use the same name "a"/],
      [
        document({ signatureVerification: {} }),
        /"a" has invalid signatureVerification: signature verification level is empty or missing/,
      ],
      [document({ signatureVerification: { level: 'toString' } }), /invalid signature verification level "toString"/],
      [
        document({ signatureVerification: { level: 'skip', override: { expiry: 'log' } } }),
        /"skip" can't be used to customize/,
      ],
      [
        document({ signatureVerification: { level: 'strict', override: { x: 'log' } } }),
        /verification type "x" .* is not supported/,
      ],
      [
        document({ signatureVerification: { level: 'strict', override: { expiry: 'x' } } }),
        /verification action "x" .* is not supported/,
      ],
      [
        document({ signatureVerification: { level: 'strict', override: { integrity: 'log' } } }),
        /"integrity" verification can not be overridden/,
      ],
      [
        document({ signatureVerification: { level: 'strict', override: { expiry: 'skip' } } }),
        /"expiry" verification can not be skipped/,
      ],
      [
        document({ signatureVerification: { level: 'strict', verifyTimestamp: 'x' } }),
        /verifyTimestamp must be "always" or "afterCertExpiry", but got "x"/,
      ],
      [document({ trustStores: [] }), /either missing trust stores or trusted identities/],
      [document({ trustStores: ['t'] }), /malformed trust store value "t"/],
      [document({ trustStores: ['x:t'] }), /unsupported trust store type "x"/],
      [document({ trustStores: ['ca:../t'] }), /unsupported trust store name "\.\.\/t"/],
      [
        document({ trustedIdentities: ['*', 'x509.subject: C=US'] }),
        /a wildcard identity cannot be used in conjunction/,
      ],
      [document({ trustedIdentities: [''] }), /has an empty trusted identity/],
      [document({ trustedIdentities: ['C=US'] }), /has trusted identity "C=US" missing separator/],
      [document({ trustedIdentities: ['x509.subject:'] }), /without an identity value/],
      [
        document({ trustedIdentities: ['x509.subject:C=US'] }),
        /with invalid identity value: .* has no mandatory RDN attribute for "ST"/,
      ],
      [
        document({ trustedIdentities: ['x509.subject:C=US,ST=W,O=a', 'x509.subject:C=US,ST=W,O=a,CN=b'] }),
        /has overlapping x509 trustedIdentities/,
      ],
      [document({ registryScopes: [] }), /has zero registry scopes/],
      [document({ registryScopes: ['*', 'r.test/a'] }), /a wildcard scope cannot be used in conjunction/],
      [document({ registryScopes: ['r.test'] }), /registry scope "r\.test" is not valid/],
      [document({ registryScopes: ['https://r.test/a'] }), /is not valid/],
      [document({ registryScopes: ['r.test/*'] }), /with wild card\(s\) is not valid/],
      [
        document({ name: 'b', registryScopes: ['r.test/a'] }, { registryScopes: ['r.test/a'] }),
        /is present in multiple trust policy statements/,
      ],
    ]
    for (const [text, message] of rows)
      assert.throws(() => parseTrustPolicy(text), { reason: 'VerificationError', message }, text)
  })
})

describe('a distinguished name', () => {
  const read = (text: string) => Object.fromEntries(parseDistinguishedName(text))

  it('is read with its escapes', () => {
    assert.deepEqual(read('C=US, ST=WA ,O=Notary\\, Inc,CN=\\C3\\A4 \\=x\\ '), {
      C: 'US',
      ST: 'WA',
      O: 'Notary, Inc',
      CN: 'ä =x ',
    })
    assert.deepEqual(read('C=US;S=WA;O=ü'), { C: 'US', ST: 'WA', O: 'ü' })
    const name = parseDistinguishedName('C=US,ST=WA,O=a,CN=b')
    assert.ok(isSubsetName(parseDistinguishedName('O=a,ST=WA,C=US'), name))
    assert.ok(!isSubsetName(parseDistinguishedName('O=b,ST=WA,C=US'), name))
  })

  it('is refused where the rules do not allow it', () => {
    for (const [text, message] of [
      ['C=US,ST=WA', /has no mandatory RDN attribute for "O"/],
      ['C=US,ST=WA,O=#0401', /does not support x509\.subject identities containing "=#"/],
      ['C=US,ST=WA,O=a+CN=b', /multi-valued RDN attributes/],
      ['C=US,ST=WA,O=a,O=b', /duplicate RDN attribute for "O"/],
      ['C=US,ST=WA,O=a,S=WA', /duplicate RDN attribute for "ST"/],
      ['C=US,ST=WA,O=a,nothing', /parsing .* failed/],
    ] as const)
      assert.throws(() => parseDistinguishedName(text), { message }, text)
  })
})
