import { Command, Option } from 'commander'
import { deliveryOutcomes, type Delivery } from '../../observe/index.ts'
import { exitCodes, usageError } from '../exit-codes.ts'
import { requireDeployment } from '../target/deployment.ts'
import { addTargetFlags, type TargetFlags } from '../target/flags.ts'
import { printAnswer } from '../terminal/output.ts'
import type { Style } from '../terminal/style.ts'
import { renderTable } from '../terminal/table.ts'
import { createTerminal } from '../terminal/terminal.ts'
import { age } from './object-row.ts'

interface DeliveriesFlags extends TargetFlags {
  readonly limit?: string
  readonly provider?: string
  readonly outcome?: string
}

const maxLimit = 1000

/** `deliveries`: the webhooks that came in, and what became of each. */
export function deliveriesCommand(): Command {
  const command = new Command('deliveries')
    .description('webhooks that a deployment has got, and what became of each, the newest first')
    .option('--limit <number>', 'how many', '20')
    .option('--provider <name>', 'only of one provider')
    .addOption(new Option('--outcome <outcome>', 'only with one outcome').choices(deliveryOutcomes))
    .action(async (flags: DeliveriesFlags) => runDeliveries(flags))
  return addTargetFlags(command, { deployment: true, output: true })
}

async function runDeliveries(flags: DeliveriesFlags): Promise<void> {
  const terminal = createTerminal(process, process.env)
  const deployment = requireDeployment(flags, terminal, 'deliveries are known to a deployment')
  const limit = Math.trunc(Number(flags.limit ?? 20))
  if (!(limit > 0 && limit <= maxLimit)) throw usageError(`--limit must be between 1 and ${maxLimit}`)
  const found: Delivery[] = []
  let next: string | undefined
  do {
    const query = { limit: String(Math.min(100, limit)), before: next }
    const answer = (await deployment.get('/deliveries', query)) as {
      readonly deliveries: readonly Delivery[]
      readonly next?: string
    }
    found.push(...answer.deliveries.filter((row) => isWanted(row, flags)))
    next = answer.next
  } while (next !== undefined && found.length < limit)
  const rows = found.slice(0, limit)
  printAnswer(terminal, flags.output, {
    data: { items: rows },
    names: rows.map((row) => `delivery/${row.id}`),
    text: (style, width, isWide) => deliveriesText(rows, { style, width, isWide, now: Date.now() }),
  })
  if (rows.length === 0) process.exitCode = exitCodes.negative
}

/** Whatever the deployment leaves to us. */
function isWanted(row: Delivery, flags: DeliveriesFlags): boolean {
  return (
    (flags.provider === undefined || row.provider === flags.provider) &&
    (flags.outcome === undefined || row.outcome === flags.outcome)
  )
}

/** Deliveries as a table. Exported for tests. */
export function deliveriesText(
  rows: readonly Delivery[],
  options: {
    readonly style: Style
    readonly width: number | undefined
    readonly isWide: boolean
    readonly now: number
  },
): string {
  const { style, width, isWide, now } = options
  if (rows.length === 0) return 'no deliveries\n'
  const paint = (text: string): string =>
    text === 'run' ? style.green(text) : text === 'refused' || text === 'failed' ? style.red(text) : style.dim(text)
  const columns = [
    { title: 'AGE' },
    { title: 'PROVIDER' },
    { title: 'EVENT' },
    { title: 'REF' },
    { title: 'OUTCOME', paint },
    { title: 'RUN' },
    ...(isWide ? [{ title: 'DELIVERY' }, { title: 'CLUSTERS' }] : []),
    { title: 'REASON' },
  ]
  const cells = rows.map((row) => [
    age(row.at, now),
    row.receiver === undefined ? row.provider : `${row.provider} (${row.receiver})`,
    row.event,
    (row.ref ?? '').replace(/^refs\/(heads|tags)\//, ''),
    row.outcome,
    row.run ?? '',
    ...(isWide ? [row.deliveryId, (row.clusters ?? []).join(',')] : []),
    row.reason ?? (row.verified ? '' : 'not verified'),
  ])
  return renderTable(columns, cells, { width, paintTitle: style.bold })
}
