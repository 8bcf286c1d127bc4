import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { FileTree } from '../../../src/ports/index.ts'
import {
  MemoryTree,
  PendingFilesError,
  directoryId,
  boundReads,
  fingerprintReads,
  followLinks,
  isPendingFiles,
  overlayTree,
  recordReads,
  resolvePath,
  subtree,
  walkFiles,
} from '../../../src/files/index.ts'

const text = (tree: FileTree, path: string): string => new TextDecoder().decode(tree.read(path))
const paths = (tree: FileTree): string[] => [...walkFiles(tree)].map(([path]) => path)

describe('MemoryTree', () => {
  it('refuses conflicts and unsafe paths', () => {
    for (const path of ['../x', '/x', 'a\\b', ''])
      assert.throws(() => new MemoryTree({ [path]: '' }), { name: 'EngineError' })
    assert.throws(() => new MemoryTree({ a: '', 'a/b': '' }), { code: 'path-conflict' })
    assert.throws(() => new MemoryTree({ 'a/b': '', a: '' }), { code: 'path-conflict' })
    assert.throws(() => new MemoryTree({ 'a/b': '', './a/b': '' }), { code: 'path-conflict' })
  })
  it('is not fooled by names of object properties', () => {
    const tree = new MemoryTree([
      ['__proto__', 'x'],
      ['constructor/y', 'z'],
    ])
    assert.deepEqual(paths(tree), ['__proto__', 'constructor/y'])
    assert.equal(new MemoryTree({}).stat('toString'), undefined)
  })
})

describe('resolvePath', () => {
  const tree = new MemoryTree({
    'a/file': 'x',
    'a/up': { symlink: '../b' },
    'b/c/file': 'y',
    to: { symlink: 'a/up/c' },
    dot: { symlink: './a/./file' },
    self: { symlink: 'self' },
    ping: { symlink: 'pong' },
    pong: { symlink: 'ping' },
    out: { symlink: '../etc/passwd' },
    'a/out': { symlink: 'up/../../x' },
    absolute: { symlink: '/etc/passwd' },
    dangling: { symlink: 'no/where' },
    empty: { symlink: '' },
    ...Object.fromEntries(
      Array.from({ length: 50 }, (_, i) => [`chain${i}`, { symlink: i === 49 ? 'a/file' : `chain${i + 1}` }]),
    ),
  })
  for (const { path, want, code } of [
    { path: 'a/file', want: 'a/file' },
    { path: '', want: '' },
    { path: 'to/file', want: 'b/c/file' },
    { path: 'dot', want: 'a/file' },
    { path: 'a/up/c/../c/file', want: 'b/c/file' },
    { path: 'dangling', want: 'no/where' },
    { path: 'missing/x', want: 'missing/x' },
    { path: 'chain10', want: 'a/file' },
    { path: 'chain9', code: 'symlink-loop' },
    { path: 'self', code: 'symlink-loop' },
    { path: 'ping', code: 'symlink-loop' },
    { path: 'out', code: 'symlink-escape' },
    { path: 'a/out', code: 'symlink-escape' },
    { path: 'absolute', code: 'symlink-escape' },
    { path: 'empty', code: 'symlink-escape' },
    { path: '../x', code: 'unsafe-path' },
  ]) {
    it(path === '' ? 'the root' : path, () => {
      if (code === undefined) assert.equal(resolvePath(tree, path), want)
      else assert.throws(() => resolvePath(tree, path), { name: 'EngineError', code })
    })
  }
  it('shows what links lead to', () => {
    const followed = followLinks(tree)
    assert.equal(text(followed, 'to/file'), 'y')
    assert.deepEqual(followed.stat('to'), { name: 'to', kind: 'directory' })
    assert.deepEqual(
      followed.list('to').map((entry) => entry.name),
      ['file'],
    )
    assert.equal(followed.stat('out')?.kind, 'symlink')
    assert.equal(followed.stat('dangling')?.kind, 'symlink')
    assert.throws(() => followed.read('out'), { code: 'symlink-escape' })
    assert.throws(() => followed.read('dangling'), { code: 'file-not-found' })
  })
})

describe('overlayTree', () => {
  const base: FileTree = new MemoryTree({ 'a/1': 'one', 'a/2': 'two', 'b/3': 'three', c: 'four' })
  it('replaces, adds and removes', () => {
    const tree = overlayTree(base, { 'a/1': 'ONE', 'a/new/x': 'x', b: null, c: { symlink: 'a' } })
    assert.deepEqual(paths(tree), ['a/1', 'a/2', 'a/new/x', 'c'])
    assert.equal(text(tree, 'a/1'), 'ONE')
    assert.equal(tree.stat('b/3'), undefined)
    assert.equal(tree.stat('c')?.kind, 'symlink')
    assert.throws(() => tree.list('b'), { code: 'file-not-found' })
  })
  it('a file hides the directory that was there, a directory the file', () => {
    const file = overlayTree(base, { a: 'file' })
    assert.deepEqual(paths(file), ['a', 'b/3', 'c'])
    assert.equal(file.stat('a/1'), undefined)
    assert.throws(() => file.read('a/1'), { code: 'file-not-found' })
    const directory = overlayTree(base, { 'c/d': 'x' })
    assert.deepEqual(paths(directory), ['a/1', 'a/2', 'b/3', 'c/d'])
  })
  it('keeps ids of untouched directories only', () => {
    const withIds: FileTree = {
      stat: (path) => stamp(base.stat(path)),
      read: (path) => base.read(path),
      list: (path) => base.list(path).flatMap((entry) => stamp(entry) ?? []),
    }
    for (const tree of [overlayTree(withIds, { 'a/1': 'x' }), overlayTree(withIds, { 'a/1': null })]) {
      assert.equal(tree.stat('a')?.id, undefined)
      assert.equal(tree.stat('')?.id, undefined)
      assert.equal(tree.stat('b')?.id, 'id of b')
      assert.deepEqual(
        tree.list('').map((entry) => entry.id),
        [undefined, 'id of b', undefined],
      )
    }
  })
  it('puts a tree of another source below a directory that did not exist', () => {
    const tree = overlayTree(base, { 'x/y': { tree: new MemoryTree({ 'p/q': 'r' }) } })
    assert.deepEqual(paths(tree), ['a/1', 'a/2', 'b/3', 'c', 'x/y/p/q'])
    assert.deepEqual(
      tree.list('x').map((entry) => entry.name),
      ['y'],
    )
    assert.throws(() => overlayTree(base, { '../x': '' }), { code: 'unsafe-path' })
  })
})

