import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { checkArchitecture, formatViolation, projectFiles } from './architecture.ts'
import { maskText } from './masked-text.ts'
import { functionBodies } from './rules/sizes.ts'
import { readSource } from './source-file.ts'

it('the project keeps its rules', () => {
  assert.deepEqual(checkArchitecture(projectFiles()).map(formatViolation), [])
})

const index = '/** Text. @module */\n'
const long = (lines: number): string => Array.from({ length: lines }, () => '  work()\n').join('')

/** Files by path, and the violations that are expected as `path rule`. */
const rows: readonly { name: string; files: { readonly [path: string]: string }; want: readonly string[] }[] = [
  {
    name: 'an import downwards through the index',
    files: { 'src/kube/a.ts': "import { x } from '../base/index.ts'\n", 'src/base/index.ts': index },
    want: [],
  },
  {
    name: 'an import upwards',
    files: { 'src/base/a.ts': "import { x } from '../kube/index.ts'\n" },
    want: ['src/base/a.ts layers'],
  },
  {
    name: 'an import upwards of a type',
    files: { 'src/base/a.ts': "import type { X } from '../kube/index.ts'\n" },
    want: ['src/base/a.ts layers'],
  },
  {
    name: 'an import of a sibling',
    files: { 'src/helm/a.ts': "import { x } from '../kustomize/index.ts'\n" },
    want: ['src/helm/a.ts layers'],
  },
  {
    name: 'an import past the index',
    files: { 'src/kube/a.ts': "import { x } from '../base/errors.ts'\n" },
    want: ['src/kube/a.ts layers'],
  },
  {
    name: 'an import on several lines',
    files: { 'src/kube/a.ts': "import {\n  x,\n  type Y,\n} from '../helm/index.ts'\n" },
    want: ['src/kube/a.ts layers'],
  },
  {
    name: 'an export from above',
    files: { 'src/base/a.ts': "export * from '../kube/index.ts'\n" },
    want: ['src/base/a.ts layers'],
  },
  {
    name: 'a dynamic import upwards',
    files: { 'src/base/a.ts': "const x = () => import('../kube/index.ts')\n" },
    want: ['src/base/a.ts layers'],
  },
  {
    name: 'an import in a comment or a string',
    files: { 'src/base/a.ts': "// import '../kube/index.ts'\nconst x = `\nimport '../kube/index.ts'\n`\n" },
    want: [],
  },
  {
    name: 'a value of ports',
    files: { 'src/kube/a.ts': "import { x } from '../ports/index.ts'\n" },
    want: ['src/kube/a.ts layers'],
  },
  {
    name: 'tests in src',
    files: { 'src/kube/a.ts': "import { x } from '../../test/support/x.ts'\n" },
    want: ['src/kube/a.ts layers'],
  },
  { name: 'a folder without a layer', files: { 'src/new/a.ts': '' }, want: ['src/new/a.ts layers'] },
  {
    name: 'a platform from a handler',
    files: { 'functions/webhook.ts': "import { x } from '../src/platforms/node/index.ts'\n" },
    want: ['functions/webhook.ts layers'],
  },
  {
    name: 'a platform from its composition root',
    files: { 'functions/node.ts': "import { x } from '../src/platforms/node/index.ts'\n" },
    want: [],
  },
  {
    name: 'one platform from another',
    files: { 'src/platforms/node/a.ts': "import { x } from '../cloudflare/index.ts'\n" },
    want: ['src/platforms/node/a.ts layers', 'src/platforms/node/a.ts layers'],
  },
  {
    name: 'a cycle',
    files: { 'src/kube/a.ts': "import { b } from './b.ts'\n", 'src/kube/b.ts': "import { a } from './a.ts'\n" },
    want: ['src/kube/a.ts cycles'],
  },
  {
    name: 'a cycle of types',
    files: {
      'src/kube/a.ts': "import { b } from './b.ts'\n",
      'src/kube/b.ts': "import { type A, type C } from './a.ts'\n",
    },
    want: [],
  },
  {
    name: 'yaml outside its folder',
    files: { 'src/kube/a.ts': "import { parse } from 'yaml'\n" },
    want: ['src/kube/a.ts vendors'],
  },
  { name: 'yaml in its folder', files: { 'src/yaml/a.ts': "import { parse } from 'yaml'\n" }, want: [] },
  {
    name: 'part of a library',
    files: { 'src/kube/a.ts': "import { x } from 'hono/jsx'\n" },
    want: ['src/kube/a.ts vendors'],
  },
  {
    name: 'a library whose name starts alike',
    files: { 'src/kube/a.ts': "import { x } from 'yaml-types'\n" },
    want: [],
  },
  {
    name: 'types of the Kubernetes client',
    files: { 'src/kube/a.ts': "import type { V1Pod } from '@kubernetes/client-node'\n" },
    want: [],
  },
  {
    name: 'values of the Kubernetes client',
    files: { 'src/kube/a.ts': "import { V1Pod } from '@kubernetes/client-node'\n" },
    want: ['src/kube/a.ts vendors'],
  },
  { name: 'a module of Node', files: { 'src/kube/a.ts': "import 'node:fs'\n" }, want: ['src/kube/a.ts vendors'] },
  { name: 'a module of Node on Node', files: { 'src/platforms/node/a.ts': "import 'node:fs'\n" }, want: [] },
  {
    name: 'the clock in a pure folder',
    files: { 'src/helm/a.ts': 'const x = () => Date.now()\n' },
    want: ['src/helm/a.ts purity'],
  },
  { name: 'a date that is given', files: { 'src/helm/a.ts': 'const x = (t: number) => new Date(t)\n' }, want: [] },
  { name: 'a method called fetch', files: { 'src/helm/a.ts': 'const x = (y: Y) => y.fetch()\n' }, want: [] },
  { name: 'the clock elsewhere', files: { 'src/kube/a.ts': 'const x = () => Date.now()\n' }, want: [] },
  {
    name: 'the clock in a template',
    files: { 'src/helm/a.ts': 'const x = () => `at ${Date.now()}`\n' },
    want: ['src/helm/a.ts purity'],
  },
  {
    name: 'code from text',
    files: { 'src/kube/a.ts': "const x = () => new Function('a')\n" },
    want: ['src/kube/a.ts purity'],
  },
  { name: 'a variable of a module', files: { 'src/kube/a.ts': 'let x = 1\n' }, want: ['src/kube/a.ts module-state'] },
  {
    name: 'a variable of a function',
    files: { 'src/kube/a.ts': 'function f() {\n  let x = 1\n  return x\n}\n' },
    want: [],
  },
  {
    name: 'a map that is filled',
    files: { 'src/kube/a.ts': 'const cache = new Map()\nfunction f(k: string) {\n  cache.set(k, 1)\n}\n' },
    want: ['src/kube/a.ts module-state'],
  },
  {
    name: 'a set that is only asked',
    files: { 'src/kube/a.ts': "const known = new Set(['a'])\nconst f = (k: string) => known.has(k)\n" },
    want: [],
  },
  {
    name: 'a set that others may fill',
    files: { 'src/kube/a.ts': "export const known = new Set(['a'])\n" },
    want: ['src/kube/a.ts module-state'],
  },
  {
    name: 'a set that nobody may fill',
    files: { 'src/kube/a.ts': "export const known: ReadonlySet<string> = new Set(['a'])\n" },
    want: [],
  },
  {
    name: 'a list that grows',
    files: { 'src/kube/a.ts': 'const seen = []\nconst f = (k: string) => seen.push(k)\n' },
    want: ['src/kube/a.ts module-state'],
  },
  {
    name: 'a table that is written to',
    files: { 'src/kube/a.ts': 'const seen = {}\nconst f = (k: string) => {\n  seen[k] = 1\n}\n' },
    want: ['src/kube/a.ts module-state'],
  },
  {
    name: 'a table that is read',
    files: { 'src/kube/a.ts': 'const known = {}\nconst f = (k: string) => known[k] === 1\n' },
    want: [],
  },
  {
    name: 'a pattern with a position',
    files: { 'src/kube/a.ts': 'const word = /a/g\nconst f = (k: string) => word.test(k)\n' },
    want: ['src/kube/a.ts module-state'],
  },
  {
    name: 'a pattern whose position is set first',
    files: {
      'src/kube/a.ts':
        'const word = /a/y\nconst f = (k: string) => {\n  word.lastIndex = 0\n  return word.test(k)\n}\n',
    },
    want: [],
  },
  {
    name: 'what platforms share',
    files: { 'src/platforms/node/a.ts': "import { x } from '../limits.ts'\n" },
    want: [],
  },
  {
    name: 'a pattern that matches all',
    files: { 'src/kube/a.ts': 'const word = /a/g\nconst f = (k: string) => k.matchAll(word)\n' },
    want: [],
  },
  {
    name: 'a long function',
    files: { 'src/kube/a.ts': `function f(): void {\n${long(80)}}\n` },
    want: ['src/kube/a.ts size'],
  },
  {
    name: 'a function of the greatest length',
    files: { 'src/kube/a.ts': `function f(): void {\n${long(78)}}\n` },
    want: [],
  },
  { name: 'a long file', files: { 'src/kube/a.ts': long(501) }, want: ['src/kube/a.ts size'] },
  { name: 'a name that says nothing', files: { 'src/kube/utils.ts': '' }, want: ['src/kube/utils.ts naming'] },
  { name: 'a name in camel case', files: { 'src/kube/fooBar.ts': '' }, want: ['src/kube/fooBar.ts naming'] },
  {
    name: 'an index with code',
    files: { 'src/kube/index.ts': `${index}export function f() {}\n` },
    want: ['src/kube/index.ts naming'],
  },
]

