import { cbc } from '@noble/ciphers/aes.js'
import { fromBytes, FunctionError, toBytes, type Run } from '../../template/index.ts'
import { decodeBase64, encodeBase64 } from '../encoding.ts'
import { joinBytes } from './der.ts'

const BLOCK = 16

/** Sprig takes the password's first 32 bytes, filled up with zeros, as the key of AES-256-CBC. */
function keyOf(password: string): Uint8Array {
  const key = new Uint8Array(32)
  key.set(toBytes(password).subarray(0, 32))
  return key
}

/** base64 of a random vector and the padded text, encrypted. */
export function encryptAes(run: Run, password: string, text: string): string {
  if (text === '') return ''
  const iv = run.environment.randomBytes(BLOCK)
  return encodeBase64(joinBytes(iv, cbc(keyOf(password), iv).encrypt(toBytes(text))))
}

/** The text that {@link encryptAes} encrypted. A wrong password shows as wrong text or an error, as in sprig. */
export function decryptAes(password: string, encrypted: string): string {
  if (encrypted === '') return ''
  const bytes = decodeBase64(encrypted)
  if (typeof bytes === 'string') throw new FunctionError(bytes)
  if (bytes.length < BLOCK) {
    throw new FunctionError(`runtime error: slice bounds out of range [:${BLOCK}] with capacity ${bytes.length}`)
  }
  const body = bytes.subarray(BLOCK)
  if (body.length % BLOCK !== 0) throw new FunctionError('crypto/cipher: input not full blocks')
  if (body.length === 0) throw new FunctionError('runtime error: index out of range [-1]')
  const plain = cbc(keyOf(password), bytes.subarray(0, BLOCK), { disablePadding: true }).decrypt(body)
  const length = plain.length - plain.at(-1)!
  if (length < 0) throw new FunctionError(`runtime error: slice bounds out of range [:${length}]`)
  return fromBytes(plain.subarray(0, length))
}
