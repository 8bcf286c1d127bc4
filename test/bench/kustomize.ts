import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { DiskTree } from '../../src/cli/index.ts'
import { build } from '../../src/kustomize/index.ts'
import { printYaml } from '../../src/yaml/index.ts'
import { bundleProgram } from '../support/bundled-program.ts'
import { percentile, round, type Bench, type BenchRow } from './rows.ts'

const corpus = fileURLToPath(new URL('../../../shared/corpus/kustomize', import.meta.url))
const program = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url))
const version = 'v5.8.1'
const runs = 5

/** The whole corpus in one warm process, and whole processes on a small and a large tree, each beside the real kustomize. */
export const bench: Bench = async (log) => {
  const binary = realKustomize(log)
  const scratch = mkdtempSync(join(tmpdir(), 'sluice-bench-'))
  try {
    const small = writeTree(join(scratch, 'small'), 1)
    const large = writeTree(join(scratch, 'large'), 300)
    const bundle = bundleProgram(join(scratch, 'bundle'))
    return [
      ...warmCorpus(binary, log),
      ...wholeProcesses('small', small, { binary, program, bundle }),
      ...wholeProcesses('large', large, { binary, program, bundle }),
    ]
  } finally {
    rmSync(scratch, { recursive: true })
  }
}

/** The real kustomize: the one that KUSTOMIZE names, or the pinned version, built where Go is there. */
function realKustomize(log: (line: string) => void): string | undefined {
  const given = process.env['KUSTOMIZE']
  if (given) return given
  const directory = join(homedir(), '.cache', 'sluice', `kustomize-${version}`)
  const binary = join(directory, 'kustomize')
  if (existsSync(binary)) return binary
  try {
    execFileSync('go', ['install', `sigs.k8s.io/kustomize/kustomize/v5@${version}`], {
      env: { ...process.env, GOBIN: directory },
      stdio: 'ignore',
    })
    return binary
  } catch {
    log('  Go is not there, so kustomize is not measured beside')
    return undefined
  }
}

interface CorpusCase {
  readonly root: string
  readonly path: string
  readonly args: readonly string[]
}

function corpusCases(): CorpusCase[] {
  return readdirSync(corpus)
    .filter((name) => existsSync(join(corpus, name, 'case.json')))
    .map((name) => {
      const meta = JSON.parse(readFileSync(join(corpus, name, 'case.json'), 'utf8')) as {
        path?: string
        args?: string[]
      }
      return {
        root: join(corpus, name, 'root'),
        path: meta.path === '.' ? '' : (meta.path ?? ''),
        args: meta.args ?? [],
      }
    })
}

function warmCorpus(binary: string | undefined, log: (line: string) => void): BenchRow[] {
  if (!existsSync(corpus)) {
    log('  the shared corpus is not there: its row is left out')
    return []
  }
  const cases = corpusCases()
  const wall: number[] = []
  const cpu: number[] = []
  // Two rounds warm the process up; kustomize has a process for each case, and nothing to warm.
  for (let run = -2; run < runs; run++) {
    const started = performance.now()
    const usage = process.cpuUsage()
    for (const one of cases) renderText(one)
    const { user, system } = process.cpuUsage(usage)
    if (run < 0) continue
    wall.push(performance.now() - started)
    cpu.push((user + system) / 1000)
  }
  const ms = round(percentile(wall, 0.5))
  const cpuMs = round(percentile(cpu, 0.5))
  log(`  ${cases.length} cases warm: ${wall.map(Math.round).join(' ')} ms, CPU ${cpu.map(Math.round).join(' ')} ms`)
  const row = { name: 'warm, corpus', ms, mb: Math.round(process.resourceUsage().maxRSS / 1024) }
  if (binary === undefined) return [row]
  const started = performance.now()
  let childCpu = 0
  for (const one of cases) childCpu += timed(binary, ['build', join(one.root, one.path), ...one.args]).cpu
  const theirs = round(performance.now() - started)
  const ratio = `wall ${(ms / theirs).toFixed(2)}, CPU ${(cpuMs / childCpu).toFixed(2)} of it`
  return [
    {
      ...row,
      beside: `CPU ${cpuMs} ms; kustomize, a process a case: ${theirs} ms, CPU ${round(childCpu)} ms; ${ratio}`,
    },
  ]
}

function renderText({ root, path, args }: CorpusCase): string {
  const none = args.includes('LoadRestrictionsNone')
  try {
    const options = { loadRestrictions: none ? ('none' as const) : ('root-only' as const), reorder: 'legacy' as const }
    return build({ files: new DiskTree(root), path, options })
      .objects.map((object) => printYaml(object, { dialect: 'sigs' }))
      .join('---\n')
  } catch {
    // Some cases fail on purpose.
    return ''
  }
}

