import { walkFiles } from '../../files/index.ts'
import type { FileTree } from '../../ports/index.ts'
import { packTarGz } from './write-tar.ts'

/** The archive of a tree as an artifact: its regular files in lexical order; see packTarGz. */
export function packTree(files: FileTree): Uint8Array {
  const paths = [...walkFiles(files, '')].filter(([, entry]) => entry.kind === 'file')
  paths.sort(([a], [b]) => compareSegments(a, b))
  return packTarGz(
    paths.map(([path, entry]) => ({
      path,
      data: files.read(path),
      ...(entry.executable === true ? { executable: true } : {}),
    })),
  )
}

/** The order of a walk: directory by directory, names by their code units. */
function compareSegments(a: string, b: string): number {
  const left = a.split('/')
  const right = b.split('/')
  for (let i = 0; i < Math.min(left.length, right.length); i++) {
    const x = left[i] ?? ''
    const y = right[i] ?? ''
    if (x !== y) return x < y ? -1 : 1
  }
  return left.length - right.length
}
