import { gzipSync } from 'node:zlib'

/** One entry of a tar archive that a test makes. */
export interface TarFile {
  readonly name: string
  readonly content?: string | Uint8Array
  /** Type flag; a plain file by default. */
  readonly type?: string
  /** What the header says, where that is to be wrong. */
  readonly size?: number
}

/** A tar archive, with whatever names and sizes the test wants. */
export function makeTar(files: readonly TarFile[]): Uint8Array {
  const blocks: Uint8Array[] = []
  for (const file of files) {
    const data =
      typeof file.content === 'string' ? new TextEncoder().encode(file.content) : (file.content ?? new Uint8Array())
    const header = new Uint8Array(512)
    const write = (text: string, at: number): void => header.set(new TextEncoder().encode(text), at)
    write(file.name.slice(0, 100), 0)
    write('0000644\0', 100)
    write(`${(file.size ?? data.length).toString(8).padStart(11, '0')}\0`, 124)
    write('        ', 148)
    write(file.type ?? '0', 156)
    write('ustar\u000000', 257)
    const sum = header.reduce((total, byte) => total + byte, 0)
    write(`${sum.toString(8).padStart(6, '0')}\0 `, 148)
    blocks.push(header, data, new Uint8Array((512 - (data.length % 512)) % 512))
  }
  blocks.push(new Uint8Array(1024))
  return new Uint8Array(Buffer.concat(blocks))
}

/** The same, compressed. */
export function makeTgz(files: readonly TarFile[]): Uint8Array {
  return new Uint8Array(gzipSync(makeTar(files)))
}
