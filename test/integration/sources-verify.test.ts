import assert from 'node:assert/strict'
import { generateKeyPairSync, sign } from 'node:crypto'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before, beforeEach, describe, it } from 'node:test'
import { createNodeHttpClient, type NodeHttpClient } from '../../src/platforms/node/http.ts'
import { defaultOciLimits, listReferrers, parseOciUrl, RegistryClient, type OciDeps } from '../../src/sources/index.ts'
import { RecordedRegistry } from '../support/recorded-registry.ts'
import { digestOfFixture, loadFixtures, readSignatureFixtures, trustPolicyOf } from '../support/signature-fixtures.ts'
import { makeKey, TestSigstore, type TestKey } from '../support/sigstore.ts'
import { runVerifySteps, type VerifySeen, type VerifyStep } from '../support/verify-steps.ts'

const fixtures = readSignatureFixtures()
const madeAt = Date.parse(fixtures.madeAt)
const day = 86_400_000
let http: NodeHttpClient
let registry: RecordedRegistry
let count = 0

const deps = (): OciDeps => ({
  http,
  clock: { now: () => Date.now(), sleep: () => Promise.resolve() },
  egress: { allowPrivate: true },
  limits: defaultOciLimits,
})

before(() => {
  http = createNodeHttpClient({ egress: { allowPrivate: true } })
})
after(() => {
  http.close()
})
beforeEach(async () => {
  await registry?.close()
  registry = await RecordedRegistry.start()
  loadFixtures(registry, fixtures)
})
after(() => registry.close())

async function verify(repository: string, digest: string, trust: VerifyStep['trust']): Promise<VerifySeen> {
  const [seen] = await runVerifySteps(deps(), [{ host: registry.host, repository, digest, trust }])
  return seen ?? { result: 'nothing' }
}

/** An artifact of its own in a repository of its own. */
function artifact(): { readonly repository: string; readonly digest: string } {
  const repository = `own/a${count++}`
  const layer = registry.addBlob(repository, Buffer.from(repository), 'application/octet-stream')
  return { repository, digest: registry.addImage(repository, 'v1', [layer]) }
}

const refused = (seen: VerifySeen, message: RegExp): void => {
  assert.notEqual(seen.result, 'verified')
  assert.match(seen.message ?? '', message)
}

const statementOf = (digest: string, changes: object = {}): Buffer =>
  Buffer.from(
    JSON.stringify({
      _type: 'https://in-toto.io/Statement/v1',
      subject: [{ digest: { sha256: digest.slice('sha256:'.length) } }],
      predicateType: 'https://sigstore.dev/cosign/sign/v1',
      ...changes,
    }),
  )

/** A bundle signed with a key, as cosign 3 makes it. */
function bundleOf(
  key: TestKey,
  payload: Buffer,
  changes: { readonly type?: string; readonly mediaType?: string; readonly signatures?: number } = {},
): string {
  const { type = 'application/vnd.in-toto+json', signatures = 1 } = changes
  const signed = Buffer.concat([Buffer.from(`DSSEv1 ${type.length} ${type} ${payload.length} `), payload])
  const sig = sign('sha256', signed, key.key).toString('base64')
  return JSON.stringify({
    mediaType: changes.mediaType ?? 'application/vnd.dev.sigstore.bundle.v0.3+json',
    verificationMaterial: { publicKey: { hint: 'x' }, tlogEntries: [] },
    dsseEnvelope: {
      payload: payload.toString('base64'),
      payloadType: type,
      signatures: Array.from({ length: signatures }, () => ({ sig })),
    },
  })
}

function simpleOf(key: TestKey, critical: unknown) {
  const payload = Buffer.from(JSON.stringify({ critical, optional: null }))
  const signature = sign('sha256', payload, key.key).toString('base64')
  return { payload, annotations: { 'dev.cosignproject.cosign/signature': signature } }
}

const criticalOf = (digest: string) => ({
  image: { 'docker-manifest-digest': digest },
  type: 'cosign container image signature',
})

