/** Bytes of a block of a tar archive: a header is one, contents are padded to a multiple. */
export const tarBlockBytes = 512

/** Longest name that pax and GNU headers may give. */
const maxNameBytes = 4096

/** What a header says of the entry behind it. `type` is the type flag: '0', '\0' and '7' are files, '5' directories, 'x', 'g', 'L' and 'K' headers of more. */
export interface TarHeader {
  readonly name: string
  readonly type: string
  readonly mode: number
  /** Bytes of the content. */
  readonly size: number
}

/** Makes the error for what is wrong with an archive, in the words of who reads it. */
export type DamagedArchive = (problem: string) => Error

/**
 * Reads a header block (POSIX ustar, with GNU's numbers in base 256). Undefined for a block of zeros, which ends the archive.
 *
 * @throws what `damaged` makes, for a wrong checksum or a number that is none.
 */
export function readTarHeader(header: Uint8Array, damaged: DamagedArchive): TarHeader | undefined {
  if (header[0] === 0 && header.every((byte) => byte === 0)) return undefined
  checkSum(header, damaged)
  return {
    name: headerName(header),
    type: String.fromCharCode(header[156] ?? 0),
    mode: numberField(header, 100, 8, damaged),
    size: numberField(header, 124, 12, damaged),
  }
}

/**
 * The name that a header of more gives the next entry: the content of GNU's `L`, the `path` of pax's `x`; undefined where it gives none.
 *
 * @throws what `damaged` makes, for records that do not fit and for names that are too long.
 */
export function longTarName(type: 'L' | 'x', data: Uint8Array, damaged: DamagedArchive): string | undefined {
  return type === 'L' ? textField(data, 0, Math.min(data.length, maxNameBytes)) : paxPath(data, damaged)
}

function headerName(header: Uint8Array): string {
  const name = textField(header, 0, 100)
  const isUstar = textField(header, 257, 6).startsWith('ustar')
  const prefix = isUstar && header[262] === 0 ? textField(header, 345, 155) : ''
  return prefix === '' ? name : `${prefix}/${name}`
}

function textField(bytes: Uint8Array, start: number, length: number): string {
  const field = bytes.subarray(start, start + length)
  const end = field.indexOf(0)
  return new TextDecoder().decode(end < 0 ? field : field.subarray(0, end))
}

function numberField(header: Uint8Array, start: number, length: number, damaged: DamagedArchive): number {
  if (((header[start] ?? 0) & 0x80) !== 0) {
    let value = (header[start] ?? 0) & 0x7f
    for (let i = 1; i < length; i++) value = value * 256 + (header[start + i] ?? 0)
    return value
  }
  const text = textField(header, start, length).trim()
  if (text === '') return 0
  if (!/^[0-7]+$/.test(text)) throw damaged('a header has a damaged number')
  return Number.parseInt(text, 8)
}

function checkSum(header: Uint8Array, damaged: DamagedArchive): void {
  let sum = 0
  for (let i = 0; i < tarBlockBytes; i++) sum += i >= 148 && i < 156 ? 32 : (header[i] ?? 0)
  if (sum !== numberField(header, 148, 8, damaged)) throw damaged('a header has a wrong checksum')
}

/** Records are `LENGTH KEY=VALUE\n`, where the length counts all of it. */
function paxPath(data: Uint8Array, damaged: DamagedArchive): string | undefined {
  let path: string | undefined
  for (let at = 0; at < data.length;) {
    const gap = data.indexOf(32, at)
    const length = gap < 0 ? 0 : Number(textField(data, at, gap - at))
    if (!Number.isInteger(length) || length < 5 || at + length > data.length) throw damaged('a pax header is damaged')
    const record = new TextDecoder().decode(data.subarray(gap + 1, at + length - 1))
    if (record.startsWith('path=')) path = record.slice('path='.length)
    at += length
  }
  if (path !== undefined && path.length > maxNameBytes) throw damaged('a name is too long')
  return path
}
