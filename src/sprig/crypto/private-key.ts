import { ed25519 } from '@noble/curves/ed25519.js'
import { p256, p384, p521 } from '@noble/curves/nist.js'
import { FunctionError, type Run } from '../../template/index.ts'
import {
  bitString,
  DerFault,
  dottedId,
  element,
  fromBigEndian,
  integer,
  integerAt,
  joinBytes,
  nullElement,
  objectId,
  OCTET_STRING,
  readElements,
  readSequence,
  sequence,
  toBigEndian,
} from './der.ts'
import { decodePem, encodePem } from './pem.ts'
import { findPrime, modPow, randomBits } from './primes.ts'
import { crtValues, generateRsa, signRsa, type RsaKey } from './rsa.ts'

type CurveName = 'P-256' | 'P-384' | 'P-521'

interface DsaKey {
  readonly p: bigint
  readonly q: bigint
  readonly g: bigint
  readonly y: bigint
  readonly x: bigint
}

/** A private key of one of the kinds that sprig makes and reads. */
export type PrivateKey =
  | { readonly type: 'rsa'; readonly key: RsaKey }
  | { readonly type: 'ecdsa'; readonly curve: CurveName; readonly secret: Uint8Array }
  | { readonly type: 'ed25519'; readonly seed: Uint8Array }
  | { readonly type: 'dsa'; readonly key: DsaKey }

const RSA_ID = '1.2.840.113549.1.1.1'
const EC_ID = '1.2.840.10045.2.1'
const ED25519_ID = '1.3.101.112'

const CURVES = {
  'P-256': { curve: p256, id: '1.2.840.10045.3.1.7', size: 32, signature: '1.2.840.10045.4.3.2' },
  'P-384': { curve: p384, id: '1.3.132.0.34', size: 48, signature: '1.2.840.10045.4.3.3' },
  'P-521': { curve: p521, id: '1.3.132.0.35', size: 66, signature: '1.2.840.10045.4.3.4' },
} as const

/** Makes a key: `rsa` with the given number of bits, `ecdsa` on P-256, `ed25519`, or `dsa` with 2048 and 256 bits. */
export function generateKey(run: Run, type: PrivateKey['type'], bits: number): PrivateKey {
  switch (type) {
    case 'rsa': {
      // What a key costs must show, so that a template cannot ask for thousands.
      if (run.environment.rsaKey !== undefined) run.step(bits * 512)
      const made = run.environment.rsaKey?.(bits)
      return made === undefined ? { type, key: generateRsa(run, bits) } : readRsa(made)
    }
    case 'ecdsa':
      return { type, curve: 'P-256', secret: p256.utils.randomSecretKey(run.environment.randomBytes(48)) }
    case 'ed25519':
      return { type, seed: run.environment.randomBytes(32) }
    case 'dsa':
      return { type, key: generateDsa(run) }
  }
}

function generateDsa(run: Run): DsaKey {
  const q = findPrime(run, 256, () => true)
  const p = findPrime(run, 2048, () => true, 2n * q)
  let g = 1n
  for (let h = 2n; g === 1n; h++) g = modPow(h, (p - 1n) / q, p)
  const x = (randomBits(run, 256) % (q - 1n)) + 1n
  return { p, q, g, x, y: modPow(g, x, p) }
}

/** The key in PEM, in the form that sprig gives each kind. */
export function encodeKey(key: PrivateKey): string {
  switch (key.type) {
    case 'rsa':
      return encodePem('RSA PRIVATE KEY', encodeRsa(key.key))
    case 'dsa': {
      const { p, q, g, y, x } = key.key
      return encodePem('DSA PRIVATE KEY', sequence(...[0n, p, q, g, y, x].map(integer)))
    }
    case 'ecdsa': {
      const { id } = CURVES[key.curve]
      const body = [
        integer(1n),
        element(OCTET_STRING, key.secret),
        element(0xa0, objectId(id)),
        element(0xa1, bitString(publicPoint(key.curve, key.secret))),
      ]
      return encodePem('EC PRIVATE KEY', sequence(...body))
    }
    case 'ed25519': {
      const seed = element(OCTET_STRING, element(OCTET_STRING, key.seed))
      return encodePem('PRIVATE KEY', sequence(integer(0n), sequence(objectId(ED25519_ID)), seed))
    }
  }
}

function encodeRsa(key: RsaKey): Uint8Array {
  const { dp, dq, inverse } = crtValues(key)
  return sequence(...[0n, key.n, key.e, key.d, key.p, key.q, dp, dq, inverse].map(integer))
}

function publicPoint(curve: CurveName, secret: Uint8Array): Uint8Array {
  return CURVES[curve].curve.getPublicKey(secret, false)
}

/** The SubjectPublicKeyInfo of the key, and the bits of the key inside it. Throws FunctionError for DSA. */
export function publicKeyInfo(key: PrivateKey): { readonly info: Uint8Array; readonly bits: Uint8Array } {
  const [algorithm, bits] = publicParts(key)
  return { info: sequence(algorithm, bitString(bits)), bits }
}

function publicParts(key: PrivateKey): [algorithm: Uint8Array, bits: Uint8Array] {
  switch (key.type) {
    case 'rsa':
      return [sequence(objectId(RSA_ID), nullElement()), sequence(integer(key.key.n), integer(key.key.e))]
    case 'ecdsa':
      return [sequence(objectId(EC_ID), objectId(CURVES[key.curve].id)), publicPoint(key.curve, key.secret)]
    case 'ed25519':
      return [sequence(objectId(ED25519_ID)), ed25519.getPublicKey(key.seed)]
    case 'dsa':
      throw new FunctionError('error creating certificate: x509: unsupported public key type: *dsa.PublicKey')
  }
}

