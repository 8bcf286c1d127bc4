import type { FileTree } from '../ports/index.ts'
import { EngineError, joinPath } from '../base/index.ts'

/** As many links as Linux follows for one path. */
const maxLinks = 40

/** Longest link target that is read; Linux allows as much. */
const maxTargetLength = 4096

/**
 * The path that `path` means once every symbolic link on the way (and at its end) is followed inside the root. Parts that do not exist are kept as
 * they are, so the result may name nothing. `..` in a link is taken from where the link really lies, as on a disk.
 *
 * Throws EngineError `symlink-escape` where a link leads out of the root, `symlink-loop` after 40 links, `unsafe-path` for a path outside the root.
 */
export function resolvePath(tree: FileTree, path: string): string {
  const wanted = joinPath('', path)
  const todo = wanted === '' ? [] : wanted.split('/').reverse()
  let at: string[] = []
  let links = 0
  for (let segment = todo.pop(); segment !== undefined; segment = todo.pop()) {
    if (segment === '' || segment === '.') continue
    if (segment === '..') {
      if (at.pop() === undefined) throw escape(wanted, '..')
      continue
    }
    const next = [...at, segment]
    if (tree.stat(next.join('/'))?.kind !== 'symlink') {
      at = next
      continue
    }
    if (++links > maxLinks) {
      throw new EngineError(
        `${JSON.stringify(wanted)} goes through more than ${maxLinks} symbolic links, or they form a loop`,
        {
          code: 'symlink-loop',
          data: { path: wanted },
        },
      )
    }
    const target = readTarget(tree, next.join('/'))
    if (target.startsWith('/')) throw escape(wanted, target)
    todo.push(...target.split('/').reverse())
  }
  return at.join('/')
}

function readTarget(tree: FileTree, path: string): string {
  const bytes = tree.read(path)
  const target = bytes.length > maxTargetLength ? '' : new TextDecoder().decode(bytes)
  if (target === '' || target.includes('\0')) {
    throw new EngineError(`the symbolic link ${JSON.stringify(path)} has an unusable target`, {
      code: 'symlink-escape',
      data: { path },
    })
  }
  return target
}

function escape(path: string, target: string): EngineError {
  return new EngineError(
    `${JSON.stringify(path)} leads out of the source through the link target ${JSON.stringify(target)}`,
    {
      code: 'symlink-escape',
      data: { path },
    },
  )
}
