import { createHash, createPrivateKey, generateKeyPairSync, sign, type KeyObject } from 'node:crypto'
import { BitString, Integer, OctetString, PrintableString, Utf8String } from 'asn1js'
import {
  AttributeTypeAndValue,
  AuthorityKeyIdentifier,
  BasicConstraints,
  Certificate,
  ExtKeyUsage,
  Extension,
  GeneralName,
  GeneralNames,
  Time,
} from 'pkijs'

/** A key with its SubjectPublicKeyInfo. */
export interface TestKey {
  readonly key: KeyObject
  readonly spki: Buffer
  readonly pem: string
}

/** What may be wrong with a certificate or an entry of the log. */
export interface SigningOptions {
  readonly subject?: string
  readonly issuer?: string
  /** Milliseconds since 1970 of the certificate's start; it lives ten minutes. */
  readonly at?: number
  /** Milliseconds since 1970 that the log gives; default: a minute after `at`. */
  readonly integratedAt?: number
  /** The certificate log did not see it. */
  readonly withoutSct?: boolean
  readonly purpose?: string
  /** Signed by another authority than the trusted one. */
  readonly authority?: TestAuthority
  /** The log's promise is by another key. */
  readonly forgedSet?: boolean
  /** No entry in the log. */
  readonly withoutLog?: boolean
  /** The entry in the log is about another payload. */
  readonly loggedPayload?: Buffer
  /** The proof of inclusion leads to another tree. */
  readonly forgedProof?: boolean
  /** Without the promise, as logs of version 2 give none. */
  readonly withoutPromise?: boolean
}

export interface TestAuthority {
  readonly key: TestKey
  readonly certificate: Certificate
  readonly der: Buffer
}

const oid = Object.freeze({
  commonName: '2.5.4.3',
  organization: '2.5.4.10',
  keyUsage: '2.5.29.15',
  subjectAltName: '2.5.29.17',
  basicConstraints: '2.5.29.19',
  subjectKeyId: '2.5.29.14',
  authorityKeyId: '2.5.29.35',
  extKeyUsage: '2.5.29.37',
  codeSigning: '1.3.6.1.5.5.7.3.3',
  issuerV1: '1.3.6.1.4.1.57264.1.1',
  issuerV2: '1.3.6.1.4.1.57264.1.8',
  sct: '1.3.6.1.4.1.11129.2.4.2',
})

const sha256 = (...parts: readonly Uint8Array[]): Buffer => {
  const hash = createHash('sha256')
  for (const part of parts) hash.update(part)
  return hash.digest()
}

export function makeKey(): TestKey {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  return {
    key: privateKey,
    spki: publicKey.export({ type: 'spki', format: 'der' }),
    pem: publicKey.export({ type: 'spki', format: 'pem' }).toString(),
  }
}

/** A Sigstore of its own: certificate authority (Fulcio), certificate log, transparency log (Rekor). Everything that a trusted root vouches for. */
export class TestSigstore {
  readonly authority: TestAuthority
  readonly #certificateLog = makeKey()
  readonly #log = makeKey()
  readonly #start: number
  #index = 41

  private constructor(authority: TestAuthority, start: number) {
    this.authority = authority
    this.#start = start
  }

  static async create(start = Date.now()): Promise<TestSigstore> {
    return new TestSigstore(await TestSigstore.makeAuthority(start), start)
  }

  static async makeAuthority(start = Date.now()): Promise<TestAuthority> {
    const key = makeKey()
    const certificate = await issue({
      key,
      name: 'test fulcio',
      signer: key,
      issuerName: 'test fulcio',
      from: start - 86_400_000,
      to: start + 86_400_000 * 36_500,
      extensions: [
        ext(oid.keyUsage, true, new BitString({ valueHex: Uint8Array.of(0x06).buffer, unusedBits: 1 })),
        ext(oid.basicConstraints, true, new BasicConstraints({ cA: true, pathLenConstraint: 0 }).toSchema()),
        ext(oid.subjectKeyId, false, new OctetString({ valueHex: keyId(key) })),
      ],
    })
    return { key, certificate, der: Buffer.from(certificate.toSchema(true).toBER()) }
  }

