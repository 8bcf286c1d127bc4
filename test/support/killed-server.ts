import { spawn, type ChildProcess } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import { freePort } from './free-ports.ts'

/** A deployment on Node in a process of its own, which can be killed and started again with the same data at the same address. */
export interface KillableServer {
  readonly url: string
  /** Starts it, with more in its environment, and waits until it answers. */
  start(more?: { readonly [name: string]: string }): Promise<void>
  /** Ends it as a power switch does. */
  kill(): Promise<void>
  /** Ends it as systemd and Kubernetes do, with SIGTERM. @returns its exit code. */
  stop(): Promise<number | null>
}

/** `program` is the bundled deployment, `env` its whole environment besides the port. */
export async function createKillableServer(
  program: string,
  env: { readonly [name: string]: string },
): Promise<KillableServer> {
  const port = await freePort()
  const url = `http://127.0.0.1:${port}`
  let child: ChildProcess | undefined
  const end = async (signal: 'SIGKILL' | 'SIGTERM'): Promise<number | null> => {
    const running = child
    child = undefined
    if (running === undefined || running.exitCode !== null) return running?.exitCode ?? null
    const ended = new Promise<number | null>((resolve) => running.once('exit', resolve))
    running.kill(signal)
    return ended
  }
  return {
    url,
    start: async (more = {}) => {
      if (child !== undefined) throw new Error('it runs already')
      const started = spawn(process.execPath, [program], {
        env: { ...env, ...more, ...ofTheTests(), PORT: String(port), HOST: '127.0.0.1' },
        stdio: ['ignore', 'ignore', 'inherit'],
      })
      child = started
      for (let attempt = 0; !(await answers(url)); attempt++) {
        if (started.exitCode !== null || attempt > 3_000) throw new Error('the deployment did not start')
        await sleep(20)
      }
    },
    kill: async () => void (await end('SIGKILL')),
    stop: () => end('SIGTERM'),
  }
}

/** What a process needs of the test's environment: where programs are, and where compiled ones are kept. */
function ofTheTests(): { readonly [name: string]: string } {
  const { PATH = '', NODE_COMPILE_CACHE: cache } = process.env
  return { PATH, ...(cache === undefined ? {} : { NODE_COMPILE_CACHE: cache }) }
}

function answers(url: string): Promise<boolean> {
  return fetch(`${url}/healthz`).then(
    (response) => response.ok,
    () => false,
  )
}
