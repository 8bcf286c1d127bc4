import {
  ANY_LIST,
  formatValue,
  fromBytes,
  FunctionError,
  goFunction,
  GoObject,
  INT,
  STRING,
  structParam,
  UINT32,
  type GoFunction,
  type GoInt,
  type ParamType,
  type Run,
  type Value,
} from '../template/index.ts'
import { decryptAes, encryptAes } from './crypto/aes.ts'
import { bcryptHash } from './crypto/bcrypt.ts'
import { createCertificate, readCertificate, type CertificateRequest } from './crypto/certificate.ts'
import { derivePassword } from './crypto/derive-password.ts'
import { decodeKey, encodeKey, generateKey, type PrivateKey } from './crypto/private-key.ts'
import { decodeBase64 } from './encoding.ts'
import { parseIp } from './urls.ts'

/** Sprig's certificate: PEM texts in `Cert` and `Key`. */
class CertificateValue extends GoObject {
  readonly goType = 'sprig.certificate'
  readonly fields: ReadonlyMap<string, Value>
  readonly cert: string
  readonly key: string

  constructor(cert: string, key: string) {
    super()
    this.cert = cert
    this.key = key
    this.fields = new Map([
      ['Cert', cert],
      ['Key', key],
    ])
  }

  override get isComparable(): boolean {
    return true
  }

  override equals(other: Value): boolean {
    return other instanceof CertificateValue && other.cert === this.cert && other.key === this.key
  }
}

const CERTIFICATE: ParamType<CertificateValue> = structParam(
  'sprig.certificate',
  (v): v is CertificateValue => v instanceof CertificateValue,
)

const RSA_BITS = 2048
const PRIVATE_KEY_RSA_BITS = 4096

function addresses(run: Run, list: readonly Value[] | null): Uint8Array[] {
  return (list ?? []).map((item) => {
    if (typeof item !== 'string') throw new FunctionError(`error parsing ip: ${formatValue(item, run)} is not a string`)
    const ip = parseIp(item)
    if (ip === undefined) throw new FunctionError(`error parsing ip: ${item}`)
    return ip
  })
}

function dnsNames(run: Run, list: readonly Value[] | null): string[] {
  return (list ?? []).map((item) => {
    if (typeof item === 'string') return item
    throw new FunctionError(`error processing alternate dns name: ${formatValue(item, run)} is not a string`)
  })
}

type KeySource = (run: Run) => PrivateKey

const freshKey: KeySource = (run) => generateKey(run, 'rsa', RSA_BITS)

function givenKey(pem: string): KeySource {
  return () => decodeKey(pem, 'parsing private key: ')
}

function authority(run: Run, commonName: string, days: GoInt, source: KeySource): Value {
  const key = source(run)
  const request = { commonName, ips: [], dnsNames: [], days: days.toNumber(), isAuthority: true }
  return new CertificateValue(createCertificate(run, request, { subject: key, signer: key }), encodeKey(key))
}

type Lists = readonly Value[] | null

function requestOf(run: Run, commonName: string, lists: [ips: Lists, names: Lists], days: GoInt): CertificateRequest {
  const ips = addresses(run, lists[0])
  return { commonName, ips, dnsNames: dnsNames(run, lists[1]), days: days.toNumber(), isAuthority: false }
}

function selfSigned(run: Run, request: CertificateRequest, key: PrivateKey): Value {
  return new CertificateValue(createCertificate(run, request, { subject: key, signer: key }), encodeKey(key))
}

function signedBy(run: Run, request: CertificateRequest, ca: CertificateValue, key: PrivateKey): Value {
  const issuer = readCertificate(ca.cert, 'decodedSignerCert.Bytes')
  const signer = decodeKey(ca.key, 'error parsing private key: ')
  return new CertificateValue(createCertificate(run, request, { subject: key, signer }, issuer), encodeKey(key))
}

function customCertificate(encodedCert: string, encodedKey: string): Value {
  const cert = decodeBase64(encodedCert)
  if (typeof cert === 'string') throw new FunctionError('unable to decode base64 certificate')
  const key = decodeBase64(encodedKey)
  if (typeof key === 'string') throw new FunctionError('unable to decode base64 private key')
  const [certText, keyText] = [fromBytes(cert), fromBytes(key)]
  readCertificate(certText, 'decodedCert.Bytes')
  decodeKey(keyText, 'error parsing private key: ')
  return new CertificateValue(certText, keyText)
}

function privateKey(run: Run, type: string): string {
  switch (type) {
    case '':
    case 'rsa':
      return encodeKey(generateKey(run, 'rsa', PRIVATE_KEY_RSA_BITS))
    case 'dsa':
    case 'ecdsa':
    case 'ed25519':
      return encodeKey(generateKey(run, type, 0))
    default:
      return `Unknown type ${type}`
  }
}

function bcrypt(run: Run, password: string): string {
  try {
    return bcryptHash(run, password, run.environment.randomBytes(16))
  } catch (error) {
    // compat(sprig): the error is the result's text.
    if (error instanceof FunctionError) return `failed to encrypt string with bcrypt: ${error.message}`
    throw error
  }
}

const certificates: readonly GoFunction[] = [
  goFunction('genCA', [STRING, INT], (run, name, days) => authority(run, name, days, freshKey)),
  goFunction('genCAWithKey', [STRING, INT, STRING], (run, name, days, pem) =>
    authority(run, name, days, givenKey(pem)),
  ),
  goFunction('genSelfSignedCert', [STRING, ANY_LIST, ANY_LIST, INT], (run, name, ips, names, days) =>
    selfSigned(run, requestOf(run, name, [ips, names], days), freshKey(run)),
  ),
  goFunction(
    'genSelfSignedCertWithKey',
    [STRING, ANY_LIST, ANY_LIST, INT, STRING],
    (run, name, ips, names, days, pem) => selfSigned(run, requestOf(run, name, [ips, names], days), givenKey(pem)(run)),
  ),
  goFunction('genSignedCert', [STRING, ANY_LIST, ANY_LIST, INT, CERTIFICATE], (run, name, ips, names, days, ca) =>
    signedBy(run, requestOf(run, name, [ips, names], days), ca, freshKey(run)),
  ),
  goFunction(
    'genSignedCertWithKey',
    [STRING, ANY_LIST, ANY_LIST, INT, CERTIFICATE, STRING],
    (run, name, ips, names, days, ca, pem) =>
      signedBy(run, requestOf(run, name, [ips, names], days), ca, givenKey(pem)(run)),
  ),
  goFunction('buildCustomCert', [STRING, STRING], (_run, cert, key) => customCertificate(cert, key)),
  goFunction('genPrivateKey', [STRING], privateKey),
]

const passwords: readonly GoFunction[] = [
  goFunction('bcrypt', [STRING], bcrypt),
  goFunction('htpasswd', [STRING, STRING], (run, user, password) =>
    user.includes(':') ? `invalid username: ${user}` : `${user}:${bcrypt(run, password)}`,
  ),
  goFunction('derivePassword', [UINT32, STRING, STRING, STRING, STRING], (run, counter, type, password, user, site) => {
    run.step(1 << 16)
    return derivePassword({ counter: counter.toNumber(), type, password, user, site })
  }),
  goFunction('encryptAES', [STRING, STRING], encryptAes),
  goFunction('decryptAES', [STRING, STRING], (_run, password, text) => decryptAes(password, text)),
]

/** Sprig's keys, certificates and passwords. Keys and salts come from the environment's random numbers. */
export const cryptoFunctions: readonly GoFunction[] = [...certificates, ...passwords]
