import { Command } from 'commander'
import { parseUntil, pinObject, unpinObject } from '../../reconcile/index.ts'
import { actorName, withCluster } from '../target/cluster.ts'
import { openDeployment } from '../target/deployment.ts'
import { addTargetFlags, namespaceOf, type TargetFlags } from '../target/flags.ts'
import { parseObject, shortName } from '../target/kinds.ts'
import { printAnswer } from '../terminal/output.ts'
import { createProgress } from '../terminal/progress.ts'
import { createTerminal } from '../terminal/terminal.ts'
import { shortRevision } from './object-row.ts'
import { followWish } from './reconcile.ts'
import { waitForRequest } from './wait-ready.ts'

interface PinFlags extends TargetFlags {
  readonly revision?: string
  readonly reason?: string
  readonly until?: string
  readonly by?: string
  readonly wait?: boolean
}

const what = "kind and name: 'kustomization app', 'hr/app', 'source git app', 'source oci app'"

/** `pin KIND NAME --revision X`: keeps an object at a revision although its source, or its chart's repository, goes on. */
export function pinCommand(): Command {
  const command = new Command('pin')
    .description('keep an object at a revision, whatever comes after it, and say who, why and until when')
    .argument('<what...>', what)
    .requiredOption(
      '--revision <revision>',
      'a commit (its whole name, or main@sha1:…), a digest of an OCIRepository, a version of the chart of a HelmRelease',
    )
    .option('--reason <text>', 'why; it is written on the object')
    .option('--until <time>', 'when it is unpinned by itself: 2026-01-31T18:00:00Z, or a duration such as 2h or 3d')
    .option('--by <name>', 'who; default: $SLUICE_ACTOR, else the user of this machine')
    .option('--no-wait', 'do not wait for the outcome')
    .action(async (words: string[], flags: PinFlags) => run('pin', words, flags))
  return addTargetFlags(command, { cluster: true, deployment: true, output: true })
}

/** `unpin KIND NAME`: the object follows its source again. */
export function unpinCommand(): Command {
  const command = new Command('unpin')
    .description('let an object follow its source again, and wait for the outcome')
    .argument('<what...>', what)
    .option('--by <name>', 'who; default: $SLUICE_ACTOR, else the user of this machine')
    .option('--no-wait', 'do not wait for the outcome')
    .action(async (words: string[], flags: PinFlags) => run('unpin', words, flags))
  return addTargetFlags(command, { cluster: true, deployment: true, output: true })
}

async function run(action: 'pin' | 'unpin', words: readonly string[], flags: PinFlags): Promise<void> {
  const terminal = createTerminal(process, process.env)
  const progress = createProgress(terminal)
  const by = flags.by ?? actorName(process.env)
  const object = parseObject(words, namespaceOf(flags, process.env))
  const until = flags.until === undefined ? undefined : parseUntil(flags.until, Date.now())
  const { revision: to = '', reason } = flags
  const deployment = openDeployment(flags, terminal)
  if (deployment !== undefined) {
    const wish = {
      action,
      object,
      actor: by,
      ...(action === 'pin' ? { revision: to } : {}),
      ...(flags.cluster === undefined ? {} : { cluster: flags.cluster }),
      ...(reason === undefined ? {} : { reason }),
      ...(flags.until === undefined ? {} : { until: flags.until }),
    }
    if (flags.wait !== false) {
      await followWish(deployment, wish, flags, terminal, object)
      return
    }
    const answer = await deployment.post('/trigger', wish)
    return printAnswer(terminal, flags.output, { data: answer, names: [shortName(object)], text: () => '' })
  }
  await withCluster(flags, terminal, async (cluster) => {
    const { requests } = cluster
    const result =
      action === 'pin'
        ? await pinObject(requests, object, { to, by, reason, until })
        : await unpinObject(requests, object, by)
    const known = action === 'pin' ? 'was pinned to that already' : 'was not pinned'
    progress.done(`${object.kind} ${result.unchanged ? known : `${action}ned`}`)
    if (flags.wait !== false && !result.unchanged) {
      const row = await waitForRequest(cluster, object, result.requestedAt ?? '', progress)
      progress.done(`${object.kind} is ready: ${shortRevision(row.message)}`)
    }
    printAnswer(terminal, flags.output, { data: result, names: [shortName(object)], text: () => '' })
  })
}
