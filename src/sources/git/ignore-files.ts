import { bytesToHex } from '@noble/hashes/utils.js'
import { ignoreFileName } from '../ignore/ignore-filter.ts'
import type { GitObjectCache, IgnoreFile } from './cache.ts'
import type { CommitObjects } from './commit-objects.ts'
import { gitDataError, gitTooLarge } from './errors.ts'
import { kindOf, rawTreeEntries } from './objects.ts'

/** Deeper directories than any file system takes. */
const maxDepth = 512

/** More ignore files than this are a repository that repeats itself to grow. */
const maxIgnoreFiles = 10_000

/**
 * Finds every `.sourceignore` of a commit, a directory's before those below it. What was found below a tree is remembered by the tree's id, so that
 * after a push only the directories that changed are looked at. Gets trees that the cache has dropped.
 */
export async function findIgnoreFiles(
  cache: GitObjectCache,
  objects: CommitObjects,
  root: string,
  signal?: AbortSignal,
): Promise<readonly IgnoreFile[]> {
  for (;;) {
    const missing: string[] = []
    const files = scanTree(cache, objects, root, missing, 0)
    if (missing.length === 0) return files
    await objects.loadTrees(missing, signal)
  }
}

function scanTree(
  cache: GitObjectCache,
  objects: CommitObjects,
  id: string,
  missing: string[],
  depth: number,
): readonly IgnoreFile[] {
  const known = cache.ignoreFiles(objects.scope, id)
  if (known !== undefined) return known
  if (depth > maxDepth) throw gitTooLarge(`directories of the repository are nested more than ${maxDepth} deep`)
  const tree = objects.get(id)
  if (tree === undefined) {
    missing.push(id)
    return []
  }
  if (tree.type !== 'tree') throw gitDataError(`a ${tree.type} stands where a directory should be`)
  const missingBefore = missing.length
  const own: IgnoreFile[] = []
  const below: IgnoreFile[] = []
  for (const { mode, nameStart, nameEnd } of rawTreeEntries(tree.data)) {
    const kind = kindOf(mode)
    const idOf = (): string => bytesToHex(tree.data.subarray(nameEnd + 1, nameEnd + 21))
    const nameOf = (): string => new TextDecoder().decode(tree.data.subarray(nameStart, nameEnd))
    if (kind === 'directory') {
      const found = scanTree(cache, objects, idOf(), missing, depth + 1)
      if (found.length > 0) below.push(...found.map((file) => ({ path: `${nameOf()}/${file.path}`, id: file.id })))
    } else if (kind === 'file' && nameEnd - nameStart === ignoreFileName.length && nameOf() === ignoreFileName) {
      own.push({ path: ignoreFileName, id: idOf() })
    }
    if (below.length > maxIgnoreFiles)
      throw gitTooLarge(`the repository has more than ${maxIgnoreFiles} ${ignoreFileName} files`)
  }
  const files = [...own, ...below]
  if (missing.length === missingBefore) cache.setIgnoreFiles(objects.scope, id, files)
  return files
}