  /** `trusted_root.json`. */
  trustedRoot(): string {
    const validFor = { start: new Date(this.#start - 86_400_000).toISOString() }
    const log = (key: TestKey, baseUrl: string) => ({
      baseUrl,
      hashAlgorithm: 'SHA2_256',
      publicKey: { rawBytes: key.spki.toString('base64'), keyDetails: 'PKIX_ECDSA_P256_SHA_256', validFor },
      logId: { keyId: sha256(key.spki).toString('base64') },
    })
    return JSON.stringify({
      mediaType: 'application/vnd.dev.sigstore.trustedroot+json;version=0.1',
      tlogs: [log(this.#log, 'https://rekor.test')],
      certificateAuthorities: [
        {
          subject: { organization: 'test', commonName: 'test fulcio' },
          uri: 'https://fulcio.test',
          certChain: { certificates: [{ rawBytes: this.authority.der.toString('base64') }] },
          validFor,
        },
      ],
      ctlogs: [log(this.#certificateLog, 'https://ctfe.test')],
      timestampAuthorities: [],
    })
  }

  /** A signature in the form of cosign 2: payload and annotations of its layer. */
  async signSimple(
    digest: string,
    options: SigningOptions = {},
  ): Promise<{ readonly payload: Buffer; readonly annotations: { [key: string]: string } }> {
    const payload = Buffer.from(
      JSON.stringify({
        critical: {
          identity: { 'docker-reference': 'registry.test/app' },
          image: { 'docker-manifest-digest': digest },
          type: 'cosign container image signature',
        },
        optional: null,
      }),
    )
    const { key, pem } = await this.#certify(options)
    const signature = sign('sha256', payload, key.key)
    const annotations: { [key: string]: string } = {
      'dev.cosignproject.cosign/signature': signature.toString('base64'),
      'dev.sigstore.cosign/certificate': pem,
    }
    if (options.withoutLog !== true) {
      const body = {
        apiVersion: '0.0.1',
        kind: 'hashedrekord',
        spec: {
          data: { hash: { algorithm: 'sha256', value: sha256(options.loggedPayload ?? payload).toString('hex') } },
          signature: { content: signature.toString('base64'), publicKey: { content: base64(pem) } },
        },
      }
      const entry = this.#logEntry(body, options)
      annotations['dev.sigstore.cosign/bundle'] = JSON.stringify({
        SignedEntryTimestamp: entry.promise.toString('base64'),
        Payload: {
          body: entry.body.toString('base64'),
          integratedTime: entry.time,
          logIndex: entry.index,
          logID: entry.logId.toString('hex'),
        },
      })
    }
    return { payload, annotations }
  }

  /** A signature in the form of cosign 3: a bundle of version 0.3 with a DSSE envelope. */
  async signBundle(
    digest: string,
    options: SigningOptions & { readonly predicateType?: string } = {},
  ): Promise<string> {
    const payload = Buffer.from(
      JSON.stringify({
        _type: 'https://in-toto.io/Statement/v1',
        subject: [{ digest: { sha256: digest.slice('sha256:'.length) } }],
        predicateType: options.predicateType ?? 'https://sigstore.dev/cosign/sign/v1',
        predicate: {},
      }),
    )
    const payloadType = 'application/vnd.in-toto+json'
    const { key, pem, der } = await this.#certify(options)
    const signed = Buffer.from(`DSSEv1 ${payloadType.length} ${payloadType} ${payload.length} ${payload.toString()}`)
    const signature = sign('sha256', signed, key.key)
    const envelope = {
      payload: payload.toString('base64'),
      payloadType,
      signatures: [{ sig: signature.toString('base64') }],
    }
    const body = {
      apiVersion: '0.0.1',
      kind: 'dsse',
      spec: {
        envelopeHash: { algorithm: 'sha256', value: sha256(Buffer.from(JSON.stringify(envelope))).toString('hex') },
        payloadHash: { algorithm: 'sha256', value: sha256(options.loggedPayload ?? payload).toString('hex') },
        signatures: [{ signature: signature.toString('base64'), verifier: base64(pem) }],
      },
    }
    const entry = this.#logEntry(body, options)
    const tlogEntry = {
      logIndex: String(entry.index),
      logId: { keyId: entry.logId.toString('base64') },
      kindVersion: { kind: 'dsse', version: '0.0.1' },
      integratedTime: String(entry.time),
      ...(options.withoutPromise === true
        ? {}
        : { inclusionPromise: { signedEntryTimestamp: entry.promise.toString('base64') } }),
      inclusionProof: entry.proof,
      canonicalizedBody: entry.body.toString('base64'),
    }
    return JSON.stringify({
      mediaType: 'application/vnd.dev.sigstore.bundle.v0.3+json',
      verificationMaterial: {
        certificate: { rawBytes: der.toString('base64') },
        tlogEntries: options.withoutLog === true ? [] : [tlogEntry],
        timestampVerificationData: {},
      },
      dsseEnvelope: envelope,
    })
  }

  async #certify(
    options: SigningOptions,
  ): Promise<{ readonly key: TestKey; readonly pem: string; readonly der: Buffer }> {
    const authority = options.authority ?? this.authority
    const { subject = 'https://github.com/example/app/.github/workflows/release.yaml@refs/heads/main' } = options
    const { issuer = 'https://token.actions.githubusercontent.com', at = this.#start } = options
    const key = makeKey()
    const name = subject.includes('://') ? { type: 6 as const, value: subject } : { type: 1 as const, value: subject }
    const names = new GeneralNames({ names: [new GeneralName(name)] }).toSchema()
    const extensions = [
      ext(oid.keyUsage, true, new BitString({ valueHex: Uint8Array.of(0x80).buffer, unusedBits: 7 })),
      ext(oid.extKeyUsage, false, new ExtKeyUsage({ keyPurposes: [options.purpose ?? oid.codeSigning] }).toSchema()),
      ext(oid.subjectKeyId, false, new OctetString({ valueHex: keyId(key) })),
      ext(
        oid.authorityKeyId,
        false,
        new AuthorityKeyIdentifier({
          keyIdentifier: new OctetString({ valueHex: keyId(authority.key) }),
        }).toSchema(),
      ),
      ext(oid.subjectAltName, true, names),
      raw(oid.issuerV1, Buffer.from(issuer)),
      ext(oid.issuerV2, false, new Utf8String({ value: issuer })),
    ]
    const request = {
      key,
      name: '',
      signer: authority.key,
      issuerName: 'test fulcio',
      from: at,
      to: at + 600_000,
      extensions,
    }
    const before = await issue(request)
    const scts = options.withoutSct === true ? [] : [raw(oid.sct, this.#sct(before, authority, at))]
    const certificate = await issue({ ...request, extensions: [...extensions, ...scts], serial: before.serialNumber })
    const der = Buffer.from(certificate.toSchema(true).toBER())
    return { key, der, pem: toPem(der) }
  }

  /** The certificate log's promise (RFC 6962 section 3.2), as the extension holds it. */
  #sct(certificate: Certificate, authority: TestAuthority, at: number): Buffer {
    const tbs = Buffer.from(certificate.encodeTBS().toBER())
    const time = Buffer.alloc(8)
    time.writeBigUInt64BE(BigInt(at))
    const length = Buffer.alloc(3)
    length.writeUIntBE(tbs.length, 0, 3)
    const signed = Buffer.concat([
      Buffer.of(0, 0),
      time,
      Buffer.of(0, 1),
      sha256(authority.key.spki),
      length,
      tbs,
      Buffer.of(0, 0),
    ])
    const signature = sign('sha256', signed, this.#certificateLog.key)
    const sct = Buffer.concat([
      Buffer.of(0),
      sha256(this.#certificateLog.spki),
      time,
      Buffer.of(0, 0, 4, 3),
      uint16(signature.length),
      signature,
    ])
    const list = Buffer.concat([uint16(sct.length), sct])
    const all = Buffer.concat([uint16(list.length), list])
    return Buffer.from(new OctetString({ valueHex: Uint8Array.from(all).buffer }).toBER())
  }

  #logEntry(body: object, options: SigningOptions) {
    const bytes = Buffer.from(canonical(body))
    const index = this.#index++
    const logId = sha256(this.#log.spki)
    const time = Math.floor((options.integratedAt ?? (options.at ?? this.#start) + 60_000) / 1000)
    const payload = {
      body: bytes.toString('base64'),
      integratedTime: time,
      logID: logId.toString('hex'),
      logIndex: index,
    }
    const signer = options.forgedSet === true ? makeKey() : this.#log
    const promise = sign('sha256', Buffer.from(canonical(payload)), signer.key)
    return { body: bytes, index, logId, time, promise, proof: this.#proof(bytes, options.forgedProof === true) }
  }

  /** The entry is the second of three in a tree of its own. */
  #proof(body: Buffer, isForged: boolean) {
    const leaf = sha256(Buffer.of(0), body)
    const left = sha256(Buffer.of(0), Buffer.from('before'))
    const right = sha256(Buffer.of(0), Buffer.from('after'))
    const pair = sha256(Buffer.of(1), left, leaf)
    const root = sha256(Buffer.of(1), pair, isForged ? left : right)
    const note = `rekor.test - 1\n3\n${root.toString('base64')}\n`
    const signature = sign('sha256', Buffer.from(note), this.#log.key)
    const hint = sha256(this.#log.spki).subarray(0, 4)
    const envelope = `${note}\n\u2014 rekor.test ${Buffer.concat([hint, signature]).toString('base64')}\n`
    return {
      logIndex: '1',
      rootHash: root.toString('base64'),
      treeSize: '3',
      hashes: [left.toString('base64'), right.toString('base64')],
      checkpoint: { envelope },
    }
  }
}

async function issue(options: {
  readonly key: TestKey
  readonly name: string
  readonly signer: TestKey
  readonly issuerName: string
  readonly from: number
  readonly to: number
  readonly extensions: readonly Extension[]
  readonly serial?: Integer
}): Promise<Certificate> {
  const certificate = new Certificate()
  certificate.version = 2
  certificate.serialNumber = options.serial ?? new Integer({ value: Math.floor(Math.random() * 1e9) + 1 })
  const named = (name: string): AttributeTypeAndValue[] =>
    name === ''
      ? []
      : [
          new AttributeTypeAndValue({ type: oid.organization, value: new PrintableString({ value: 'test' }) }),
          new AttributeTypeAndValue({ type: oid.commonName, value: new PrintableString({ value: name }) }),
        ]
  certificate.issuer.typesAndValues = named(options.issuerName)
  certificate.subject.typesAndValues = named(options.name)
  const second = (ms: number): Date => new Date(Math.floor(ms / 1000) * 1000)
  certificate.notBefore = new Time({ type: 0, value: second(options.from) })
  certificate.notAfter = new Time({ type: second(options.to).getFullYear() > 2049 ? 1 : 0, value: second(options.to) })
  certificate.extensions = [...options.extensions]
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256' }
  const publicKey = await crypto.subtle.importKey('spki', Uint8Array.from(options.key.spki), algorithm, true, [
    'verify',
  ])
  await certificate.subjectPublicKeyInfo.importKey(publicKey)
  const pkcs8 = createPrivateKey(options.signer.key.export({ type: 'pkcs8', format: 'pem' })).export({
    type: 'pkcs8',
    format: 'der',
  })
  const key = await crypto.subtle.importKey('pkcs8', Uint8Array.from(pkcs8), algorithm, false, ['sign'])
  await certificate.sign(key, 'SHA-256')
  return certificate
}

function ext(extnID: string, critical: boolean, value: { toBER(): ArrayBuffer }): Extension {
  return new Extension({ extnID, critical, extnValue: value.toBER() })
}

function raw(extnID: string, value: Buffer): Extension {
  return new Extension({ extnID, critical: false, extnValue: Uint8Array.from(value).buffer })
}

function keyId(key: TestKey): ArrayBuffer {
  return Uint8Array.from(createHash('sha1').update(key.spki).digest()).buffer
}

function toPem(der: Buffer): string {
  const lines = der.toString('base64').match(/.{1,64}/g) ?? []
  return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`
}

function base64(text: string): string {
  return Buffer.from(text).toString('base64')
}

function uint16(value: number): Buffer {
  return Buffer.of(value >> 8, value & 0xff)
}

/** JSON with sorted keys, as RFC 8785 has it for plain values. */
function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  const fields = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))
  return `{${fields.map(([key, one]) => `${JSON.stringify(key)}:${canonical(one)}`).join(',')}}`
}
