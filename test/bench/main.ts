/**
 * `npm run bench -- NAME`: measures and ends with one line of JSON. Figures are read by people and compared side by side; no test asserts on them. `readme` writes those of the README.
 */
import { cpus } from 'node:os'
import type { Bench, BenchRow } from './rows.ts'

const benches: { readonly [name: string]: () => Promise<{ readonly bench: Bench }> } = {
  git: () => import('./git.ts'),
  helmreleases: () => import('./helmreleases.ts'),
  kustomize: () => import('./kustomize.ts'),
  helm: () => import('./helm.ts'),
  kustomizations: () => import('./kustomizations.ts'),
  'helm-index': () => import('./helm-index.ts'),
  latency: () => import('./latency.ts'),
  fanout: () => import('./fanout.ts'),
  page: () => import('./page.ts'),
  plan: () => import('./plan.ts'),
  readme: () => import('./readme.ts'),
}

const name = process.argv[2] ?? ''
const load = Object.hasOwn(benches, name) ? benches[name] : undefined
if (load === undefined) {
  process.stderr.write(`usage: npm run bench -- ${Object.keys(benches).join('|')}\n`)
  process.exit(2)
}
const log = (line: string): void => void process.stdout.write(`${line}\n`)
log(`${name} on ${cpus().length} cores, ${cpus()[0]?.model ?? 'unknown processor'}, Node ${process.version}`)
const { bench } = await load()
const rows = await bench(log)
for (const row of rows) log(`  ${row.name.padEnd(36)} ${describe(row)}`)
log(JSON.stringify({ bench: name, rows }))
process.exit(0)

function describe(row: BenchRow): string {
  const parts = [
    row.ms === undefined ? undefined : `${row.ms} ms`,
    row.requests === undefined ? undefined : `${row.requests} requests`,
    row.mb === undefined ? undefined : `${row.mb} MB`,
    row.bytes === undefined ? undefined : `${row.bytes} bytes`,
    row.beside,
  ]
  return parts.filter((part) => part !== undefined).join(', ')
}
