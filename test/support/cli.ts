import { execFile, spawn } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { bundleProgram } from './bundled-program.ts'
import type { ControlPlaneAddress } from './control-plane.ts'

/** How a run of the command line ended. */
export interface CliResult {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

/** Variables that would change what the tests see. */
const cleared = {
  KUBECONFIG: '',
  SLUICE_URL: '',
  SLUICE_TOKEN: '',
  SLUICE_TOKEN_FILE: '',
  SLUICE_NAMESPACE: '',
  FORCE_COLOR: '',
}

/** The command line as it is shipped. */
export interface Cli {
  /** Runs the program, its output into pipes. Never rejects: the exit code is part of the result. */
  run(args: readonly string[], env?: { readonly [name: string]: string }, cwd?: string): Promise<CliResult>
  /** Runs the program until its output is enough, then ends it. @returns what it said. */
  runUntil(
    args: readonly string[],
    env: { readonly [name: string]: string },
    isEnough: (stdout: string) => boolean,
  ): Promise<string>
}

/** Bundles the program into a directory: it starts in a third of the time of its sources, and tests start it often. */
export async function bundleCli(directory: string): Promise<Cli> {
  const main = bundleProgram(join(directory, 'bundle'))
  const envOf = (env: { readonly [name: string]: string }): NodeJS.ProcessEnv => ({
    ...process.env,
    ...cleared,
    SLUICE_ACTOR: 'ada',
    ...env,
  })
  return {
    run: (args, env = {}, cwd = process.cwd()) =>
      new Promise((resolve) => {
        const options = { env: envOf(env), maxBuffer: 64 << 20, cwd }
        execFile(process.execPath, [main, ...args], options, (error, stdout, stderr) => {
          const code = error === null ? 0 : typeof error.code === 'number' ? error.code : -1
          resolve({ code, stdout, stderr })
        })
      }),
    runUntil: (args, env, isEnough) =>
      new Promise((resolve, reject) => {
        const child = spawn(process.execPath, [main, ...args], { env: envOf(env) })
        let said = ''
        const limit = setTimeout(() => {
          child.kill()
          reject(new Error(`it has not said enough: ${said}`))
        }, 60_000)
        child.stdout.on('data', (chunk: Buffer) => {
          said += chunk.toString()
          if (!isEnough(said)) return
          clearTimeout(limit)
          child.kill()
          resolve(said)
        })
      }),
  }
}

/** Writes a kubeconfig of a test cluster, with another token where one is given. */
export async function writeKubeconfig(
  path: string,
  address: Pick<ControlPlaneAddress, 'server' | 'caPem' | 'token'>,
): Promise<void> {
  const { server, caPem, token } = address
  const text = {
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'c',
    clusters: [{ name: 'c', cluster: { server, 'certificate-authority-data': Buffer.from(caPem).toString('base64') } }],
    users: [{ name: 'u', user: { token } }],
    contexts: [{ name: 'c', context: { cluster: 'c', user: 'u' } }],
  }
  await writeFile(path, JSON.stringify(text), { mode: 0o600 })
}
