import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { globSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative, sep } from 'node:path'
import { run } from 'node:test'
import { spec } from 'node:test/reporters'
import { fileURLToPath } from 'node:url'
import { clusterVariable, startTestCluster } from './support/cluster.ts'
import { goBinary } from './support/go-binary.ts'
import { helmBinary } from './support/helm-binary.ts'

const root = fileURLToPath(new URL('../', import.meta.url))
const concurrency = 2
/** Longest time for one file. */
const timeoutMs = 10 * 60_000

/** Test files whose path contains one of the filters; all without filters. */
function selectFiles(filters: readonly string[]): readonly string[] {
  const wanted = filters.map((filter) => filter.replaceAll('\\', '/').replace(/^\.\//, '').replace(/\/$/, ''))
  return globSync('test/**/*.test.ts', { cwd: root })
    .map((path) => path.split(sep).join('/'))
    .filter((path) => wanted.length === 0 || wanted.some((filter) => path.includes(filter)))
    .sort()
}

/** Unit tests and the architecture test need no cluster. */
function needsCluster(files: readonly string[]): boolean {
  return files.some((file) => !/^test\/(?:unit|arch|property|conformance)\//.test(file))
}

interface Counts {
  readonly passed: number
  readonly failed: number
  readonly cancelled: number
  readonly skipped: number
  readonly todo: number
}

async function runFiles(files: readonly string[]): Promise<Counts> {
  const counts: { last?: Counts } = {}
  const stream = run({
    files: files.map((file) => join(root, file)),
    isolation: 'process',
    concurrency,
    timeout: timeoutMs,
    cwd: root,
  })
  // The last summary without a file is that of the whole run.
  stream.on('test:summary', (summary) => {
    // The types of Node 24 leave `failed` out.
    if (summary.file === undefined) counts.last = { failed: 0, ...summary.counts }
  })
  const reporter = new spec()
  const output = stream.compose(reporter)
  for await (const chunk of output) process.stdout.write(chunk as string)
  return counts.last ?? { passed: 0, failed: 1, cancelled: 0, skipped: 0, todo: 0 }
}

/** Builds what the tests run beside the engine, where it is not in the cache yet: no test's own deadline is to be spent on a compiler. */
async function buildPrograms(): Promise<void> {
  for (const [name, build] of Object.entries({
    registry: () => goBinary('registry'),
    s3: () => goBinary('s3'),
    helm: helmBinary,
  })) {
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
    if (needsCluster(files)) {
      const cluster = await startTestCluster((message) => process.stdout.write(`${message}\n`))
      stop = cluster.stop
      const path = join(directory, 'cluster.json')
      await writeFile(path, JSON.stringify(cluster.address), { mode: 0o600 })
      process.env[clusterVariable] = path
    }
    if (filters.length === 0) await buildPrograms()
    process.stdout.write(`${files.length} test files, first ${relative(root, join(root, files[0] ?? ''))}\n`)
    const counts = await runFiles(files)
    const failed = counts.failed + counts.cancelled
    const skipped = counts.skipped + counts.todo
    process.stdout.write(`\n${counts.passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}\n`)
    return failed === 0 ? 0 : 1
  } finally {
    await stop()
    await rm(directory, { recursive: true, force: true })
  }
}

process.exitCode = await main()
