import { EngineError, type Json } from '../base/index.ts'

/** Bounds of the StateStore port, the same on every platform so that a value which fits one fits all. */
const maxKeyBytes = 512
const maxValueBytes = 1024 * 1024

/** The bytes of a key. Throws EngineError `state-key-invalid`. */
export function checkedKey(key: string): Uint8Array {
  const bytes = new TextEncoder().encode(key)
  if (bytes.length > 0 && bytes.length <= maxKeyBytes) return bytes
  throw new EngineError(`a key of the state store has 1 to ${maxKeyBytes} bytes, not ${bytes.length}`, {
    code: 'state-key-invalid',
    disposition: 'bug',
  })
}

/** A value as JSON text. Throws EngineError `state-value-too-large`. */
export function checkedValue(key: string, value: Json): string {
  const text = JSON.stringify(value)
  if (text.length <= maxValueBytes / 3 || new TextEncoder().encode(text).length <= maxValueBytes) return text
  throw new EngineError(`the value of ${key} is larger than ${maxValueBytes} bytes`, {
    code: 'state-value-too-large',
    disposition: 'bug',
  })
}

/** The smallest byte string that is greater than every one which begins with `prefix`. */
export function prefixEnd(prefix: Uint8Array): Uint8Array {
  for (let i = prefix.length - 1; i >= 0; i--) {
    const byte = prefix[i] ?? 0
    if (byte === 0xff) continue
    const end = prefix.slice(0, i + 1)
    end[i] = byte + 1
    return end
  }
  return new Uint8Array(maxKeyBytes + 1).fill(0xff) // Greater than any key: UTF-8 has no byte 0xff.
}
