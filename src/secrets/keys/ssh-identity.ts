import { concatBytes } from '../../base/index.ts'
import { chacha20poly1305 } from '@noble/ciphers/chacha.js'
import { ed25519, x25519 } from '@noble/curves/ed25519.js'
import { hkdf } from '@noble/hashes/hkdf.js'
import { sha256, sha512 } from '@noble/hashes/sha2.js'
import type { Identity } from 'age-encryption'
import { fromBase64, toBase64 } from '../encoding.ts'
import { secretsError } from '../errors.ts'
import { rsaPrivateJwk, sshString, type RsaNumbers } from './ssh-wire.ts'

const ed25519Label = 'age-encryption.org/v1/ssh-ed25519'
const rsaLabel = 'age-encryption.org/v1/ssh-rsa'

/**
 * An SSH private key as an age identity: unwraps `ssh-ed25519` and `ssh-rsa` stanzas (age v1.3, agessh). Takes OpenSSH's own format, and PKCS#1
 * and PKCS#8 for RSA, all without a passphrase.
 *
 * @throws EngineError `sops-bad-key-material`.
 */
export async function parseSshIdentity(pem: string, name: string): Promise<Identity> {
  const [, label = '', body = ''] = /-----BEGIN ([A-Z ]+)-----([\s\S]*?)-----END/.exec(pem) ?? []
  if (body.includes('Proc-Type:') || label.startsWith('ENCRYPTED')) throw protectedKey(name)
  const bytes = fromBase64(body.replaceAll(/\s/g, ''))
  if (bytes === undefined) throw unusable(name, 'it is damaged')
  if (label === 'OPENSSH PRIVATE KEY') return await openSshIdentity(bytes, name)
  if (label === 'RSA PRIVATE KEY') return await rsaIdentity(pkcs1Numbers(bytes, name), name)
  if (label === 'PRIVATE KEY') return await rsaIdentity(pkcs1Numbers(pkcs8Inner(bytes, name), name), name)
  throw unusable(name, 'only Ed25519 and RSA keys can be recipients of age')
}

const magic = 'openssh-key-v1\0'

/** PROTOCOL.key of OpenSSH: cipher, kdf, public key, and the private part, which repeats a check number. */
async function openSshIdentity(bytes: Uint8Array, name: string): Promise<Identity> {
  const reader = new SshReader(bytes, name)
  if (new TextDecoder('latin1').decode(reader.take(magic.length)) !== magic) throw unusable(name, 'it is damaged')
  const cipher = reader.text()
  if (cipher !== 'none') throw protectedKey(name)
  reader.text()
  reader.bytes()
  if (reader.uint32() !== 1) throw unusable(name, 'it holds several keys')
  reader.bytes()
  const inner = new SshReader(reader.bytes(), name)
  if (inner.uint32() !== inner.uint32()) throw unusable(name, 'it is damaged')
  const type = inner.text()
  if (type === 'ssh-ed25519') {
    inner.bytes()
    const secret = inner.bytes()
    if (secret.length !== 64) throw unusable(name, 'it is damaged')
    return ed25519Identity(secret.subarray(0, 32))
  }
  if (type === 'ssh-rsa') {
    const [n, e, d, qInverse, p, q] = [
      inner.bytes(),
      inner.bytes(),
      inner.bytes(),
      inner.bytes(),
      inner.bytes(),
      inner.bytes(),
    ]
    return await rsaIdentity({ n, e, d, p, q, qInverse }, name)
  }
  throw unusable(name, `only Ed25519 and RSA keys can be recipients of age, not ${type.replaceAll(/[^\w@.-]/g, '')}`)
}

function ed25519Identity(seed: Uint8Array): Identity {
  const publicKey = ed25519.getPublicKey(seed)
  const wire = concatBytes([sshString('ssh-ed25519'), sshString(publicKey)])
  const tag = stanzaTag(wire)
  const scalar = sha512(seed).subarray(0, 32)
  const ourPoint = x25519.getPublicKey(scalar)
  const tweak = hkdf(sha256, new Uint8Array(), wire, new TextEncoder().encode(ed25519Label), 32)
  return {
    unwrapFileKey: (stanzas) => {
      for (const { args, body } of stanzas) {
        const [type, theirTag, share] = args
        if (type !== 'ssh-ed25519' || theirTag !== tag || share === undefined || args.length !== 3) continue
        const point = fromBase64(share.padEnd(Math.ceil(share.length / 4) * 4, '='))
        if (point?.length !== 32 || body.length !== 32) throw new Error('invalid ssh-ed25519 stanza')
        const secret = x25519.getSharedSecret(tweak, x25519.getSharedSecret(scalar, point))
        const salt = concatBytes([point, ourPoint])
        const key = hkdf(sha256, secret, salt, new TextEncoder().encode(ed25519Label), 32)
        return chacha20poly1305(key, new Uint8Array(12)).decrypt(body)
      }
      return null
    },
  }
}

