/**
 * Compares renderers with the real tools: `node test/conformance/main.ts [suite…]`. Exits 1 when a case fails that is not a known
 * difference, when a known difference passes, or when too few texts are the same.
 * @module
 */
import { KNOWN_DIFFERENCES } from './known-differences.ts'
import type { Suite } from './suite.ts'

/** One file per suite. */
const SUITES: { readonly [name: string]: () => Promise<{ run(): Promise<Suite> | Suite }> } = {
  helm: () => import('./helm.ts'),
  kustomize: () => import('./kustomize.ts'),
  snippets: () => import('./snippets.ts'),
}

const names = process.argv.slice(2)
let failed = false
for (const name of names.length > 0 ? names : Object.keys(SUITES)) {
  const load = SUITES[name]
  if (load === undefined) {
    console.error(`unknown suite ${name}; known are ${Object.keys(SUITES).join(', ')}`)
    process.exit(2)
  }
  const start = performance.now()
  const { results, notices, minSameText } = await (await load()).run()
  const known = new Map(
    KNOWN_DIFFERENCES.filter((one) => one.id.startsWith(`${name}/`)).map((one) => [one.id, one.reason]),
  )
  for (const notice of notices) console.log(notice)
  for (const { id, problem, sameText } of results) {
    if (problem === undefined && sameText === false) console.log(`text differs: ${id}`)
    const reason = known.get(`${name}/${id}`)
    if (problem !== undefined && reason === undefined) console.log(`FAIL ${id}: ${problem}`)
    if (problem === undefined && reason !== undefined)
      console.log(`FAIL ${id}: passes; remove it from the known differences`)
    if ((problem === undefined) !== (reason === undefined)) failed = true
  }
  const passed = results.filter((one) => one.problem === undefined)
  const texts = passed.filter((one) => one.sameText !== false).length
  const share = passed.length === 0 ? 1 : texts / passed.length
  console.log(
    `${name}: ${passed.length} of ${results.length} cases pass (${known.size} known differences), ` +
      `${(share * 100).toFixed(1)} % with the same text, ${Math.round(performance.now() - start)} ms`,
  )
  if (share < (minSameText ?? 0)) {
    console.log(`FAIL ${name}: fewer than ${(minSameText ?? 0) * 100} % of the texts are the same`)
    failed = true
  }
}
process.exitCode = failed ? 1 : 0
