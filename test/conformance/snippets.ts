import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { renderSnippet, type Snippet } from '../../src/cli/helm-snippets.ts'
import { loadChartFrom } from '../../src/cli/helm-template.ts'

type Expectation = Snippet & ({ readonly expected: string } | { readonly error: string })

/**
 * Snippets in which the engine deliberately, or for now, differs from Helm, each with the reason. One that no longer differs fails the run.
 */
const known: { readonly [name: string]: string } = {}

/** `npm run conformance -- snippets [FILTER] [--errors]`: short templates, compared with what Helm's own engine gives. */
export async function runSnippetConformance(corpus: string, args: readonly string[]): Promise<number> {
  const filter = new RegExp(args.find((arg) => !arg.startsWith('--')) ?? '.')
  const chart = await loadChartFrom(join(corpus, 'base'))
  const wanted = readdirSync(corpus)
    .filter((name) => name.endsWith('.jsonl'))
    .flatMap((name) => readFileSync(join(corpus, name), 'utf8').split('\n'))
    .filter((line) => line.trim() !== '')
    .map((line) => JSON.parse(line) as Expectation)
    .filter(({ name }) => filter.test(name))
  let failed = 0
  let equal = 0
  let sameErrors = 0
  let errors = 0
  for (const snippet of wanted) {
    const got = renderSnippet(chart, snippet)
    let problem: string | undefined
    if ('error' in snippet) {
      errors++
      const isSame = 'error' in got && got.error === snippet.error
      if (isSame) sameErrors++
      else if (args.includes('--errors'))
        process.stdout.write(
          `ERROR ${snippet.name}: want ${JSON.stringify(snippet.error)}\n  got  ${JSON.stringify('error' in got ? got.error : got.output)}\n`,
        )
      if (!('error' in got))
        problem = `expected an error, ${JSON.stringify(snippet.error)}, got ${JSON.stringify(got.output)}`
    } else if (!('output' in got))
      problem = `want ${JSON.stringify(snippet.expected)}, failed with ${JSON.stringify(got.error)}`
    else if (got.output !== snippet.expected)
      problem = `want ${JSON.stringify(snippet.expected)}\n  got  ${JSON.stringify(got.output)}`
    if (problem === undefined) equal++
    if ((problem !== undefined) === Object.hasOwn(known, snippet.name)) continue
    failed++
    process.stdout.write(
      `FAIL ${snippet.name}: ${problem ?? 'no longer differs; remove it from the known differences'}\n`,
    )
  }
  process.stdout.write(
    `snippets: ${equal} of ${wanted.length} equal, ${sameErrors} of ${errors} errors with the same text\n`,
  )
  return failed === 0 ? 0 : 1
}
