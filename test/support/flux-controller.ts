import { execFile, spawn } from 'node:child_process'
import { cp, chmod, mkdir, mkdtemp, readFile, readdir, rename, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { cacheDirectory } from './control-plane-binary.ts'
import { exists, hasGo } from './oracle-binary.ts'

const run = promisify(execFile)
const buildDeadlineMs = 30 * 60_000
/** The controllers that the engine matches, by their names. */
const versions = { 'helm-controller': 'v1.6.1', 'kustomize-controller': 'v1.9.6' } as const

/** A controller of Flux that cluster objects are taken over from. */
export type FluxController = keyof typeof versions

/** Why there is none: the text of a skipped test. */
export function noFluxController(name: FluxController): string {
  return `the real ${name} takes minutes to build: set ${variableOf(name)} to \`build\`, or to the path of one of version ${versions[name]}`
}

/**
 * The controller to take over from: the one that the environment variable HELM_CONTROLLER or KUSTOMIZE_CONTROLLER names, or, where that is `build`, the version that the engine matches, built of its
 * module; undefined where it is not set or there is no Go.
 */
export async function fluxController(name: FluxController): Promise<string | undefined> {
  const given = process.env[variableOf(name)] ?? ''
  if (given !== 'build') return given === '' ? undefined : given
  const path = join(cacheDirectory(), 'oracles', `${name}-${versions[name]}`, name)
  if (await exists(path)) return path
  if (!(await hasGo())) return undefined
  await mkdir(dirname(path), { recursive: true })
  const folder = await mkdtemp(`${dirname(path)}/.build-`)
  try {
    const built = join(folder, name)
    await build(name, folder, built)
    await rename(built, path)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
  return path
}

/** Its go.mod replaces a module by a folder beside it, which `go install` refuses: the module is copied, and takes the published one. */
async function build(name: FluxController, folder: string, into: string): Promise<void> {
  const module = `github.com/fluxcd/${name}@${versions[name]}`
  const downloaded = await run('go', ['mod', 'download', '-json', module], { cwd: folder })
  const { Dir } = JSON.parse(downloaded.stdout) as { readonly Dir: string }
  const source = join(folder, 'source')
  await cp(Dir, source, { recursive: true })
  await makeWritable(source)
  const file = join(source, 'go.mod')
  const text = await readFile(file, 'utf8')
  await writeFile(file, text.replace(/^replace .*\/api => \.\/api$/m, ''))
  const args = ['build', '-mod=mod', '-trimpath', '-buildvcs=false', '-ldflags', '-s -w', '-o', into, '.']
  const env = { ...process.env, CGO_ENABLED: '0', GOFLAGS: '' }
  await run('go', args, { cwd: source, env, timeout: buildDeadlineMs, maxBuffer: 16 << 20 })
}

function variableOf(name: FluxController): string {
  return name.toUpperCase().replace('-', '_')
}

/** Files of the module cache are read-only. */
async function makeWritable(folder: string): Promise<void> {
  await chmod(folder, 0o755)
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) await makeWritable(path)
    else await chmod(path, 0o644)
  }
}

/** A controller that works on the objects of one namespace. */
export interface RunningController {
  /** What it has logged so far. */
  readonly log: () => string
  readonly stop: () => Promise<void>
}

/** Starts it. `kubeconfig` is the path of one for the whole cluster. */
export function startFluxController(
  name: FluxController,
  binary: string,
  kubeconfig: string,
  namespace: string,
): RunningController {
  const args = [
    '--watch-all-namespaces=false',
    '--metrics-addr=127.0.0.1:0',
    '--health-addr=127.0.0.1:0',
    ...(name === 'helm-controller' ? ['--graceful-shutdown-timeout=2s'] : []),
    '--log-encoding=console',
    '--requeue-dependency=1s',
  ]
  const child = spawn(binary, args, {
    env: { PATH: process.env['PATH'] ?? '', HOME: '/', KUBECONFIG: kubeconfig, RUNTIME_NAMESPACE: namespace },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let text = ''
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (chunk: string) => (text = (text + chunk).slice(-100_000)))
  const ended = new Promise<void>((resolve) => void child.once('exit', () => resolve()))
  return {
    log: () => text,
    stop: async () => {
      child.kill('SIGTERM')
      const timer = setTimeout(() => child.kill('SIGKILL'), 10_000)
      await ended
      clearTimeout(timer)
    },
  }
}
