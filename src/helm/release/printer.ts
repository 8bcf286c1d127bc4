import { Deflate, gzipSync } from 'fflate'
import { toBase64 } from '../../base/index.ts'
import { combineCrc32, crc32 } from './crc32.ts'
import { releaseParts, type JsonPart } from './json.ts'
import type { Release } from './release.ts'

/**
 * Prints releases for storage. Most of a release is its chart, which is the same in all releases of it: it is printed and compressed once, for as long as
 * it is used.
 */
export interface ReleasePrinter {
  /** The JSON that Helm stores, to the byte. */
  print(release: Release): string
  /** The release as it stands under `release` in its Secret: base64 of gzip of that JSON. */
  pack(release: Release): string
}

/** A part of a JSON text as blocks of a deflate stream that end at a byte, refer to nothing before them, and are not the last ones. */
interface Piece {
  readonly blocks: Uint8Array
  readonly crc: number
  readonly size: number
}

interface SharedPart {
  readonly text: string
  piece: Piece | undefined
}

/** Texts of less characters are compressed with the rest. */
const minSharedText = 16_384
/** Characters of shared texts that are kept. */
const maxSharedText = 8_000_000
/** Characters of a packed release from which all of it is compressed as hard as Helm does: a Secret holds 1 MiB. */
const largeRelease = 700_000
const level = 6

/** A printer with an empty memory. */
export function createReleasePrinter(): ReleasePrinter {
  const byOrigin = new WeakMap<object, SharedPart>()
  const byText = new Map<string, SharedPart>()
  let kept = 0
  const keep = (part: SharedPart): SharedPart => {
    const known = byText.get(part.text)
    if (known !== undefined) return known
    byText.set(part.text, part)
    kept += part.text.length
    for (const oldest of byText.keys()) {
      if (kept <= maxSharedText || oldest === part.text) break
      byText.delete(oldest)
      kept -= oldest.length
    }
    return part
  }
  const resolve = (found: JsonPart): SharedPart => {
    const { origin } = found
    const known = origin === undefined ? undefined : byOrigin.get(origin)
    if (known !== undefined) return known
    const printed = found.text()
    const part: SharedPart = { text: printed, piece: undefined }
    const shared = printed.length < minSharedText ? part : keep(part)
    if (origin !== undefined) byOrigin.set(origin, shared)
    return shared
  }
  return {
    print: (release) =>
      releaseParts(release)
        .map((part) => resolve(part).text)
        .join(''),
    pack: (release) => {
      const parts = releaseParts(release).map(resolve)
      if (parts.every((part) => part.text.length < minSharedText)) return packWhole(parts, level)
      const packed = toBase64(joinPieces(merged(parts).map((part) => (part.piece ??= compress(part.text)))))
      return packed.length < largeRelease ? packed : packWhole(parts, 9)
    },
  }
}

function packWhole(parts: readonly SharedPart[], level: 6 | 9): string {
  return toBase64(gzipSync(new TextEncoder().encode(parts.map((part) => part.text).join('')), { level, mtime: 0 }))
}

/** Short parts in a row as one. */
function merged(parts: readonly SharedPart[]): SharedPart[] {
  const result: SharedPart[] = []
  let isOpen = false
  for (const part of parts) {
    const last = result.at(-1)
    const isShort = part.text.length < minSharedText
    if (isShort && isOpen && last !== undefined)
      result[result.length - 1] = { text: last.text + part.text, piece: undefined }
    else result.push(isShort ? { text: part.text, piece: undefined } : part)
    isOpen = isShort
  }
  return result
}

function compress(text: string): Piece {
  const bytes = new TextEncoder().encode(text)
  const chunks: Uint8Array[] = []
  const stream = new Deflate({ level }, (chunk) => void chunks.push(chunk))
  stream.push(bytes)
  stream.flush()
  stream.push(new Uint8Array(), true)
  return { blocks: openEnded(concat(chunks)), crc: crc32(bytes), size: bytes.length }
}

/**
 * Makes a deflate stream that ends with an empty last block go on: the block is made one of many, and an empty stored one behind it fills up the byte (RFC 1951; what zlib calls a
 * sync flush. The compressor's own goes wrong at most bit positions).
 */
function openEnded(stream: Uint8Array): Uint8Array {
  // The empty block is the bits 1 (last), 1 0 (fixed codes), and seven zeros (end); behind it there are zeros: the highest bit is its second one.
  let byte = stream.length - 1
  while (stream[byte] === 0) byte -= 1
  const lastBlock = byte * 8 + 30 - Math.clz32(stream[byte] ?? 0)
  const headerEnd = lastBlock + 10 + 3
  const length = Math.ceil(headerEnd / 8)
  const result = new Uint8Array(length + 4)
  result.set(stream.subarray(0, length))
  const at = lastBlock >> 3
  result[at] = (result[at] ?? 0) & ~(1 << (lastBlock & 7))
  result.set([0, 0, 0xff, 0xff], length)
  return result
}

/** One gzip member (RFC 1952) of pieces in a row; an empty last block ends it. */
function joinPieces(pieces: readonly Piece[]): Uint8Array {
  const header = Uint8Array.of(0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff)
  const end = Uint8Array.of(0x03, 0x00)
  const trailer = new DataView(new ArrayBuffer(8))
  const total = pieces.reduce((sum, piece) => sum + piece.size, 0)
  trailer.setUint32(
    0,
    pieces.reduce((crc, piece) => combineCrc32(crc, piece.crc, piece.size), 0),
    true,
  )
  trailer.setUint32(4, total % 2 ** 32, true)
  return concat([header, ...pieces.map((piece) => piece.blocks), end, new Uint8Array(trailer.buffer)])
}

function concat(chunks: readonly Uint8Array[]): Uint8Array {
  const result = new Uint8Array(chunks.reduce((sum, chunk) => sum + chunk.length, 0))
  let at = 0
  for (const chunk of chunks) {
    result.set(chunk, at)
    at += chunk.length
  }
  return result
}
