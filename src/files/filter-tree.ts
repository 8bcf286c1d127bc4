import type { FileEntry, FileTree } from '../ports/index.ts'
import { fileNotFound } from './missing.ts'

/** What a filtered tree shows. Both functions are pure: the same path gives the same answer. */
export interface TreeFilter {
  /** Whether the entry at `path` is shown. A directory that is not shown hides everything below it. */
  isShown(path: string, entry: FileEntry): boolean
  /** The `id` of a shown directory: undefined where the filter may hide something below it in a way that its own id does not tell. */
  directoryId(path: string, id: string): string | undefined
}

/** A view of `tree` without the entries that the filter hides. The root is always shown. */
export function filterTree(tree: FileTree, filter: TreeFilter): FileTree {
  const shown = new Map<string, FileEntry | undefined>()

  const view = (path: string, entry: FileEntry): FileEntry | undefined => {
    if (path !== '' && !filter.isShown(path, entry)) return undefined
    if (entry.kind !== 'directory' || entry.id === undefined) return entry
    const id = filter.directoryId(path, entry.id)
    return id === undefined ? { name: entry.name, kind: 'directory' } : { ...entry, id }
  }

  /** The entry at `path` when it and all directories above it are shown. Directories are remembered; they are few and asked for often. */
  const stat = (path: string): FileEntry | undefined => {
    if (shown.has(path)) return shown.get(path)
    const slash = path.lastIndexOf('/')
    const isParentShown = path === '' || stat(slash < 0 ? '' : path.slice(0, slash))?.kind === 'directory'
    const entry = isParentShown ? tree.stat(path) : undefined
    const result = entry === undefined ? undefined : view(path, entry)
    if (result?.kind === 'directory') shown.set(path, result)
    return result
  }

  return {
    stat,
    read(path): Uint8Array {
      const entry = stat(path)
      if (entry === undefined || entry.kind === 'directory') throw fileNotFound(path)
      return tree.read(path)
    },
    list(path): readonly FileEntry[] {
      if (stat(path)?.kind !== 'directory') throw fileNotFound(path, 'directory')
      const prefix = path === '' ? '' : `${path}/`
      return tree.list(path).flatMap((entry) => view(prefix + entry.name, entry) ?? [])
    },
  }
}
