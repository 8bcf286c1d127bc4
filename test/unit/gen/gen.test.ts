import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { moduleSummary } from '../../../infra/gen/folder-map.ts'
import { generate } from '../../../infra/gen/main.ts'
import { printYaml } from '../../../infra/gen/yaml-printer.ts'
import { parseYaml } from '../../../src/yaml/index.ts'

describe('printYaml', () => {
  const texts = [
    '',
    'a',
    'yes',
    'Null',
    '~',
    '1',
    '1e3',
    '0x1f',
    '.5',
    '.inf',
    'a: b',
    'a #b',
    ' a',
    'a ',
    "it's",
    '"q"',
    'a\nb',
    '\t',
    '- a',
    '* a',
    '&a',
    '!a',
    '%a',
    '@a',
    '`a`',
    '{a}',
    '[a]',
    '2026-01-01',
    '<<',
    '=',
    'x:',
    '.a[?(@.b=="C")].d',
    '^(a|b)$',
    'a\\d',
    '| a',
    '> a',
    '? a',
    'é',
  ]
  for (const text of texts) {
    it(`text ${JSON.stringify(text)} reads back as itself`, () => {
      assert.deepEqual(parseYaml(printYaml({ a: text, b: [text] }), { dialect: 'sigs' }), { a: text, b: [text] })
    })
  }

  it('nested data', () => {
    const data = { a: { b: [{ c: 1, d: [true, null] }, {}, []], e: {} }, f: -1.5 }
    assert.deepEqual(parseYaml(printYaml(data), { dialect: 'sigs' }), data)
    assert.equal(printYaml({ a: [{ b: 1, c: [2] }] }), 'a:\n- b: 1\n  c:\n  - 2\n')
  })
})

describe('moduleSummary', () => {
  for (const { name, source, want } of [
    {
      name: 'two sentences of three',
      source: '/**\n * One thing. Another: `x.y`\n * here. A third.\n * @module\n */\n',
      want: 'One thing. Another: `x.y` here.',
    },
    {
      name: 'the comment with @module, not another',
      source: '/** A type. */\ntype A = 1\n/** The module. @module */',
      want: 'The module. @module',
    },
    { name: 'none', source: '/** A type. */\n', want: undefined },
  ]) {
    it(name, () => {
      assert.equal(moduleSummary(source)?.replace(/ @module$/, ''), want?.replace(/ @module$/, ''))
    })
  }
})

describe('generate', () => {
  it('writes what differs, removes what is no longer generated, and keeps the rest of README.md', async () => {
    const root = await mkdtemp(join(tmpdir(), 'sluice-gen-'))
    try {
      await writeFile(join(root, 'README.md'), '# Title\n\nText.\n')
      const missing = await generate({ write: false, root })
      assert.equal(missing.length, 12)
      assert.deepEqual(await generate({ write: true, root }), missing)
      assert.deepEqual(await generate({ write: false, root }), [])
      const path = missing.find((file) => file.endsWith('kustomizations.yaml')) ?? ''
      await writeFile(join(root, path), 'changed')
      await writeFile(join(root, 'infra/crds/old.yaml'), 'old')
      await writeFile(join(root, 'README.md'), `${await readFile(join(root, 'README.md'), 'utf8')}\nMore.\n`)
      assert.deepEqual(await generate({ write: false, root }), ['infra/crds/old.yaml', path].sort())
      await generate({ write: true, root })
      assert.deepEqual(await generate({ write: false, root }), [])
      assert.match(await readFile(join(root, 'README.md'), 'utf8'), /^# Title\n\nText\.\n[\s\S]*More\.\n$/)
    } finally {
      await rm(root, { recursive: true, force: true })
    }
  })
})
