import type { X509Certificate } from 'node:crypto'

/** A template that gives certificates, and what must hold of the last of them. Their bytes differ every time, so rows name properties. */
export interface CertificateRow {
  readonly fn: string
  readonly name: string
  /** Prints PEM: first the certificate, then its key, then that of an authority where there is one. */
  readonly template: string
  readonly want: {
    readonly subject?: string
    readonly issuer?: string
    readonly names?: string
    readonly days: number
    readonly isAuthority: boolean
    readonly keyType: 'rsa' | 'ec' | 'ed25519'
    readonly bits?: number
  }
}

/** A template that fails, and how its error ends. */
export interface FailingRow {
  readonly fn: string
  readonly template: string
  readonly error: string
}

const KEY = '{{ $key := genPrivateKey "ecdsa" }}'
const CA = `{{ $ca := genCAWithKey "the ca" 30 (genPrivateKey "ecdsa") }}`
const SHOW = '{{ $c.Cert }}{{ $c.Key }}'
const BOTH = `${SHOW}{{ $ca.Cert }}`
const RSA = { keyType: 'rsa', bits: 2048 } as const
const EC = { keyType: 'ec' } as const

export const CERTIFICATE_ROWS: readonly CertificateRow[] = [
  {
    fn: 'genCA',
    name: 'an authority',
    template: `{{ $c := genCA "foo-ca" 365 }}${SHOW}`,
    want: { subject: 'CN=foo-ca', issuer: 'CN=foo-ca', days: 365, isAuthority: true, ...RSA },
  },
  {
    fn: 'genCA',
    name: 'a name beyond ASCII',
    template: `{{ $c := genCA "é & co" 1 }}${SHOW}`,
    want: { subject: 'CN=é & co', issuer: 'CN=é & co', days: 1, isAuthority: true, ...RSA },
  },
  {
    fn: 'genCA',
    name: 'no name, and past 2049',
    template: `{{ $c := genCA "" 36500 }}${SHOW}`,
    want: { days: 36_500, isAuthority: true, ...RSA },
  },
  {
    fn: 'genCAWithKey',
    name: 'a key on P-256',
    template: `${KEY}{{ $c := genCAWithKey "k" 10 $key }}${SHOW}`,
    want: { subject: 'CN=k', issuer: 'CN=k', days: 10, isAuthority: true, ...EC },
  },
  {
    fn: 'genCAWithKey',
    name: 'a key for Ed25519',
    template: `{{ $c := genCAWithKey "k" 10 (genPrivateKey "ed25519") }}${SHOW}`,
    want: { subject: 'CN=k', issuer: 'CN=k', days: 10, isAuthority: true, keyType: 'ed25519' },
  },
  {
    fn: 'genCAWithKey',
    name: 'an RSA key',
    template: `{{ $c := genCAWithKey "k" 10 (genPrivateKey "rsa") }}${SHOW}`,
    want: { subject: 'CN=k', issuer: 'CN=k', days: 10, isAuthority: true, keyType: 'rsa', bits: 4096 },
  },
  {
    fn: 'genSelfSignedCert',
    name: 'names and addresses',
    template: `{{ $c := genSelfSignedCert "foo.com" (list "10.0.0.1" "fe80::1") (list "bar.com" "*.bat.com") 365 }}${SHOW}`,
    want: {
      subject: 'CN=foo.com',
      issuer: 'CN=foo.com',
      names: 'DNS:bar.com, DNS:*.bat.com, IP Address:10.0.0.1, IP Address:FE80:0:0:0:0:0:0:1',
      days: 365,
      isAuthority: false,
      ...RSA,
    },
  },
  {
    fn: 'genSelfSignedCert',
    name: 'no names',
    template: `{{ $c := genSelfSignedCert "foo.com" nil (list) 1 }}${SHOW}`,
    want: { subject: 'CN=foo.com', issuer: 'CN=foo.com', days: 1, isAuthority: false, ...RSA },
  },
  {
    fn: 'genSelfSignedCert',
    name: 'no common name',
    template: `{{ $c := genSelfSignedCert "" nil (list "a.b") 2 }}${SHOW}`,
    want: { names: 'DNS:a.b', days: 2, isAuthority: false, ...RSA },
  },
  {
    fn: 'genSelfSignedCertWithKey',
    name: 'a key on P-256',
    template: `${KEY}{{ $c := genSelfSignedCertWithKey "x" (list "1.2.3.4") (list "a" "b") 7 $key }}${SHOW}`,
    want: {
      subject: 'CN=x',
      issuer: 'CN=x',
      names: 'DNS:a, DNS:b, IP Address:1.2.3.4',
      days: 7,
      isAuthority: false,
      ...EC,
    },
  },
  {
    fn: 'genSelfSignedCertWithKey',
    name: 'a key for Ed25519',
    template: `{{ $c := genSelfSignedCertWithKey "x" nil nil 7 (genPrivateKey "ed25519") }}${SHOW}`,
    want: { subject: 'CN=x', issuer: 'CN=x', days: 7, isAuthority: false, keyType: 'ed25519' },
  },
  {
    fn: 'genSignedCert',
    name: 'signed by an authority',
    template: `${CA}{{ $c := genSignedCert "leaf" (list "127.0.0.1") (list "leaf.ns.svc") 90 $ca }}${BOTH}`,
    want: {
      subject: 'CN=leaf',
      issuer: 'CN=the ca',
      names: 'DNS:leaf.ns.svc, IP Address:127.0.0.1',
      days: 90,
      isAuthority: false,
      ...RSA,
    },
  },
  {
    fn: 'genSignedCert',
    name: 'signed by an RSA authority',
    template: `{{ $ca := genCA "rsa ca" 1 }}{{ $c := genSignedCert "leaf" nil nil 1 $ca }}${BOTH}`,
    want: { subject: 'CN=leaf', issuer: 'CN=rsa ca', days: 1, isAuthority: false, ...RSA },
  },
  {
    fn: 'genSignedCertWithKey',
    name: 'a key on P-256',
    template: `${CA}${KEY}{{ $c := genSignedCertWithKey "leaf" nil (list "x.y") 3 $ca $key }}${BOTH}`,
    want: { subject: 'CN=leaf', issuer: 'CN=the ca', names: 'DNS:x.y', days: 3, isAuthority: false, ...EC },
  },
  {
    fn: 'genSignedCertWithKey',
    name: 'an authority built from PEM',
    template: `${CA}${KEY}{{ $built := buildCustomCert ($ca.Cert | b64enc) ($ca.Key | b64enc) }}{{ $c := genSignedCertWithKey "leaf" nil nil 3 $built $key }}${BOTH}`,
    want: { subject: 'CN=leaf', issuer: 'CN=the ca', days: 3, isAuthority: false, ...EC },
  },
]

