import {
  approveCluster,
  parseUntil,
  resumeCluster,
  suspendCluster,
  type ClusterSwitchResult,
} from '../../reconcile/index.ts'
import { usageError } from '../exit-codes.ts'
import { actorName, withCluster } from '../target/cluster.ts'
import { openDeployment, type Deployment } from '../target/deployment.ts'
import { namespaceOf, type TargetFlags } from '../target/flags.ts'
import { printAnswer } from '../terminal/output.ts'
import { createProgress } from '../terminal/progress.ts'
import { createTerminal, type Terminal } from '../terminal/terminal.ts'
import { followWish } from './reconcile.ts'

/** Flags of the verbs that work on a whole cluster. */
export interface ClusterSwitchFlags extends TargetFlags {
  readonly all?: boolean
  readonly reason?: string
  readonly until?: string
  readonly by?: string
  readonly wait?: boolean
}

const done = { suspend: 'suspended', resume: 'resumed', approve: 'approved' } as const
const before = {
  suspend: 'was suspended already',
  resume: 'was not suspended',
  approve: 'was approved already',
} as const

/** Whether words name a cluster as a whole: `cluster`, `cluster NAME`. */
export function namesCluster(what: readonly string[]): boolean {
  return what[0]?.toLowerCase() === 'cluster' && what.length <= 2
}

/**
 * `suspend cluster`, `resume cluster`, `approve cluster`: the switch of a whole cluster. With a kubeconfig that of its cluster, in the namespace of the flags; with a deployment that of
 * one of its clusters, or with `--all` of all of them.
 */
export async function switchCluster(
  action: keyof typeof done,
  what: readonly string[],
  flags: ClusterSwitchFlags,
): Promise<void> {
  const terminal = createTerminal(process, process.env)
  const progress = createProgress(terminal)
  const by = flags.by ?? actorName(process.env)
  const until = flags.until === undefined ? undefined : parseUntil(flags.until, Date.now())
  const deployment = openDeployment(flags, terminal)
  if (deployment !== undefined) return onDeployment(deployment, action, { what, flags, by }, terminal)
  await withCluster(flags, terminal, async ({ requests }) => {
    const namespace = namespaceOf(flags, process.env)
    const work: { readonly [key in keyof typeof done]: () => Promise<ClusterSwitchResult> } = {
      suspend: () => suspendCluster(requests, namespace, { by, reason: flags.reason, until }),
      resume: () => resumeCluster(requests, namespace, by),
      approve: () => approveCluster(requests, namespace, by),
    }
    const result = await work[action]()
    progress.done(`the cluster ${result.unchanged ? before[action] : done[action]}`)
    printAnswer(terminal, flags.output, { data: { action, ...result }, names: ['cluster'], text: () => '' })
  })
}

async function onDeployment(
  deployment: Deployment,
  action: keyof typeof done,
  asked: { readonly what: readonly string[]; readonly flags: ClusterSwitchFlags; readonly by: string },
  terminal: Terminal,
): Promise<void> {
  const { what, flags, by } = asked
  const cluster = what[1] ?? flags.cluster
  if ((cluster === undefined) === (flags.all !== true))
    throw usageError(`name the cluster to ${action}, or give --all for every cluster of the deployment`)
  const wish = {
    action,
    all: true,
    actor: by,
    ...(cluster === undefined ? {} : { cluster }),
    ...(flags.reason === undefined ? {} : { reason: flags.reason }),
    ...(flags.until === undefined ? {} : { until: flags.until }),
  }
  // What was held is done now, and followed.
  if (action !== 'suspend' && flags.wait !== false) {
    await followWish(deployment, wish, flags, terminal)
    return
  }
  const answer = (await deployment.post('/trigger', wish)) as {
    readonly results?: readonly {
      readonly cluster: string
      readonly unchanged?: boolean
      readonly error?: { readonly message: string }
    }[]
  }
  const progress = createProgress(terminal)
  for (const { cluster: name, unchanged, error } of answer.results ?? []) {
    if (error !== undefined) progress.warn(`${name}: ${error.message}`)
    else progress.done(`${name}: the cluster ${unchanged === true ? before[action] : done[action]}`)
  }
  if (answer.results?.some(({ error }) => error !== undefined) === true) process.exitCode = 1
  printAnswer(terminal, flags.output, { data: answer, names: [cluster ?? 'all'], text: () => '' })
}
