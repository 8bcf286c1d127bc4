import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { globSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, sep } from 'node:path'
import { run } from 'node:test'
import { spec } from 'node:test/reporters'
import { fileURLToPath } from 'node:url'
import { inLanes, laneCount, needsCluster } from './schedule.ts'
import { clusterVariable, startTestCluster } from './support/cluster.ts'
import { goBinary } from './support/go-binary.ts'
import { helmBinary } from './support/helm-binary.ts'
import { runFolderVariable } from './support/run-folder.ts'
import { sopsPrograms } from './support/sops-programs.ts'

const root = fileURLToPath(new URL('../', import.meta.url))
/** Longest time for one file. */
const timeoutMs = 15 * 60_000
/** So many files are named at the end, those that took longest. */
const namedFiles = 20

/** Test files whose path contains one of the filters; all without filters. */
function selectFiles(filters: readonly string[]): readonly string[] {
  const wanted = filters.map((filter) => filter.replaceAll('\\', '/').replace(/^\.\//, '').replace(/\/$/, ''))
  return globSync('test/**/*.test.ts', { cwd: root })
    .map((path) => path.split(sep).join('/'))
    .filter((path) => wanted.length === 0 || wanted.some((filter) => path.includes(filter)))
    .sort()
}

/** How the tests of a file, or of all files, ended. */
interface Counts {
  readonly passed: number
  readonly failed: number
  readonly skipped: number
}

interface Outcome extends Counts {
  readonly file: string
  readonly seconds: number
  /** What is wrong with each test that failed. */
  readonly failures: string
}

/** Runs every file in a process of its own. What a file says, with the message of each test that failed, is printed when the file ends. */
async function runFiles(files: readonly string[]): Promise<readonly Outcome[]> {
  const started = Date.now()
  const outcomes: Outcome[] = []
  await inLanes(files, laneCount(), async (file) => {
    const { report, ...outcome } = await runFile(file)
    outcomes.push(outcome)
    const elapsed = String(Math.round((Date.now() - started) / 1000)).padStart(4)
    const place = `[${elapsed} s, ${outcomes.length} of ${files.length}]`
    process.stdout.write(`${place} ${file}: ${inWords(outcome)}, ${outcome.seconds.toFixed(1)} s\n${report}`)
  })
  return outcomes
}

async function runFile(file: string): Promise<Outcome & { readonly report: string }> {
  const started = Date.now()
  let counts: Counts = { passed: 0, failed: 1, skipped: 0 }
  const stream = run({ files: [join(root, file)], isolation: 'process', concurrency: 1, timeout: timeoutMs, cwd: root })
  // The last summary without a file is that of the whole stream.
  stream.on('test:summary', (summary) => {
    if (summary.file !== undefined) return
    // The types of Node 24 leave `failed` out.
    const { passed, failed, cancelled, skipped, todo } = { failed: 0, ...summary.counts }
    counts = { passed, failed: failed + cancelled, skipped: skipped + todo }
  })
  // A suite is no test: one whose tests all pass and whose hook fails would count as nothing.
  let suites = 0
  stream.on('test:fail', ({ details }) => {
    const { failureType } = details.error as Error & { readonly failureType?: string }
    if (details.type === 'suite' && failureType !== 'subtestsFailed') suites += 1
  })
  let text = ''
  for await (const chunk of stream.compose(new spec())) text += chunk as string
  // The counts of one file are in our line.
  const report = text.replaceAll(
    /^\S*ℹ (?:tests|suites|pass|fail|cancelled|skipped|todo|duration_ms) [\d.]+\S*\n/gm,
    '',
  )
  const at = report.search(/^\S*✖ failing tests:/m)
  const failures = at === -1 ? '' : report.slice(report.indexOf('\n', at) + 1).trim()
  counts = { ...counts, failed: counts.failed + suites }
  return { file, ...counts, seconds: (Date.now() - started) / 1000, failures, report: `${report.trimEnd()}\n` }
}

function inWords({ passed, failed, skipped }: Counts): string {
  return `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`
}

function sumOf(outcomes: readonly Outcome[]): Counts {
  const sum = (field: keyof Counts): number => outcomes.reduce((total, outcome) => total + outcome[field], 0)
  return { passed: sum('passed'), failed: sum('failed'), skipped: sum('skipped') }
}

/** The longest files, for the list that the order of the next run is made of, and all failures once more. */
function printEnd(outcomes: readonly Outcome[]): void {
  const longest = outcomes.toSorted((a, b) => b.seconds - a.seconds).slice(0, namedFiles)
  process.stdout.write('\nlongest files:\n')
  for (const { file, seconds } of longest) process.stdout.write(`${seconds.toFixed(1).padStart(7)} s  ${file}\n`)
  for (const { file, failures } of outcomes.filter(({ failed }) => failed > 0))
    process.stdout.write(`\n✖ ${file}\n${failures}\n`)
  process.stdout.write(`\n${inWords(sumOf(outcomes))}\n`)
}

/** Builds what the tests run beside the engine, where it is not in the cache yet: no test's own deadline is to be spent on a compiler. */
async function buildPrograms(files: readonly string[]): Promise<void> {
  const texts = files.map((file) => readFileSync(join(root, file), 'utf8'))
  for (const [name, build] of Object.entries({
    registry: () => goBinary('registry'),
    s3: () => goBinary('s3'),
    helm: helmBinary,
    'sops-programs': sopsPrograms,
  })) {
    if (!texts.some((text) => text.includes(`/support/${name}`))) continue
    const started = Date.now()
    try {
      const path = await build()
      const seconds = Math.round((Date.now() - started) / 1000)
      if (seconds > 1 && path !== undefined) process.stdout.write(`[${seconds} s] ${name} is built\n`)
    } catch (error) {
      // The tests that need it say what is wrong.
      process.stdout.write(`${name} cannot be built: ${error instanceof Error ? error.message : String(error)}\n`)
    }
  }
}

async function main(): Promise<number> {
  const filters = process.argv.slice(2).filter((argument) => argument !== '--')
  const files = selectFiles(filters)
  if (files.length === 0) {
    process.stderr.write(`no test file matches ${filters.join(', ')}\n`)
    return 1
  }
  const directory = await mkdtemp(join(tmpdir(), 'sluice-tests-'))
  let stop = async (): Promise<void> => undefined
  try {
    process.env[runFolderVariable] = directory
    // Every file is a process that loads hundreds of modules: what Node has made of one is kept for the others.
    process.env['NODE_COMPILE_CACHE'] ??= join(root, 'node_modules/.cache/sluice/compiled')
    if (files.some(needsCluster)) {
      const cluster = await startTestCluster((message) => process.stdout.write(`${message}\n`))
      stop = cluster.stop
      const path = join(directory, 'cluster.json')
      await writeFile(path, JSON.stringify(cluster.address), { mode: 0o600 })
      process.env[clusterVariable] = path
    }
    await buildPrograms(files)
    process.stdout.write(`${files.length} test files, ${laneCount()} at once\n`)
    const outcomes = await runFiles(files)
    printEnd(outcomes)
    return outcomes.every(({ failed }) => failed === 0) ? 0 : 1
  } finally {
    await stop()
    await rm(directory, { recursive: true, force: true })
  }
}

process.exitCode = await main()
