import { Command } from 'commander'
import { confirmPrune } from '../../reconcile/index.ts'
import { usageError } from '../exit-codes.ts'
import { actorName, withCluster } from '../target/cluster.ts'
import { openDeployment } from '../target/deployment.ts'
import { addTargetFlags, namespaceOf } from '../target/flags.ts'
import { parseObject, shortName } from '../target/kinds.ts'
import { printAnswer } from '../terminal/output.ts'
import { createProgress } from '../terminal/progress.ts'
import { createTerminal } from '../terminal/terminal.ts'
import { namesCluster, switchCluster, type ClusterSwitchFlags } from './cluster-switch.ts'
import { shortRevision } from './object-row.ts'
import { followWish } from './reconcile.ts'

/** `approve cluster`, `approve prune KIND NAME`, `approve plan ID`, `approve waiting`: lets go on what waits for somebody to look at it. */
export function approveCommand(): Command {
  const command = new Command('approve')
    .description('let the first run of a cluster begin, a prune that was held back be done, or changes be applied')
    .argument(
      '<what...>',
      "'cluster NAME', 'prune kustomization app', 'plan ID', or 'waiting' (all that waits, or 'waiting ks app')",
    )
    .option('--all', 'every cluster of the deployment')
    .option('--by <name>', 'who; default: $SLUICE_ACTOR, else the user of this machine')
    .option('--no-wait', 'do not wait for the outcome')
    .action(async (what: string[], flags: ClusterSwitchFlags) => runApprove(what, flags))
  return addTargetFlags(command, { cluster: true, deployment: true, output: true })
}

async function runApprove(what: readonly string[], flags: ClusterSwitchFlags): Promise<void> {
  if (namesCluster(what)) return switchCluster('approve', what, flags)
  const [first = '', ...rest] = what
  if (['plan', 'waiting'].includes(first.toLowerCase())) return approveChanges(first.toLowerCase(), rest, flags)
  if (first.toLowerCase() !== 'prune')
    throw usageError("name what to approve: 'cluster NAME', 'prune ks NAME', 'plan ID' or 'waiting'")
  const object = parseObject(rest, namespaceOf(flags, process.env))
  const terminal = createTerminal(process, process.env)
  const progress = createProgress(terminal)
  const deployment = openDeployment(flags, terminal)
  if (deployment !== undefined) {
    const actor = flags.by ?? actorName(process.env)
    const inCluster = flags.cluster === undefined ? {} : { cluster: flags.cluster }
    await followWish(deployment, { action: 'approve', object, actor, ...inCluster }, flags, terminal, object)
    return
  }
  await withCluster(flags, terminal, async ({ requests }) => {
    const revision = await confirmPrune(requests, object)
    progress.done(`the prune of ${shortName(object)} at ${shortRevision(revision)} is approved`)
    printAnswer(terminal, flags.output, { data: { object, revision }, names: [shortName(object)], text: () => '' })
  })
}

/** Approves a plan, or what waits for approval: in the deployment, which alone knows of it. */
async function approveChanges(what: string, rest: readonly string[], flags: ClusterSwitchFlags): Promise<void> {
  const terminal = createTerminal(process, process.env)
  const deployment = openDeployment(flags, terminal)
  if (deployment === undefined)
    throw usageError('plans and what waits for approval are kept by the deployment: name it with --url')
  const [planId] = rest
  if (what === 'plan' && (planId === undefined || rest.length > 1)) throw usageError('name one plan: approve plan ID')
  if (what === 'waiting' && flags.cluster === undefined && flags.all !== true)
    throw usageError('name the cluster with --cluster, or give --all for every cluster of the deployment')
  const named = what === 'plan' ? { planId } : { waiting: true }
  const object = what === 'plan' || rest.length === 0 ? undefined : parseObject(rest, namespaceOf(flags, process.env))
  const answer = (await deployment.post('/trigger', {
    action: 'approve',
    ...named,
    ...(object === undefined ? {} : { object }),
    ...(flags.cluster === undefined ? {} : { cluster: flags.cluster }),
    actor: flags.by ?? actorName(process.env),
  })) as {
    readonly approved?: readonly { readonly cluster: string; readonly applications: number; readonly run: string }[]
  }
  const progress = createProgress(terminal)
  for (const { cluster, applications, run } of answer.approved ?? [])
    progress.done(`${cluster}: ${applications} approved${applications === 0 ? '' : `; run ${run} takes them up`}`)
  const names = (answer.approved ?? []).map(({ cluster }) => cluster)
  printAnswer(terminal, flags.output, { data: answer, names, text: () => '' })
}
