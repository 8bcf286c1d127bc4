import { spawn, type ChildProcess } from 'node:child_process'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

/** What a block of commands said and how it ended. */
export interface Ran {
  readonly code: number
  /** Standard output and standard error, as on a terminal. */
  readonly output: string
}

export interface RunOptions {
  readonly timeoutMs: number
  /** Presses Ctrl-C once the output has this. */
  readonly until?: RegExp
}

/** One shell in which one block runs after the other, as in the terminal of a reader: variables, functions and the directory stay. */
export interface Shell {
  /** Ends at the first command that fails, with its exit code. Rejects when the time is up. */
  run(script: string, options: RunOptions): Promise<Ran>
  /** Ends it with everything that runs in it. */
  close(): Promise<void>
}

/** Reads names of files, runs each, says its code. Ctrl-C ends what runs and not the loop. */
const loop = `
trap : INT
while read -r -u 3 file; do
  set +e
  . "$file" </dev/null >"$file.out" 2>&1
  echo $? >&4
done
`

/** Starts bash in a directory with just this environment. `scratch` is for its files. */
export function startShell(directory: string, scratch: string, env: NodeJS.ProcessEnv): Shell {
  const child = spawn('bash', ['--norc', '-c', loop], {
    cwd: directory,
    env,
    detached: true,
    stdio: ['ignore', 'inherit', 'inherit', 'pipe', 'pipe'],
  })
  const input = child.stdio[3] as NodeJS.WritableStream
  const codes = child.stdio[4] as NodeJS.ReadableStream
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  let blocks = 0
  return {
    run: async (script, options) => {
      const file = join(scratch, `block-${++blocks}.sh`)
      await writeFile(file, asFile(script))
      const code = new Promise<number>((resolve, reject) => {
        codes.once('data', (data: Buffer) => resolve(Number(data.toString().trim())))
        void ended.then(() => reject(new Error('the shell has ended: a page must not exit it')))
      })
      input.write(`${file}\n`)
      const output = (): Promise<string> => readFile(`${file}.out`, 'utf8').catch(() => '')
      const watch = watchOutput(child, output, options)
      try {
        const ran = await Promise.race([code, watch.expired])
        return { code: ran, output: await output() }
      } finally {
        watch.stop()
      }
    },
    close: async () => {
      signal(child, 'SIGKILL')
      await ended
    },
  }
}

/** `return` in a trap of ERR leaves the file with the code of what failed; `set -e` would end the shell. The trap goes first, or it would see the file fail too. */
function asFile(script: string): string {
  return `set -o pipefail\ntrap 'failed=$?; trap - ERR; return $failed' ERR\n${script}\ntrap - ERR\n`
}

function watchOutput(
  child: ChildProcess,
  output: () => Promise<string>,
  options: RunOptions,
): { readonly expired: Promise<never>; stop(): void } {
  const expired = Promise.withResolvers<never>()
  const limit = setTimeout(() => {
    void output().then((text) => expired.reject(new Error(`it has not ended in ${options.timeoutMs} ms:\n${text}`)))
  }, options.timeoutMs)
  let isPressed = false
  const look = setInterval(() => {
    void output().then((text) => {
      if (isPressed || options.until === undefined || !options.until.test(text)) return
      isPressed = true
      signal(child, 'SIGINT')
    })
  }, 100)
  return {
    expired: expired.promise,
    stop: () => {
      clearTimeout(limit)
      clearInterval(look)
    },
  }
}

/** To the shell and all that it has started. */
function signal(child: ChildProcess, name: NodeJS.Signals): void {
  if (child.pid === undefined || child.exitCode !== null) return
  try {
    process.kill(-child.pid, name)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}
