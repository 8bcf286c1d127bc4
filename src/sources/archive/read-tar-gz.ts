import { EngineError, isEngineError, safeEntryPath } from '../../base/index.ts'
import { longTarName, MemoryTree, readTarHeader, tarBlockBytes, type MemoryFile } from '../../files/index.ts'

/** Bounds of an archive that is extracted. */
export interface ExtractLimits {
  /** Bytes of the archive after decompression. */
  readonly maxExtractedBytes: number
  readonly maxFiles: number
}

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
  readonly #header = new Uint8Array(tarBlockBytes)
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
    if (this.#entry !== undefined || this.#headerFilled > 0) throw damaged('it ends too early')
    return this.#files
  }

  #readHeader(chunk: Uint8Array, at: number): number {
    const part = chunk.subarray(at, at + tarBlockBytes - this.#headerFilled)
    this.#header.set(part, this.#headerFilled)
    this.#headerFilled += part.length
    if (this.#headerFilled === tarBlockBytes) {
      this.#headerFilled = 0
      this.#startEntry(this.#header)
    }
    return at + part.length
  }

  #startEntry(block: Uint8Array): void {
    const header = readTarHeader(block, damaged)
    if (header === undefined) {
      this.#hasEnded = true
      return
    }
    const { type, mode, size } = header
    if (size > this.#limits.maxExtractedBytes) throw problem('archive-too-large', 'a file is larger than the limit')
    const isText = type === 'L' || type === 'x' || type === 'K' || type === 'g'
    if (isText && size > 1 << 20) throw damaged('a header is too long')
    const name = isText ? '' : (this.#longName ?? header.name)
    if (!isText) this.#longName = undefined
    const padding = (tarBlockBytes - (size % tarBlockBytes)) % tarBlockBytes
    const entry: Entry = { name, type, mode, data: new Uint8Array(size), filled: 0, padding }
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
    const { type } = entry
    if (type === 'L' || type === 'x') {
      this.#longName = longTarName(type, entry.data, damaged) ?? this.#longName
      return
    }
    const isFile = type === '0' || type === '\0' || type === '7'
    if (!isFile || entry.name.endsWith('/')) return
    if (this.#files.size >= this.#limits.maxFiles)
      throw problem('archive-too-large', `it has more than ${this.#limits.maxFiles} files`)
    const path = safeEntryPath(entry.name)
    // A path that comes twice is the later one, as when the archive is unpacked to a disk.
    this.#files.set(path, (entry.mode & 0o111) === 0 ? entry.data : { content: entry.data, executable: true })
  }
}

function damaged(message: string): EngineError {
  return problem('archive-invalid', message)
}

function problem(code: string, message: string): EngineError {
  return new EngineError(message, { code })
}
