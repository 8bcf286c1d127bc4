import { Command } from 'commander'
import { mapLimit } from '../../base/index.ts'
import {
  parseUntil,
  requestReconciliation,
  resumeObject,
  suspendObject,
  type ObjectKey,
  type SuspendResult,
} from '../../reconcile/index.ts'
import { usageError } from '../exit-codes.ts'
import { actorName, withCluster, type Cluster } from '../target/cluster.ts'
import { openDeployment, type Deployment } from '../target/deployment.ts'
import { addTargetFlags, namespaceOf, type TargetFlags } from '../target/flags.ts'
import { parseNamed, parseObject, shortName, type CliKind } from '../target/kinds.ts'
import { printAnswer } from '../terminal/output.ts'
import { createProgress, type Progress } from '../terminal/progress.ts'
import { createTerminal, type Terminal } from '../terminal/terminal.ts'
import { namesCluster, switchCluster } from './cluster-switch.ts'
import { objectRow, shortRevision } from './object-row.ts'
import { listKind } from './read-objects.ts'
import { followWish } from './reconcile.ts'
import { waitForRequest } from './wait-ready.ts'

interface SuspendFlags extends TargetFlags {
  readonly all?: boolean
  readonly reason?: string
  readonly until?: string
  readonly by?: string
  readonly wait?: boolean
}

type CliKey = ObjectKey & { readonly kind: CliKind }

/** `suspend KIND NAME`: nothing works on the object until it is resumed; who, why and until when is written on it. */
export function suspendCommand(): Command {
  const command = new Command('suspend')
    .description('keep everybody from working on an object, and say who, why and until when')
    .argument(
      '<what...>',
      "kind and name: 'kustomization app', 'hr/app', 'source git app'; with --all a kind; 'cluster NAME' for everything",
    )
    .option('--reason <text>', 'why; it is written on the object')
    .option('--until <time>', 'when it is resumed by itself: 2026-01-31T18:00:00Z, or a duration such as 2h or 3d')
    .option('--by <name>', 'who; default: $SLUICE_ACTOR, else the user of this machine')
    .option('--all', 'all objects of the kind in the namespace; all clusters of the deployment')
    .action(async (what: string[], flags: SuspendFlags) => runSuspend(what, flags))
  return addTargetFlags(command, { cluster: true, deployment: true, output: true })
}

/** `resume KIND NAME`: takes the suspension away, and has the object looked at. */
export function resumeCommand(): Command {
  const command = new Command('resume')
    .description('end the suspension of an object, have it looked at, and wait for the outcome')
    .argument(
      '<what...>',
      "kind and name: 'kustomization app', 'hr/app', 'source git app'; with --all a kind; 'cluster NAME' for everything",
    )
    .option('--by <name>', 'who; default: $SLUICE_ACTOR, else the user of this machine')
    .option('--all', 'all objects of the kind in the namespace')
    .option('--no-wait', 'do not wait for the outcome')
    .action(async (what: string[], flags: SuspendFlags) => runResume(what, flags))
  return addTargetFlags(command, { cluster: true, deployment: true, output: true })
}

async function runSuspend(what: readonly string[], flags: SuspendFlags): Promise<void> {
  if (namesCluster(what)) return switchCluster('suspend', what, flags)
  const terminal = createTerminal(process, process.env)
  const progress = createProgress(terminal)
  const by = flags.by ?? actorName(process.env)
  const until = flags.until === undefined ? undefined : parseUntil(flags.until, Date.now())
  const deployment = openDeployment(flags, terminal)
  if (deployment !== undefined) return suspendOnDeployment(deployment, what, { ...flags, by }, terminal)
  await withCluster(flags, terminal, async (cluster) => {
    const keys = await keysOf(cluster, what, flags)
    const results = await mapLimit(keys, 4, async (key) => {
      progress.begin(`suspending ${key.kind} ${key.name} in ${key.namespace} namespace`)
      const result = await suspendObject(cluster.requests, key, { by, reason: flags.reason, until })
      const end = until === undefined ? '' : ` until ${new Date(until).toISOString().slice(0, 16)}Z`
      progress.done(result.unchanged ? `${key.kind} was suspended already` : `${key.kind} suspended${end}`)
      warnOfGit(progress, result)
      return result
    })
    printResults(terminal, flags, results)
  })
}

