import assert from 'node:assert/strict'
import { createPublicKey, X509Certificate } from 'node:crypto'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { readCertificate } from '../../../src/receivers/certificate.ts'
import { makeCertificates } from '../../support/certificates.ts'
import { makeSnsFake } from '../../support/sns.ts'

const pemOf = (der: Uint8Array): string =>
  `-----BEGIN CERTIFICATE-----\n${Buffer.from(der).toString('base64')}\n-----END CERTIFICATE-----\n`

describe('certificates', () => {
  const pems = [makeSnsFake().certificate, makeCertificates().ca, makeCertificates().server.cert]

  it('give the key and the times that OpenSSL sees in them', () => {
    for (const pem of pems) {
      const found = readCertificate(pem)
      const known = new X509Certificate(pem)
      assert.ok(found)
      assert.deepEqual(
        Buffer.from(found.spki),
        createPublicKey(known.publicKey.export({ type: 'spki', format: 'pem' })).export({
          type: 'spki',
          format: 'der',
        }),
      )
      assert.equal(found.notBefore, Date.parse(known.validFrom))
      assert.equal(found.notAfter, Date.parse(known.validTo))
    }
  })
  it('that are none give nothing, whatever they hold', () => {
    for (const text of ['', 'x', pemOf(new Uint8Array()), '-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----'])
      assert.equal(readCertificate(text), undefined)
    const der = new X509Certificate(pems[0] ?? '').raw
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(der.length - 1), fc.nat(255)), { maxLength: 20 }),
        fc.nat(der.length),
        (edits, length) => {
          const copy = Buffer.from(der.subarray(0, length))
          for (const [at, value] of edits) if (at < copy.length) copy[at] = value
          readCertificate(pemOf(copy))
        },
      ),
      { numRuns: 2_000 },
    )
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => void readCertificate(pemOf(bytes))),
      { numRuns: 2_000 },
    )
  })
})
