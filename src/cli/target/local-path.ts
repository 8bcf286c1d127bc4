import { existsSync, realpathSync, statSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { DiskTree } from '../disk-tree.ts'
import { usageError } from '../exit-codes.ts'

/** A directory on disk as a source: the tree around it that may be read, and the directory in it. */
export interface LocalPath {
  readonly files: DiskTree
  readonly path: string
}

/**
 * The directory at `path` inside its source: `root` where it is given, else the Git repository around it, else the directory itself. Nothing outside of
 * that is ever read.
 *
 * @throws EngineError `usage` where there is no such directory, or it lies outside.
 */
export function openLocalPath(path: string, root: string | undefined): LocalPath {
  if (!existsSync(path) || !statSync(path).isDirectory()) throw usageError(`'${path}' is no directory`)
  const directory = realpathSync(path)
  const top = root === undefined ? repositoryOf(directory) : realpathSync(root)
  const inside = relative(top, directory)
  if (inside.startsWith('..')) throw usageError(`'${path}' is outside the source root '${top}'`)
  return { files: new DiskTree(top === '/' ? '' : top), path: inside }
}

function repositoryOf(directory: string): string {
  for (let at = directory; at !== dirname(at); at = dirname(at)) if (existsSync(join(at, '.git'))) return at
  return directory
}
