import { formatDrift } from '../../kube/index.ts'
import { printAnswer, type OutputFormat } from '../terminal/output.ts'
import type { Style } from '../terminal/style.ts'
import type { Terminal } from '../terminal/terminal.ts'
import { plainText } from '../terminal/terminal.ts'
import type { Run, RunNode, RunRecord } from './follow.ts'
import { age, shortRevision } from './object-row.ts'

/** Prints a run as the answer of a verb. */
export function printRun(
  terminal: Terminal,
  output: OutputFormat | undefined,
  run: Run,
  options: { readonly changesOnly?: boolean } = {},
): void {
  printAnswer(terminal, output, {
    data: run,
    names: [`run/${run.id}`],
    text: (style, _width, isWide) => runText(run, { style, isWide, now: Date.now(), ...options }),
  })
}

/** How a run is printed. */
export interface RunTextOptions {
  readonly style: Style
  readonly isWide: boolean
  readonly now: number
  /** Leave out nodes of which nothing was changed: they have been told of already. */
  readonly changesOnly?: boolean
}

/** A run for people: a line of what it was, and one for each object that is of interest. Exported for tests. */
export function runText(run: Run, options: RunTextOptions): string {
  const { style, now } = options
  const who = run.actor ?? run.push?.actor
  const ref =
    run.push === undefined
      ? ''
      : ` ${run.push.ref.replace(/^refs\/(heads|tags)\//, '')}@${(run.push.after ?? '').slice(0, 8)}`
  const words = [
    style.bold(run.id),
    (run.plan === true ? 'plan' : run.trigger) + ref,
    paintState(style, run.state),
    who === undefined ? undefined : `by ${plainText(who)}`,
    style.dim(`${age(run.receivedAt, now)} ago`),
  ]
  const head = `${words.filter((word) => word !== undefined).join('  ')}\n`
  const hasMany = run.records.length > 1
  return head + run.records.map((record) => recordText(record, hasMany, options)).join('')
}

function recordText(record: RunRecord, hasMany: boolean, options: RunTextOptions): string {
  const { style } = options
  const took =
    record.finishedAt === undefined || record.receivedAt === undefined
      ? ''
      : style.dim(` in ${((record.finishedAt - record.receivedAt) / 1000).toFixed(1)}s`)
  const head = hasMany ? `  ${style.bold(record.cluster)}: ${paintState(style, record.state)}${took}\n` : ''
  const error = record.error === undefined ? '' : `  ${style.red('✗')} ${plainText(record.error.message)}\n`
  const nodes = record.nodes.filter((node) => options.changesOnly !== true || (node.changes ?? []).length > 0)
  return head + error + nodes.map((node) => nodeText(node, options)).join('')
}

const signs = { ready: '✔', skipped: '-', waiting: '◎', blocked: '✗', failed: '✗' } as const

function nodeText(node: RunNode, { style, isWide }: RunTextOptions): string {
  const paint =
    node.state === 'ready'
      ? style.green
      : node.state === 'waiting'
        ? style.yellow
        : node.state === 'skipped'
          ? style.dim
          : style.red
  const changes = (node.changes ?? []).map((change) => {
    const fields =
      change.drift?.map((found) => (isWide ? formatDrift(found) : found.path)).slice(0, isWide ? 50 : 3) ?? []
    const more = (change.drift?.length ?? 0) > fields.length ? ', …' : ''
    const note = change.note === undefined ? '' : `  ${style.dim(`(${plainText(change.note)})`)}`
    const where = fields.length === 0 ? '' : `  ${style.dim(fields.join(', ') + more)}`
    return `      ${paintAction(style, change.action)} ${plainText(change.object)}${where}${note}\n`
  })
  const message = shortRevision(plainText(node.message ?? node.reason ?? '')).replaceAll('\n', '\n      ')
  return `  ${paint(signs[node.state])} ${node.kind}/${node.namespace}/${node.name}  ${message}\n${changes.join('')}`
}

/** An action, in its colour and as wide as the longest. */
export function paintAction(style: Style, action: string): string {
  const text = action.padEnd(10)
  switch (action) {
    case 'created':
      return style.green(text)
    case 'configured':
      return style.yellow(text)
    case 'deleted':
      return style.red(text)
    default:
      return style.dim(text)
  }
}

/** The state of a run, coloured. */
export function paintState(style: Style, state: string): string {
  if (state === 'succeeded' || state === 'healthy') return style.green(state)
  return state === 'failed' || state === 'partial' ? style.red(state) : style.yellow(state)
}
