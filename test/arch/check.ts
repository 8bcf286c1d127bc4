import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { checkArchitecture, formatViolation, projectFiles } from './architecture.ts'

const root = fileURLToPath(new URL('../../', import.meta.url))

interface Outcome {
  readonly passed: boolean
  readonly output: string
}

interface Check {
  readonly name: string
  readonly run: () => Promise<Outcome>
}

/** What is known of files that have not changed: the second check of a work tree takes a fraction of the first. */
const cache = join(root, 'node_modules/.cache/sluice')
const formatCache = ['--cache', '--cache-strategy', 'content', '--cache-location', join(cache, 'format.json')]

/** The checks that need no cluster and no test, cheapest first. */
const checks: readonly Check[] = [
  { name: 'architecture', run: checkRules },
  { name: 'generated files', run: () => command(process.execPath, ['infra/gen/main.ts', '--check']) },
  { name: 'types', run: () => tool('tsc', ['--noEmit', '--incremental', '--tsBuildInfoFile', `${cache}/types.json`]) },
  { name: 'lint', run: () => tool('oxlint', ['--type-aware', '.']) },
  { name: 'format', run: () => tool('prettier', ['--check', '--log-level', 'warn', ...formatCache, '.']) },
]

async function checkRules(): Promise<Outcome> {
  const violations = checkArchitecture(projectFiles())
  return { passed: violations.length === 0, output: violations.map(formatViolation).join('\n') }
}

function tool(name: string, args: readonly string[]): Promise<Outcome> {
  return command(join(root, 'node_modules', '.bin', name), args)
}

function command(program: string, args: readonly string[]): Promise<Outcome> {
  return new Promise((resolve) => {
    const child = spawn(program, args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] })
    const parts: string[] = []
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (text: string) => parts.push(text))
    child.on('error', (error) => resolve({ passed: false, output: error.message }))
    child.on('close', (code) => resolve({ passed: code === 0, output: parts.join('') }))
  })
}

/** Runs every check, also after one has failed, and prints each one's time and verdict. */
async function main(): Promise<number> {
  let failed = 0
  for (const { name, run } of checks) {
    const started = performance.now()
    const { passed, output } = await run()
    const seconds = ((performance.now() - started) / 1000).toFixed(1)
    process.stdout.write(`${passed ? 'ok  ' : 'FAIL'}  ${name.padEnd(16)} ${seconds.padStart(6)} s\n`)
    if (passed) continue
    failed += 1
    process.stdout.write(`${output.trimEnd().replaceAll(/^/gm, '      ')}\n`)
  }
  process.stdout.write(failed === 0 ? 'all checks passed\n' : `${failed} of ${checks.length} checks failed\n`)
  return failed === 0 ? 0 : 1
}

process.exitCode = await main()
