import { gitDataError } from './errors.ts'

/**
 * Applies a delta (gitformat-pack: "deltified representation") to `base`. `maxBytes` bounds the result before it is allocated.
 * Throws EngineError `git-bad-data` for a delta that does not fit its base or its own sizes.
 */
export function applyDelta(base: Uint8Array, delta: Uint8Array, maxBytes: number): Uint8Array {
  const reader = { at: 0 }
  if (readSize(delta, reader) !== base.length) throw gitDataError('a delta belongs to another base object')
  const size = readSize(delta, reader)
  if (size > maxBytes) throw gitDataError(`a delta announces ${size} bytes, more than the limit of ${maxBytes}`)
  const result = new Uint8Array(size)
  let written = 0
  let at = reader.at
  while (at < delta.length) {
    const op = delta[at++] as number
    if (op === 0) throw gitDataError('a delta has a reserved instruction')
    if ((op & 0x80) === 0) {
      if (at + op > delta.length || written + op > size) throw gitDataError('a delta inserts more than it has')
      result.set(delta.subarray(at, at + op), written)
      written += op
      at += op
      continue
    }
    let offset = 0
    let length = 0
    for (let i = 0; i < 4; i++) if ((op & (1 << i)) !== 0) offset += (delta[at++] ?? 0) * 2 ** (8 * i)
    for (let i = 0; i < 3; i++) if ((op & (16 << i)) !== 0) length += (delta[at++] ?? 0) * 2 ** (8 * i)
    if (length === 0) length = 0x10000
    if (at > delta.length || offset + length > base.length || written + length > size) {
      throw gitDataError('a delta copies from outside its base')
    }
    result.set(base.subarray(offset, offset + length), written)
    written += length
  }
  if (written !== size) throw gitDataError('a delta is shorter than it says')
  return result
}

function readSize(delta: Uint8Array, reader: { at: number }): number {
  let size = 0
  for (let scale = 1; ; scale *= 128) {
    const byte = delta[reader.at++]
    if (byte === undefined || scale > 2 ** 42) throw gitDataError('a delta has a damaged header')
    size += (byte & 127) * scale
    if (byte < 128) return size
  }
}