/** Every folder has its index, so that each row shows one thing. */
function withIndexes(files: { readonly [path: string]: string }): { readonly [path: string]: string } {
  const folders = Object.keys(files).flatMap((path) => /^src\/(?:platforms\/[^/]+|[^/]+)(?=\/)/.exec(path)?.[0] ?? [])
  return { ...Object.fromEntries(folders.map((folder) => [`${folder}/index.ts`, index])), ...files }
}

describe('rules', () => {
  for (const { name, files, want } of rows) {
    it(name, () => {
      const sources = Object.entries(withIndexes(files)).map(([path, source]) => readSource(path, source))
      const found = checkArchitecture(sources, []).filter((violation) => files[violation.path] !== undefined)
      assert.deepEqual(
        found.map(({ path, rule }) => `${path} ${rule}`),
        want,
      )
    })
  }

  it('an exception silences its rule, and one that is not needed is an error', () => {
    const files = [readSource('src/kube/a.ts', 'let x = 1\n'), readSource('src/kube/index.ts', index)]
    const exception = { path: 'src/kube/a.ts', reason: 'because' }
    assert.deepEqual(checkArchitecture(files, [{ ...exception, rule: 'module-state' }]), [])
    assert.deepEqual(
      checkArchitecture(files, [
        { ...exception, rule: 'module-state' },
        { ...exception, rule: 'size' },
      ]).map(({ rule }) => rule),
      ['allow-list'],
    )
  })
})

describe('masking', () => {
  for (const { name, source, want } of [
    { name: 'comments', source: 'a // b\nc /* d */ e', want: 'a     \nc         e' },
    { name: 'strings', source: `a('b\\'c', "d")`, want: `a('    ', " ")` },
    { name: 'templates with expressions', source: '`a${b({c: `d`})}e` + f', want: '`   b({c: ` `})  ` + f' },
    { name: 'regular expressions', source: "x = /a'[/]b/.test(y) / 2", want: 'x = /      /.test(y) / 2' },
    { name: 'division', source: "a / b / c + 'd'", want: "a / b / c + ' '" },
  ]) {
    it(name, () => {
      assert.equal(maskText(source).code, want)
    })
  }

  it('function bodies are told from other blocks', () => {
    const source =
      'function f(a: { b: string }): Promise<void> { if (a) { x() } for (const c of d) { y() } }\nconst g = () => { z() }\nclass K { m() { n() } }'
    assert.equal(functionBodies(source).length, 3)
  })
})
