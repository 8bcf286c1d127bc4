import { joinPath } from '../../base/index.ts'
import type { FileTree } from '../../ports/index.ts'
import { filterTree } from '../../files/index.ts'
import { gitError } from './errors.ts'

/**
 * The view of `tree` that `spec.sparseCheckout` leaves: files whose path starts with one of the texts, be it a directory or not (`charts` keeps `charts-old/x` too, and no files of the
 * root unless their names start so), as in go-git 5.19. One leading `./` is dropped. Throws EngineError `git-sparse-checkout` for an entry that does not exist.
 */
export function sparseTree(tree: FileTree, directories: readonly string[]): FileTree {
  const prefixes = directories.map((directory) => directory.replace(/^\.\//, ''))
  for (const [i, prefix] of prefixes.entries()) {
    if (tree.stat(joinPath('', prefix)) === undefined) {
      throw gitError(
        `failed to sparse checkout directories : sparse checkout dir '${directories[i]}' does not exist in repository`,
        { code: 'git-sparse-checkout', disposition: 'retry' },
      )
    }
  }
  const isWhole = (path: string): boolean => prefixes.some((prefix) => `${path}/`.startsWith(prefix))
  return filterTree(tree, {
    isShown: (path, entry) =>
      entry.kind === 'directory'
        ? isWhole(path) || prefixes.some((prefix) => prefix.startsWith(`${path}/`))
        : prefixes.some((prefix) => path.startsWith(prefix)),
    directoryId: (path, id) => (isWhole(path) ? id : undefined),
  })
}
