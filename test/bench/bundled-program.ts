import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../../', import.meta.url))

/** What `npm run bundle` makes of the command line, in a directory of its own. Returns the program. */
export function bundleProgram(directory: string): string {
  execFileSync('npm', ['run', '--silent', 'bundle', '--', `--outdir=${directory}`], { cwd: root, stdio: 'inherit' })
  return join(directory, 'main.mjs')
}
