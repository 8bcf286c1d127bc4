import { spawn, type ChildProcess } from 'node:child_process'
import { closeSync, openSync } from 'node:fs'
import { readFile } from 'node:fs/promises'

/** A running component. */
export interface Component {
  readonly name: string
  /** The exit's description once it has ended by itself. */
  ended(): string | undefined
  /** Last lines of its log. */
  logTail(): Promise<string>
  /** Ends it at once: its state is thrown away. Resolves when it is gone. */
  kill(): Promise<void>
  /** The same without waiting, for the moment this process ends. */
  killNow(): void
}

/**
 * Starts a component of the control plane's binary with its output in `logPath`. It lives in its own process group, so that an interrupt at the
 * terminal reaches only us, and it ends when its standard input closes, which happens also when this process is killed.
 */
export function startComponent(binary: string, name: string, flags: readonly string[], logPath: string): Component {
  const log = openSync(logPath, 'a')
  const child = spawn(binary, [name, ...flags], {
    stdio: ['pipe', log, log],
    detached: true,
    env: { ...process.env, CONTROLPLANE_END_WITH_STDIN: '1' },
  })
  closeSync(log)
  let end: string | undefined
  const exited = new Promise<void>((resolve) => {
    child.once('error', (error) => {
      end = error.message
      resolve()
    })
    child.once('exit', (code, signal) => {
      end = signal === null ? `exit code ${code}` : `signal ${signal}`
      resolve()
    })
  })
  // Neither the child nor its pipe keeps a finished test run alive.
  child.unref()
  ;(child.stdin as unknown as { unref?: () => void } | null)?.unref?.()
  child.stdin?.on('error', () => child.stdin?.destroy())
  const killNow = (): void => killGroup(child, end)
  return {
    name,
    ended: () => end,
    logTail: async () => (await readFile(logPath, 'utf8')).split('\n').slice(-15).join('\n').trim(),
    killNow,
    kill: async () => {
      child.ref()
      killNow()
      await exited
    },
  }
}

function killGroup(child: ChildProcess, end: string | undefined): void {
  if (child.pid === undefined || end !== undefined) return
  try {
    process.kill(-child.pid, 'SIGKILL')
  } catch (error) {
    // ESRCH: it ended in the meantime, which is what was wanted.
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}
