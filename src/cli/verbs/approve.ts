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

/** `approve cluster`, `approve prune KIND NAME`: lets go on what waits for somebody to look at it. */
export function approveCommand(): Command {
  const command = new Command('approve')
    .description('let the first run of a cluster begin, or a prune that was held back be done')
    .argument('<what...>', "'cluster NAME', or 'prune kustomization app'")
    .option('--all', 'every cluster of the deployment')
    .option('--by <name>', 'who; default: $SLUICE_ACTOR, else the user of this machine')
    .option('--no-wait', 'do not wait for the outcome')
    .action(async (what: string[], flags: ClusterSwitchFlags) => runApprove(what, flags))
  return addTargetFlags(command, { cluster: true, deployment: true, output: true })
}

async function runApprove(what: readonly string[], flags: ClusterSwitchFlags): Promise<void> {
  if (namesCluster(what)) return switchCluster('approve', what, flags)
  const [first = '', ...rest] = what
  if (first.toLowerCase() !== 'prune') throw usageError("name what to approve: 'cluster NAME' or 'prune ks NAME'")
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
