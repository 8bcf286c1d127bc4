import { longTarName, readTarHeader, tarBlockBytes } from '../../files/index.ts'
import { helmError } from '../errors.ts'

/** A file of a tar archive. `data` is a view into the archive. */
export interface TarEntry {
  readonly name: string
  readonly data: Uint8Array
}

/**
 * The files of an uncompressed tar (ustar, pax, GNU long names), in their order. Directories are left out; links count as empty files, as they do
 * for Helm.
 *
 * @throws EngineError `chart-archive-invalid` for a damaged archive, `chart-too-large` for more than `maxFiles` files.
 */
export function* readTar(bytes: Uint8Array, maxFiles: number): Generator<TarEntry> {
  let longName: string | undefined
  let count = 0
  for (let at = 0; at + tarBlockBytes <= bytes.length;) {
    const header = readTarHeader(bytes.subarray(at, at + tarBlockBytes), damaged)
    if (header === undefined) return
    at += tarBlockBytes
    const { type, size } = header
    if (size > bytes.length - at) throw damaged('a file is longer than the archive')
    const data = bytes.subarray(at, at + size)
    at += Math.ceil(size / tarBlockBytes) * tarBlockBytes
    if (type === 'L' || type === 'x') longName = longTarName(type, data, damaged) ?? longName
    else if (type !== 'g' && type !== 'K') {
      const name = longName ?? header.name
      longName = undefined
      if (type === '5' || name.endsWith('/')) continue
      if (++count > maxFiles) throw helmError('chart-too-large', `chart has more than ${maxFiles} files`)
      yield { name, data: type === '\0' || type === '0' || type === '7' ? data : data.subarray(0, 0) }
    }
  }
}

function damaged(problem: string): Error {
  return helmError('chart-archive-invalid', `the chart archive is damaged: ${problem}`)
}
