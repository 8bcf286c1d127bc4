import { gzipSync } from 'fflate'
import { concatBytes, EngineError } from '../../base/index.ts'

/** A regular file of an archive that is made. */
export interface PackedFile {
  /** Relative, '/'-separated. */
  readonly path: string
  readonly data: Uint8Array
  readonly executable?: boolean
}

const block = 512

/**
 * A tar.gz whose bytes follow from paths, content and executable bits alone: no owners, no times, files 0600 (0700 where executable), directories 0750, each before
 * what it holds (fluxcd/pkg artifact/storage). The order of `files` is kept. The compression is the same on every platform.
 */
export function packTarGz(files: Iterable<PackedFile>, options: { readonly directories?: boolean } = {}): Uint8Array {
  const parts: Uint8Array[] = []
  const known = new Set<string>()
  for (const file of files) {
    if (options.directories !== false) {
      for (let slash = file.path.indexOf('/'); slash >= 0; slash = file.path.indexOf('/', slash + 1)) {
        const directory = file.path.slice(0, slash)
        if (known.has(directory)) continue
        known.add(directory)
        writeEntry(parts, `${directory}/`, { type: '5', mode: 0o750, size: 0 })
      }
    }
    writeEntry(parts, file.path, { type: '0', mode: file.executable === true ? 0o700 : 0o600, size: file.data.length })
    parts.push(file.data, new Uint8Array((block - (file.data.length % block)) % block))
  }
  parts.push(new Uint8Array(2 * block))
  return gzipSync(concatBytes(parts), { level: 6, mtime: 0 })
}

interface EntryHead {
  readonly type: string
  readonly mode: number
  readonly size: number
}

function writeEntry(parts: Uint8Array[], name: string, head: EntryHead): void {
  const bytes = new TextEncoder().encode(name)
  const split = bytes.length <= 100 && bytes.length === name.length ? { prefix: '', name } : splitName(name)
  if (split !== undefined) {
    parts.push(header(split, head))
    return
  }
  const record = paxRecord('path', name)
  parts.push(header({ prefix: '', name: 'PaxHeaders.0/entry' }, { type: 'x', mode: 0o600, size: record.length }))
  parts.push(record, new Uint8Array((block - (record.length % block)) % block))
  parts.push(
    header({ prefix: '', name: new TextDecoder().decode(bytes.subarray(0, 99)).replace(/\ufffd+$/, '') }, head),
  )
}

/** A long ASCII name as ustar's prefix and name; undefined where it does not fit. */
function splitName(name: string): { prefix: string; name: string } | undefined {
  // oxlint-disable-next-line no-control-regex -- ustar has no encoding but ASCII
  if (!/^[\u0000-\u007f]*$/.test(name) || name.length > 255) return undefined
  const slash = name.lastIndexOf('/', 155)
  const rest = name.slice(slash + 1)
  return slash <= 0 || rest === '' || rest.length > 100 ? undefined : { prefix: name.slice(0, slash), name: rest }
}

function paxRecord(key: string, value: string): Uint8Array {
  const body = new TextEncoder().encode(` ${key}=${value}\n`)
  let length = body.length + 1
  while (String(length).length + body.length !== length) length = String(length).length + body.length
  return concatBytes([new TextEncoder().encode(String(length)), body])
}

function header(path: { readonly prefix: string; readonly name: string }, head: EntryHead): Uint8Array {
  if (head.size > 0o77777777777)
    throw new EngineError('a file is too large for an archive', { code: 'archive-too-large' })
  const bytes = new Uint8Array(block)
  const write = (text: string, at: number): void => bytes.set(new TextEncoder().encode(text), at)
  const octal = (value: number, digits: number): string => `${value.toString(8).padStart(digits, '0')}\0`
  write(path.name, 0)
  write(octal(head.mode, 7), 100)
  write(octal(0, 7), 108)
  write(octal(0, 7), 116)
  write(octal(head.size, 11), 124)
  write(octal(0, 11), 136)
  write('        ', 148)
  write(head.type, 156)
  write('ustar\u000000', 257)
  write(path.prefix, 345)
  const sum = bytes.reduce((total, byte) => total + byte, 0)
  write(`${sum.toString(8).padStart(6, '0')}\0 `, 148)
  return bytes
}
