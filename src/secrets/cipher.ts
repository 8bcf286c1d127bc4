import { concatBytes } from '../base/index.ts'
import { secretsError } from './errors.ts'
import { fromBase64, utf8Text } from './encoding.ts'
import { SopsComment, SopsTime, type SopsValue } from './tree.ts'

/** Decrypts the values of one file. */
export interface ValueCipher {
  /**
   * The plain value of `ENC[AES256_GCM,data:…,iv:…,tag:…,type:…]` with its type. '' stays ''.
   *
   * @throws EngineError `sops-bad-value` where the text is none of that form, was changed, or belongs to another place.
   */
  decrypt(value: string, additionalData: string): Promise<SopsValue>
}

const form = /^ENC\[AES256_GCM,data:(.+),iv:(.+),tag:(.+),type:(.+)\]/

/**
 * AES-256-GCM over values as SOPS has it: 32 bytes of nonce, the value's path as additional data (sops v3.13, aes/cipher.go).
 *
 * @throws EngineError `sops-no-data-key` for a data key that is not 32 bytes long.
 */
export async function createValueCipher(dataKey: Uint8Array<ArrayBuffer>): Promise<ValueCipher> {
  if (dataKey.length !== 32)
    throw secretsError('sops-no-data-key', `the data key has ${dataKey.length} bytes instead of 32`)
  const key = await crypto.subtle.importKey('raw', dataKey, 'AES-GCM', false, ['decrypt'])
  return {
    decrypt: async (value, additionalData) => {
      if (value === '') return ''
      const [, data = '', iv = '', tag = '', type = ''] = form.exec(value) ?? []
      if (type === '') throw badValue('it is not encrypted, or not as SOPS does it')
      const [dataBytes, ivBytes, tagBytes] = [data, iv, tag].map(fromBase64)
      if (dataBytes === undefined || ivBytes === undefined || tagBytes?.length !== 16)
        throw badValue('it is damaged: its parts are no base64')
      let plain: ArrayBuffer
      try {
        plain = await crypto.subtle.decrypt(
          { name: 'AES-GCM', iv: ivBytes, additionalData: new TextEncoder().encode(additionalData), tagLength: 128 },
          key,
          concatBytes([dataBytes, tagBytes]),
        )
      } catch {
        throw badValue('it was changed or moved after it was encrypted, or was encrypted for another file')
      }
      return typedValue(new Uint8Array(plain), type)
    },
  }
}

function typedValue(bytes: Uint8Array, type: string): SopsValue {
  const text = utf8Text(bytes)
  switch (type) {
    case 'str':
      return text ?? bytes
    case 'bytes':
      return bytes
    case 'comment':
      return new SopsComment(text ?? new TextDecoder().decode(bytes))
    case 'int':
      if (text === undefined || !/^[+-]?\d{1,19}$/.test(text)) throw badValue('it is no int, although it says so')
      return BigInt(text.replace('+', ''))
    case 'float': {
      const value = text === undefined ? undefined : parseFloat64(text)
      if (value === undefined) throw badValue('it is no float, although it says so')
      return value
    }
    case 'bool':
      // strconv.ParseBool
      if (text !== undefined && /^(?:1|t|T|true|TRUE|True)$/.test(text)) return true
      if (text !== undefined && /^(?:0|f|F|false|FALSE|False)$/.test(text)) return false
      throw badValue('it is no bool, although it says so')
    case 'time':
      if (text === undefined) throw badValue('it is no time, although it says so')
      return new SopsTime(text)
    default:
      throw badValue('it has a type that is not known; a newer version of sops may have written it')
  }
}

function parseFloat64(text: string): number | undefined {
  const special = /^([+-]?)(inf(?:inity)?|nan)$/i.exec(text)
  if (special !== null)
    return special[2]?.toLowerCase() === 'nan' ? Number.NaN : special[1] === '-' ? -Infinity : Infinity
  return /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/.test(text) ? Number(text) : undefined
}

function badValue(why: string) {
  return secretsError('sops-bad-value', `${why}; take the file from Git as sops wrote it`)
}
