import type { FileEntry, FileTree } from '../ports/index.ts'
import { baseName, compareByteOrder, joinPath, parentPath } from '../base/index.ts'
import type { MemoryFile } from './memory-tree.ts'
import { MemoryTree } from './memory-tree.ts'
import { fileNotFound } from './missing.ts'

/** What lies over one path: a file, a whole directory of another tree, or nothing (`null` removes what is there). */
export type OverlayFile = MemoryFile | { readonly tree: FileTree } | null

/**
 * A tree with some paths replaced, added or removed. A `{ tree }` is merged over the directory that is there (its files win), a file replaces
 * whatever is there, `null` removes it. Later changes win over earlier ones at the same path. Directories on the way to a change lose their `id`; all others keep it.
 * Throws EngineError `unsafe-path` for a path outside the root.
 */
export function overlayTree(base: FileTree, changes: { readonly [path: string]: OverlayFile }): FileTree {
  let result = base
  for (const [path, change] of Object.entries(changes)) result = overlayOne(result, joinPath('', path), change)
  return result
}

function overlayOne(base: FileTree, path: string, change: OverlayFile): FileTree {
  if (change === null) return removePath(base, path)
  const over = isTree(change) ? placeTree(change.tree, path) : new MemoryTree([[path, change]])
  return mergeTrees(base, over)
}

function isTree(change: MemoryFile | { readonly tree: FileTree }): change is { readonly tree: FileTree } {
  return typeof change === 'object' && 'tree' in change
}

/** `tree` moved below `at`: the directories on the way hold nothing else. */
function placeTree(tree: FileTree, at: string): FileTree {
  if (at === '') return tree
  const inner = (path: string): string | undefined =>
    path === at ? '' : path.startsWith(`${at}/`) ? path.slice(at.length + 1) : undefined
  const next = (path: string): string | undefined =>
    path === '' || at.startsWith(`${path}/`) ? at.slice(path === '' ? 0 : path.length + 1).split('/', 1)[0] : undefined
  return {
    stat(path): FileEntry | undefined {
      const below = inner(path)
      if (below !== undefined) {
        const entry = tree.stat(below)
        return entry === undefined ? undefined : { ...entry, name: baseName(path) }
      }
      return next(path) === undefined ? undefined : { name: baseName(path), kind: 'directory' }
    },
    read(path): Uint8Array {
      const below = inner(path)
      if (below === undefined) throw fileNotFound(path)
      return tree.read(below)
    },
    list(path): readonly FileEntry[] {
      const below = inner(path)
      if (below !== undefined) return tree.list(below)
      const name = next(path)
      if (name === undefined) throw fileNotFound(path, 'directory')
      const entry = this.stat(path === '' ? name : `${path}/${name}`)
      return entry === undefined ? [] : [entry]
    },
  }
}

/** Both trees in one, `over` winning; where one has a file and the other a directory, `over` hides what is below. */
function mergeTrees(base: FileTree, over: FileTree): FileTree {
  /** True while no ancestor (nor the path itself) is a non-directory of `over`, so that `base` is visible there. */
  const isBaseVisible = (path: string): boolean => {
    for (let at = path; at !== ''; at = parentPath(at)) {
      const entry = over.stat(at)
      if (entry !== undefined && entry.kind !== 'directory') return false
    }
    return true
  }
  const stat = (path: string): FileEntry | undefined => {
    const upper = over.stat(path)
    if (upper !== undefined && upper.kind !== 'directory') return upper
    const lower = isBaseVisible(path) ? base.stat(path) : undefined
    if (upper === undefined) return lower
    return lower?.kind === 'directory' ? { name: upper.name, kind: 'directory' } : upper
  }
  return {
    stat,
    read(path): Uint8Array {
      const upper = over.stat(path)
      if (upper !== undefined && upper.kind !== 'directory') return over.read(path)
      if (upper !== undefined || !isBaseVisible(path)) throw fileNotFound(path)
      return base.read(path)
    },
    list(path): readonly FileEntry[] {
      if (stat(path)?.kind !== 'directory') throw fileNotFound(path, 'directory')
      const upper = over.stat(path)?.kind === 'directory' ? over.list(path) : []
      const lower = isBaseVisible(path) && base.stat(path)?.kind === 'directory' ? base.list(path) : []
      if (upper.length === 0) return lower
      const names = new Map<string, FileEntry>(lower.map((entry) => [entry.name, entry]))
      for (const entry of upper) {
        const below = names.get(entry.name)
        const isBoth = entry.kind === 'directory' && below?.kind === 'directory'
        names.set(entry.name, isBoth ? { name: entry.name, kind: 'directory' } : entry)
      }
      return [...names.values()].sort((a, b) => compareByteOrder(a.name, b.name))
    },
  }
}

function removePath(base: FileTree, removed: string): FileTree {
  const isGone = (path: string): boolean => path === removed || path.startsWith(`${removed}/`)
  /** A directory above the removed path holds something else now than its id says. */
  const isAbove = (path: string): boolean => removed.startsWith(path === '' ? '' : `${path}/`)
  const withoutId = (entry: FileEntry, path: string): FileEntry =>
    isAbove(path) && entry.kind === 'directory' ? { name: entry.name, kind: 'directory' } : entry
  return {
    stat(path): FileEntry | undefined {
      if (isGone(path)) return undefined
      const entry = base.stat(path)
      return entry === undefined ? undefined : withoutId(entry, path)
    },
    read(path): Uint8Array {
      if (isGone(path)) throw fileNotFound(path)
      return base.read(path)
    },
    list(path): readonly FileEntry[] {
      if (isGone(path)) throw fileNotFound(path, 'directory')
      const prefix = path === '' ? '' : `${path}/`
      const entries = base.list(path)
      if (!isAbove(path)) return entries
      return entries
        .filter((entry) => !isGone(prefix + entry.name))
        .map((entry) => withoutId(entry, prefix + entry.name))
    },
  }
}
