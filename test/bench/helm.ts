import { execFile, spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { resourceUsage } from 'node:process'
import { promisify } from 'node:util'
import {
  loadChartFrom,
  NO_VALUES,
  parseHelmArguments,
  readValues,
  renderTemplate,
  templateText,
} from '../../src/cli/index.ts'
import { TemplateCache } from '../../src/helm/index.ts'
import { goBinary } from '../support/go-binary.ts'
import { helmBinary, noHelm } from '../support/helm-binary.ts'
import { bundleProgram } from '../support/bundled-program.ts'
import { percentile, round, type Bench, type BenchRow } from './rows.ts'

const corpus = new URL('../../../shared/corpus/helm/', import.meta.url).pathname
const program = new URL('../../src/cli/main.ts', import.meta.url).pathname
const runs = 5

/** One chart with its arguments, as the corpus has it. */
interface Case {
  readonly name: string
  readonly chart: string
  readonly release: string
  readonly namespace: string
  readonly values: readonly string[]
  readonly args: readonly string[]
  /** Bytes that Helm prints. */
  readonly size: number
  readonly fails: boolean
}

/** `npm run bench -- helm`: all charts in one warm process, and whole processes for a small and a large chart, beside the real helm. */
export const bench: Bench = async (log) => {
  if (!existsSync(corpus)) {
    log('the shared corpus is not there: nothing to measure')
    return []
  }
  const cases = readdirSync(corpus).flatMap(readCase)
  const helm = await helmBinary()
  if (helm === undefined) log(noHelm)
  const rows: BenchRow[] = [...(await warm(cases, log)), ...(await goEngine(cases, log))]
  const good = cases.filter((one) => !one.fails).toSorted((a, b) => a.size - b.size)
  const [small] = good.filter((one) => one.size > 1000)
  const large = good.at(-1)
  const bundled = mkdtempSync(join(tmpdir(), 'sluice-cli-'))
  const bundledProgram = bundleProgram(bundled)
  for (const [name, one] of [['small', small] as const, ['large', large] as const]) {
    if (one === undefined) continue
    log(`process, ${name}: ${one.name}, ${one.size} bytes of output`)
    rows.push(await processes(`process, ${name}`, [process.execPath, program], one))
    rows.push(await processes(`process, ${name}, bundled`, [process.execPath, bundledProgram], one))
    if (helm !== undefined) rows.push(await processes(`process, ${name}, helm`, [helm], one))
  }
  rmSync(bundled, { recursive: true })
  if (helm !== undefined) rows.push(await everyProcess(cases, helm, log))
  return rows
}

/** Helm's own engine, warm in one process too: load, coalesce, render, sort, nothing of printing. */
async function goEngine(cases: readonly Case[], log: (line: string) => void): Promise<BenchRow[]> {
  const engine = await goBinary('helm-engine')
  if (engine === undefined) {
    log("no Go here: Helm's own engine is not measured")
    return []
  }
  const child = spawn(engine, [String(runs + 1)], { stdio: ['pipe', 'pipe', 'inherit'] })
  child.stdin.end(JSON.stringify(cases))
  const rounds = Buffer.concat(await child.stdout.toArray())
    .toString()
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as { readonly wall: number; readonly cpu: number; readonly failed: number })
    .slice(1)
  for (const [at, one] of rounds.entries())
    log(`Go engine, run ${at + 1}: ${one.wall} ms, ${one.cpu} ms of processor, ${one.failed} cases fail`)
  const middle = (of: 'wall' | 'cpu'): number =>
    percentile(
      rounds.map((one) => one[of]),
      0.5,
    )
  return [
    { name: 'Go engine, warm, corpus', ms: middle('wall') },
    { name: 'Go engine, warm, corpus, processor', ms: middle('cpu') },
  ]
}

function readCase(name: string): Case[] {
  const directory = join(corpus, name)
  if (!existsSync(join(directory, 'case.json'))) return []
  const meta = JSON.parse(readFileSync(join(directory, 'case.json'), 'utf8')) as Partial<Case>
  const expected = join(directory, 'expected.yaml')
  return [
    {
      name,
      chart: chartPath(directory),
      release: meta.release ?? '',
      namespace: meta.namespace ?? 'default',
      values: (meta.values ?? []).map((file) => join(directory, file)),
      args: meta.args ?? [],
      size: existsSync(expected) ? statSync(expected).size : 0,
      fails: !existsSync(expected),
    },
  ]
}

