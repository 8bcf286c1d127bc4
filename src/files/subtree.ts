import type { FileEntry, FileTree } from '../ports/index.ts'
import { fileNotFound } from './missing.ts'

/**
 * The directory `directory` of `tree` as a tree of its own. Links that lead out of it dangle there, as they would after copying it.
 * Throws EngineError `file-not-found` where there is no such directory.
 */
export function subtree(tree: FileTree, directory: string): FileTree {
  if (directory === '') return tree
  if (tree.stat(directory)?.kind !== 'directory') throw fileNotFound(directory, 'directory')
  const full = (path: string): string => (path === '' ? directory : `${directory}/${path}`)
  return {
    stat(path): FileEntry | undefined {
      const entry = tree.stat(full(path))
      return entry === undefined || path !== '' ? entry : { ...entry, name: '' }
    },
    read: (path) => tree.read(full(path)),
    list: (path) => tree.list(full(path)),
  }
}
