import { isEqualConstantTime } from './constant-time.ts'

/** Hash functions of signatures, and the length of theirs in hexadecimal digits. */
const hashes = { sha1: ['SHA-1', 40], sha256: ['SHA-256', 64], sha512: ['SHA-512', 128] } as const

export type HmacHash = keyof typeof hashes

/** Whether a text has the form of such a signature: the right number of small hexadecimal digits. */
export function isHmacForm(text: string, hash: HmacHash): boolean {
  return text.length === hashes[hash][1] && /^[0-9a-f]+$/.test(text)
}

/**
 * Whether `signature` (small hexadecimal digits) is the HMAC of `body` under one of `keys`. All of them are tried always; an empty key signs nothing.
 */
export async function verifyHmac(
  body: Uint8Array,
  signature: string,
  keys: readonly (string | Uint8Array)[],
  hash: HmacHash,
): Promise<boolean> {
  if (!isHmacForm(signature, hash)) return false
  const results = await Promise.all(keys.map((key) => isSignedBy(body, signature, key, hash)))
  return results.includes(true)
}

/** The parts of a header `<hash>=<hex>`; undefined where it has another form, or a hash that is not among `allowed`. */
export function parseSignature(
  value: string | null,
  allowed: readonly HmacHash[],
): { readonly hash: HmacHash; readonly signature: string } | undefined {
  const [, name = '', signature = ''] = /^(sha1|sha256|sha512)=([0-9a-fA-F]{40,128})$/.exec(value ?? '') ?? []
  const hash = allowed.find((one) => one === name)
  const digits = signature.toLowerCase()
  return hash === undefined || !isHmacForm(digits, hash) ? undefined : { hash, signature: digits }
}

async function isSignedBy(
  body: Uint8Array,
  signature: string,
  key: string | Uint8Array,
  hash: HmacHash,
): Promise<boolean> {
  const bytes = typeof key === 'string' ? new TextEncoder().encode(key) : (key as Uint8Array<ArrayBuffer>)
  if (bytes.length === 0) return false
  const algorithm = { name: 'HMAC', hash: hashes[hash][0] }
  const imported = await crypto.subtle.importKey('raw', bytes, algorithm, false, ['sign'])
  const mac = new Uint8Array(await crypto.subtle.sign('HMAC', imported, body as Uint8Array<ArrayBuffer>))
  return isEqualConstantTime(Array.from(mac, (byte) => byte.toString(16).padStart(2, '0')).join(''), signature)
}