/** A copy of the corpus may hold links as text files with the target in them. */
function chartPath(directory: string): string {
  const path = realpathSync(join(directory, 'chart'))
  if (statSync(path).isDirectory()) return path
  const target = readFileSync(path, 'latin1')
  return /^\.\.\/[\w./-]+\s*$/.test(target) ? realpathSync(join(directory, target.trim())) : path
}

async function renderOne(one: Case, cache: TemplateCache): Promise<number> {
  try {
    const chart = await loadChartFrom(one.chart)
    const options = {
      ...parseHelmArguments([one.release, '.', '-n', one.namespace, ...one.args]),
      values: readValues({ ...NO_VALUES, files: one.values }),
    }
    return templateText(renderTemplate(chart, options, cache), options).length
  } catch {
    // Some cases fail on purpose.
    return 0
  }
}

/** Load, coalesce, render and print, nothing kept between charts but what a cache keeps anyway for functions. */
async function warm(cases: readonly Case[], log: (line: string) => void): Promise<BenchRow[]> {
  const walls: number[] = []
  const processor: number[] = []
  for (let run = 0; run <= runs; run++) {
    const cache = new TemplateCache()
    const before = resourceUsage()
    const start = performance.now()
    for (const one of cases) await renderOne(one, cache)
    const wall = performance.now() - start
    const after = resourceUsage()
    const cpu = (after.userCPUTime + after.systemCPUTime - before.userCPUTime - before.systemCPUTime) / 1000
    log(`${run === 0 ? 'cold' : `run ${run}`}: ${cases.length} cases, ${round(wall)} ms, ${round(cpu)} ms of processor`)
    if (run === 0) continue
    walls.push(wall)
    processor.push(cpu)
  }
  const mb = round(resourceUsage().maxRSS / 1024)
  return [
    { name: 'warm, corpus', ms: round(percentile(walls, 0.5)), mb },
    { name: 'warm, corpus, processor', ms: round(percentile(processor, 0.5)) },
  ]
}

/** What one run of a program took: its wall time, its processor time and its peak memory, as the shell's time command has them. */
interface Used {
  readonly wall: number
  readonly cpu: number
  readonly mb: number
}

const measure =
  'import resource,subprocess,sys,time\ns=time.perf_counter()\nsubprocess.run(sys.argv[1:],stdout=subprocess.DEVNULL,stderr=subprocess.DEVNULL)\nw=time.perf_counter()-s\nu=resource.getrusage(resource.RUSAGE_CHILDREN)\nprint(w*1000,(u.ru_utime+u.ru_stime)*1000,u.ru_maxrss/1024)'

async function timed(command: readonly string[]): Promise<Used> {
  const { stdout } = await promisify(execFile)('python3', ['-c', measure, ...command])
  const [wall = 0, cpu = 0, mb = 0] = stdout.trim().split(' ').map(Number)
  return { wall, cpu, mb }
}

function helmArguments(one: Case): string[] {
  const values = one.values.flatMap((file) => ['-f', file])
  return ['template', one.release, one.chart, '-n', one.namespace, ...values, ...one.args]
}

function median(samples: readonly Used[], of: keyof Used): number {
  return round(
    percentile(
      samples.map((one) => one[of]),
      0.5,
    ),
  )
}

async function processes(name: string, command: readonly string[], one: Case): Promise<BenchRow> {
  const verb = command.length > 1 ? ['helm'] : []
  const used: Used[] = []
  for (let run = 0; run < runs; run++) used.push(await timed([...command, ...verb, ...helmArguments(one)]))
  return {
    name,
    ms: median(used, 'wall'),
    mb: median(used, 'mb'),
    beside: `${median(used, 'cpu')} ms of processor`,
  }
}

/** The real binary, once for each case: what the corpus costs without a warm process. */
async function everyProcess(cases: readonly Case[], helm: string, log: (line: string) => void): Promise<BenchRow> {
  let wall = 0
  let cpu = 0
  for (const one of cases) {
    const used = await timed([helm, ...helmArguments(one)])
    wall += used.wall
    cpu += used.cpu
  }
  log(`helm, ${cases.length} processes: ${round(wall)} ms, ${round(cpu)} ms of processor`)
  return { name: 'helm binary, corpus', ms: round(wall), beside: `${round(cpu)} ms of processor` }
}