describe('signatures of cosign that mean something else', () => {
  const key = makeKey()
  const trust: VerifyStep['trust'] = { kind: 'keys', keys: [makeKey().pem, key.pem] }

  it('a good one is found among others', async () => {
    const { repository, digest } = artifact()
    const other = makeKey()
    registry.addBundle(repository, digest, '{')
    registry.addBundle(repository, digest, bundleOf(other, statementOf(digest)))
    registry.addReferrer(repository, digest, { artifactType: 'application/spdx', mediaType: 'text/x', bytes: key.spki })
    registry.addSimpleSignatures(repository, digest, [
      simpleOf(other, criticalOf(digest)),
      simpleOf(key, criticalOf(digest)),
    ])
    assert.equal((await verify(repository, digest, trust)).result, 'verified')
    registry.addBundle(repository, digest, bundleOf(key, statementOf(digest)))
    assert.equal((await verify(repository, digest, trust)).result, 'verified')
  })

  it('a signature of another artifact is worth nothing, wherever it is put', async () => {
    const { repository, digest } = artifact()
    const elsewhere = artifact().digest
    registry.addBundle(repository, digest, bundleOf(key, statementOf(elsewhere)))
    registry.addSimpleSignatures(repository, digest, [simpleOf(key, criticalOf(elsewhere))])
    const seen = await verify(repository, digest, trust)
    refused(seen, /the statement is about another artifact/)
    refused(seen, /the signature is for another artifact/)
    // Nor is one that names both in places that do not count.
    const odd = artifact()
    const subject = [{ name: odd.digest, digest: { sha512: odd.digest.slice(7), gitCommit: odd.digest.slice(7) } }]
    registry.addBundle(odd.repository, odd.digest, bundleOf(key, statementOf(odd.digest, { subject })))
    registry.addSimpleSignatures(odd.repository, odd.digest, [
      simpleOf(key, { ...criticalOf(elsewhere), identity: { 'docker-manifest-digest': odd.digest } }),
    ])
    refused(await verify(odd.repository, odd.digest, trust), /another artifact/)
  })

  it('what is not in the form of a signature of an image', async () => {
    const rows: readonly [(digest: string) => string | ReturnType<typeof simpleOf>, RegExp][] = [
      [
        (digest) => bundleOf(key, statementOf(digest), { type: 'application/json' }),
        /the payload type 'application\/json' is not/,
      ],
      [(digest) => bundleOf(key, statementOf(digest, { _type: 'x' })), /no in-toto statement/],
      [(digest) => bundleOf(key, statementOf(digest, { subject: null })), /about another artifact/],
      [() => bundleOf(key, Buffer.from('no json')), /the signed payload is not JSON/],
      [
        (digest) => bundleOf(key, statementOf(digest), { signatures: 2 }),
        /invalid bundle: content\.dsseEnvelope\.signatures/,
      ],
      [
        (digest) =>
          bundleOf(key, statementOf(digest), { mediaType: 'application/vnd.dev.sigstore.bundle+json;version=0.1' }),
        /bundle|invalid/i,
      ],
      [() => '{}', /bundle|invalid/i],
      [() => '[]', /bundle|invalid|undefined/i],
      [() => 'null', /bundle|invalid|null/i],
      [() => `"${'x'.repeat(5 << 20)}"`, /a bundle has more than 4194304 bytes/],
      [(digest) => simpleOf(key, { ...criticalOf(digest), type: 'something' }), /no signature of a container image/],
      [() => simpleOf(key, null), /no signature of a container image/],
      [
        (digest) => ({ ...simpleOf(key, criticalOf(digest)), annotations: {} as never }),
        /no signature in its annotations/,
      ],
      [
        (digest) => ({ ...simpleOf(key, criticalOf(digest)), payload: Buffer.alloc((1 << 20) + 1) }),
        /the payload of a signature has more than 1048576 bytes/,
      ],
      [
        (digest) => ({
          ...simpleOf(key, criticalOf(digest)),
          annotations: { 'dev.cosignproject.cosign/signature': 'AAAA' },
        }),
        /not made with any of the public keys/,
      ],
    ]
    for (const [make, message] of rows) {
      const { repository, digest } = artifact()
      const made = make(digest)
      if (typeof made === 'string') registry.addBundle(repository, digest, made)
      else registry.addSimpleSignatures(repository, digest, [made])
      refused(await verify(repository, digest, trust), message)
    }
  })

  it('none, too many of them, and lists without end', async () => {
    const bare = artifact()
    refused(await verify(bare.repository, bare.digest, trust), /^no signatures found$/)
    const { repository, digest } = artifact()
    const bad = simpleOf(makeKey(), criticalOf(digest))
    registry.addSimpleSignatures(repository, digest, [
      ...Array.from({ length: 50 }, () => bad),
      simpleOf(key, criticalOf(digest)),
    ])
    refused(await verify(repository, digest, trust), /only the first 50 signatures were looked at/)
    const endless = createServer((request, response) => {
      const manifests = Array.from({ length: 500 }, (_, i) => ({ digest: `sha256:${String(i).padStart(64, '0')}` }))
      const url = new URL(request.url ?? '', 'http://x')
      const page = Number(url.searchParams.get('page') ?? 0) + 1
      response.setHeader('content-type', 'application/vnd.oci.image.index.v1+json')
      response.setHeader('link', `<${url.pathname}?page=${page}>; rel="next"`)
      response.end(JSON.stringify({ manifests }))
    })
    await new Promise<void>((resolve) => endless.listen(0, '127.0.0.1', resolve))
    const name = parseOciUrl(`oci://127.0.0.1:${(endless.address() as AddressInfo).port}/a`)
    const client = new RegistryClient(deps(), { name, insecure: true, signal: AbortSignal.timeout(10_000) })
    await assert.rejects(listReferrers(client, digest), { code: 'oci-too-many-referrers' })
    endless.closeAllConnections()
    endless.close()
  })

  it('keys that cannot be used are named as such', async () => {
    const { repository, digest } = artifact()
    const weak = generateKeyPairSync('rsa', { modulusLength: 1024 })
    const spki = weak.publicKey.export({ type: 'spki', format: 'pem' }).toString()
    const secp = generateKeyPairSync('ec', { namedCurve: 'secp256k1' })
    const koblitz = secp.publicKey.export({ type: 'spki', format: 'pem' }).toString()
    for (const [pem, message] of [
      ['', /^PEM decoding failed$/],
      [
        '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----',
        /^unknown Public key PEM file type: CERTIFICATE/,
      ],
      ['-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----', /./],
      [spki, /the RSA key has 1024 bits/],
      [koblitz, /unsupported elliptic curve/],
    ] as const) {
      const seen = await verify(repository, digest, { kind: 'keys', keys: [pem] })
      assert.equal(seen.result, 'cosign-key-invalid', JSON.stringify(seen))
      assert.match(seen.message ?? '', message)
    }
    const rsa = await verify('cosign/rsa-simple', digestOfFixture(fixtures, 'cosign/rsa-simple'), {
      kind: 'keys',
      keys: [fixtures.keys['rsa-pkcs1'] ?? ''],
    })
    assert.equal(rsa.result, 'verified', JSON.stringify(rsa))
  })
})

