import { p256, p384, p521 } from '@noble/curves/nist.js'
import { ed25519ph } from '@noble/curves/ed25519.js'
import { PublicKeyInfo } from 'pkijs'
import { parsePem } from './pem.ts'

/** Hashes that signatures are made with. */
export type SignatureHash = 'SHA-256' | 'SHA-384' | 'SHA-512'

/** A key that judges signatures. */
export interface PublicKey {
  readonly type: 'ecdsa' | 'rsa' | 'ed25519'
  /** Bits of the field or the modulus. */
  readonly bits: number
  /** True where `signature` was made over `message` with this key. ECDSA signatures are in the DER form, unless `raw`; RSA is PKCS #1 v1.5, unless `pss`. Ed25519 has its own hash; `ph` is its form for messages that are hashed before. */
  verify(
    message: Uint8Array,
    signature: Uint8Array,
    options?: { readonly hash?: SignatureHash; readonly form?: 'der' | 'raw' | 'pkcs1' | 'pss' | 'ph' },
  ): Promise<boolean>
}

const curves: {
  readonly [oid: string]: { readonly name: string; readonly bits: number; readonly curve: typeof p256 }
} = Object.freeze({
  '1.2.840.10045.3.1.7': { name: 'P-256', bits: 256, curve: p256 },
  '1.3.132.0.34': { name: 'P-384', bits: 384, curve: p384 },
  '1.3.132.0.35': { name: 'P-521', bits: 521, curve: p521 },
})

const oids = Object.freeze({
  ec: '1.2.840.10045.2.1',
  rsa: '1.2.840.113549.1.1.1',
  ed25519: '1.3.101.112',
})

const minRsaBits = 2048
const maxRsaBits = 8192

/** `AlgorithmIdentifier {rsaEncryption, NULL}` in DER. */
const rsaAlgorithm = Object.freeze([0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1, 5, 0])

const hashBytes = Object.freeze({ 'SHA-256': 32, 'SHA-384': 48, 'SHA-512': 64 })

/**
 * Reads a public key in PEM form: `PUBLIC KEY` or `RSA PUBLIC KEY` (sigstore's UnmarshalPEMToPublicKey): ECDSA on the NIST curves, RSA from 2,048 bits, Ed25519.
 *
 * @throws Error with what is wrong with it; the text of the key is not in it.
 */
export async function parsePublicKey(pem: string): Promise<PublicKey> {
  const [block] = parsePem(pem)
  if (block === undefined) throw new Error('PEM decoding failed')
  if (block.label === 'PUBLIC KEY') return readSpki(block.data)
  if (block.label === 'RSA PUBLIC KEY') return readSpki(spkiOfRsa(block.data))
  throw new Error(`unknown Public key PEM file type: ${block.label}. Are you passing the correct public key?`)
}

/** Reads a SubjectPublicKeyInfo in DER. @throws Error as {@link parsePublicKey}. */
export async function readSpki(der: Uint8Array<ArrayBuffer>): Promise<PublicKey> {
  const info = PublicKeyInfo.fromBER(der)
  const { algorithmId } = info.algorithm
  if (algorithmId === oids.ec) {
    const parameters: unknown = info.algorithm.algorithmParams
    const oid = String((parameters as { valueBlock?: { toString(): string } } | undefined)?.valueBlock ?? '')
    return ecdsaKey(der, oid)
  }
  if (algorithmId === oids.rsa) return rsaKey(der)
  if (algorithmId === oids.ed25519) return ed25519Key(der)
  throw new Error(`unsupported kind of public key (${algorithmId})`)
}

async function ecdsaKey(der: Uint8Array<ArrayBuffer>, oid: string): Promise<PublicKey> {
  const found = Object.hasOwn(curves, oid) ? curves[oid] : undefined
  if (found === undefined) throw new Error('unsupported elliptic curve of the public key')
  const { name, bits, curve } = found
  const key = await crypto.subtle.importKey('spki', der, { name: 'ECDSA', namedCurve: name }, false, ['verify'])
  return {
    type: 'ecdsa',
    bits,
    verify: async (message, signature, { hash = 'SHA-256', form } = {}) => {
      let raw = signature
      try {
        if (form !== 'raw') raw = curve.Signature.fromBytes(signature, 'der').toBytes('compact')
      } catch {
        return false // No signature at all.
      }
      return crypto.subtle.verify({ name: 'ECDSA', hash }, key, Uint8Array.from(raw), Uint8Array.from(message))
    },
  }
}

async function rsaKey(der: Uint8Array<ArrayBuffer>): Promise<PublicKey> {
  const load = (name: string, hash: SignatureHash): Promise<CryptoKey> =>
    crypto.subtle.importKey('spki', der, { name, hash }, false, ['verify'])
  const first = await load('RSASSA-PKCS1-v1_5', 'SHA-256')
  const bits = (first.algorithm as RsaKeyAlgorithm).modulusLength
  if (bits < minRsaBits || bits > maxRsaBits)
    throw new Error(`the RSA key has ${bits} bits; from ${minRsaBits} to ${maxRsaBits} are accepted`)
  return {
    type: 'rsa',
    bits,
    verify: async (message, signature, { hash = 'SHA-256', form } = {}) => {
      const name = form === 'pss' ? 'RSA-PSS' : 'RSASSA-PKCS1-v1_5'
      const key = name !== 'RSA-PSS' && hash === 'SHA-256' ? first : await load(name, hash)
      const algorithm = form === 'pss' ? { name, saltLength: hashBytes[hash] } : { name }
      return crypto.subtle.verify(algorithm, key, Uint8Array.from(signature), Uint8Array.from(message))
    },
  }
}

async function ed25519Key(der: Uint8Array<ArrayBuffer>): Promise<PublicKey> {
  const key = await crypto.subtle.importKey('spki', der, { name: 'Ed25519' }, false, ['verify'])
  const point = der.slice(-32)
  return {
    type: 'ed25519',
    bits: 256,
    verify: async (message, signature, { form } = {}) => {
      if (form === 'ph')
        return signature.length === 64 && ed25519ph.verify(signature, message, point, { zip215: false })
      return crypto.subtle.verify({ name: 'Ed25519' }, key, Uint8Array.from(signature), Uint8Array.from(message))
    },
  }
}

/** Wraps an RSAPublicKey (PKCS #1) into a SubjectPublicKeyInfo. */
function spkiOfRsa(der: Uint8Array): Uint8Array<ArrayBuffer> {
  const bits = tagged(0x03, [0, ...der])
  return Uint8Array.from(tagged(0x30, [...rsaAlgorithm, ...bits]))
}

function tagged(tag: number, content: readonly number[]): readonly number[] {
  const { length } = content
  const head = length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff]
  return [tag, ...head, ...content]
}
