import { execFile, spawn } from 'node:child_process'
import { createHash, randomUUID } from 'node:crypto'
import { access, mkdir, open, readFile, rename, rm, stat, utimes } from 'node:fs/promises'
import { homedir } from 'node:os'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { EngineError } from '../../src/base/index.ts'

/** Called with what is going on, at a change and every few seconds while it takes long. */
export type OnProgress = (message: string, elapsedSeconds: number) => void

/** Version that the control plane reports; clients read its numbers. Belongs to k8s.io/kubernetes in controlplane/go.mod. */
const kubernetesVersion = { gitVersion: 'v1.37.2', gitMajor: '1', gitMinor: '37' }
const moduleDirectory = fileURLToPath(new URL('../controlplane/', import.meta.url))
const buildDeadlineMs = 30 * 60_000
/** A lock that its owner has not touched for this long belongs to a process that died. */
const staleLockMs = 60_000
const progressEveryMs = 5_000

/** Folder for what may be built again: `$SLUICE_CACHE`, or `sluice` in the user's cache folder. */
export function cacheDirectory(): string {
  const chosen = process.env['SLUICE_CACHE']
  if (chosen !== undefined && chosen !== '') return chosen
  const base = process.env['XDG_CACHE_HOME']
  return join(base === undefined || base === '' ? join(homedir(), '.cache') : base, 'sluice')
}

/**
 * Path of the control plane's binary; builds it where it is missing (some minutes, about 140 MB). It is kept under a name made of its sources and the Go
 * version. Of several processes one builds and the others wait.
 *
 * @throws EngineError `go-missing`, `controlplane-build-failed`, `controlplane-build-timeout`.
 */
export async function controlPlaneBinary(onProgress: OnProgress): Promise<string> {
  const started = Date.now()
  const report = (message: string): void => onProgress(message, Math.round((Date.now() - started) / 1000))
  const goVersion = await readGoVersion()
  const path = join(cacheDirectory(), 'controlplane', await cacheKey(goVersion), 'controlplane')
  if (await exists(path)) return path
  await mkdir(dirname(path), { recursive: true })
  const lock = `${path}.lock`
  while (!(await takeLock(lock))) {
    if (Date.now() - started > buildDeadlineMs) {
      throw new EngineError(
        `another process has been building the control plane for too long; remove ${lock} and try again`,
        {
          code: 'controlplane-build-timeout',
        },
      )
    }
    report('another process is building the control plane; waiting for it')
    await sleep(progressEveryMs)
    if (await exists(path)) return path
  }
  try {
    if (!(await exists(path))) await build(path, lock, report)
  } finally {
    await rm(lock, { force: true })
  }
  return path
}

async function build(path: string, lock: string, report: (message: string) => void): Promise<void> {
  report(`building the Kubernetes control plane ${kubernetesVersion.gitVersion} (once; this takes some minutes)`)
  const timer = setInterval(() => {
    report('still building the control plane')
    // Shows others that this process is alive. A lock that cannot be touched is only taken over later than needed.
    utimes(lock, new Date(), new Date()).catch(() => report('the lock of the build is gone'))
  }, progressEveryMs)
  const unfinished = `${path}.${randomUUID()}`
  try {
    await runGo(['build', '-trimpath', '-buildvcs=false', '-ldflags', linkerFlags(), '-o', unfinished, '.'])
    await rename(unfinished, path)
    report('the control plane is built')
  } finally {
    clearInterval(timer)
    await rm(unfinished, { force: true })
  }
}

function linkerFlags(): string {
  const values = Object.entries(kubernetesVersion).map(
    ([name, value]) => `-X k8s.io/component-base/version.${name}=${value}`,
  )
  return ['-s', '-w', ...values].join(' ')
}

function runGo(args: readonly string[]): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn('go', args, {
      cwd: moduleDirectory,
      env: { ...process.env, CGO_ENABLED: '0', GOFLAGS: '-mod=readonly' },
      stdio: ['ignore', 'ignore', 'pipe'],
      timeout: buildDeadlineMs,
    })
    let errors = ''
    child.stderr.setEncoding('utf8').on('data', (text: string) => (errors = (errors + text).slice(-8_000)))
    child.on('error', reject)
    child.on('close', (code) => {
      if (code === 0) return resolve()
      reject(
        new EngineError(`go ${args[0]} of test/controlplane failed:\n${errors.trim()}`, {
          code: 'controlplane-build-failed',
          data: { exitCode: code },
        }),
      )
    })
  })
}

async function readGoVersion(): Promise<string> {
  try {
    const { stdout } = await promisify(execFile)('go', ['env', 'GOVERSION'], { cwd: moduleDirectory })
    return stdout.trim()
  } catch (cause) {
    throw new EngineError(
      'the tests and the demo run a real Kubernetes control plane, which is built with Go: install Go 1.26 or later (https://go.dev/dl) and have `go` in the PATH',
      { code: 'go-missing', cause },
    )
  }
}

async function cacheKey(goVersion: string): Promise<string> {
  const hash = createHash('sha256').update(`${goVersion}\n${process.platform}/${process.arch}\n${linkerFlags()}\n`)
  for (const file of ['go.mod', 'go.sum', 'main.go']) hash.update(await readFile(join(moduleDirectory, file)))
  return hash.digest('hex').slice(0, 16)
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  )
}

async function takeLock(path: string): Promise<boolean> {
  try {
    const file = await open(path, 'wx')
    await file.close()
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  }
  const age = await stat(path).then(
    (found) => Date.now() - found.mtimeMs,
    () => 0,
  )
  if (age > staleLockMs) await rm(path, { force: true })
  return false
}
