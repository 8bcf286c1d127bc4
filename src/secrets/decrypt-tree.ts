import { sha512 } from '@noble/hashes/sha2.js'
import { bytesToHex, utf8ToBytes } from '@noble/hashes/utils.js'
import { isEngineError } from '../base/index.ts'
import type { ValueCipher } from './cipher.ts'
import { isCovered, type CommentStack } from './covered.ts'
import { toBase64 } from './encoding.ts'
import { secretsError } from './errors.ts'
import type { SopsMetadata } from './metadata.ts'
import { SopsBranch, SopsComment, SopsTime, formatPlainFloat, type SopsValue } from './tree.ts'

/** SHA-256 of `sops`: the MAC of a file with mac_only_encrypted starts with it. */
const macOnlyEncryptedStart = '8a3fd2ad54ce66527b1034f3d147be0b0b975b3bf44f72c6fdadec8176f27d69'

/** How deep a file nests at most. */
const maxDepth = 500

/**
 * Decrypts all values of a file in place, as its metadata says which those are, and returns the upper-case SHA-512 that its MAC must hold
 * (sops v3.13, Tree.Decrypt). A comment that does not decrypt stays as it is: older versions of sops left comments alone.
 *
 * @throws EngineError `sops-bad-value` with the path of the value.
 */
export async function decryptTree(
  branches: readonly SopsBranch[],
  metadata: SopsMetadata,
  options: { readonly cipher: ValueCipher; readonly onValue?: ((value: string) => void) | undefined },
): Promise<string> {
  const walk = new Walk(metadata, options.cipher, options.onValue)
  for (const branch of branches) await walk.branch(branch, [], [])
  return walk.mac()
}

class Walk {
  readonly #metadata: SopsMetadata
  readonly #cipher: ValueCipher
  readonly #onValue: ((value: string) => void) | undefined
  readonly #hash = sha512.create()

  constructor(metadata: SopsMetadata, cipher: ValueCipher, onValue: ((value: string) => void) | undefined) {
    this.#onValue = onValue
    this.#metadata = metadata
    this.#cipher = cipher
    if (metadata.macOnlyEncrypted)
      this.#hash.update(Uint8Array.from(macOnlyEncryptedStart.match(/../g) ?? [], (hex) => Number.parseInt(hex, 16)))
  }

  mac(): string {
    return bytesToHex(this.#hash.digest()).toUpperCase()
  }

  async branch(branch: SopsBranch, path: readonly string[], outer: CommentStack): Promise<void> {
    checkDepth(path)
    const comments: string[] = []
    const stack = [...outer, comments]
    for (const entry of branch.entries) {
      if (entry.key instanceof SopsComment) {
        comments.push(entry.key.text)
        entry.key = await this.#comment(entry.key, path, stack)
        continue
      }
      entry.value = await this.#value(entry.value, [...path, entry.key], stack)
      comments.length = 0
    }
  }

  async #list(list: SopsValue[], path: readonly string[], outer: CommentStack): Promise<void> {
    checkDepth(path, outer.length)
    const comments: string[] = []
    const stack = [...outer, comments]
    for (const [index, item] of list.entries()) {
      if (item instanceof SopsComment) {
        comments.push(item.text)
        list[index] = await this.#comment(item, path, stack)
        continue
      }
      list[index] = await this.#value(item, path, stack)
      comments.length = 0
    }
  }

  async #comment(comment: SopsComment, path: readonly string[], stack: CommentStack): Promise<SopsComment> {
    if (!isCovered(this.#metadata.rule, path, stack, true)) return comment
    try {
      const plain = await this.#cipher.decrypt(comment.text, `${path.join(':')}:`)
      // As sops has it, a decrypted comment no longer stands behind its value.
      if (plain instanceof SopsComment) return plain
      return new SopsComment(typeof plain === 'string' ? plain : comment.text, comment.inline)
    } catch (error) {
      if (isEngineError(error) && error.code === 'sops-bad-value') return comment
      throw error
    }
  }

  async #value(value: SopsValue, path: readonly string[], stack: CommentStack): Promise<SopsValue> {
    if (value === null) return null
    if (value instanceof SopsBranch) {
      await this.branch(value, path, stack)
      return value
    }
    if (Array.isArray(value)) {
      await this.#list(value, path, stack)
      return value
    }
    const isEncrypted = isCovered(this.#metadata.rule, path, stack, false)
    const plain = isEncrypted ? await this.#decrypt(value, path) : value
    // Comments of lists are encrypted into items. They are not in the MAC when sops encrypts; that sops 3.13 counts them when it decrypts,
    // and then refuses, is not followed.
    const isCounted = !this.#metadata.macOnlyEncrypted || isEncrypted
    if (isCounted && !(plain instanceof SopsComment)) this.#hash.update(macBytes(plain))
    return plain
  }

  async #decrypt(value: SopsValue, path: readonly string[]): Promise<SopsValue> {
    try {
      if (typeof value === 'string') {
        const plain = await this.#cipher.decrypt(value, `${path.join(':')}:`)
        if (plain !== null && typeof plain !== 'object') this.#onValue?.(String(plain))
        else if (plain instanceof Uint8Array) this.#onValue?.(toBase64(plain))
        return plain
      }
      throw secretsError(
        'sops-bad-value',
        'it should be encrypted and is a plain value that is no string; encrypt the file again with sops',
      )
    } catch (error) {
      if (!isEngineError(error)) throw error
      throw secretsError('sops-bad-value', `the value of '${path.join('.')}' cannot be decrypted: ${error.message}`, {
        data: { path: path.join('.') },
      })
    }
  }
}

/** A value as it enters the MAC (sops v3.13, ToBytes). */
function macBytes(value: SopsValue): Uint8Array {
  if (value instanceof Uint8Array) return value
  if (typeof value === 'string') return utf8ToBytes(value)
  if (typeof value === 'bigint') return utf8ToBytes(String(value))
  if (typeof value === 'number') return utf8ToBytes(formatPlainFloat(value))
  if (typeof value === 'boolean') return utf8ToBytes(value ? 'True' : 'False')
  if (value instanceof SopsTime || value instanceof SopsComment) return utf8ToBytes(value.text)
  return new Uint8Array()
}

function checkDepth(path: readonly string[], depth = path.length): void {
  if (depth > maxDepth) throw secretsError('sops-bad-file', `the file nests deeper than ${maxDepth} levels`)
}
