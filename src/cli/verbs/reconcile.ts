import { Command } from 'commander'
import { EngineError, mapLimit, toEngineError } from '../../base/index.ts'
import {
  artifactKeyOf,
  idOfKey,
  originOf,
  overrideWindows,
  requestReconciliation,
  sourceKeyOf,
  type Managed,
  type ObjectKey,
  type ReconcileRequest,
  type Source,
  type Workload,
} from '../../reconcile/index.ts'
import { exitCodes, usageError } from '../exit-codes.ts'
import { actorName, withCluster, type Cluster } from '../target/cluster.ts'
import { openDeployment, type Deployment } from '../target/deployment.ts'
import { addTargetFlags, namespaceOf, type TargetFlags } from '../target/flags.ts'
import { allCliKinds, kindOfWord, parseObject, shortName, sourceCliKinds, type CliKind } from '../target/kinds.ts'
import { printAnswer } from '../terminal/output.ts'
import { createProgress, type Progress } from '../terminal/progress.ts'
import { createTerminal, type Terminal } from '../terminal/terminal.ts'
import { clusterSuspension } from './cluster-suspension.ts'
import { followLines, type Run } from './follow.ts'
import { objectRow, shortRevision, type ObjectRow } from './object-row.ts'
import { listKind, readObject } from './read-objects.ts'
import { printRun } from './run-text.ts'
import { waitForRequest } from './wait-ready.ts'

interface ReconcileFlags extends TargetFlags {
  readonly withSource?: boolean
  readonly force?: boolean
  readonly reset?: boolean
  readonly override?: string
  readonly wait?: boolean
}

type CliKey = ObjectKey & { readonly kind: CliKind }

/** Requests to a cluster at the same time. */
const concurrency = 8

/** `reconcile KIND NAME`, `reconcile source git NAME`, `reconcile cluster`: a look now, and how it goes. */
export function reconcileCommand(): Command {
  const command = new Command('reconcile')
    .description('have an object, a source or a whole cluster looked at now, and wait for the outcome')
    .argument('<what...>', "kind and name: 'kustomization app', 'hr/app', 'source git app'; or 'cluster'")
    .option('--with-source', 'fetch its source first')
    .option('--force', 'HelmRelease: one install or upgrade, whatever its state')
    .option('--reset', 'HelmRelease: forget the failures so far')
    .option('--override <reason>', 'for a quarter of an hour whatever windows say, and why')
    .option('--wait', 'wait for the outcome (the default)')
    .option('--no-wait', 'only ask')
    .action(async (what: string[], flags: ReconcileFlags) => runReconcile(what, flags))
  return addTargetFlags(command, { cluster: true, deployment: true, output: true })
}

async function runReconcile(what: readonly string[], flags: ReconcileFlags): Promise<void> {
  const terminal = createTerminal(process, process.env)
  const progress = createProgress(terminal)
  const deployment = openDeployment(flags, terminal)
  const isCluster = what.length === 1 && what[0]?.toLowerCase() === 'cluster'
  const key = isCluster ? undefined : parseObject(what, namespaceOf(flags, process.env))
  if (key === undefined && (flags.force === true || flags.reset === true || flags.withSource === true))
    throw usageError('--force, --reset and --with-source belong to one object')
  if (flags.override !== undefined && key === undefined) throw usageError('--override belongs to one object')
  if ((flags.force === true || flags.reset === true) && key?.kind !== 'HelmRelease')
    throw usageError('--force and --reset are for a HelmRelease')
  if (deployment !== undefined) return runOnDeployment(deployment, key, flags, terminal)
  await withCluster(flags, terminal, async (cluster) => {
    const suspension = await clusterSuspension(cluster.client, namespaceOf(flags, process.env), cluster.signal)
    if (suspension !== undefined)
      throw new EngineError(`the cluster is ${suspension}; resume it first`, { code: 'suspended', disposition: 'wait' })
    const rows =
      key === undefined
        ? await reconcileAll(cluster, flags, progress)
        : [await reconcileOne(cluster, key, flags, progress)]
    printAnswer(terminal, flags.output, {
      data: key === undefined ? { items: rows } : rows[0],
      names: rows.map(shortName),
      text: () => '',
    })
    const bad = rows.filter((row) => flags.wait !== false && row.ready !== 'True')
    if (bad.length > 0) process.exitCode = exitCodes.negative
  })
}

