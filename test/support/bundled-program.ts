import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { runFolder } from './run-folder.ts'

const root = fileURLToPath(new URL('../../', import.meta.url))

/** What `npm run bundle` makes of the command line, in a directory. Returns the program. */
export function bundleProgram(directory: string): string {
  return join(bundle(directory), 'main.mjs')
}

/** What `npm run bundle` makes of the deployment on Node, in a directory. Returns the program. */
export function bundleDeployment(directory: string): string {
  return join(bundle(directory), 'node.mjs')
}

/** In a run the directory gets links to the run's bundle: Node follows them, so that what it has compiled of the program once is used again. */
function bundle(directory: string): string {
  const shared = runFolder()
  if (shared === undefined) {
    build(directory)
    return directory
  }
  const made = sharedBundle(shared)
  mkdirSync(directory, { recursive: true })
  for (const name of readdirSync(made)) symlinkSync(join(made, name), join(directory, name))
  return directory
}

/** Makes the run's bundle where it is not there yet. Two processes that make it at the same time both succeed: the first result stays. */
function sharedBundle(shared: string): string {
  const path = join(shared, 'program')
  if (holdsFiles(path)) return path
  const unfinished = mkdtempSync(`${path}-`)
  build(unfinished)
  try {
    renameSync(unfinished, path)
  } catch (error) {
    if (!holdsFiles(path)) throw error
    rmSync(unfinished, { recursive: true, force: true })
  }
  return path
}

function holdsFiles(path: string): boolean {
  try {
    return readdirSync(path).length > 0
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false
    throw error
  }
}

function build(directory: string): void {
  execFileSync('npm', ['run', '--silent', 'bundle', '--', `--outdir=${directory}`], { cwd: root, stdio: 'inherit' })
}
