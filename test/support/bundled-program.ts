import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../../', import.meta.url))

/** What `npm run bundle` makes of the command line, in a directory of its own. Returns the program. */
export function bundleProgram(directory: string): string {
  return join(bundle(directory), 'main.mjs')
}

/** What `npm run bundle` makes of the deployment on Node. Returns the program. */
export function bundleDeployment(directory: string): string {
  return join(bundle(directory), 'node.mjs')
}

function bundle(directory: string): string {
  execFileSync('npm', ['run', '--silent', 'bundle', '--', `--outdir=${directory}`], { cwd: root, stdio: 'inherit' })
  return directory
}