export const FAILING_ROWS: readonly FailingRow[] = [
  {
    fn: 'genSelfSignedCertWithKey',
    template: '{{ genSelfSignedCertWithKey "x" nil nil 7 "no key" }}',
    error: 'parsing private key: no PEM data in input',
  },
  { fn: 'genCAWithKey', template: '{{ genCAWithKey "x" 7 "" }}', error: 'parsing private key: no PEM data in input' },
  {
    fn: 'genSelfSignedCert',
    template: '{{ genSelfSignedCert "x" (list "1.2.3") nil 7 }}',
    error: 'error parsing ip: 1.2.3',
  },
  {
    fn: 'genSelfSignedCert',
    template: '{{ genSelfSignedCert "x" (list 1) nil 7 }}',
    error: 'error parsing ip: 1 is not a string',
  },
  {
    fn: 'genSignedCert',
    template: '{{ genSignedCert "x" nil nil 7 "no authority" }}',
    error: 'can\'t handle "no authority" for arg of type sprig.certificate',
  },
  {
    fn: 'genSignedCertWithKey',
    template: `${CA}{{ genSignedCertWithKey "x" nil nil 7 $ca "-----BEGIN X-----\\nAA==\\n-----END X-----" }}`,
    error: 'no private key data in PEM block of type X',
  },
]

/** The days for which a certificate is valid. */
export function validDays(certificate: X509Certificate): number {
  return (Date.parse(certificate.validTo) - Date.parse(certificate.validFrom)) / 86_400_000
}
