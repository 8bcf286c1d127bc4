import assert from 'node:assert/strict'
import { createPrivateKey, X509Certificate } from 'node:crypto'
import { test } from 'node:test'
import { TemplateError } from '../../../src/template/index.ts'
import { CERTIFICATE_ROWS, FAILING_ROWS, validDays } from '../../support/certificate-rows.ts'
import { render, testEnvironment } from '../../support/template-rows.ts'

const block = /-----BEGIN [A-Z ]+-----[^-]+-----END [A-Z ]+-----/g

for (const { fn, name, template, want } of CERTIFICATE_ROWS) {
  test(`${fn}: ${name}`, () => {
    const [pem = '', key = '', authority] = render(template).match(block) ?? []
    const certificate = new X509Certificate(pem)
    const privateKey = createPrivateKey(key)
    assert.equal(certificate.subject || undefined, want.subject)
    assert.equal(certificate.issuer || undefined, want.issuer)
    assert.equal(certificate.subjectAltName, want.names)
    assert.equal(certificate.ca, want.isAuthority)
    assert.equal(validDays(certificate), want.days)
    assert.equal(Date.parse(certificate.validFrom), testEnvironment.now())
    assert.ok(certificate.checkPrivateKey(privateKey), 'the key is the certificate’s')
    assert.equal(privateKey.asymmetricKeyType, want.keyType)
    assert.equal(privateKey.asymmetricKeyDetails?.modulusLength, want.bits)
    const signer = authority === undefined ? certificate : new X509Certificate(authority)
    assert.ok(certificate.verify(signer.publicKey), 'the signature is the issuer’s')
    if (authority !== undefined) assert.ok(certificate.checkIssued(signer))
    assert.match(certificate.serialNumber, /^[0-9A-F]{8,}$/)
  })
}

for (const { fn, template, error } of FAILING_ROWS) {
  test(`${fn} fails: ${error}`, () =>
    assert.throws(
      () => render(template),
      (thrown) => thrown instanceof TemplateError && thrown.message.endsWith(error),
    ))
}
