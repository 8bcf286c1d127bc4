import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import * as fc from 'fast-check'
import { isEngineError } from '../../../src/base/index.ts'
import type { KubeValue } from '../../../src/resources/index.ts'
import { parseDocuments, parseYaml, printJson, printYaml } from '../../../src/yaml/index.ts'
import { parseArchive } from '../../conformance/archive.ts'
import { buildFiles } from './support.ts'

const CASES = new URL('../../conformance/cases/kustomize/', import.meta.url).pathname
const CORPUS = new URL('../../fixtures/yaml-fuzz/', import.meta.url).pathname

type Files = { readonly [path: string]: string }

interface OwnCase {
  readonly name: string
  readonly files: Files
  readonly path: string
  readonly builds: boolean
}

const cases: readonly OwnCase[] = readdirSync(CASES)
  .filter((name) => name.endsWith('.txt') && name !== 'version.txt')
  .map((name) => {
    const { comment, files } = parseArchive(readFileSync(join(CASES, name), 'utf8'))
    const builds = files.has('expected.yaml') && !comment.includes('args:')
    files.delete('expected.yaml')
    files.delete('expected-error')
    return { name, files: Object.fromEntries(files), path: /^path: (.*)$/m.exec(comment)?.[1] ?? '', builds }
  })

function textOf(files: Files, path: string, reorder: 'legacy' | 'none' = 'legacy'): string {
  const { objects } = buildFiles(files, { path, reorder })
  return objects.map((object) => printYaml(object, { dialect: 'sigs' })).join('---\n')
}

/** Outcome of a build, in which only errors of the engine may be thrown. */
function outcome(files: Files, path: string): string {
  try {
    return textOf(files, path)
  } catch (error) {
    if (!isEngineError(error)) throw error
    return `error: ${error.message}`
  }
}

const scalar = fc.oneof(
  fc.string({ maxLength: 30 }),
  fc.string({ unit: 'grapheme', maxLength: 12 }),
  fc.constantFrom(
    'yes',
    '1e3',
    '0o17',
    '~',
    '<<',
    '=',
    '1:30',
    '2001-01-01',
    ' x',
    'x ',
    'a\nb',
    '\n',
    'a: b',
    '- a',
    '#',
    '"',
    "'",
  ),
  fc.array(fc.constantFrom('word', ' ', '\n', '\t', ':', '#'), { maxLength: 60 }).map((parts) => parts.join('')),
  fc.integer(),
  fc.boolean(),
  fc.constant(null),
)
const { value: tree } = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    scalar,
    fc.array(tie('value'), { maxLength: 4 }),
    fc.dictionary(fc.oneof(fc.string({ maxLength: 12 }), fc.constantFrom('a', 'y', '1', '')), tie('value'), {
      maxKeys: 4,
    }),
  ),
}))

describe('properties', () => {
  // Not for the key `<<`: go-yaml prints it plain, and so reads its own text as a merge.
  it('what is printed reads back as the same, and prints the same', () => {
    fc.assert(
      fc.property(tree, (value) => {
        let text
        try {
          text = printYaml(value, { dialect: 'sigs' })
        } catch (error) {
          assert.ok(isEngineError(error))
          return
        }
        const again = parseYaml(text, { dialect: 'sigs' })
        assert.equal(printYaml(again, { dialect: 'sigs' }), text)
        assert.equal(printJson(again as KubeValue), printJson(JSON.parse(JSON.stringify(value)) as KubeValue))
      }),
      { numRuns: 200 },
    )
  })
  it('a build is deterministic', () => {
    for (const { files, path } of cases.filter((_, index) => index % 5 === 0))
      assert.equal(outcome(files, path), outcome(files, path))
  })
  it('building the output of a build changes nothing', () => {
    for (const { name, files, path, builds } of cases.filter((_, index) => index % 3 === 0)) {
      // What a build notes about origins is dropped by the next one.
      if (!builds || name.startsWith('build-metadata')) continue
      const text = textOf(files, path)
      if (text === '' || text.includes('config.kubernetes.io/')) continue
      const again = { 'kustomization.yaml': 'resources: [all.yaml]\nsortOptions: {order: fifo}\n', 'all.yaml': text }
      assert.equal(outcome(again, ''), text, name)
    }
  })
})

/** One small change of a text. */
const change = fc.tuple(
  fc.nat({ max: 1 << 16 }),
  fc.constantFrom('cut', 'double', 'insert', 'indent'),
  fc.constantFrom(
    '[',
    '{',
    '"',
    "'",
    '|',
    '&a ',
    '*a',
    '- ',
    ': ',
    '\t',
    '\n---\n',
    '#',
    '%',
    '!!int ',
    '<<: ',
    '? ',
    '\u0000',
    '\ufeff',
  ),
)

function changed(text: string, changes: readonly (readonly [number, string, string])[]): string {
  return changes.reduce((current, [position, kind, inserted]) => {
    const at = position % (current.length + 1)
    const end = Math.min(current.length, at + 20)
    if (kind === 'cut') return current.slice(0, at) + current.slice(end)
    if (kind === 'double') return current.slice(0, end) + current.slice(at)
    if (kind === 'indent') return `${current.slice(0, at)}\n   ${current.slice(at)}`
    return current.slice(0, at) + inserted + current.slice(at)
  }, text)
}

describe('fuzzing', () => {
  for (const name of readdirSync(CORPUS)) {
    it(`saved: ${name}`, () => {
      const text = readFileSync(join(CORPUS, name), 'utf8')
      for (const dialect of ['sigs', 'kyaml'] as const) parseDocuments(text, { dialect })
      outcome(
        {
          'kustomization.yaml': text,
          'r.yaml': 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!}\n',
        },
        '',
      )
      outcome({ 'kustomization.yaml': 'resources: [r.yaml]\n', 'r.yaml': text }, '')
    })
  }
  it('changed files end in objects or in an error of the engine, never in a crash', () => {
    const seeds = cases.filter((one) => Object.keys(one.files).length > 0)
    fc.assert(
      fc.property(
        fc.constantFrom(...seeds),
        fc.nat(),
        fc.array(change, { minLength: 1, maxLength: 3 }),
        (one, file, changes) => {
          const names = Object.keys(one.files)
          const picked = names[file % names.length] ?? ''
          outcome({ ...one.files, [picked]: changed(one.files[picked] ?? '', changes) }, one.path)
        },
      ),
      { numRuns: 200 },
    )
  })
})
