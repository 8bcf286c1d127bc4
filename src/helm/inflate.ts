import { concatBytes } from '../base/index.ts'
import { Gunzip } from 'fflate'

/** Small enough that even the best ratio of DEFLATE (1:1032) cannot make more than a few megabytes at once. */
const chunkBytes = 4096

/** True for bytes that start like a gzip member. */
export function isGzip(bytes: Uint8Array): boolean {
  return bytes[0] === 0x1f && bytes[1] === 0x8b && bytes[2] === 8
}

/** Decompresses gzip, synchronously and never much beyond `maxBytes`. Says what is wrong where it cannot. */
export function inflate(bytes: Uint8Array, maxBytes: number): Uint8Array | 'no-gzip' | 'damaged' | 'too-large' {
  if (!isGzip(bytes)) return 'no-gzip'
  const parts: Uint8Array[] = []
  let size = 0
  let isComplete = false
  const gunzip = new Gunzip((data, final) => {
    parts.push(data)
    size += data.length
    if (final) isComplete = true
  })
  try {
    for (let at = 0; at < bytes.length && size <= maxBytes; at += chunkBytes) {
      gunzip.push(bytes.subarray(at, at + chunkBytes), at + chunkBytes >= bytes.length)
    }
  } catch {
    // The library's message ("invalid block type") helps nobody.
    return 'damaged'
  }
  if (size > maxBytes) return 'too-large'
  if (!isComplete) return 'damaged'
  const [only] = parts
  return parts.length === 1 && only !== undefined ? only : concatBytes(parts)
}
