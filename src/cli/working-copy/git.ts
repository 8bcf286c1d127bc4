import { spawn } from 'node:child_process'
import { EngineError } from '../../base/index.ts'

/** How the program `git` is run. */
export interface GitRun {
  /** Directory that it starts in. */
  readonly cwd: string
  /** Variables besides those of this process; undefined takes one away. */
  readonly env?: { readonly [name: string]: string | undefined }
  readonly input?: Uint8Array | string
  readonly signal?: AbortSignal
  /** Largest answer. */
  readonly maxBytes?: number
}

/** What a run of `git` came to. */
export interface GitAnswer {
  readonly code: number
  readonly stdout: Buffer
  /** The first lines of what it said, for messages. */
  readonly said: string
}

const defaultMaxBytes = 256 << 20
const maxSaid = 2_000

/**
 * Runs the program `git` of this machine, without a prompt and without locks that it could do without, in words that do not depend on the user's language.
 *
 * @throws EngineError `git-program` where it cannot be started, says more than it may, or is cut off (`aborted`). How it ends otherwise is in the answer.
 */
export function runGit(args: readonly string[], run: GitRun): Promise<GitAnswer> {
  const { cwd, env, input, signal, maxBytes = defaultMaxBytes } = run
  const fixed = { LC_ALL: 'C', GIT_TERMINAL_PROMPT: '0', GIT_OPTIONAL_LOCKS: '0' }
  return new Promise((resolve, reject) => {
    const fail = (why: string, cause?: unknown): void =>
      reject(new EngineError(`git ${args[0] ?? ''} ${why}`, { code: 'git-program', cause }))
    const child = spawn('git', args, { cwd, env: { ...process.env, ...env, ...fixed }, signal })
    const parts: Buffer[] = []
    let bytes = 0
    let said = ''
    child.stdout.on('data', (part: Buffer) => {
      bytes += part.length
      if (bytes <= maxBytes) parts.push(part)
      else child.kill()
    })
    child.stderr.on('data', (part: Buffer) => {
      if (said.length < maxSaid) said += part.toString()
    })
    child.on('error', (error) => {
      const isMissing = 'code' in error && error.code === 'ENOENT'
      if (signal?.aborted === true) reject(new EngineError('git was cut off', { code: 'aborted', cause: error }))
      else
        fail(
          isMissing ? 'cannot be started; this needs the program git on the PATH' : `failed: ${error.message}`,
          error,
        )
    })
    child.on('close', (code) => {
      if (bytes > maxBytes) fail(`answered with more than ${maxBytes} bytes`)
      else resolve({ code: code ?? -1, stdout: Buffer.concat(parts), said: said.slice(0, maxSaid).trim() })
    })
    // It may end before it has read everything; how it ends says more.
    child.stdin.on('error', () => undefined)
    child.stdin.end(input ?? '')
  })
}

/** As {@link runGit}, for a run that must end well: what it printed. @throws EngineError `git-program` with what it said. */
export async function gitOutput(args: readonly string[], run: GitRun): Promise<Buffer> {
  const { code, stdout, said } = await runGit(args, run)
  if (code === 0) return stdout
  throw new EngineError(`git ${args[0] ?? ''} failed: ${said === '' ? `exit code ${code}` : said}`, {
    code: 'git-program',
  })
}

/** Variables that point `git` somewhere else than where it is told to work: hooks have them set. */
export const clearedVariables: { readonly [name: string]: undefined } = {
  GIT_DIR: undefined,
  GIT_WORK_TREE: undefined,
  GIT_INDEX_FILE: undefined,
  GIT_PREFIX: undefined,
  GIT_COMMON_DIR: undefined,
  GIT_NAMESPACE: undefined,
  GIT_INTERNAL_SUPER_PREFIX: undefined,
}
