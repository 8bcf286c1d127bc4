import type { FileEntry, FileTree } from '../ports/index.ts'
import { baseName } from '../base/index.ts'
import { resolvePath } from './resolve-path.ts'

/**
 * A view of `tree` in which links are followed inside the root: `stat` and `list` show what a link leads to, `read` gives its content.
 * A link that leads nowhere stays a link in `list` and `stat`. Reading through one that leaves the root or loops throws as {@link resolvePath} does;
 * such a link is still shown as a link.
 */
export function followLinks(tree: FileTree): FileTree {
  const shownAs = (path: string, entry: FileEntry | undefined): FileEntry | undefined => {
    if (entry !== undefined && entry.kind !== 'symlink') return entry
    const target = resolvesInside(tree, path) ? tree.stat(resolvePath(tree, path)) : undefined
    return target === undefined ? entry : { ...target, name: baseName(path) }
  }
  return {
    stat: (path) => shownAs(path, tree.stat(path)),
    read: (path) => tree.read(resolvePath(tree, path)),
    list(path): readonly FileEntry[] {
      const prefix = path === '' ? '' : `${path}/`
      return tree.list(resolvePath(tree, path)).map((entry) => shownAs(prefix + entry.name, entry) ?? entry)
    },
  }
}

function resolvesInside(tree: FileTree, path: string): boolean {
  try {
    resolvePath(tree, path)
    return true
  } catch (error) {
    if (error instanceof Error && 'code' in error && (error.code === 'symlink-escape' || error.code === 'symlink-loop'))
      return false
    throw error
  }
}
