import { hmac } from '@noble/hashes/hmac.js'
import { sha256 } from '@noble/hashes/sha2.js'
import { utf8ToBytes } from '@noble/hashes/utils.js'
import { EngineError } from '../../base/index.ts'

/** The renderings of one side: as it is applied, and two with placeholders, which differ exactly where a secret takes part. */
export type Form = 'applied' | 'open' | 'twin'

/** What stands for secrets. The same reference has the same placeholder in every rendering of its form, whatever the secret is; nobody without the key can tell or guess it. */
export interface Placeholders {
  /**
   * The placeholder for what a reference names: letters and digits that pass for a text, a name of an object, a label, and base64 of a text.
   *
   * @param reference Names, never values: `['Secret', 'apps', 'db', 'password']`.
   */
  text(form: Form, reference: readonly string[]): string
  /** Bytes in place of random ones, from their beginning. Each call makes a new stream; all streams of one name have the same bytes. */
  random(form: Form, reference: readonly string[]): (length: number) => Uint8Array<ArrayBuffer>
}

/** Three lower-case letters whose base64 is four lower-case letters and digits. */
const units: readonly string[] = ['j', 'k', 'n', 'o', 'r', 's', 'v', 'w', 'z'].flatMap((first) =>
  'ghijklmnowxyz'
    .split('')
    .flatMap((second) => 'abcdefghijklmnopqrstuvwxyz'.split('').map((third) => btoa(first + second + third))),
)
/** 92 bits. */
const unitsOfText = 8
const minKeyLength = 16

/** Placeholders that are keyed with a secret of the deployment. @throws EngineError `plan-key-invalid` for a key that is too short. */
export function createPlaceholders(key: Uint8Array): Placeholders {
  if (key.length < minKeyLength)
    throw new EngineError(`the key for plans has ${key.length} bytes; it needs at least ${minKeyLength}`, {
      code: 'plan-key-invalid',
    })
  const bytes = (use: string, form: Form, reference: readonly string[], counter: number): Uint8Array =>
    hmac(sha256, key, utf8ToBytes(JSON.stringify(['placeholder', use, form, reference, counter])))
  return {
    text: (form, reference) => {
      const { buffer, byteOffset } = bytes('text', form, reference, 0)
      const view = new DataView(buffer, byteOffset)
      return Array.from(
        { length: unitsOfText },
        (_, index) => units[view.getUint32(index * 4) % units.length] ?? '',
      ).join('')
    },
    random: (form, reference) => {
      let counter = 0
      let rest = new Uint8Array()
      return (length) => {
        const result = new Uint8Array(length)
        for (let at = 0; at < length;) {
          if (rest.length === 0) rest = new Uint8Array(bytes('random', form, reference, counter++))
          const part = rest.subarray(0, length - at)
          result.set(part, at)
          rest = rest.subarray(part.length)
          at += part.length
        }
        return result
      }
    },
  }
}