/** Asks one object and waits; its source first where that is wanted. */
async function reconcileOne(
  cluster: Cluster,
  key: CliKey,
  flags: ReconcileFlags,
  progress: Progress,
): Promise<ObjectRow> {
  if (flags.withSource === true) {
    for (const source of await sourcesOf(cluster, key)) await ask(cluster, source, {}, { flags, progress })
  }
  const request = {
    ...(flags.force === true ? { force: true } : {}),
    ...(flags.reset === true ? { reset: true } : {}),
  }
  if (flags.override !== undefined)
    await overrideWindows(cluster.requests, key, { by: actorName(process.env), reason: flags.override })
  return ask(cluster, key, request, { flags, progress })
}

async function ask(
  cluster: Cluster,
  key: CliKey,
  request: ReconcileRequest,
  { flags, progress }: { readonly flags: ReconcileFlags; readonly progress: Progress },
): Promise<ObjectRow> {
  progress.begin(`annotating ${key.kind} ${key.name} in ${key.namespace} namespace`)
  const { requestedAt } = await requestReconciliation(cluster.requests, key, request)
  progress.done(`${key.kind} annotated`)
  if (flags.wait === false) return objectRow(await readObject(cluster.client, key))
  const row = await waitForRequest(cluster, key, requestedAt, progress)
  const verb = (sourceCliKinds as readonly string[]).includes(key.kind) ? 'fetched' : 'applied'
  progress.done(`${verb} revision ${shortRevision(row.revision)}`)
  return row
}

/** The sources of an object, in the order in which they have to be fetched: of a HelmRelease first what its chart is made from. */
async function sourcesOf(cluster: Cluster, key: CliKey): Promise<readonly CliKey[]> {
  const object = (await readObject(cluster.client, key)) as unknown as Managed
  const found: ObjectKey[] = []
  if (object.kind === 'Kustomization' || object.kind === 'HelmRelease') {
    const keys = [sourceKeyOf(object as Workload), artifactKeyOf(object as Workload)]
    for (const one of keys)
      if (one !== undefined && !found.some((seen) => idOfKey(seen) === idOfKey(one))) found.push(one)
  } else {
    const origin = originOf(object as Source)
    if (origin !== undefined) found.push(origin)
  }
  const keys = found.map((one) => ({ ...one, kind: kindOfWord(one.kind) ?? 'GitRepository' }))
  const isOci = async (one: CliKey): Promise<boolean> =>
    one.kind === 'HelmRepository' &&
    ((await readObject(cluster.client, one)) as unknown as { spec?: { type?: string } }).spec?.type === 'oci'
  const skipped = await Promise.all(keys.map(async (one) => one.kind === 'ExternalArtifact' || (await isOci(one))))
  return keys.filter((_, index) => skipped[index] !== true)
}

