import { existsSync, readdirSync, readFileSync, realpathSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { isEngineError } from '../../src/base/index.ts'
import {
  loadChartFrom,
  NO_VALUES,
  parseHelmArguments,
  readValues,
  renderTemplate,
  templateJsonLines,
  templateText,
  type TemplateOptions,
} from '../../src/cli/index.ts'
import { MemoryTree } from '../../src/files/index.ts'
import { loadChart, TemplateCache, type Chart } from '../../src/helm/index.ts'
import { parseArchive } from './archive.ts'
import { OTHER_WORDS } from './known-differences.ts'
import { differentDocuments, type CaseResult, type Suite } from './suite.ts'

const OWN = new URL('./cases/helm/', import.meta.url).pathname
const SHARED = new URL('../../../shared/corpus/helm', import.meta.url).pathname

/** What a case of the corpus says of itself. */
interface CaseFile {
  readonly release: string
  readonly namespace: string
  readonly values?: readonly string[]
  readonly args?: readonly string[]
}

/** What Helm printed, or how it failed. */
type Expected = { readonly yaml: string; readonly jsonLines: string | undefined } | { readonly error: string }

/** A result, and for failures whether the words are Helm's own. */
export interface Outcome extends CaseResult {
  readonly sameError?: boolean
}

async function runCase(
  id: string,
  prepare: () => Promise<{ readonly chart: Chart; readonly options: TemplateOptions }>,
  expected: Expected,
  cache: TemplateCache,
): Promise<Outcome> {
  try {
    const { chart, options } = await prepare()
    const result = renderTemplate(chart, options, cache)
    const text = templateText(result, options)
    if ('error' in expected) return { id, problem: `expected an error: ${brief(expected.error)}` }
    const sameText = text === expected.yaml
    if (sameText) return { id, sameText }
    if (expected.jsonLines === undefined) return { id, problem: firstLine(expected.yaml, text) }
    const problem = differentDocuments(documents(expected.jsonLines), documents(templateJsonLines(result, options)))
    return problem === undefined ? { id, sameText } : { id, problem }
  } catch (error) {
    if (!isEngineError(error))
      return { id, problem: `crash: ${error instanceof Error ? (error.stack ?? '') : String(error)}` }
    if (!('error' in expected)) return { id, problem: `unexpected error: ${error.message}` }
    return { id, sameError: expected.error.includes(error.message.trim()) }
  }
}

/** The project's own cases: an archive of a chart, with Helm's arguments in front and what Helm v4.3.1 printed inside. */
export async function ownCases(cache: TemplateCache): Promise<Outcome[]> {
  const outcomes: Outcome[] = []
  for (const name of existsSync(OWN) ? readdirSync(OWN).sort() : []) {
    if (!name.endsWith('.txt')) continue
    const { comment, files } = parseArchive(readFileSync(join(OWN, name), 'utf8'))
    const yaml = files.get('expected.yaml')
    const error = files.get('expected-error.txt')
    files.delete('expected.yaml')
    files.delete('expected-error.txt')
    const chart = new MemoryTree(files)
    const args = /^args: (.*)$/m.exec(comment)?.[1]?.split(' ') ?? []
    const read = (path: string): string => files.get(path) ?? ''
    outcomes.push(
      await runCase(
        name.replace(/\.txt$/, ''),
        () =>
          Promise.resolve({ chart: loadChart(chart, ''), options: parseHelmArguments(['rel', '.', ...args], read) }),
        yaml === undefined ? { error: error ?? '' } : { yaml, jsonLines: undefined },
        cache,
      ),
    )
  }
  return outcomes
}

async function sharedCases(cache: TemplateCache): Promise<Outcome[]> {
  const charts = new Map<string, Promise<Chart>>()
  const names = readdirSync(SHARED).filter((name) => existsSync(join(SHARED, name, 'case.json')))
  const outcomes: Outcome[] = []
  for (const name of names) {
    const directory = join(SHARED, name)
    const prepare = async (): Promise<{ chart: Chart; options: TemplateOptions }> => {
      const path = chartPath(directory)
      const chart = charts.get(path) ?? loadChartFrom(path)
      charts.set(path, chart)
      return { chart: await chart, options: optionsOf(directory) }
    }
    outcomes.push(await runCase(name, prepare, expectedOf(directory), cache))
  }
  return outcomes
}

function expectedOf(directory: string): Expected {
  const error = join(directory, 'expected-error.txt')
  if (existsSync(error)) return { error: readFileSync(error, 'utf8') }
  const read = (name: string): string => readFileSync(join(directory, name), 'utf8')
  return { yaml: read('expected.yaml'), jsonLines: read('expected.jsonl') }
}

function optionsOf(directory: string): TemplateOptions {
  const meta = JSON.parse(readFileSync(join(directory, 'case.json'), 'utf8')) as CaseFile
  const options = parseHelmArguments([meta.release, '.', '-n', meta.namespace, ...(meta.args ?? [])])
  return {
    ...options,
    values: readValues({ ...NO_VALUES, files: (meta.values ?? []).map((file) => join(directory, file)) }),
  }
}

/** Cases share charts through links, which a copy of the corpus may hold as text files with the target in them. */
function chartPath(directory: string): string {
  const path = realpathSync(join(directory, 'chart'))
  if (statSync(path).isDirectory()) return path
  const target = readFileSync(path, 'latin1')
  return /^\.\.\/[\w./-]+\s*$/.test(target) ? realpathSync(join(directory, target.trim())) : path
}

function documents(lines: string): unknown[] {
  return lines
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as unknown)
}

function firstLine(want: string, got: string): string {
  const lines = got.split('\n')
  const at = want.split('\n').findIndex((line, index) => line !== lines[index])
  return `line ${at + 1}: expected ${brief(want.split('\n')[at] ?? '')}, got ${brief(lines[at] ?? '')}`
}

function reasonOf(id: string): string | undefined {
  return OTHER_WORDS.find((one) => one.id === `helm/${id}`)?.reason
}

function brief(text: string): string {
  return JSON.stringify(text.length > 300 ? `${text.slice(0, 300)}…` : text)
}

/** Renders the project's own charts and, where it is there, the shared corpus of public ones, and compares with what Helm v4.3.1 printed. */
export async function run(): Promise<Suite> {
  const cache = new TemplateCache()
  const results = await ownCases(cache)
  const notices: string[] = []
  if (existsSync(SHARED)) {
    const start = performance.now()
    const shared = await sharedCases(cache)
    notices.push(
      `${shared.length} charts of the corpus in ${Math.round(performance.now() - start)} ms, reading and comparing included`,
    )
    results.push(...shared)
  } else notices.push('the shared corpus is not there: only the own cases are run')
  const errors = results.filter((one) => one.sameError !== undefined)
  const other = errors.filter((one) => one.sameError === false).map((one) => one.id)
  notices.push(`${errors.length - other.length} of ${errors.length} failures in Helm's own words`)
  for (const id of other) notices.push(`other words: ${id}: ${reasonOf(id) ?? 'no reason is known'}`)
  return { results, notices, minSameText: 0.98 }
}
