import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { access, mkdir, readFile, rename } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { cacheDirectory } from './control-plane-binary.ts'

const run = promisify(execFile)
const buildDeadlineMs = 15 * 60_000

/**
 * Path of a program that is built of the Go module `test/<name>`, kept in the cache under a name made of its sources and the Go version; undefined where there is no Go. Two processes that build at the
 * same time both succeed: the result is put in place at once.
 */
export async function goBinary(name: string): Promise<string | undefined> {
  const directory = fileURLToPath(new URL(`../${name}/`, import.meta.url))
  const version = await run('go', ['env', 'GOVERSION'], { cwd: directory }).then(
    ({ stdout }) => stdout.trim(),
    () => undefined,
  )
  if (version === undefined) return undefined
  const hash = createHash('sha256').update(`${version}\n${process.platform}/${process.arch}\n`)
  for (const file of ['go.mod', 'go.sum', 'main.go']) hash.update(await readFile(join(directory, file)))
  const path = join(cacheDirectory(), name, hash.digest('hex').slice(0, 16), name)
  const isThere = await access(path).then(
    () => true,
    () => false,
  )
  if (isThere) return path
  await mkdir(dirname(path), { recursive: true })
  const unfinished = `${path}.${process.pid}`
  const flags = ['build', '-trimpath', '-buildvcs=false', '-ldflags', '-s -w', '-o', unfinished, '.']
  const env = { ...process.env, CGO_ENABLED: '0', GOFLAGS: '-mod=readonly' }
  await run('go', flags, { cwd: directory, env, timeout: buildDeadlineMs, maxBuffer: 16 << 20 })
  await rename(unfinished, path)
  return path
}
