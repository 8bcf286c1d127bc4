import type { FileEntry, FileTree } from '../ports/index.ts'

/**
 * A view of `tree` that asks it for each entry once: what a directory lists is not asked for again. For the time of one reading, since later changes of
 * the tree do not show in it.
 */
export function rememberEntries(tree: FileTree): FileTree {
  const known = new Map<string, FileEntry | undefined>()
  return {
    stat(path): FileEntry | undefined {
      if (known.has(path)) return known.get(path)
      const entry = tree.stat(path)
      known.set(path, entry)
      return entry
    },
    read: (path) => tree.read(path),
    list(path): readonly FileEntry[] {
      const entries = tree.list(path)
      const prefix = path === '' ? '' : `${path}/`
      for (const entry of entries) known.set(prefix + entry.name, entry)
      return entries
    },
  }
}