/** Asks everything that is not suspended, sources first, and waits for all of it. */
async function reconcileAll(
  cluster: Cluster,
  flags: ReconcileFlags,
  progress: Progress,
): Promise<readonly ObjectRow[]> {
  const lists = await Promise.all(
    allCliKinds.filter((kind) => kind !== 'ExternalArtifact').map((kind) => listKind(cluster.client, kind, {})),
  )
  const awake = lists.flat().map((object) => ({ object, row: objectRow(object) }))
  const wanted = awake.filter(
    ({ row, object }) => !row.suspended && (object as { spec?: { type?: string } }).spec?.type !== 'oci',
  )
  progress.begin(`annotating ${wanted.length} objects`)
  const asked = await mapLimit(wanted, concurrency, async ({ row }) => {
    const key = { kind: row.kind as CliKind, namespace: row.namespace, name: row.name }
    return { key, request: await requestReconciliation(cluster.requests, key) }
  })
  if (flags.wait === false) return wanted.map(({ row }) => row)
  const rows: ObjectRow[] = []
  for (const { key, request } of asked) {
    try {
      const row = await waitForRequest(cluster, key, request.requestedAt, progress)
      progress.done(`${shortName(row)} in ${row.namespace}: ${shortRevision(row.message)}`)
      rows.push(row)
    } catch (caught) {
      const error = toEngineError(caught)
      if (error.code !== 'reconciliation-failed') throw error
      progress.fail(error.message)
      rows.push(objectRow(await readObject(cluster.client, key)))
    }
  }
  return rows
}

async function runOnDeployment(
  deployment: Deployment,
  key: CliKey | undefined,
  flags: ReconcileFlags,
  terminal: Terminal,
): Promise<void> {
  const progress = createProgress(terminal)
  const target =
    key === undefined
      ? { all: true }
      : flags.withSource === true
        ? { objects: [...(await sourceFromDeployment(deployment, key, flags)), key] }
        : (sourceCliKinds as readonly string[]).includes(key.kind)
          ? { source: key }
          : { object: key }
  const wish = {
    ...target,
    ...(flags.cluster === undefined ? {} : { cluster: flags.cluster }),
    ...(flags.force === true ? { force: true } : {}),
    ...(flags.reset === true ? { action: 'retry' } : {}),
    ...(flags.override === undefined ? {} : { override: flags.override }),
    actor: actorName(process.env),
  }
  if (flags.wait === false) {
    const answer = (await deployment.post('/trigger', wish)) as { readonly run: string }
    progress.done(`asked: run ${answer.run}`)
    return printAnswer(terminal, flags.output, { data: answer, names: [answer.run], text: () => '' })
  }
  await followWish(deployment, wish, flags, terminal, key)
}

/**
 * Sends a wish to the deployment, follows its run, and prints it. Sets the exit code: by the object that was named, where it was worked on; others of its source may
 * fail beside it.
 */
export async function followWish(
  deployment: Deployment,
  wish: object,
  flags: TargetFlags,
  terminal: Terminal,
  named?: ObjectKey,
): Promise<Run> {
  const progress = createProgress(terminal)
  const wait = Math.max(1, Math.min(300, Math.floor(deployment.timeoutMs / 1000)))
  const isPlan = 'plan' in wish
  const lines = deployment.lines('POST', '/trigger', { ...wish, wait })
  const run = await followLines(lines, progress, { tellsNodes: !isPlan })
  if (isPlan) progress.done('nothing was written')
  printRun(terminal, flags.output, run, { changesOnly: !isPlan && terminal.isErrTerminal })
  const nodes = run.records.flatMap((record) => record.nodes)
  const own = nodes.filter((node) => named !== undefined && idOfKey(node) === idOfKey(named))
  const isDone = own.length === 0 ? run.state === 'succeeded' : own.every((node) => node.state === 'ready')
  if (!isDone) process.exitCode = exitCodes.negative
  if (nodes.length === 0 && run.state === 'succeeded')
    progress.warn('there was nothing to look at: no such object, or all of it is suspended')
  return run
}

async function sourceFromDeployment(
  deployment: Deployment,
  key: CliKey,
  flags: ReconcileFlags,
): Promise<readonly ObjectKey[]> {
  const query = { kind: key.kind, namespace: key.namespace, name: key.name, cluster: flags.cluster }
  const answer = (await deployment.get('/api/objects', query)) as {
    readonly objects?: readonly { readonly source?: ObjectKey }[]
  }
  const sources = (answer.objects ?? []).flatMap((object) => object.source ?? [])
  return [...new Map(sources.map((source) => [idOfKey(source), source])).values()]
}
