/** Reads the SSH wire encoding (RFC 4251 section 5). Every method gives undefined where the bytes end too early. */
export class SshReader {
  readonly #bytes: Uint8Array
  #at: number

  constructor(bytes: Uint8Array, at = 0) {
    this.#bytes = bytes
    this.#at = at
  }

  get isAtEnd(): boolean {
    return this.#at === this.#bytes.length
  }

  uint32(): number | undefined {
    if (this.#at + 4 > this.#bytes.length) return undefined
    const value = new DataView(this.#bytes.buffer, this.#bytes.byteOffset + this.#at, 4).getUint32(0)
    this.#at += 4
    return value
  }

  byte(): number | undefined {
    return this.#bytes[this.#at++]
  }

  bytes(): Uint8Array | undefined {
    const length = this.uint32()
    if (length === undefined || this.#at + length > this.#bytes.length) return undefined
    this.#at += length
    return this.#bytes.subarray(this.#at - length, this.#at)
  }

  text(): string | undefined {
    const bytes = this.bytes()
    return bytes === undefined ? undefined : new TextDecoder().decode(bytes)
  }

  /** A positive mpint as a number; undefined for a negative one too. */
  mpint(): bigint | undefined {
    const bytes = this.bytes()
    if (bytes === undefined || (bytes[0] ?? 0) >= 0x80) return undefined
    let value = 0n
    for (const byte of bytes) value = (value << 8n) | BigInt(byte)
    return value
  }
}

/** A string in the SSH wire encoding. */
export function sshString(value: string | Uint8Array): Uint8Array {
  const bytes = typeof value === 'string' ? new TextEncoder().encode(value) : value
  const result = new Uint8Array(4 + bytes.length)
  new DataView(result.buffer).setUint32(0, bytes.length)
  result.set(bytes, 4)
  return result
}
