import { Command } from 'commander'
import { EngineError, toEngineError } from '../../base/index.ts'
import { requestReconciliation, type ObjectKey } from '../../reconcile/index.ts'
import { exitCodes, usageError } from '../exit-codes.ts'
import { actorName, withCluster, type Cluster } from '../target/cluster.ts'
import { openDeployment } from '../target/deployment.ts'
import { addTargetFlags, namespaceOf, type TargetFlags } from '../target/flags.ts'
import { parseObject, shortName, type CliKind } from '../target/kinds.ts'
import { printAnswer } from '../terminal/output.ts'
import { createProgress, type Progress } from '../terminal/progress.ts'
import { createTerminal } from '../terminal/terminal.ts'
import { objectRow, shortRevision, type ObjectRow } from './object-row.ts'
import { listKind } from './read-objects.ts'
import { followWish } from './reconcile.ts'
import { waitForRequest } from './wait-ready.ts'

interface RetryFlags extends TargetFlags {
  readonly failed?: boolean
}

type CliKey = ObjectKey & { readonly kind: CliKind }

/** `retry KIND NAME`, `retry run ID`, `retry --failed`: once more, with the failures so far forgotten. */
export function retryCommand(): Command {
  const command = new Command('retry')
    .description('try once more what has failed: the failures of a HelmRelease are forgotten first')
    .argument('[what...]', "kind and name, or 'run' and the id of one (with a deployment)")
    .option('--failed', 'every Kustomization and HelmRelease that is not ready')
    .action(async (what: string[], flags: RetryFlags) => runRetry(what, flags))
  return addTargetFlags(command, { cluster: true, deployment: true, output: true, allNamespaces: true })
}

async function runRetry(what: readonly string[], flags: RetryFlags): Promise<void> {
  const terminal = createTerminal(process, process.env)
  const progress = createProgress(terminal)
  if ((what.length === 0) !== (flags.failed === true)) throw usageError('name an object or a run, or give --failed')
  const namespace = namespaceOf(flags, process.env)
  const deployment = openDeployment(flags, terminal)
  const isRun = what[0]?.toLowerCase() === 'run'
  if (deployment !== undefined) {
    const target =
      flags.failed === true ? {} : isRun ? { run: what[1] ?? '' } : { object: parseObject(what, namespace) }
    const cluster = flags.cluster === undefined ? {} : { cluster: flags.cluster }
    await followWish(
      deployment,
      { action: 'retry', ...target, ...cluster, actor: actorName(process.env) },
      flags,
      terminal,
    )
    return
  }
  if (isRun) throw usageError('runs are known to a deployment: give --url')
  await withCluster(flags, terminal, async (cluster) => {
    const keys =
      flags.failed === true
        ? await failedKeys(cluster, flags.allNamespaces === true ? undefined : namespace)
        : [parseObject(what, namespace)]
    if (keys.length === 0) throw new EngineError('nothing has failed', { code: 'not-found', disposition: 'wait' })
    const rows = await retryAll(cluster, keys, progress)
    printAnswer(terminal, flags.output, { data: { items: rows }, names: rows.map(shortName), text: () => '' })
    if (rows.length < keys.length) process.exitCode = exitCodes.negative
  })
}

async function failedKeys(cluster: Cluster, namespace: string | undefined): Promise<readonly CliKey[]> {
  const lists = await Promise.all(
    (['Kustomization', 'HelmRelease'] as const).map((kind) => listKind(cluster.client, kind, { namespace })),
  )
  return lists
    .flat()
    .map(objectRow)
    .filter((row) => row.ready === 'False' && !row.suspended)
    .map((row) => ({ kind: row.kind as CliKind, namespace: row.namespace, name: row.name }))
}

/** Asks all of them, then waits for each. @returns those that are ready now. */
async function retryAll(cluster: Cluster, keys: readonly CliKey[], progress: Progress): Promise<readonly ObjectRow[]> {
  const asked: { key: CliKey; requestedAt: string }[] = []
  for (const key of keys) {
    progress.begin(`retrying ${key.kind} ${key.name} in ${key.namespace} namespace`)
    const { requestedAt } = await requestReconciliation(cluster.requests, key, { reset: true })
    asked.push({ key, requestedAt })
  }
  const rows: ObjectRow[] = []
  for (const { key, requestedAt } of asked) {
    try {
      const row = await waitForRequest(cluster, key, requestedAt, progress)
      progress.done(`${key.kind} ${key.name}: ${shortRevision(row.message)}`)
      rows.push(row)
    } catch (caught) {
      const error = toEngineError(caught)
      if (error.code !== 'reconciliation-failed') throw error
      progress.fail(error.message)
    }
  }
  return rows
}
