import { Command } from 'commander'
import { EngineError } from '../../base/index.ts'
import type { KubeClient } from '../../kube/index.ts'
import { describePin, type Pin } from '../../reconcile/index.ts'
import { usageError } from '../exit-codes.ts'
import { withCluster } from '../target/cluster.ts'
import { openDeployment, type Deployment } from '../target/deployment.ts'
import { addTargetFlags, namespaceOf, type TargetFlags } from '../target/flags.ts'
import { parseNamed, shortName, type CliKind, type Named } from '../target/kinds.ts'
import { printAnswer } from '../terminal/output.ts'
import { createProgress } from '../terminal/progress.ts'
import type { Style } from '../terminal/style.ts'
import { renderTable, type Column } from '../terminal/table.ts'
import { createTerminal, type Terminal } from '../terminal/terminal.ts'
import { clusterSuspension } from './cluster-suspension.ts'
import { age, objectRow, shortRevision, statusSelector, type ObjectRow } from './object-row.ts'
import { listKind } from './read-objects.ts'

interface GetFlags extends TargetFlags {
  readonly statusSelector?: string
  readonly selector?: string
  readonly header?: boolean
  readonly watch?: boolean
}

const watchPauseMs = 2_000

/** `get WHAT [NAME]`: how sources, Kustomizations and HelmReleases stand, in the columns of flux. */
export function getCommand(): Command {
  const command = new Command('get')
    .description(
      'how objects stand: get sources, get sources git, get kustomizations (ks), get helmreleases (hr), get all',
    )
    .argument('<what...>', 'kind, and the name of one object')
    .option('-l, --selector <selector>', 'labels, as with kubectl')
    .option('--status-selector <selector>', 'ready=false, ready!=true, suspended=true, reason=BuildFailed')
    .option('--no-header', 'no titles')
    .option('-w, --watch', 'go on, and print what changes')
    .action(async (what: string[], flags: GetFlags) => runGet(what, flags))
  return addTargetFlags(command, { cluster: true, deployment: true, output: true, allNamespaces: true })
}

async function runGet(what: readonly string[], flags: GetFlags): Promise<void> {
  const terminal = createTerminal(process, process.env)
  const named = parseNamed(what)
  const selector = flags.statusSelector === undefined ? () => true : statusSelector(flags.statusSelector)
  if (selector === undefined)
    throw usageError(`--status-selector is none: ${flags.statusSelector}; write ready=false or suspended=true`)
  const deployment = openDeployment(flags, terminal)
  const read = deployment === undefined ? undefined : () => readFromDeployment(deployment, named, flags)
  if (read !== undefined) return show(terminal, named, flags, async () => (await read()).filter(selector))
  await withCluster(flags, terminal, async ({ client, signal }) => {
    await warnOfSuspension(client, flags, terminal, signal)
    const namespace = flags.allNamespaces === true ? undefined : namespaceOf(flags, process.env)
    const options = { namespace, ...(flags.selector === undefined ? {} : { labelSelector: flags.selector }) }
    await show(terminal, named, flags, async () => {
      const lists = await Promise.all(named.kinds.map((kind) => listKind(client, kind, options)))
      return lists
        .flat()
        .map(objectRow)
        .filter((row) => (named.name === undefined || row.name === named.name) && selector(row))
    })
  })
}

/** The switch of the cluster holds everything, and no object says so. */
async function warnOfSuspension(
  client: KubeClient,
  flags: GetFlags,
  terminal: Terminal,
  signal: AbortSignal,
): Promise<void> {
  const suspension = await clusterSuspension(client, namespaceOf(flags, process.env), signal)
  if (suspension !== undefined) createProgress(terminal).warn(`the cluster is ${suspension}`)
}

/** Prints rows once, or what changes of them until the time is up. */
async function show(
  terminal: Terminal,
  named: Named,
  flags: GetFlags,
  read: () => Promise<readonly ObjectRow[]>,
): Promise<void> {
  const rows = await read()
  if (rows.length === 0 && flags.watch !== true) throw noObjects(named, flags)
  printRows(terminal, named, flags, rows)
  let seen = new Map(rows.map((row) => [idOf(row), JSON.stringify(row)]))
  const end = Date.now() + (flags.watch === true ? 24 * 3_600_000 : 0)
  while (Date.now() < end) {
    await new Promise((resolve) => setTimeout(resolve, watchPauseMs))
    const now = await read()
    const changed = now.filter((row) => seen.get(idOf(row)) !== JSON.stringify(row))
    seen = new Map(now.map((row) => [idOf(row), JSON.stringify(row)]))
    if (changed.length > 0) printRows(terminal, named, { ...flags, header: false }, changed)
  }
}

function idOf(row: ObjectRow): string {
  return `${row.cluster ?? ''}/${row.kind}/${row.namespace}/${row.name}`
}

function printRows(terminal: Terminal, named: Named, flags: GetFlags, rows: readonly ObjectRow[]): void {
  printAnswer(terminal, flags.output, {
    data: { items: rows },
    names: rows.map(shortName),
    text: (style, width, isWide) => rowsText(rows, named.kinds, { style, width, isWide, flags, now: Date.now() }),
  })
}

/** How rows are printed. */
export interface RowsTextOptions {
  readonly style: Style
  readonly width: number | undefined
  readonly isWide: boolean
  readonly flags: { readonly allNamespaces?: boolean; readonly header?: boolean }
  readonly now: number
}

