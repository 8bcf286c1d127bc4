import { EngineError, isEngineError, safeEntryPath } from '../../base/index.ts'
import { MemoryTree, type MemoryFile } from '../../files/index.ts'

/** Bounds of an archive that is extracted. */
export interface ExtractLimits {
  /** Bytes of the archive after decompression. */
  readonly maxExtractedBytes: number
  readonly maxFiles: number
}

const blockBytes = 512
const maxNameBytes = 4096

interface Entry {
  readonly name: string
  readonly type: string
  readonly mode: number
  readonly data: Uint8Array
  filled: number
  padding: number
}

/**
 * Extracts a tar.gz in a stream: regular files only, links and special files are left out (fluxcd/pkg tar.Untar with symlinks skipped). Nothing beyond the limits is decompressed.
 *
 * @throws EngineError `archive-invalid` for damaged bytes, `archive-too-large`, `unsafe-path` for names that lead out of the archive, all with `reason`.
 */
export async function extractTarGz(bytes: Uint8Array, limits: ExtractLimits, reason: string): Promise<MemoryTree> {
  const reader = new TarReader(limits)
  try {
    const stream = new Blob([bytes as Uint8Array<ArrayBuffer>]).stream().pipeThrough(new DecompressionStream('gzip'))
    for await (const chunk of stream as unknown as AsyncIterable<Uint8Array>) reader.push(chunk)
    return new MemoryTree(reader.finish())
  } catch (error) {
    if (isEngineError(error)) {
      const { code, message } = error
      throw new EngineError(`the archive cannot be used: ${message}`, { code, reason, cause: error })
    }
    throw new EngineError('the archive cannot be used: it is no gzip, or it is damaged', {
      code: 'archive-invalid',
      reason,
      cause: error,
    })
  }
}

/** Takes an uncompressed tar apart (ustar, pax, GNU long names) as it comes. */
class TarReader {
  readonly #limits: ExtractLimits
  readonly #files = new Map<string, MemoryFile>()
  readonly #header = new Uint8Array(blockBytes)
  #headerFilled = 0
  #total = 0
  #entry: Entry | undefined
  #longName: string | undefined
  #hasEnded = false

  constructor(limits: ExtractLimits) {
    this.#limits = limits
  }

