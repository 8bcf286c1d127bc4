import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { FileTree } from '../../src/ports/index.ts'

/** What a tree under test holds: text, an executable file or a symbolic link. */
export type ContractFile = string | { content: string; executable: true } | { symlink: string }

/** Files that every implementation must be able to hold. */
const files: { [path: string]: ContractFile } = {
  'a.yaml': 'a: 1\n',
  'a-b/c.yaml': 'c: 1\n',
  'a/b/deep.txt': 'deep',
  'a/empty': '',
  'a/run.sh': { content: '#!/bin/sh\n', executable: true },
  'a/ünïcode 𝒳.txt': 'é',
  'a/\u{e000}.txt': 'private use',
  link: { symlink: 'a/b' },
  'z/back\\slash': 'x',
}

const decode = (bytes: Uint8Array): string => new TextDecoder().decode(bytes)

function errorOf(run: () => unknown): { name: string; code: unknown } {
  try {
    run()
  } catch (error) {
    assert.ok(error instanceof Error)
    return { name: error.name, code: 'code' in error ? error.code : undefined }
  }
  return assert.fail('expected an error')
}

/**
 * The contract of the FileTree port. `make` returns a tree with exactly these files, whose content is at hand. `options.backslash: false` leaves out
 * the name with a backslash, for trees that come from archives; `options.symlinks: false` the symbolic link.
 */
export function describeFileTree(
  name: string,
  make: (files: { [path: string]: ContractFile }) => FileTree | Promise<FileTree>,
  options: { backslash?: boolean; symlinks?: boolean } = {},
): void {
  const held = Object.fromEntries(
    Object.entries(files).filter(
      ([path, file]) =>
        (options.backslash !== false || !path.includes('\\')) &&
        (options.symlinks !== false || typeof file === 'string' || !('symlink' in file)),
    ),
  )
  describe(`FileTree contract: ${name}`, () => {
    it('knows files, directories and links', async () => {
      const tree = await make(held)
      const kinds = [
        ['', 'directory'],
        ['a', 'directory'],
        ['a/b', 'directory'],
        ['a.yaml', 'file'],
        ['a/run.sh', 'file'],
        ['nothing', undefined],
        ['a/nothing', undefined],
        ['a.yaml/below-a-file', undefined],
        ...(options.symlinks === false ? [] : [['link', 'symlink'] as const, ['link/deep.txt', undefined] as const]),
      ] as const
      for (const [path, kind] of kinds) assert.equal(tree.stat(path)?.kind, kind, path)
      assert.equal(tree.stat('')?.name, '')
      assert.equal(tree.stat('a/b/deep.txt')?.name, 'deep.txt')
      assert.equal(tree.stat('a/run.sh')?.executable, true)
      assert.notEqual(tree.stat('a.yaml')?.executable, true)
    })

    it('lists in byte order', async () => {
      const tree = await make(held)
      const names = (path: string): string[] => tree.list(path).map((entry) => entry.name)
      const root = ['a', 'a-b', 'a.yaml', 'link', 'z'].filter((entry) => isTop(held, entry))
      assert.deepEqual(names(''), root)
      assert.deepEqual(names('a'), ['b', 'empty', 'run.sh', 'ünïcode 𝒳.txt', '\u{e000}.txt'])
      assert.deepEqual(
        tree.list('a').map((entry) => entry.kind),
        ['directory', 'file', 'file', 'file', 'file'],
      )
    })

    it('agrees between stat and list', async () => {
      const tree = await make(held)
      for (const path of ['', 'a', 'a/b', 'a-b']) {
        for (const entry of tree.list(path)) {
          assert.deepEqual(tree.stat(path === '' ? entry.name : `${path}/${entry.name}`), entry)
        }
      }
    })

    it('reads content, and the target of a link', async () => {
      const tree = await make(held)
      for (const [path, file] of Object.entries(held)) {
        const want = typeof file === 'string' ? file : 'symlink' in file ? file.symlink : file.content
        assert.equal(decode(tree.read(path)), want, path)
      }
    })

    it('throws file-not-found', async () => {
      const tree = await make(held)
      const missing = { name: 'EngineError', code: 'file-not-found' }
      for (const path of ['nothing', 'a', '', 'a.yaml/x'])
        assert.deepEqual(
          errorOf(() => tree.read(path)),
          missing,
          path,
        )
      for (const path of ['nothing', 'a.yaml', 'a/nothing'])
        assert.deepEqual(
          errorOf(() => tree.list(path)),
          missing,
          path,
        )
    })
  })
}

function isTop(held: { [path: string]: ContractFile }, name: string): boolean {
  return Object.keys(held).some((path) => path.split('/', 1)[0] === name)
}
