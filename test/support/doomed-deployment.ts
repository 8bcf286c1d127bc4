import { existsSync } from 'node:fs'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  deploymentEnvironment,
  githubSecret,
  triggerToken,
  type DeploymentOptions,
  type Platform,
} from './deployment.ts'
import { createKillableServer } from './killed-server.ts'
import { startWorker, type RunningWorker } from './workerd.ts'

/** A deployment that is lost with all that it knew: its state store, its queues, its runs. */
export interface DoomedDeployment {
  /** Changes with every start on workerd. */
  readonly url: string
  readonly githubSecret: string
  readonly triggerToken: string
  /** Starts one that has nothing but the configuration, and lets it scan, as each does when it is new. */
  start(): Promise<void>
  /** Ends it as a power switch does, then deletes every file it had. @returns how many those were. */
  destroy(): Promise<number>
}

/** @param program the bundled deployment, for Node. */
export async function createDoomedDeployment(
  platform: Platform,
  program: string,
  options: DeploymentOptions,
): Promise<DoomedDeployment> {
  const directory = await mkdtemp(join(tmpdir(), 'sluice-doomed-'))
  const env = deploymentEnvironment(options)
  const forget = async (): Promise<number> => {
    if (!existsSync(directory)) return 0
    const files = await readdir(directory, { recursive: true, withFileTypes: true })
    await rm(directory, { recursive: true, force: true })
    return files.filter((entry) => entry.isFile()).length
  }
  if (platform === 'node') {
    const server = await createKillableServer(program, { ...env, DATA_DIR: directory })
    return {
      url: server.url,
      githubSecret,
      triggerToken,
      start: () => server.start(),
      destroy: async () => {
        await server.kill()
        return await forget()
      },
    }
  }
  let worker: RunningWorker | undefined
  return {
    get url() {
      if (worker === undefined) throw new Error('the deployment does not run')
      return worker.url
    },
    githubSecret,
    triggerToken,
    start: async () => {
      worker = await startWorker({ env, persistDir: directory })
      await worker.scheduled()
    },
    destroy: async () => {
      await worker?.stop()
      worker = undefined
      return await forget()
    },
  }
}