/** One table per kind; with several kinds, names carry theirs. Exported for tests. */
export function rowsText(rows: readonly ObjectRow[], kinds: readonly CliKind[], options: RowsTextOptions): string {
  const { style, width, isWide, flags, now } = options
  const hasClusters = rows.some((row) => row.cluster !== undefined)
  const paintReady = (text: string): string =>
    text === 'True' ? style.green(text) : text === 'False' ? style.red(text) : style.yellow(text)
  const columns: (Column & { readonly value: (row: ObjectRow) => string })[] = [
    ...(hasClusters ? [{ title: 'CLUSTER', value: (row: ObjectRow) => row.cluster ?? '' }] : []),
    ...(flags.allNamespaces === true ? [{ title: 'NAMESPACE', value: (row: ObjectRow) => row.namespace }] : []),
    { title: 'NAME', value: (row) => (kinds.length > 1 ? shortName(row) : row.name), paint: style.bold },
    { title: 'REVISION', value: (row) => shortRevision(row.revision) },
    {
      title: 'SUSPENDED',
      value: (row) => (row.suspended ? 'True' : 'False'),
      paint: (text) => (text === 'True' ? style.yellow(text) : style.dim(text)),
    },
    { title: 'READY', value: (row) => row.ready, paint: paintReady },
    ...(isWide
      ? [
          { title: 'AGE', value: (row: ObjectRow) => age(row.createdAt, now) },
          { title: 'SOURCE', value: (row: ObjectRow) => row.source },
        ]
      : []),
    { title: 'MESSAGE', value: (row) => describeRow(row) },
  ]
  const tables = kinds
    .map((kind) => rows.filter((row) => row.kind === kind))
    .filter((list) => list.length > 0)
    .map((list) =>
      renderTable(
        columns,
        list.map((row) => columns.map((column) => column.value(row))),
        { width, paintTitle: style.bold, withTitles: flags.header !== false },
      ),
    )
  return tables.join('\n')
}

/** The message, behind who suspended the object and why. */
function describeRow(row: ObjectRow): string {
  const { by, reason, until } = row.suspension ?? {}
  const words = [
    by === undefined ? undefined : `by ${by}`,
    until === undefined ? undefined : `until ${until}`,
    reason === undefined ? undefined : `because: ${reason}`,
  ].filter((word) => word !== undefined)
  const note = words.length === 0 ? '' : `(suspended ${words.join(', ')}) `
  const more = [row.held, row.pinned].filter((word) => word !== undefined).map((word) => `(${word}) `)
  return note + shortRevision(more.join('') + row.message)
}

function noObjects({ kinds, name }: Named, flags: GetFlags): EngineError {
  const what = kinds.length === 1 ? `${kinds[0] ?? ''}` : 'Flux'
  const where = flags.allNamespaces === true ? 'any namespace' : `"${namespaceOf(flags, process.env)}" namespace`
  const which = name === undefined ? '' : ` named '${name}'`
  return new EngineError(`no ${what} objects${which} found in ${where}`, { code: 'no-objects', disposition: 'wait' })
}

interface ApiObject {
  readonly cluster?: string
  readonly kind: string
  readonly namespace: string
  readonly name: string
  readonly suspended?: boolean
  readonly held?: { readonly message: string }
  readonly pin?: Pin
  readonly ready?: { readonly status?: ObjectRow['ready']; readonly reason?: string; readonly message?: string }
  readonly appliedRevision?: string
  readonly attemptedRevision?: string
  readonly source?: { readonly kind: string; readonly name: string }
  readonly chart?: { readonly version?: string }
}

const maxPages = 100

/** The same from what a deployment knows of its clusters, without asking them. */
async function readFromDeployment(
  deployment: Deployment,
  { kinds, name }: Named,
  flags: GetFlags,
): Promise<readonly ObjectRow[]> {
  if (flags.selector !== undefined)
    throw usageError('--selector needs a kubeconfig: a deployment does not know of labels')
  const namespace = flags.allNamespaces === true ? undefined : namespaceOf(flags, process.env)
  const perKind = await Promise.all(
    kinds.map(async (kind) => {
      const rows: ObjectRow[] = []
      let cursor: string | undefined
      for (let page = 0; page < maxPages; page++) {
        const query = { kind, namespace, name, cluster: flags.cluster, cursor }
        const answer = (await deployment.get('/api/objects', query)) as {
          readonly objects?: readonly ApiObject[]
          readonly cursor?: string
        }
        rows.push(...(answer.objects ?? []).map(apiRow))
        cursor = answer.cursor
        if (cursor === undefined) break
      }
      return rows
    }),
  )
  return perKind.flat()
}

function apiRow(object: ApiObject): ObjectRow {
  const { kind, namespace, name, ready, source } = object
  return {
    ...(object.cluster === undefined ? {} : { cluster: object.cluster }),
    kind,
    namespace,
    name,
    revision: object.appliedRevision ?? object.chart?.version ?? object.attemptedRevision ?? '',
    suspended: object.suspended === true,
    ready: ready?.status ?? 'False',
    reason: ready?.reason ?? '',
    message: ready?.message ?? 'waiting to be reconciled',
    source: source === undefined ? '' : `${source.kind}/${source.name}`,
    ...(object.held === undefined ? {} : { held: object.held.message }),
    ...(object.pin === undefined ? {} : { pinned: describePin(object.pin) }),
    createdAt: '',
  }
}
