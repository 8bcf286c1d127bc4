import type { FileEntry, FileTree } from '../ports/index.ts'

/** Every entry below `directory` that is not a directory, with its path, depth first in byte order. Throws as `list` does. */
export function* walkFiles(tree: FileTree, directory = ''): Generator<readonly [path: string, entry: FileEntry]> {
  const prefix = directory === '' ? '' : `${directory}/`
  for (const entry of tree.list(directory)) {
    if (entry.kind === 'directory') yield* walkFiles(tree, prefix + entry.name)
    else yield [prefix + entry.name, entry]
  }
}