function stamp<T extends { name: string; kind: string }>(entry: T | undefined): T | undefined {
  return entry?.kind === 'directory' ? { ...entry, id: `id of ${entry.name}` } : entry
}

describe('recordReads', () => {
  const base = { 'a/x': '1', 'a/y': '2', 'b/z': '3' }
  const render = (tree: FileTree): void => {
    tree.read('a/x')
    tree.list('b')
    tree.stat('a/kustomization.yaml')
    assert.throws(() => tree.read('a/optional'))
  }
  const recorded = recordReads(new MemoryTree(base))
  render(recorded.tree)
  const record = recorded.record()
  it('lists what was asked', () => {
    assert.deepEqual(record, { files: ['a/optional', 'a/x'], directories: ['b'], lookups: ['a/kustomization.yaml'] })
  })
  const before = fingerprintReads(new MemoryTree(base), record)
  for (const { name, files, same } of [
    { name: 'a file that was not read changes', files: { ...base, 'a/y': 'other' }, same: true },
    { name: 'a file below a listed directory changes', files: { ...base, 'b/z': 'other' }, same: true },
    { name: 'a file that was read changes', files: { ...base, 'a/x': 'other' }, same: false },
    { name: 'a listed directory gets a file', files: { ...base, 'b/new': '' }, same: false },
    { name: 'a listed directory goes', files: { 'a/x': '1' }, same: false },
    { name: 'a missing file appears', files: { ...base, 'a/optional': '' }, same: false },
    { name: 'a path that was looked up appears', files: { ...base, 'a/kustomization.yaml': '' }, same: false },
  ]) {
    it(name, () => assert.equal(fingerprintReads(new MemoryTree(files), record) === before, same))
  }

  it('asks for whole directories where it would be too long', () => {
    const files = Object.fromEntries(Array.from({ length: 40 }, (_, i) => [`apps/one/${i}`, String(i)]))
    const tree = new MemoryTree({ ...files, 'apps/two/x': '1', 'base/y': '2' })
    const many = recordReads(tree)
    for (const path of [...Object.keys(files), 'base/y']) many.tree.read(path)
    many.tree.stat('base/kustomization.yml')
    const bounded = boundReads(many.record(), 5)
    assert.deepEqual(bounded, { files: ['apps/one', 'base/y'], directories: [], lookups: ['base/kustomization.yml'] })
    const now = fingerprintReads(tree, bounded)
    assert.equal(fingerprintReads(overlayTree(tree, { 'apps/two/x': 'other' }), bounded), now)
    assert.notEqual(fingerprintReads(overlayTree(tree, { 'apps/one/new': 'other' }), bounded), now)
    assert.notEqual(fingerprintReads(overlayTree(tree, { 'apps/one/7': 'other' }), bounded), now)
  })
  it('stays as it is where it is short', () => assert.deepEqual(boundReads(record, 100), record))
  it('is given up where nothing can be taken together', () => {
    assert.equal(boundReads({ files: ['a', 'b', 'c'], directories: [], lookups: [] }, 2), undefined)
  })
})

describe('directoryId', () => {
  const id = (files: ConstructorParameters<typeof MemoryTree>[0], path = 'd'): string =>
    directoryId(new MemoryTree(files), path)
  const before = id({ 'd/a': '1', 'd/e/b': '2', x: '' })
  it('is the same for the same content', () => assert.equal(id({ 'd/e/b': '2', 'd/a': '1', y: '' }), before))
  for (const files of [
    { 'd/a': '1', 'd/e/b': '3' },
    { 'd/a': '1', 'd/e/c': '2' },
    { 'd/a': { content: '1', executable: true }, 'd/e/b': '2' },
    { 'd/a': { symlink: '1' }, 'd/e/b': '2' },
    { 'd/a': '1', 'd/e/b': '2', 'd/f': '' },
  ]) {
    it(`differs for ${JSON.stringify(files)}`, () => assert.notEqual(id(files), before))
  }
  it('fails for what is not there', () => assert.throws(() => id({ a: '' }), { code: 'file-not-found' }))
})

describe('subtree and pending files', () => {
  it('fails for a directory that is not there', () => {
    assert.throws(() => subtree(new MemoryTree({ a: '' }), 'a'), { code: 'file-not-found' })
    assert.throws(() => subtree(new MemoryTree({ a: '' }), 'b'), { code: 'file-not-found' })
  })
  it('tells requests from failures', () => {
    assert.equal(isPendingFiles(new PendingFilesError(['a', 'b', 'c', 'd'], async () => undefined)), true)
    assert.equal(isPendingFiles(new Error('PendingFiles')), false)
    assert.match(new PendingFilesError(['a', 'b', 'c', 'd'], async () => undefined).message, /a, b, c and 1 more/)
  })
})
