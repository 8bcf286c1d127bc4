import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { entryNameProblem, isWithin, joinPath, safeEntryPath } from '../../../src/base/index.ts'

describe('joinPath', () => {
  const rows = [
    { base: '', path: '', want: '' },
    { base: '', path: '.', want: '' },
    { base: 'a/b', path: '../c', want: 'a/c' },
    { base: 'a/b', path: '../../', want: '' },
    { base: 'a', path: './b//c/.', want: 'a/b/c' },
    { base: '', path: 'a/../b', want: 'b' },
    { base: 'a', path: '..a/...', want: 'a/..a/...' },
    { base: 'a', path: 'sp ace/ü', want: 'a/sp ace/ü' },
    { base: '', path: '..' },
    { base: 'a', path: '../..' },
    { base: 'a', path: '../../a' },
    { base: 'a', path: '/etc/passwd' },
    { base: 'a', path: 'C:/x' },
    { base: 'a', path: 'c:x' },
    { base: 'a', path: '..\\..\\x' },
    { base: 'a', path: 'x\0y' },
    { base: 'a', path: 'x\ny' },
    { base: 'a', path: 'x'.repeat(5000) },
  ]
  for (const { base, path, want } of rows) {
    it(`${base} + ${JSON.stringify(path.slice(0, 20))}`, () => {
      if (want === undefined) assert.throws(() => joinPath(base, path), { name: 'EngineError', code: 'unsafe-path' })
      else assert.equal(joinPath(base, path), want)
    })
  }
})

describe('safeEntryPath', () => {
  for (const [path, want] of [
    ['chart/templates/a.yaml', 'chart/templates/a.yaml'],
    ['./chart//x/', 'chart/x'],
    ['.gitignore', '.gitignore'],
    ['a/..b', 'a/..b'],
  ] as const) {
    it(`takes ${path}`, () => assert.equal(safeEntryPath(path), want))
  }
  for (const path of [
    '',
    '.',
    '..',
    'a/../b',
    '/a',
    'a\\b',
    'a\0',
    '.git/config',
    'a/.GIT/hooks',
    'a/.g\u200cit/x',
    'git~1/x',
  ]) {
    it(`refuses ${JSON.stringify(path)}`, () => {
      assert.throws(() => safeEntryPath(path), { name: 'EngineError', code: 'unsafe-path' })
    })
  }
})

describe('entryNameProblem', () => {
  for (const name of ['a', '.gitmodules', '.github', 'git', 'a\\b', ' ', '...', 'x.git', '.git2', 'ünïcode']) {
    it(`is content with ${JSON.stringify(name)}`, () => assert.equal(entryNameProblem(name), undefined))
  }
  for (const name of [
    '',
    '.',
    '..',
    'a/b',
    'a\0',
    '.git',
    '.Git',
    '.git ',
    '.git.',
    '.git::$INDEX_ALLOCATION',
    '.git\\x',
    'GIT~1',
    '\ufeff.git',
  ]) {
    it(`refuses ${JSON.stringify(name)}`, () => assert.notEqual(entryNameProblem(name), undefined))
  }
})

describe('isWithin', () => {
  for (const [path, directory, want] of [
    ['a/b', 'a', true],
    ['a', 'a', true],
    ['a', '', true],
    ['', '', true],
    ['ab', 'a', false],
    ['', 'a', false],
  ] as const) {
    it(`${path} in ${directory}`, () => assert.equal(isWithin(path, directory), want))
  }
})
