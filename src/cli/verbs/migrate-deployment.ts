import type { Deployment } from '../target/deployment.ts'
import { openDeployment } from '../target/deployment.ts'
import type { TargetFlags } from '../target/flags.ts'
import { createProgress } from '../terminal/progress.ts'
import type { Terminal } from '../terminal/terminal.ts'
import { followLines } from './follow.ts'

/** What a deployment says about one of its clusters. */
export interface ServedCluster {
  readonly isServed: boolean
  /** Ids of runs that are queued, or under way. */
  readonly active: readonly string[]
}

/** The deployment that the flags name besides a kubeconfig: a migration works with both. */
export function openBeside(flags: TargetFlags, terminal: Terminal): Deployment | undefined {
  const { kubeconfig: _, context: _context, ...rest } = flags
  return openDeployment(rest, terminal)
}

/** Asks a deployment about a cluster. @throws EngineError of {@link Deployment}. */
export async function lookAtCluster(deployment: Deployment, cluster: string): Promise<ServedCluster> {
  const { clusters = [] } = (await deployment.get('/api/clusters')) as {
    readonly clusters?: readonly { readonly cluster: string }[]
  }
  const { runs = [] } = (await deployment.get('/api/runs', { cluster, quiet: 'true' })) as {
    readonly runs?: readonly {
      readonly id: string
      readonly clusters?: readonly { readonly cluster: string; readonly state: string }[]
    }[]
  }
  const isActive = ({ cluster: name, state }: { readonly cluster: string; readonly state: string }): boolean =>
    name === cluster && (state === 'queued' || state === 'running')
  return {
    isServed: clusters.some((one) => one.cluster === cluster),
    active: runs.filter((run) => run.clusters?.some(isActive) === true).map(({ id }) => id),
  }
}

/**
 * The first run of a deployment on a cluster that was handed over. @returns its state; undefined where the deployment does not serve the cluster yet.
 */
export async function firstRun(
  deployment: Deployment,
  cluster: string,
  terminal: Terminal,
): Promise<string | undefined> {
  const progress = createProgress(terminal)
  if (!(await lookAtCluster(deployment, cluster)).isServed) {
    progress.warn(`${deployment.url} has no cluster '${cluster}' yet: put it into CLUSTERS`)
    return undefined
  }
  const wait = Math.max(1, Math.min(300, Math.floor(deployment.timeoutMs / 1000)))
  const lines = deployment.lines('POST', '/trigger', { cluster, all: true, wait })
  const run = await followLines(lines, progress, { tellsNodes: true })
  if (run.state === 'succeeded') progress.done('the first run has succeeded')
  else progress.fail(`the first run ${run.id} is ${run.state}: sluice get all -A, sluice why KIND/NAME`)
  return run.state
}
