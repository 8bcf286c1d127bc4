import { ed25519 } from '@noble/curves/ed25519.js'
import { p256, p384, p521 } from '@noble/curves/nist.js'
import { equalBytes } from '@noble/curves/utils.js'
import { sha256, sha512 } from '@noble/hashes/sha2.js'
import { decodeBase64 } from '../base64.ts'
import { concatBytes } from '../../../base/index.ts'
import { SshReader, sshString } from './ssh-wire.ts'

/** What an SSH signature is for; one that was made for something else (`file`, an e-mail) is worth nothing here. */
const gitNamespace = 'git'

const magic = 'SSHSIG'
const minRsaBits = 2048

const curves = Object.freeze({ nistp256: p256, nistp384: p384, nistp521: p521 })

interface Signature {
  readonly key: Uint8Array
  readonly hash: 'sha256' | 'sha512'
  readonly reserved: Uint8Array
  readonly namespace: string
  /** Algorithm and value, in the wire encoding. */
  readonly value: Uint8Array
}

/**
 * Verifies an armored SSH signature (OpenSSH PROTOCOL.sshsig) over `payload` with the keys in `authorizedKeys` (lines of an `authorized_keys` file): Ed25519, ECDSA on the NIST curves, RSA from 2,048 bits with SHA-2, and the
 * same two on security keys, whose owner must have touched them. Returns the fingerprint of the key (`SHA256:<base64>`), or undefined where none of them made it.
 */
export async function verifySshSignature(
  armored: string,
  payload: Uint8Array,
  authorizedKeys: readonly string[],
): Promise<string | undefined> {
  const signature = readSignature(armored)
  if (signature === undefined || signature.namespace !== gitNamespace) return undefined
  const keys = authorizedKeys.flatMap(readAuthorizedKeys)
  const key = keys.find((one) => equalBytes(one, signature.key))
  if (key === undefined) return undefined
  const digest = signature.hash === 'sha256' ? sha256(payload) : sha512(payload)
  const signed = concatBytes([
    new TextEncoder().encode(magic),
    sshString(signature.namespace),
    sshString(signature.reserved),
    sshString(signature.hash),
    sshString(digest),
  ])
  return (await isSignedBy(key, signature.value, signed)) ? sshFingerprint(key) : undefined
}

/** `SHA256:<base64 without padding>` of a public key in the wire encoding, as ssh-keygen prints it. */
export function sshFingerprint(key: Uint8Array): string {
  return `SHA256:${btoa(String.fromCharCode(...sha256(key))).replace(/=+$/, '')}`
}

/** The public keys of an `authorized_keys` text, in the wire encoding. Options before a key and what cannot be read are passed over. */
export function readAuthorizedKeys(text: string): Uint8Array[] {
  return text.split(/\r?\n/).flatMap((line) => {
    if (/^\s*(#|$)/.test(line)) return []
    // Options may hold quoted blanks, in which something that looks like a key does not count.
    const fields = line.trim().match(/(?:"(?:\\.|[^"\\])*"|[^\s"])+/g) ?? []
    const at = fields.findIndex((field) => /^(sk-)?(ssh|ecdsa)-[a-z0-9@.-]+$/.test(field))
    const key = decodeBase64(fields[at + 1] ?? '')
    return at < 0 || key === undefined || new SshReader(key).text() !== fields[at] ? [] : [key]
  })
}

function readSignature(armored: string): Signature | undefined {
  const body = /-----BEGIN SSH SIGNATURE-----([A-Za-z0-9+/=\s]+)-----END SSH SIGNATURE-----\s*$/.exec(armored)?.[1]
  const blob = decodeBase64(body ?? '')
  if (blob === undefined || new TextDecoder().decode(blob.subarray(0, magic.length)) !== magic) return undefined
  const reader = new SshReader(blob, magic.length)
  const version = reader.uint32()
  const key = reader.bytes()
  const namespace = reader.text()
  const reserved = reader.bytes()
  const hash = reader.text()
  const value = reader.bytes()
  const isRead = key !== undefined && namespace !== undefined && reserved !== undefined && value !== undefined
  if (!isRead || version !== 1 || !reader.isAtEnd || (hash !== 'sha256' && hash !== 'sha512')) return undefined
  return { key, namespace, reserved, hash, value }
}