/** Signs with the key's usual algorithm: SHA-256 with RSA, the curve's hash with ECDSA, Ed25519. */
export function sign(key: PrivateKey, message: Uint8Array): Uint8Array {
  switch (key.type) {
    case 'rsa':
      return signRsa(key.key, message)
    case 'ecdsa':
      return CURVES[key.curve].curve.sign(message, key.secret, { format: 'der', lowS: false })
    case 'ed25519':
      return ed25519.sign(message, key.seed)
    case 'dsa':
      throw new FunctionError(
        'error creating certificate: x509: certificate private key does not implement crypto.Signer',
      )
  }
}

/** The AlgorithmIdentifier that {@link sign} stands for. */
export function signatureAlgorithm(key: PrivateKey): Uint8Array {
  switch (key.type) {
    case 'rsa':
      return sequence(objectId('1.2.840.113549.1.1.11'), nullElement())
    case 'ecdsa':
      return sequence(objectId(CURVES[key.curve].signature))
    default:
      return sequence(objectId(ED25519_ID))
  }
}

/** Reads a private key in PEM. Throws FunctionError whose message starts as sprig's does; `prefix` is what the caller adds. */
export function decodeKey(pem: string, prefix: string): PrivateKey {
  const block = decodePem(pem)
  if (block === undefined) throw new FunctionError(`${prefix}no PEM data in input`)
  const fail = (message: string): FunctionError => new FunctionError(prefix + message)
  switch (block.type) {
    case 'PRIVATE KEY':
      return orFault(
        () => readPkcs8(block.bytes),
        (m) => fail(`decoding PEM as PKCS#8: ${m}`),
      )
    case 'RSA PRIVATE KEY':
      return orFault(
        () => readRsa(block.bytes),
        (m) => fail(`parsing RSA private key from PEM: ${m}`),
      )
    case 'EC PRIVATE KEY':
      return orFault(
        () => readEc(block.bytes, undefined),
        (m) => fail(`parsing EC private key from PEM: ${m}`),
      )
    case 'DSA PRIVATE KEY':
      return orFault(
        () => readDsa(block.bytes),
        (m) => fail(`parsing DSA private key from PEM: ${m}`),
      )
    default:
  }
  if (!block.type.endsWith(' PRIVATE KEY')) throw fail(`no private key data in PEM block of type ${block.type}`)
  throw fail(`invalid private key type ${block.type.slice(0, -' PRIVATE KEY'.length)}`)
}

function orFault<T>(read: () => T, fail: (message: string) => FunctionError): T {
  try {
    return read()
  } catch (error) {
    if (error instanceof DerFault) throw fail(error.message)
    throw error
  }
}

function readRsa(bytes: Uint8Array): PrivateKey {
  const nodes = readSequence(bytes)
  const [n, e, d, p, q] = [1, 2, 3, 4, 5].map((i) => integerAt(nodes, i)) as [bigint, bigint, bigint, bigint, bigint]
  if (integerAt(nodes, 0) !== 0n || p < 2n || q < 2n || p * q !== n) throw new DerFault('x509: invalid RSA key')
  return { type: 'rsa', key: { n, e, d, p, q } }
}

function readDsa(bytes: Uint8Array): PrivateKey {
  const nodes = readSequence(bytes)
  const [p, q, g, y, x] = [1, 2, 3, 4, 5].map((i) => integerAt(nodes, i)) as [bigint, bigint, bigint, bigint, bigint]
  return { type: 'dsa', key: { p, q, g, y, x } }
}

/** SEC 1; `curveId` is the curve that a PKCS#8 wrapper names. */
function readEc(bytes: Uint8Array, curveId: string | undefined): PrivateKey {
  const nodes = readSequence(bytes)
  const secret = nodes[1]
  if (integerAt(nodes, 0) !== 1n || secret?.tag !== OCTET_STRING) {
    throw new DerFault('x509: failed to parse EC private key')
  }
  const parameters = nodes.find((node) => node.tag === 0xa0)
  const id = curveId ?? (parameters === undefined ? undefined : dottedId(readElements(parameters.content)[0]))
  const found = (Object.keys(CURVES) as CurveName[]).find((name) => CURVES[name].id === id)
  if (found === undefined) throw new DerFault('x509: unknown elliptic curve (P-256, P-384 and P-521 are supported)')
  const { curve, size } = CURVES[found]
  const padded = toBigEndian(fromBigEndian(secret.content), size)
  if (!curve.utils.isValidSecretKey(padded)) throw new DerFault('x509: invalid elliptic curve private key value')
  return { type: 'ecdsa', curve: found, secret: padded }
}

function readPkcs8(bytes: Uint8Array): PrivateKey {
  const [, algorithm, body] = readSequence(bytes)
  if (algorithm === undefined || body?.tag !== OCTET_STRING)
    throw new DerFault("asn1: structure error: tags don't match")
  const [id, parameters] = readElements(algorithm.content)
  switch (dottedId(id)) {
    case RSA_ID:
      return readRsa(joinBytes(body.content))
    case EC_ID:
      return readEc(body.content, dottedId(parameters))
    case ED25519_ID: {
      const [seed] = readElements(body.content)
      if (seed?.tag !== OCTET_STRING || seed.content.length !== 32)
        throw new DerFault('x509: invalid Ed25519 private key')
      return { type: 'ed25519', seed: joinBytes(seed.content) }
    }
    default:
      throw new DerFault(`x509: PKCS#8 wrapping contained private key with unknown algorithm: ${dottedId(id) ?? '?'}`)
  }
}
