import { execFile } from 'node:child_process'
import { access, mkdir, mkdtemp, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { cacheDirectory } from './control-plane-binary.ts'

const run = promisify(execFile)
const buildDeadlineMs = 15 * 60_000

/** A command of a Go module that is published: what `go install` takes. `version` is with its `v`. */
export interface GoCommand {
  readonly name: string
  readonly package: string
  readonly version: string
}

/**
 * Path of a published program of exactly that version, built with Go from the module proxy where the cache does not have it; undefined where there is no Go.
 * Two processes that build at the same time both succeed: the result is put in place at once.
 *
 * @throws what `go install` prints, where Go is there and the build fails: a test that was to compare must not be skipped for that.
 */
export async function oracleBinary(command: GoCommand): Promise<string | undefined> {
  const path = join(cacheDirectory(), 'oracles', `${command.name}-${command.version}`, command.name)
  if (await exists(path)) return path
  if (!(await hasGo())) return undefined
  await mkdir(dirname(path), { recursive: true })
  const unfinished = await mkdtemp(`${dirname(path)}/.build-`)
  try {
    const env = { ...process.env, GOBIN: unfinished, CGO_ENABLED: '0', GOFLAGS: '' }
    const args = ['install', '-trimpath', '-ldflags', '-s -w', `${command.package}@${command.version}`]
    await run('go', args, { cwd: unfinished, env, timeout: buildDeadlineMs, maxBuffer: 16 << 20 })
    await rename(join(unfinished, command.name), path)
  } finally {
    await rm(unfinished, { recursive: true, force: true })
  }
  return path
}

/** Whether there is a Go to build with. */
export async function hasGo(): Promise<boolean> {
  return await run('go', ['version']).then(
    () => true,
    () => false,
  )
}

/** Whether there is a file. */
export async function exists(path: string): Promise<boolean> {
  return await access(path).then(
    () => true,
    () => false,
  )
}