interface Timed {
  readonly ms: number
  /** User and system time in milliseconds. */
  readonly cpu: number
  /** Peak resident memory in MB. */
  readonly mb: number
}

/** One whole process, measured by a small process around it, because only a parent learns what its child has used. */
function timed(command: string, args: readonly string[]): Timed {
  const script =
    'import os,sys,time,resource,subprocess\n' +
    't=time.time();subprocess.run(sys.argv[1:],stdout=subprocess.DEVNULL,stderr=subprocess.DEVNULL)\n' +
    'd=time.time()-t;u=resource.getrusage(resource.RUSAGE_CHILDREN)\n' +
    'print(d*1000,(u.ru_utime+u.ru_stime)*1000,u.ru_maxrss/1024)'
  const { stdout } = spawnSync('python3', ['-c', script, command, ...args], { encoding: 'utf8' })
  const [ms = Number.NaN, cpu = Number.NaN, mb = Number.NaN] = stdout.trim().split(' ').map(Number)
  return { ms, cpu, mb }
}

interface Programs {
  readonly binary: string | undefined
  readonly program: string
  readonly bundle: string
}

/** The program as it stands in the sources and as a bundle, beside the real one and a runtime that does nothing. */
function wholeProcesses(tree: string, directory: string, { binary, program, bundle }: Programs): BenchRow[] {
  const median = (command: string, args: readonly string[]): Timed => {
    const list = Array.from({ length: runs }, () => timed(command, args))
    const of = (key: keyof Timed): number =>
      round(
        percentile(
          list.map((one) => one[key]),
          0.5,
        ),
      )
    return { ms: of('ms'), cpu: of('cpu'), mb: of('mb') }
  }
  const show = ({ ms, cpu, mb }: Timed): string => `${ms} ms, CPU ${cpu} ms, ${mb} MB`
  const theirs = binary === undefined ? '' : `kustomize ${show(median(binary, ['build', directory]))}; `
  const empty = `the runtime alone ${show(median(process.execPath, ['-e', '0']))}`
  return [
    ['', program],
    [', bundled', bundle],
  ].map(([how = '', entry = '']) => {
    const { ms, cpu, mb } = median(process.execPath, [entry, 'kustomize', 'build', directory])
    return { name: `process, ${tree}${how}`, ms, mb, beside: `CPU ${cpu} ms; ${theirs}${empty}` }
  })
}

/** A base with `apps` applications of four objects each, and an overlay that renames, labels and patches them. Returns the overlay. */
function writeTree(directory: string, apps: number): string {
  const base = join(directory, 'base')
  const overlay = join(directory, 'overlay')
  mkdirSync(base, { recursive: true })
  mkdirSync(overlay)
  const files: string[] = []
  for (let app = 0; app < apps; app++) {
    files.push(`app-${app}.yaml`)
    writeFileSync(join(base, `app-${app}.yaml`), application(`app-${app}`))
  }
  writeFileSync(join(base, 'kustomization.yaml'), JSON.stringify({ resources: files }))
  const patch = JSON.stringify([{ op: 'replace', path: '/spec/replicas', value: 3 }])
  const overlayFile = {
    resources: ['../base'],
    namespace: 'bench',
    namePrefix: 'p-',
    labels: [{ pairs: { team: 'bench' }, includeSelectors: true }],
    images: [{ name: 'example/app', newTag: '2' }],
    patches: [{ target: { kind: 'Deployment' }, patch }],
    configMapGenerator: [{ name: 'common', literals: ['a=1'] }],
  }
  writeFileSync(join(overlay, 'kustomization.yaml'), JSON.stringify(overlayFile))
  return overlay
}

function application(name: string): string {
  return `apiVersion: v1
kind: ServiceAccount
metadata: { name: ${name} }
---
apiVersion: v1
kind: ConfigMap
metadata: { name: ${name} }
data:
  settings.yaml: |
    a: 1
    b: two
---
apiVersion: v1
kind: Service
metadata: { name: ${name} }
spec: { selector: { app: ${name} }, ports: [{ port: 80, name: http }] }
---
apiVersion: apps/v1
kind: Deployment
metadata: { name: ${name}, labels: { app: ${name} } }
spec:
  replicas: 1
  selector: { matchLabels: { app: ${name} } }
  template:
    metadata: { labels: { app: ${name} } }
    spec:
      serviceAccountName: ${name}
      containers:
        - name: app
          image: example/app:1
          envFrom: [{ configMapRef: { name: ${name} } }]
          ports: [{ containerPort: 80 }]
`
}
