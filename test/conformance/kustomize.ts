import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { isEngineError } from '../../src/base/index.ts'
import { DiskTree } from '../../src/cli/index.ts'
import { MemoryTree } from '../../src/files/index.ts'
import { build, type BuildOptions } from '../../src/kustomize/index.ts'
import type { FileTree } from '../../src/ports/index.ts'
import type { KubeValue } from '../../src/resources/index.ts'
import { parseDocuments, printJson, printYaml } from '../../src/yaml/index.ts'
import { parseArchive } from './archive.ts'
import { type CaseResult, differentDocuments, type Suite } from './suite.ts'

const OWN = new URL('./cases/kustomize/', import.meta.url).pathname
const SHARED = new URL('../../../shared/corpus/kustomize', import.meta.url).pathname

/** What the command line says. */
function optionsOf(args: readonly string[]): BuildOptions {
  const after = (flag: string): string | undefined => args[args.indexOf(flag) + 1]
  return {
    loadRestrictions: args.includes('LoadRestrictionsNone') ? 'none' : 'root-only',
    reorder: args.includes('--reorder') && after('--reorder') === 'none' ? 'none' : 'legacy',
  }
}

/** What the real tool printed, or that it failed. */
type Expected = { readonly yaml: string; readonly documents: readonly unknown[] } | 'error'

function runCase(id: string, files: FileTree, path: string, args: readonly string[], expected: Expected): CaseResult {
  let objects
  try {
    objects = build({ files, path, options: optionsOf(args) }).objects
  } catch (error) {
    if (!isEngineError(error))
      return { id, problem: `crash: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}` }
    if (expected === 'error') return error.message === '' ? { id, problem: 'failed without a word' } : { id }
    return { id, problem: `unexpected error: ${error.message}` }
  }
  if (expected === 'error') return { id, problem: 'expected an error' }
  const problem = differentDocuments(
    expected.documents,
    objects.map((object) => JSON.parse(printJson(object)) as unknown),
  )
  const yaml = objects.map((object) => printYaml(object, { dialect: 'sigs' })).join('---\n')
  return problem === undefined ? { id, sameText: yaml === expected.yaml } : { id, problem }
}

/** The project's own cases: one archive each, with the output of the real tool in it. */
export function ownCases(): readonly { id: string; run: () => CaseResult }[] {
  return readdirSync(OWN)
    .filter((name) => name.endsWith('.txt') && name !== 'version.txt')
    .map((name) => {
      const id = name.replace(/\.txt$/, '')
      return { id, run: () => runOwn(id) }
    })
}

function runOwn(id: string): CaseResult {
  const { comment, files } = parseArchive(readFileSync(join(OWN, `${id}.txt`), 'utf8'))
  const yaml = files.get('expected.yaml')
  files.delete('expected.yaml')
  const isError = files.delete('expected-error')
  const args = /^args: (.*)$/m.exec(comment)?.[1]?.split(' ') ?? []
  const path = /^path: (.*)$/m.exec(comment)?.[1] ?? ''
  return runCase(
    id,
    new MemoryTree(files),
    path,
    args,
    isError ? 'error' : { yaml: yaml ?? '', documents: documentsOf(yaml ?? '') },
  )
}

/** Documents as the printed YAML says, read by our own reader: its own suite holds it to the real one. */
function documentsOf(yaml: string): unknown[] {
  return parseDocuments(yaml, { dialect: 'kyaml', file: 'expected.yaml' })
    .documents.filter((one) => !one.empty)
    .map((one) => JSON.parse(printJson(one.value as KubeValue)) as unknown)
}

function sharedCase(name: string): CaseResult {
  const directory = join(SHARED, name)
  const meta = JSON.parse(readFileSync(join(directory, 'case.json'), 'utf8')) as {
    path?: string
    args?: readonly string[]
  }
  const path = meta.path === '.' ? '' : (meta.path ?? '')
  const files = new DiskTree(join(directory, 'root'))
  if (existsSync(join(directory, 'expected-error.txt'))) return runCase(name, files, path, meta.args ?? [], 'error')
  const documents = readFileSync(join(directory, 'expected.jsonl'), 'utf8').split('\n').filter(Boolean)
  return runCase(name, files, path, meta.args ?? [], {
    yaml: readFileSync(join(directory, 'expected.yaml'), 'utf8'),
    documents: documents.map((line) => JSON.parse(line) as unknown),
  })
}

/** Runs the project's own cases and, where it is there, the shared corpus of public trees. */
export function run(): Suite {
  const results = ownCases().map((one) => one.run())
  const notices: string[] = []
  if (existsSync(SHARED)) {
    const names = readdirSync(SHARED).filter((name) => existsSync(join(SHARED, name, 'case.json')))
    const start = performance.now()
    results.push(...names.map(sharedCase))
    notices.push(
      `${names.length} trees of the corpus in ${Math.round(performance.now() - start)} ms, reading and comparing included`,
    )
  } else notices.push('the shared corpus is not there: only the own cases are run')
  return { results, notices, minSameText: 0.97 }
}
