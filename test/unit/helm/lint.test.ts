import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { after, test } from 'node:test'
import { MemoryTree } from '../../../src/files/index.ts'
import { applySet, lintChart, parseKubeVersion } from '../../../src/helm/index.ts'
import type { GoMap } from '../../../src/template/index.ts'
import { parseArchive } from '../../conformance/archive.ts'
import { helmBinary, noHelm } from '../../support/helm-binary.ts'

const cases = new URL('../../conformance/cases/lint/', import.meta.url).pathname
const helm = await helmBinary()
const skip = helm === undefined ? noHelm : false
const root = mkdtempSync(join(tmpdir(), 'helm-lint-'))
after(() => rmSync(root, { recursive: true }))

interface LintCase {
  readonly name: string
  readonly files: Map<string, string>
  readonly args: readonly string[]
  readonly expected: string
}

/** The cases of one file: the first part of each path is the name of the case. */
function casesOf(file: string): LintCase[] {
  const charts = new Map<string, Map<string, string>>()
  for (const [path, content] of parseArchive(readFileSync(join(cases, file), 'utf8')).files) {
    const slash = path.indexOf('/')
    const name = path.slice(0, slash)
    const files = charts.get(name) ?? new Map<string, string>()
    charts.set(name, files.set(path.slice(slash + 1), content))
  }
  return [...charts].map(([name, files]) => {
    const args = (files.get('args') ?? '').split(/\s+/).filter((word) => word !== '')
    const expected = files.get('expected.txt') ?? assert.fail(`${name} expects nothing`)
    for (const path of ['args', 'expected.txt']) files.delete(path)
    return { name, files, args, expected }
  })
}

function findings({ files, args }: LintCase): string {
  const values: GoMap = new Map()
  const [flag, argument = ''] = args
  if (flag === '--set') applySet(argument, values, { kind: 'typed' })
  const messages = lintChart(new MemoryTree(files), {
    directory: 'DIRECTORY',
    values,
    namespace: 'default',
    skipSchemaValidation: flag === '--skip-schema-validation',
    environment: { now: () => 0, randomBytes: (count) => new Uint8Array(count) },
    ...(flag === '--kube-version' ? { kubeVersion: parseKubeVersion(argument) } : {}),
  })
  return messages.map(({ severity, path, text }) => `[${severity}] ${path}: ${text}\n`).join('')
}

for (const file of readdirSync(cases)) {
  test(`lint finds what helm finds: ${file}`, () => {
    for (const one of casesOf(file)) assert.equal(findings(one), one.expected, one.name)
  })
}

/** What helm says of each of some charts, by their directories. */
function helmFindings(directories: readonly string[], args: readonly string[]): string[] {
  const { stdout } = spawnSync(helm ?? '', ['lint', ...directories, ...args], { encoding: 'utf8' })
  const parts = stdout.split(/^==> Linting .*\n/m).slice(1)
  return parts.map((part, at) => part.replace(/\n(\d+ chart.*\n)?$/, '').replaceAll(directories[at] ?? '', 'DIRECTORY'))
}

test('the real helm finds what the cases say', { skip }, () => {
  const all = readdirSync(cases).flatMap(casesOf)
  for (const args of new Set(all.map((one) => one.args.join(' ')))) {
    const some = all.filter((one) => one.args.join(' ') === args)
    const directories = some.map(({ files }) => {
      const directory = mkdtempSync(join(root, 'chart-'))
      for (const [path, content] of files) {
        mkdirSync(dirname(join(directory, path)), { recursive: true })
        writeFileSync(join(directory, path), content)
      }
      return directory
    })
    const found = helmFindings(directories, some[0]?.args ?? [])
    for (const [at, { name, expected }] of some.entries()) assert.equal(found[at], expected, name)
  }
})
