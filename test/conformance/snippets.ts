import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { loadChartFrom, renderSnippet, type Snippet } from '../../src/cli/index.ts'
import type { Chart } from '../../src/helm/index.ts'
import type { CaseResult, Suite } from './suite.ts'

const SHARED = new URL('../../../shared/corpus/snippets', import.meta.url).pathname

type Expectation = Snippet & ({ readonly expected: string } | { readonly error: string })

/** Renders short templates and compares them with what Helm's own engine gives: the text, or that there is an error. */
export async function run(): Promise<Suite> {
  if (!existsSync(SHARED)) return { results: [], notices: ['the shared corpus is not there: nothing to compare with'] }
  const chart = await loadChartFrom(join(SHARED, 'base'))
  const wanted = readdirSync(SHARED)
    .filter((name) => name.endsWith('.jsonl'))
    .flatMap((name) => readFileSync(join(SHARED, name), 'utf8').split('\n'))
    .filter((line) => line.trim() !== '')
    .map((line) => JSON.parse(line) as Expectation)
  const outcomes = wanted.map((snippet) => compare(chart, snippet))
  const errors = outcomes.filter((one) => one.sameError !== undefined)
  const other = errors.filter((one) => one.sameError === false)
  const notices = [
    `${errors.length - other.length} of ${errors.length} errors in Helm's own words; others: ${other.map((one) => one.id).join(', ')}`,
  ]
  return { results: outcomes, notices }
}

function compare(chart: Chart, snippet: Expectation): CaseResult & { readonly sameError?: boolean } {
  const id = snippet.name
  const got = renderSnippet(chart, snippet)
  if ('error' in snippet) {
    if ('error' in got) return { id, sameError: got.error === snippet.error }
    return { id, problem: `expected an error, ${JSON.stringify(snippet.error)}, got ${JSON.stringify(got.output)}` }
  }
  if ('error' in got) return { id, problem: `expected ${JSON.stringify(snippet.expected)}, failed with ${got.error}` }
  if (got.output === snippet.expected) return { id }
  return { id, problem: `expected ${JSON.stringify(snippet.expected)}\n  got ${JSON.stringify(got.output)}` }
}