async function runResume(what: readonly string[], flags: SuspendFlags): Promise<void> {
  if (namesCluster(what)) return switchCluster('resume', what, flags)
  const terminal = createTerminal(process, process.env)
  const progress = createProgress(terminal)
  const by = flags.by ?? actorName(process.env)
  const deployment = openDeployment(flags, terminal)
  if (deployment !== undefined) {
    const wish = { action: 'resume', object: oneObject(what, flags), actor: by, ...inCluster(flags) }
    if (flags.wait === false) {
      const answer = await deployment.post('/trigger', wish)
      return printAnswer(terminal, flags.output, { data: answer, names: [shortName(wish.object)], text: () => '' })
    }
    await followWish(deployment, wish, flags, terminal)
    return
  }
  await withCluster(flags, terminal, async (cluster) => {
    const keys = await keysOf(cluster, what, flags)
    const results = await mapLimit(keys, 4, async (key) => {
      progress.begin(`resuming ${key.kind} ${key.name} in ${key.namespace} namespace`)
      const result = await resumeObject(cluster.requests, key, by)
      progress.done(result.unchanged ? `${key.kind} was not suspended` : `${key.kind} resumed`)
      warnOfGit(progress, result)
      return result
    })
    const [only, ...others] = keys
    // As flux does: one object is waited for.
    if (flags.wait !== false && only !== undefined && others.length === 0 && only.kind !== 'ExternalArtifact') {
      const { requestedAt } = await requestReconciliation(cluster.requests, only)
      const row = await waitForRequest(cluster, only, requestedAt, progress)
      progress.done(`${only.kind} is ready: ${shortRevision(row.message)}`)
    }
    printResults(terminal, flags, results)
  })
}

async function suspendOnDeployment(
  deployment: Deployment,
  what: readonly string[],
  flags: SuspendFlags & { readonly by: string },
  terminal: Terminal,
): Promise<void> {
  const progress = createProgress(terminal)
  const object = oneObject(what, flags)
  const answer = (await deployment.post('/trigger', {
    action: 'suspend',
    object,
    actor: flags.by,
    ...inCluster(flags),
    ...(flags.reason === undefined ? {} : { reason: flags.reason }),
    ...(flags.until === undefined ? {} : { until: flags.until }),
  })) as {
    readonly results: readonly (SuspendResult & {
      readonly cluster: string
      readonly error?: { readonly message: string }
    })[]
  }
  for (const result of answer.results) {
    if (result.error !== undefined) progress.warn(`${result.cluster}: ${result.error.message}`)
    else progress.done(`${result.cluster}: ${object.kind} ${result.unchanged ? 'was suspended already' : 'suspended'}`)
    warnOfGit(progress, result)
  }
  printAnswer(terminal, flags.output, { data: answer, names: [shortName(object)], text: () => '' })
}

/** The objects that words name: one, or with `--all` those of a kind in the namespace. */
async function keysOf(cluster: Cluster, what: readonly string[], flags: SuspendFlags): Promise<readonly CliKey[]> {
  const namespace = namespaceOf(flags, process.env)
  if (flags.all !== true) return [parseObject(what, namespace)]
  const { kinds, name } = parseNamed(what)
  const [kind] = kinds
  if (kind === undefined || kinds.length > 1 || name !== undefined)
    throw usageError('--all goes with one kind and no name')
  const rows = (await listKind(cluster.client, kind, { namespace })).map(objectRow)
  return rows.map((row) => ({ kind, namespace: row.namespace, name: row.name }))
}

function oneObject(what: readonly string[], flags: SuspendFlags): CliKey {
  if (flags.all === true) throw usageError('--all needs a kubeconfig; a deployment takes one object at a time')
  return parseObject(what, namespaceOf(flags, process.env))
}

function inCluster(flags: TargetFlags): { readonly cluster?: string } {
  return flags.cluster === undefined ? {} : { cluster: flags.cluster }
}

function warnOfGit(progress: Progress, result: Pick<SuspendResult, 'revertedBy'>): void {
  if (result.revertedBy === undefined) return
  progress.warn(
    `Git spells spec.suspend out (field manager ${result.revertedBy}): what was done here lasts until that is applied again; change it in Git`,
  )
}

function printResults(terminal: Terminal, flags: TargetFlags, results: readonly SuspendResult[]): void {
  printAnswer(terminal, flags.output, {
    data: { items: results },
    names: results.map(({ object }) => shortName(object)),
    text: () => '',
  })
}