  push(chunk: Uint8Array): void {
    this.#total += chunk.length
    if (this.#total > this.#limits.maxExtractedBytes)
      throw problem('archive-too-large', `it has more than ${this.#limits.maxExtractedBytes} bytes after decompression`)
    for (let at = 0; at < chunk.length && !this.#hasEnded;) {
      if (this.#entry === undefined) at = this.#readHeader(chunk, at)
      else at = this.#readData(this.#entry, chunk, at)
    }
  }

  finish(): Iterable<readonly [string, MemoryFile]> {
    if (this.#entry !== undefined || this.#headerFilled > 0) throw problem('archive-invalid', 'it ends too early')
    return this.#files
  }

  #readHeader(chunk: Uint8Array, at: number): number {
    const part = chunk.subarray(at, at + blockBytes - this.#headerFilled)
    this.#header.set(part, this.#headerFilled)
    this.#headerFilled += part.length
    if (this.#headerFilled === blockBytes) {
      this.#headerFilled = 0
      this.#startEntry(this.#header)
    }
    return at + part.length
  }

  #startEntry(header: Uint8Array): void {
    if (header.every((byte) => byte === 0)) {
      this.#hasEnded = true
      return
    }
    checkSum(header)
    const size = numberField(header, 124, 12)
    if (size > this.#limits.maxExtractedBytes) throw problem('archive-too-large', 'a file is larger than the limit')
    const type = String.fromCharCode(header[156] ?? 0)
    const isText = type === 'L' || type === 'x' || type === 'K' || type === 'g'
    if (isText && size > 1 << 20) throw problem('archive-invalid', 'a header is too long')
    const name = isText ? '' : (this.#longName ?? headerName(header))
    if (!isText) this.#longName = undefined
    const padding = (blockBytes - (size % blockBytes)) % blockBytes
    const entry: Entry = {
      name,
      type,
      mode: numberField(header, 100, 8),
      data: new Uint8Array(size),
      filled: 0,
      padding,
    }
    if (size === 0) this.#endEntry(entry)
    else this.#entry = entry
  }

  #readData(entry: Entry, chunk: Uint8Array, start: number): number {
    let at = start
    if (entry.filled < entry.data.length) {
      const part = chunk.subarray(at, at + entry.data.length - entry.filled)
      entry.data.set(part, entry.filled)
      entry.filled += part.length
      at += part.length
    }
    if (entry.filled === entry.data.length) {
      const skipped = Math.min(entry.padding, chunk.length - at)
      entry.padding -= skipped
      at += skipped
      if (entry.padding === 0) {
        this.#entry = undefined
        this.#endEntry(entry)
      }
    }
    return at
  }

  #endEntry(entry: Entry): void {
    if (entry.type === 'L') {
      this.#longName = textField(entry.data, 0, Math.min(entry.data.length, maxNameBytes))
      return
    }
    if (entry.type === 'x') {
      this.#longName = paxPath(entry.data) ?? this.#longName
      return
    }
    const isFile = entry.type === '0' || entry.type === '\0' || entry.type === '7'
    if (!isFile || entry.name.endsWith('/')) return
    if (this.#files.size >= this.#limits.maxFiles)
      throw problem('archive-too-large', `it has more than ${this.#limits.maxFiles} files`)
    const path = safeEntryPath(entry.name)
    // A path that comes twice is the later one, as when the archive is unpacked to a disk.
    this.#files.set(path, (entry.mode & 0o111) === 0 ? entry.data : { content: entry.data, executable: true })
  }
}

function headerName(header: Uint8Array): string {
  const name = textField(header, 0, 100)
  const isUstar = textField(header, 257, 6).startsWith('ustar') && header[262] === 0
  const prefix = isUstar ? textField(header, 345, 155) : ''
  return prefix === '' ? name : `${prefix}/${name}`
}

function textField(bytes: Uint8Array, start: number, length: number): string {
  const field = bytes.subarray(start, start + length)
  const end = field.indexOf(0)
  return new TextDecoder().decode(end < 0 ? field : field.subarray(0, end))
}

function numberField(header: Uint8Array, start: number, length: number): number {
  if (((header[start] ?? 0) & 0x80) !== 0) {
    let value = (header[start] ?? 0) & 0x7f
    for (let i = 1; i < length; i++) value = value * 256 + (header[start + i] ?? 0)
    return value
  }
  const text = textField(header, start, length).trim()
  if (text === '') return 0
  if (!/^[0-7]+$/.test(text)) throw problem('archive-invalid', 'a number in a header is damaged')
  return Number.parseInt(text, 8)
}

function checkSum(header: Uint8Array): void {
  let sum = 0
  for (let i = 0; i < blockBytes; i++) sum += i >= 148 && i < 156 ? 32 : (header[i] ?? 0)
  if (sum !== numberField(header, 148, 8)) throw problem('archive-invalid', 'a header has a wrong checksum')
}

/** Records are `LENGTH KEY=VALUE\n`, where the length counts all of it. */
function paxPath(data: Uint8Array): string | undefined {
  let path: string | undefined
  for (let at = 0; at < data.length;) {
    const gap = data.indexOf(32, at)
    const length = gap < 0 ? 0 : Number(textField(data, at, gap - at))
    if (!Number.isInteger(length) || length < 5 || at + length > data.length)
      throw problem('archive-invalid', 'a pax header is damaged')
    const record = new TextDecoder().decode(data.subarray(gap + 1, at + length - 1))
    if (record.startsWith('path=')) path = record.slice('path='.length)
    at += length
  }
  return path
}

function problem(code: string, message: string): EngineError {
  return new EngineError(message, { code })
}
