import { FunctionError, toBytes, type Run } from '../../template/index.ts'
import { copyState, encryptBlock, expandKey, initialState, type BlowfishState } from './blowfish.ts'

const COST = 10
const MAX_PASSWORD = 72
const ALPHABET = './ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789'
const MAGIC = 'OrpheanBeholderScryDoubt'
const STATE_KEY = 'sprig.blowfish'

/** bcrypt's base64: its own alphabet, no padding. */
function encode(bytes: Uint8Array): string {
  let out = ''
  for (let i = 0; i < bytes.length; i += 3) {
    const [a, b = 0, c = 0] = bytes.subarray(i, i + 3)
    const group = (a! << 16) | (b << 8) | c
    const size = Math.min(bytes.length - i, 3) + 1
    for (let k = 0; k < size; k++) out += ALPHABET[(group >> (18 - 6 * k)) & 63]!
  }
  return out
}

/** The bcrypt hash of a password with the given 16 bytes of salt, at cost 10: `$2a$10$…`. Takes about a tenth of a second. */
export function bcryptHash(run: Run, password: string, salt: Uint8Array): string {
  const bytes = toBytes(password)
  if (bytes.length > MAX_PASSWORD) throw new FunctionError('bcrypt: password length exceeds 72 bytes')
  const key = new Uint8Array(bytes.length + 1)
  key.set(bytes)
  const state = copyState(initialBoxes(run))
  expandKey(state, key, salt)
  for (let i = 0; i < 1 << COST; i++) {
    run.step(4096)
    expandKey(state, key)
    expandKey(state, salt)
  }
  return `$2a$${COST}$${encode(salt)}${encode(encryptMagic(state))}`
}

function initialBoxes(run: Run): BlowfishState {
  const cached = run.cache.get(STATE_KEY) as BlowfishState | undefined
  const state = cached ?? initialState()
  if (cached === undefined) run.cache.set(STATE_KEY, state)
  return state
}

function encryptMagic(state: BlowfishState): Uint8Array {
  const words = new Uint32Array(6)
  const bytes = toBytes(MAGIC)
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  for (let i = 0; i < 6; i++) words[i] = view.getUint32(i * 4)
  for (let i = 0; i < 6; i += 2) for (let k = 0; k < 64; k++) encryptBlock(state, words, i)
  const out = new Uint8Array(24)
  const result = new DataView(out.buffer)
  for (let i = 0; i < 6; i++) result.setUint32(i * 4, words[i]!)
  // The last byte is left out, as in every bcrypt.
  return out.subarray(0, 23)
}