describe('keyless signatures of cosign', () => {
  const keyless = (identities: readonly { issuer: string; subject: string }[], trustedRoot = fixtures.trustedRoot) =>
    ({ kind: 'keyless', trustedRoot, identities }) as const
  const everybody = [{ issuer: '', subject: '' }]
  const fixture = (name: string, trust: VerifyStep['trust']) =>
    verify(`keyless/${name}`, digestOfFixture(fixtures, `keyless/${name}`), trust)

  it('count for the root that vouches for them alone', async () => {
    for (const form of ['bundle', 'simple']) {
      assert.equal((await fixture(`good-${form}`, keyless(everybody))).result, 'verified')
      refused(await fixture(`good-${form}`, keyless(everybody, fixtures.otherRoot)), /no matching signatures: /)
    }
  })

  it('identities are regular expressions in Go syntax, any of which is enough; none lets everybody pass', async () => {
    const github = 'https://token.actions.githubusercontent.com'
    const workflow = 'https://github.com/example/app/.github/workflows/release.yaml@refs/heads/main'
    const rows: readonly [identities: readonly { issuer: string; subject: string }[], isGood: boolean][] = [
      [[], true],
      [[{ issuer: `^${github}$`, subject: `^${workflow}$` }], true],
      [
        [
          { issuer: 'nobody', subject: '.*' },
          { issuer: 'token', subject: 'example/app' },
        ],
        true,
      ],
      [[{ issuer: '(?i)TOKEN', subject: '' }], true],
      [[{ issuer: 'token', subject: '^example' }], false],
      [
        [
          { issuer: 'nobody', subject: '.*' },
          { issuer: '.*', subject: 'nobody' },
        ],
        false,
      ],
    ]
    for (const form of ['bundle', 'simple']) {
      for (const [identities, isGood] of rows) {
        const seen = await fixture(`good-${form}`, keyless(identities))
        assert.equal(seen.result === 'verified', isGood, JSON.stringify([form, identities, seen]))
        if (!isGood)
          assert.match(
            seen.message ?? '',
            /^no matching signatures: none of the expected identities matched what was in the certificate, got subjects \[https:\/\/github\.com\/example\/app\/.* with issuer https:\/\/token/,
          )
      }
    }
    const broken = await fixture('good-simple', keyless([{ issuer: '(', subject: '' }]))
    assert.match(broken.message ?? '', /^malformed issuer in identity: \($/)
    const lookahead = await fixture('good-simple', keyless([{ issuer: '', subject: '(?=x)' }]))
    assert.match(lookahead.message ?? '', /^malformed subject in identity: /)
  })

  it('trusted roots that cannot be used', async () => {
    const { tlogs: _, ...without } = JSON.parse(fixtures.trustedRoot) as { tlogs: { baseUrl?: string }[] }
    const unnamed = { ...JSON.parse(fixtures.trustedRoot), tlogs: [{ ..._[0], baseUrl: '' }] }
    for (const [root, message] of [
      ['', /^unable to parse trusted root: /],
      ['null', /^unable to parse trusted root: /],
      ['{}', /^unable to extract Rekor URL from trusted root: no transparency log entries found in trusted root$/],
      [JSON.stringify(without), /no transparency log entries found/],
      [JSON.stringify(unnamed), /no transparency log entry with a BaseURL found in trusted root$/],
      ['x'.repeat((1 << 20) + 1), /has more than/],
    ] as const) {
      const seen = await fixture('good-simple', keyless(everybody, root))
      assert.equal(seen.result, 'trusted-root-invalid')
      assert.match(seen.message ?? '', message)
    }
  })

  it('a signature of another artifact, and one whose parts were exchanged', async () => {
    const sigstore = await TestSigstore.create()
    const trust = keyless(everybody, sigstore.trustedRoot())
    const one = artifact()
    const two = artifact()
    registry.addBundle(one.repository, one.digest, await sigstore.signBundle(two.digest))
    registry.addSimpleSignatures(one.repository, one.digest, [await sigstore.signSimple(two.digest)])
    const seen = await verify(one.repository, one.digest, trust)
    refused(seen, /the statement is about another artifact/)
    refused(seen, /the signature is for another artifact/)
    const three = artifact()
    const [a, b] = [await sigstore.signSimple(three.digest), await sigstore.signSimple(three.digest)]
    const crossed = (annotation: string) => ({
      ...a,
      annotations: { ...a.annotations, [annotation]: b.annotations[annotation] ?? '' },
    })
    const names = Object.keys(a.annotations)
    assert.equal(names.length, 3)
    registry.addSimpleSignatures(three.repository, three.digest, names.map(crossed))
    refused(await verify(three.repository, three.digest, trust), /no matching signatures/)
    const c = JSON.parse(await sigstore.signBundle(three.digest))
    const d = JSON.parse(await sigstore.signBundle(three.digest))
    for (const part of ['certificate', 'tlogEntries']) {
      const four = artifact()
      const material = { ...c.verificationMaterial, [part]: d.verificationMaterial[part] }
      registry.addBundle(four.repository, four.digest, JSON.stringify({ ...c, verificationMaterial: material }))
      refused(await verify(four.repository, four.digest, trust), /no matching signatures/)
    }
    // The same entry of the log twice is still one; without the log's time a certificate cannot be judged.
    const five = artifact()
    registry.addBundle(five.repository, five.digest, await sigstore.signBundle(five.digest, { withoutPromise: true }))
    refused(await verify(five.repository, five.digest, trust), /timestamp/)
  })

  it('damaged annotations, and chains that are bombs', async () => {
    const sigstore = await TestSigstore.create()
    const trust = keyless(everybody, sigstore.trustedRoot())
    const { repository, digest } = artifact()
    const good = await sigstore.signSimple(digest)
    const certificate = good.annotations['dev.sigstore.cosign/certificate'] ?? ''
    const bundle = good.annotations['dev.sigstore.cosign/bundle'] ?? ''
    const bad: readonly { readonly [name: string]: string }[] = [
      { certificate: '' },
      { certificate: 'x'.repeat(100_000) },
      { certificate: certificate.replace(/[A-Za-z]{8}/, 'AAAAAAAA') },
      { certificate: `-----BEGIN CERTIFICATE-----\n${'MIAw'.repeat(20_000)}\n-----END CERTIFICATE-----\n` },
      { bundle: '' },
      { bundle: 'null' },
      { bundle: '{"SignedEntryTimestamp":"AA==","Payload":{}}' },
      { bundle: bundle.replace('"integratedTime":', '"integratedTime":1e99,"x":') },
      { bundle: bundle.replace(/"logID":"[0-9a-f]{64}"/, `"logID":"${'0'.repeat(64)}"`) },
    ]
    const damaged = bad.map((changes) => ({
      ...good,
      annotations: {
        ...good.annotations,
        ...Object.fromEntries(Object.entries(changes).map(([name, value]) => [`dev.sigstore.cosign/${name}`, value])),
      },
    }))
    registry.addSimpleSignatures(repository, digest, damaged)
    refused(await verify(repository, digest, trust), /no matching signatures/)
    registry.addSimpleSignatures(repository, digest, [...damaged, good])
    assert.equal((await verify(repository, digest, trust)).result, 'verified')
  })
})

describe('signatures of notation', () => {
  const trustOf = (
    policy: object,
    changes: { readonly certificates?: readonly string[]; readonly now?: number } = {},
  ): VerifyStep['trust'] => ({
    kind: 'notation',
    trustPolicy: trustPolicyOf(policy),
    certificates: (changes.certificates ?? ['p256-root']).map((name) => fixtures.certificates[name] ?? name),
    now: changes.now ?? madeAt,
  })
  const fixture = (name: string, trust: VerifyStep['trust']) =>
    verify(`notation/${name}`, digestOfFixture(fixtures, `notation/${name}`), trust)

  it('trust: stores, identities, certificates of the chain', async () => {
    for (const form of ['jws', 'cose']) {
      const name = `p256-${form}`
      const rows: readonly [policy: object, certificates: readonly string[], wanted: RegExp | string][] = [
        [{}, ['p384-root', 'p256-root'], 'verified'],
        [{}, ['p256-authority'], 'verified'],
        [{ trustedIdentities: ['*'] }, ['p256-root'], 'verified'],
        [{}, ['p384-root'], /the signature is not produced by a trusted signer/],
        [{ trustStores: ['signingAuthority:t'] }, ['p256-root'], /no trusted certificates are found/],
        [
          { trustedIdentities: ['x509.subject: C=US,ST=WA,O=Other'] },
          ['p256-root'],
          /does not match the X\.509 trusted identities/,
        ],
        [{ trustedIdentities: ['other:x'] }, ['p256-root'], /no x509 trusted identities are configured/],
        [{}, ['no certificate'], /^failed to parse certificate: /],
      ]
      for (const [policy, certificates, wanted] of rows) {
        const seen = await fixture(name, trustOf(policy, { certificates }))
        if (typeof wanted === 'string') assert.equal(seen.result, wanted, JSON.stringify(seen))
        else refused(seen, wanted)
      }
    }
  })

  it('time: expiry, certificates, time stamps', async () => {
    const permissive = { signatureVerification: { level: 'permissive' } }
    const later = { now: madeAt + 2 * day }
    const short = { certificates: ['short-root'] }
    const stores = { trustStores: ['ca:t', 'tsa:t'] }
    const stamped = { certificates: ['short-root', 'tsa-root'] }
    const afterExpiry = { ...stores, signatureVerification: { level: 'strict', verifyTimestamp: 'afterCertExpiry' } }
    const rows: readonly [name: string, trust: VerifyStep['trust'], wanted: RegExp | string][] = [
      ['expiring', trustOf({}), 'verified'],
      ['expiring', trustOf({}, later), /digital signature has expired on /],
      ['expiring', trustOf(permissive, later), 'verified'],
      ['stamped', trustOf({}, { ...short, ...later }), /verification time is after certificate .* it was expired at/],
      ['stamped', trustOf({}, { ...short, now: madeAt - 5 * day }), /verification time is before certificate/],
      ['stamped', trustOf(permissive, { ...short, ...later }), 'verified'],
      ['stamped', trustOf(stores, { ...stamped, ...later }), 'verified'],
      ['stamped', trustOf(afterExpiry, { ...stamped, ...later }), 'verified'],
      ['stamped', trustOf(stores, { ...short, ...later }), /signed by unknown authority/],
      ['expiring', trustOf(stores), /no timestamp countersignature was found/],
      ['expiring', trustOf(afterExpiry), 'verified'],
    ]
    for (const form of ['jws', 'cose']) {
      for (const [name, trust, wanted] of rows) {
        const seen = await fixture(`${name}-${form}`, trust)
        if (typeof wanted === 'string') assert.equal(seen.result, wanted, `${name} ${JSON.stringify(seen)}`)
        else refused(seen, wanted)
      }
    }
  })

  it('revocation is unknown where a certificate could be revoked', async () => {
    const certificates = ['revocable-root']
    refused(
      await fixture('revocable-jws', trustOf({}, { certificates })),
      /revocation status is unknown: it is not asked for/,
    )
    for (const action of ['log', 'skip']) {
      const signatureVerification = { level: 'strict', override: { revocation: action } }
      const seen = await fixture('revocable-jws', trustOf({ signatureVerification }, { certificates }))
      assert.equal(seen.result, 'verified', JSON.stringify(seen))
    }
  })

  /** The envelope of a recorded signature. */
  function envelopeOf(name: string): { readonly bytes: Buffer; readonly mediaType: string } {
    const recorded = fixtures.repositories[`notation/${name}`]
    for (const { text } of Object.values(recorded?.manifests ?? {})) {
      const [layer] = JSON.parse(text).layers ?? []
      if (/jose|cose/.test(layer?.mediaType ?? ''))
        return { bytes: Buffer.from(recorded?.blobs[layer.digest] ?? '', 'base64'), mediaType: layer.mediaType }
    }
    throw new Error('no envelope')
  }
  const attach = (target: { repository: string; digest: string }, bytes: Buffer, mediaType: string): void => {
    const artifactType = 'application/vnd.cncf.notary.signature'
    registry.addReferrer(target.repository, target.digest, { artifactType, mediaType, bytes })
  }

  it('of another artifact, changed ones, and ones that are no envelope', async () => {
    for (const name of ['p256-jws', 'p256-cose']) {
      const { bytes, mediaType } = envelopeOf(name)
      const moved = artifact()
      attach(moved, bytes, mediaType)
      refused(await verify(moved.repository, moved.digest, trustOf({})), /content descriptor mismatch/)
      const changed = Buffer.from(bytes)
      // In the middle of the payload, which both kinds hold.
      const at = mediaType.includes('jose') ? changed.indexOf('"payload":"') + 40 : changed.indexOf('sha256:') + 12
      changed.writeUInt8(changed.readUInt8(at) === 0x41 ? 0x42 : 0x41, at)
      const tampered = artifact()
      attach(tampered, changed, mediaType)
      refused(await verify(tampered.repository, tampered.digest, trustOf({})), /signature is invalid/)
      for (const [content, message] of [
        [bytes.subarray(0, bytes.length - 10), /cannot be read|not a JSON object/],
        [Buffer.from('{}'), /failed to verify signature/],
        [Buffer.from('9f9f9f9f9f9f9f9f', 'hex'), /failed to verify signature/],
        [Buffer.alloc(0), /failed to verify signature/],
      ] as const) {
        const broken = artifact()
        attach(broken, Buffer.from(content), mediaType)
        refused(await verify(broken.repository, broken.digest, trustOf({})), message)
      }
      const other = artifact()
      attach(other, bytes, 'application/x')
      refused(await verify(other.repository, other.digest, trustOf({})), /media type "application\/x" is not supported/)
    }
    const large = artifact()
    attach(large, Buffer.alloc((1 << 20) + 1, 0x20), 'application/jose+json')
    refused(await verify(large.repository, large.digest, trustOf({})), /signature blob too large/)
  })

  it('what a JWS may not say', async () => {
    const { bytes } = envelopeOf('p256-jws')
    const envelope = JSON.parse(bytes.toString())
    const header = JSON.parse(Buffer.from(envelope.protected, 'base64url').toString())
    const encode = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')
    const rows: readonly [object, RegExp][] = [
      [{ protected: encode({ ...header, alg: 'none' }) }, /signature algorithm is not supported/],
      [{ protected: encode({ ...header, alg: 'HS256' }) }, /signature algorithm is not supported/],
      [{ protected: encode({ ...header, alg: 'ES384' }) }, /mismatch between signature algorithm/],
      [{ protected: encode({ ...header, crit: undefined }) }, /missing "crit" header/],
      [{ protected: encode({ ...header, crit: ['x'] }) }, /not marked as critical/],
      [
        { protected: encode({ ...header, crit: [...header.crit, 'x'] }) },
        /"x" header is marked critical but not present/,
      ],
      [{ protected: encode({ ...header, 'io.cncf.notary.signingScheme': 'x' }) }, /unsupported SigningScheme/],
      [
        {
          protected: encode({ ...header, 'io.cncf.notary.authenticSigningTime': header['io.cncf.notary.signingTime'] }),
        },
        /must not be present/,
      ],
      [{ protected: encode({ ...header, 'io.cncf.notary.signingTime': 'now' }) }, /is missing or not a time/],
      [{ header: { x5c: [] } }, /certificate chain is not present/],
      [{ header: { x5c: ['AAAA'] } }, /malformed certificate/],
      [
        { header: { x5c: Array.from({ length: 11 }, () => envelope.header.x5c[0]) } },
        /the certificate chain is longer than 10/,
      ],
      [{ header: { x5c: [envelope.header.x5c[0]] } }, /invalid self-signed certificate/],
      [{ header: { x5c: envelope.header.x5c.slice(0, 2) } }, /is not self-signed/],
      [{ header: { x5c: [envelope.header.x5c[0], envelope.header.x5c[2]] } }, /is not issued by/],
      [{ header: { x5c: [...envelope.header.x5c].reverse() } }, /signature is invalid/],
      [{ signature: '' }, /signature of the envelope is missing/],
    ]
    for (const [changes, message] of rows) {
      const target = artifact()
      attach(target, Buffer.from(JSON.stringify({ ...envelope, ...changes })), 'application/jose+json')
      refused(await verify(target.repository, target.digest, trustOf({})), message)
    }
  })

  it('none, and more than are looked at', async () => {
    const bare = artifact()
    refused(
      await verify(bare.repository, bare.digest, trustOf({})),
      /^no signature is associated with "127\.0\.0\.1:\d+\/own\/a\d+@sha256:/,
    )
    const repository = 'notation/p256-jws'
    const target = { repository, digest: digestOfFixture(fixtures, repository) }
    const recorded = registry.recorded(repository)
    const good = envelopeOf('p256-jws')
    registry.load(repository, { ...recorded, tags: { v1: recorded.tags['v1'] ?? '' } })
    for (let i = 0; i < 3; i++) attach(target, Buffer.from(`{"a":${i}}`), 'application/jose+json')
    attach(target, good.bytes, good.mediaType)
    refused(
      await verify(repository, target.digest, trustOf({})),
      /^signature evaluation stopped\. The configured limit of 3 signatures/,
    )
    registry.load(repository, { ...recorded, tags: { v1: recorded.tags['v1'] ?? '' } })
    for (let i = 0; i < 2; i++) attach(target, Buffer.from(`{"a":${i}}`), 'application/jose+json')
    attach(target, good.bytes, good.mediaType)
    assert.equal((await verify(repository, target.digest, trustOf({}))).result, 'verified')
  })

  it('levels: audit passes what it does not trust without calling it verified; integrity always counts', async () => {
    const audit = { signatureVerification: { level: 'audit' } }
    const stranger = { certificates: ['p384-root'] }
    assert.equal((await fixture('p256-jws', trustOf(audit, stranger))).result, 'ignored')
    assert.equal((await fixture('p256-jws', trustOf(audit))).result, 'verified')
    const skip = { signatureVerification: { level: 'skip' } }
    const bare = artifact()
    assert.equal((await verify(bare.repository, bare.digest, trustOf(skip))).result, 'ignored')
    const { bytes, mediaType } = envelopeOf('p256-jws')
    attach(bare, bytes, mediaType)
    refused(await verify(bare.repository, bare.digest, trustOf(audit)), /content descriptor mismatch/)
  })
})
