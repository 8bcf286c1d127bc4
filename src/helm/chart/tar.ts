import { helmError } from '../errors.ts'

/** A file of a tar archive. `data` is a view into the archive. */
export interface TarEntry {
  readonly name: string
  readonly data: Uint8Array
}

const blockBytes = 512

/** Longest name that pax and GNU headers may give. */
const maxNameBytes = 4096

/**
 * The files of an uncompressed tar (ustar, pax, GNU long names), in their order. Directories are left out; links count as empty files, as they do
 * for Helm.
 *
 * @throws EngineError `chart-archive-invalid` for a damaged archive, `chart-too-large` for more than `maxFiles` files.
 */
export function* readTar(bytes: Uint8Array, maxFiles: number): Generator<TarEntry> {
  let longName: string | undefined
  let count = 0
  for (let at = 0; at + blockBytes <= bytes.length;) {
    const header = bytes.subarray(at, at + blockBytes)
    at += blockBytes
    if (header[0] === 0 && header.every((byte) => byte === 0)) return
    checkSum(header)
    const size = numberField(header, 124, 12)
    if (size > bytes.length - at) throw damaged('a file is longer than the archive')
    const data = bytes.subarray(at, at + size)
    at += Math.ceil(size / blockBytes) * blockBytes
    const type = String.fromCharCode(header[156] ?? 0)
    if (type === 'L') longName = textField(data, 0, Math.min(data.length, maxNameBytes))
    else if (type === 'x') longName = paxPath(data) ?? longName
    else if (type !== 'g' && type !== 'K') {
      const name = longName ?? headerName(header)
      longName = undefined
      if (type === '5' || name.endsWith('/')) continue
      if (++count > maxFiles) throw helmError('chart-too-large', `chart has more than ${maxFiles} files`)
      yield { name, data: type === '\0' || type === '0' || type === '7' ? data : data.subarray(0, 0) }
    }
  }
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

function numberField(header: Uint8Array, start: number, length: number): number {
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

function checkSum(header: Uint8Array): void {
  let sum = 0
  for (let i = 0; i < blockBytes; i++) sum += i >= 148 && i < 156 ? 32 : (header[i] ?? 0)
  if (sum !== numberField(header, 148, 8)) throw damaged('a header has a wrong checksum')
}

/** Records are `LENGTH KEY=VALUE\n`, where the length counts all of it. */
function paxPath(data: Uint8Array): string | undefined {
  let path: string | undefined
  for (let at = 0; at < data.length;) {
    const space = data.indexOf(32, at)
    const length = space < 0 ? 0 : Number(textField(data, at, space - at))
    if (!Number.isInteger(length) || length < 5 || at + length > data.length) throw damaged('a pax header is damaged')
    const record = new TextDecoder().decode(data.subarray(space + 1, at + length - 1))
    if (record.startsWith('path=')) path = record.slice('path='.length)
    at += length
  }
  if (path !== undefined && path.length > maxNameBytes) throw damaged('a name is too long')
  return path
}

function damaged(problem: string): Error {
  return helmError('chart-archive-invalid', `the chart archive is damaged: ${problem}`)
}
