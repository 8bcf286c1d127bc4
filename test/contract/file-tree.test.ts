import { MemoryTree, filterTree, followLinks, overlayTree, recordReads, subtree } from '../../src/files/index.ts'
import { describeFileTree } from './file-tree.ts'

/** Trees in memory take the paths of archives, which have no backslash. */
const plain = { backslash: false }

describeFileTree('MemoryTree', (files) => new MemoryTree(files), plain)
describeFileTree('recordReads', (files) => recordReads(new MemoryTree(files)).tree, plain)
describeFileTree(
  'filterTree',
  (files) =>
    filterTree(new MemoryTree({ ...files, 'hidden/x': '', 'a/hidden': '' }), {
      isShown: (path) => !path.includes('hidden'),
      directoryId: () => undefined,
    }),
  plain,
)
describeFileTree(
  'subtree',
  (files) =>
    subtree(new MemoryTree(Object.entries(files).map(([path, file]) => [`deep/er/${path}`, file] as const)), 'deep/er'),
  plain,
)
describeFileTree(
  'overlayTree',
  (files) => {
    const { 'a/b/deep.txt': deep, 'a.yaml': yaml, ...rest } = files
    return overlayTree(new MemoryTree({ ...rest, 'a/gone': 'x', 'a.yaml': 'old', 'a/b/deep.txt/was-a-dir': '' }), {
      'a/gone': null,
      'a/b/deep.txt': deep ?? null,
      'a.yaml': yaml ?? null,
    })
  },
  plain,
)
describeFileTree(
  'overlayTree of a tree',
  (files) => {
    const below = Object.entries(files).filter(([path]) => path.startsWith('a/'))
    const rest = Object.entries(files).filter(([path]) => !path.startsWith('a/'))
    return overlayTree(new MemoryTree([...rest, ['a/empty', 'old']]), {
      a: { tree: new MemoryTree(below.map(([path, file]) => [path.slice(2), file] as const)) },
    })
  },
  plain,
)
describeFileTree('followLinks', (files) => followLinks(new MemoryTree(files)), { ...plain, symlinks: false })