async function rsaIdentity(numbers: RsaNumbers, name: string): Promise<Identity> {
  const wire = concatBytes([sshString('ssh-rsa'), sshString(numbers.e, true), sshString(numbers.n, true)])
  const tag = stanzaTag(wire)
  let key: CryptoKey
  try {
    key = await crypto.subtle.importKey('jwk', rsaPrivateJwk(numbers), { name: 'RSA-OAEP', hash: 'SHA-256' }, false, [
      'decrypt',
    ])
  } catch {
    throw unusable(name, 'it is no valid RSA key')
  }
  return {
    unwrapFileKey: async (stanzas) => {
      for (const { args, body } of stanzas) {
        if (args[0] !== 'ssh-rsa' || args[1] !== tag || args.length !== 2) continue
        const label = new TextEncoder().encode(rsaLabel)
        return new Uint8Array(await crypto.subtle.decrypt({ name: 'RSA-OAEP', label }, key, new Uint8Array(body)))
      }
      return null
    },
  }
}

/** The first four bytes of the public key's SHA-256 tell whom a stanza is for. */
function stanzaTag(wire: Uint8Array): string {
  return toBase64(sha256(wire).subarray(0, 4)).replace(/=+$/, '')
}

class SshReader {
  readonly #bytes: Uint8Array
  readonly #name: string
  #at = 0

  constructor(bytes: Uint8Array, name: string) {
    this.#bytes = bytes
    this.#name = name
  }

  take(length: number): Uint8Array {
    if (this.#at + length > this.#bytes.length) throw unusable(this.#name, 'it is cut off')
    this.#at += length
    return this.#bytes.subarray(this.#at - length, this.#at)
  }

  uint32(): number {
    const [a = 0, b = 0, c = 0, d = 0] = this.take(4)
    return ((a << 24) | (b << 16) | (c << 8) | d) >>> 0
  }

  bytes(): Uint8Array {
    return this.take(this.uint32())
  }

  text(): string {
    return new TextDecoder('latin1').decode(this.bytes())
  }
}

/** The integers of an RSAPrivateKey (RFC 8017, A.1.2). */
function pkcs1Numbers(bytes: Uint8Array, name: string): RsaNumbers {
  const integers = derSequence(bytes, name)
  const [, n, e, d, p, q, , , qInverse] = integers.map(({ content }) => content)
  if (!n || !e || !d || !p || !q || !qInverse) throw unusable(name, 'it is no RSA key')
  return { n, e, d, p, q, qInverse }
}

/** The key inside a PrivateKeyInfo (RFC 5208): version, algorithm, octet string. */
function pkcs8Inner(bytes: Uint8Array, name: string): Uint8Array {
  const key = derSequence(bytes, name)[2]
  if (key?.tag !== 0x04) throw unusable(name, 'it is no RSA key')
  return key.content
}

function derSequence(bytes: Uint8Array, name: string): { readonly tag: number; readonly content: Uint8Array }[] {
  const outer = derItems(bytes, name)[0]
  if (outer?.tag !== 0x30) throw unusable(name, 'it is damaged')
  return derItems(outer.content, name)
}

function derItems(bytes: Uint8Array, name: string): { readonly tag: number; readonly content: Uint8Array }[] {
  const items: { tag: number; content: Uint8Array }[] = []
  for (let at = 0; at < bytes.length;) {
    const tag = bytes[at++] ?? 0
    let length = bytes[at++] ?? 0
    if (length & 0x80) {
      const count = length & 0x7f
      if (count > 4) throw unusable(name, 'it is damaged')
      length = bytes.subarray(at, at + count).reduce((sum, byte) => sum * 256 + byte, 0)
      at += count
    }
    if (at + length > bytes.length) throw unusable(name, 'it is cut off')
    items.push({ tag, content: bytes.subarray(at, at + length) })
    at += length
  }
  return items
}

function protectedKey(name: string) {
  return unusable(name, 'it is protected by a passphrase; remove it with ssh-keygen -p')
}

function unusable(name: string, why: string) {
  return secretsError('sops-bad-key-material', `the SSH key in ${name} cannot be used: ${why}`)
}
