import { Command, Option } from 'commander'
import { usageError } from '../exit-codes.ts'
import { withCluster } from '../target/cluster.ts'
import { addTargetFlags, namespaceOf, type TargetFlags } from '../target/flags.ts'
import { kindOfWord, shortName } from '../target/kinds.ts'
import { printAnswer } from '../terminal/output.ts'
import type { Style } from '../terminal/style.ts'
import { renderTable } from '../terminal/table.ts'
import { createTerminal } from '../terminal/terminal.ts'
import { age, shortRevision } from './object-row.ts'
import { readEvents, type EventRow } from './read-events.ts'

interface EventsFlags extends TargetFlags {
  readonly for?: string
  readonly types?: 'Normal' | 'Warning'
  readonly limit?: string
  readonly watch?: boolean
}

const watchPauseMs = 2_000

/** `events`: what was said about sources, Kustomizations and HelmReleases. */
export function eventsCommand(): Command {
  const command = new Command('events')
    .description(
      'events about sources, Kustomizations and HelmReleases, the latest last; the API server keeps them for an hour',
    )
    .option('--for <kind/name>', "of one object: 'ks/app'")
    .addOption(new Option('--types <type>', 'only these').choices(['Normal', 'Warning']))
    .option('--limit <number>', 'the latest', '50')
    .option('-w, --watch', 'go on, and print new ones')
    .action(async (flags: EventsFlags) => runEvents(flags))
  return addTargetFlags(command, { cluster: true, output: true, allNamespaces: true })
}

async function runEvents(flags: EventsFlags): Promise<void> {
  const terminal = createTerminal(process, process.env)
  const [word = '', name] = (flags.for ?? '').split('/')
  const kind = flags.for === undefined ? undefined : kindOfWord(word)
  if (flags.for !== undefined && (kind === undefined || name === undefined || name === ''))
    throw usageError(`--for takes a kind and a name, as in ks/app; '${flags.for}' is none`)
  const limit = Math.trunc(Number(flags.limit ?? 50))
  if (!(limit > 0)) throw usageError('--limit must be a number above 0')
  await withCluster(flags, terminal, async ({ client }) => {
    const read = async (): Promise<readonly EventRow[]> => {
      const found = await readEvents(client, {
        namespace: flags.allNamespaces === true ? undefined : namespaceOf(flags, process.env),
        ...(kind === undefined ? {} : { kind }),
        ...(name === undefined ? {} : { name }),
        oursOnly: true,
      })
      return found.filter((event) => flags.types === undefined || event.type === flags.types)
    }
    const print = (events: readonly EventRow[], withTitles: boolean): void =>
      printAnswer(terminal, flags.output, {
        data: { items: events.map((event) => ({ ...event, at: new Date(event.at).toISOString() })) },
        names: events.map(shortName),
        text: (style, width) => eventsText(events, { style, width, withTitles, now: Date.now() }),
      })
    const first = (await read()).slice(-limit)
    print(first, true)
    const idOf = (event: EventRow): string => JSON.stringify({ ...event, count: event.count })
    let seen = new Set(first.map(idOf))
    while (flags.watch === true) {
      await new Promise((resolve) => setTimeout(resolve, watchPauseMs))
      const now = await read()
      const news = now.filter((event) => !seen.has(idOf(event)))
      seen = new Set(now.map(idOf))
      if (news.length > 0) print(news, false)
    }
  })
}

/** Events as a table. Exported for tests. */
export function eventsText(
  events: readonly EventRow[],
  options: {
    readonly style: Style
    readonly width: number | undefined
    readonly withTitles: boolean
    readonly now: number
  },
): string {
  const { style, width, withTitles, now } = options
  if (events.length === 0) return 'no events\n'
  const columns = [
    { title: 'LAST SEEN' },
    { title: 'TYPE', paint: (text: string) => (text === 'Warning' ? style.red(text) : text) },
    { title: 'REASON' },
    { title: 'OBJECT', paint: style.bold },
    { title: 'MESSAGE' },
  ]
  const rows = events.map((event) => [
    age(event.at, now) + (event.count > 1 ? ` (x${event.count})` : ''),
    event.type,
    event.reason,
    `${event.kind}/${event.name}`,
    shortRevision(event.message),
  ])
  return renderTable(columns, rows, { width, paintTitle: style.bold, withTitles })
}