async function isSignedBy(key: Uint8Array, value: Uint8Array, signed: Uint8Array): Promise<boolean> {
  const keyReader = new SshReader(key)
  const type = keyReader.text() ?? ''
  const reader = new SshReader(value)
  const algorithm = reader.text()
  const raw = reader.bytes()
  if (raw === undefined) return false
  try {
    if (type === 'ssh-rsa') return await isRsaSigned(keyReader, algorithm, raw, signed)
    if (algorithm !== type) return false
    if (!type.startsWith('sk-')) return isCurveSigned(type, keyReader, raw, signed)
    return isSecurityKeySigned(type, keyReader, { reader, raw }, signed)
  } catch {
    return false // A point that is not on its curve, and the like: such a key signs nothing.
  }
}

function isCurveSigned(type: string, key: SshReader, raw: Uint8Array, signed: Uint8Array): boolean {
  if (type === 'ssh-ed25519') {
    const point = key.bytes()
    return point !== undefined && ed25519.verify(raw, signed, point, { zip215: false })
  }
  const name = key.text() ?? ''
  const curve = Object.hasOwn(curves, name) ? curves[name as keyof typeof curves] : undefined
  const point = key.bytes()
  const reader = new SshReader(raw)
  const r = reader.mpint()
  const s = reader.mpint()
  const isRead = point !== undefined && r !== undefined && s !== undefined && reader.isAtEnd
  if (curve === undefined || !isRead || type !== `ecdsa-sha2-${name}`) return false
  return curve.verify(new curve.Signature(r, s).toBytes('compact'), signed, point, { prehash: true, lowS: false })
}

/** PROTOCOL.u2f: the key signs a digest of what it is for, its flags, a counter, and a digest of the message. */
function isSecurityKeySigned(
  type: string,
  key: SshReader,
  signature: { readonly reader: SshReader; readonly raw: Uint8Array },
  signed: Uint8Array,
): boolean {
  const { reader, raw } = signature
  const flags = reader.byte()
  const counter = reader.uint32()
  const isEd25519 = type === 'sk-ssh-ed25519@openssh.com'
  const curve = isEd25519 ? undefined : key.text()
  const point = key.bytes()
  const application = key.bytes()
  if (flags === undefined || counter === undefined || point === undefined || application === undefined) return false
  const isTouched = (flags & 1) === 1
  if (!isTouched || !(isEd25519 || (type === 'sk-ecdsa-sha2-nistp256@openssh.com' && curve === 'nistp256')))
    return false
  const tail = new Uint8Array(5)
  tail[0] = flags
  new DataView(tail.buffer).setUint32(1, counter)
  const message = concatBytes([sha256(application), tail, sha256(signed)])
  const plainKey = new SshReader(isEd25519 ? sshString(point) : concatBytes([sshString('nistp256'), sshString(point)]))
  return isCurveSigned(isEd25519 ? 'ssh-ed25519' : 'ecdsa-sha2-nistp256', plainKey, raw, message)
}

async function isRsaSigned(
  key: SshReader,
  algorithm: string | undefined,
  raw: Uint8Array,
  signed: Uint8Array,
): Promise<boolean> {
  const hash = algorithm === 'rsa-sha2-512' ? 'SHA-512' : algorithm === 'rsa-sha2-256' ? 'SHA-256' : undefined
  const e = withoutZeros(key.bytes())
  const n = withoutZeros(key.bytes())
  if (hash === undefined || e === undefined || n === undefined || n.length * 8 < minRsaBits) return false
  const parameters = { name: 'RSASSA-PKCS1-v1_5', hash }
  const jwk = { kty: 'RSA', e: base64Url(e), n: base64Url(n) }
  const imported = await crypto.subtle.importKey('jwk', jwk, parameters, false, ['verify'])
  // Shorter signatures have lost leading zeros on the way; WebCrypto wants them.
  const padded = new Uint8Array(n.length)
  if (raw.length > n.length) return false
  padded.set(raw, n.length - raw.length)
  return crypto.subtle.verify(parameters, imported, padded, Uint8Array.from(signed))
}

function withoutZeros(bytes: Uint8Array | undefined): Uint8Array | undefined {
  const start = bytes?.findIndex((byte) => byte !== 0) ?? -1
  return start < 0 ? undefined : bytes?.subarray(start)
}

function base64Url(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replace(/=+$/, '')
}
