import { Command, Option } from 'commander'
import { usageError } from '../exit-codes.ts'
import { requireDeployment, type Deployment } from '../target/deployment.ts'
import { addTargetFlags, type TargetFlags } from '../target/flags.ts'
import { kindOfWord } from '../target/kinds.ts'
import { printAnswer } from '../terminal/output.ts'
import { createTerminal, type Terminal } from '../terminal/terminal.ts'
import type { Run, RunNode } from './follow.ts'
import { runText } from './run-text.ts'

interface LogsFlags extends TargetFlags {
  readonly limit?: string
  readonly follow?: boolean
  readonly failed?: boolean
  readonly trigger?: string
  readonly for?: string
  readonly all?: boolean
}

const followPauseMs = 2_000
const maxLimit = 200

/** `logs [RUN]`: what runs did, object by object. */
export function logsCommand(): Command {
  const command = new Command('logs')
    .description('what runs of a deployment did, the newest first; of scans only those that found something')
    .argument('[run]', 'id of one run')
    .option('-f, --follow', 'go on, and print runs as they end')
    .option('--limit <number>', 'how many', '10')
    .option('--failed', 'only runs in which something failed')
    .option('--for <kind/name>', "only runs that worked on one object: 'ks/app'")
    .option('--all', 'scans that found nothing too')
    .addOption(new Option('--trigger <kind>', 'only runs of a kind').choices(['push', 'scan', 'trigger']))
    .action(async (run: string | undefined, flags: LogsFlags) => runLogs(run, flags))
  return addTargetFlags(command, { deployment: true, output: true })
}

async function runLogs(id: string | undefined, flags: LogsFlags): Promise<void> {
  const terminal = createTerminal(process, process.env)
  const deployment = requireDeployment(flags, terminal, 'records of runs are kept by a deployment')
  if (id !== undefined) {
    const run = (await deployment.get(`/runs/${encodeURIComponent(id)}`)) as Run
    return print(terminal, flags, [run], true)
  }
  const limit = Math.trunc(Number(flags.limit ?? 10))
  if (!(limit > 0 && limit <= maxLimit)) throw usageError(`--limit must be between 1 and ${maxLimit}`)
  const isWanted = filterOf(flags)
  const first = await readRuns(deployment, limit, isWanted)
  print(terminal, flags, flags.follow === true ? first.toReversed() : first, false)
  if (flags.follow !== true) return
  // One that goes on is printed again when it has ended.
  let seen = new Map(first.map((run) => [run.id, run.state]))
  for (;;) {
    await new Promise((resolve) => setTimeout(resolve, followPauseMs))
    const runs = await readRuns(deployment, limit, isWanted)
    const news = runs.filter(
      (run) => seen.get(run.id) !== run.state && run.state !== 'queued' && run.state !== 'running',
    )
    if (news.length > 0) print(terminal, flags, news.toReversed(), false)
    seen = new Map([...seen, ...runs.map((run) => [run.id, run.state] as const)].slice(-maxLimit))
  }
}

/** The newest runs that are wanted; looks at most a few pages back for them. */
async function readRuns(
  deployment: Deployment,
  limit: number,
  isWanted: (run: Run) => boolean,
): Promise<readonly Run[]> {
  const found: Run[] = []
  let before: string | undefined
  for (let page = 0; page < 5 && found.length < limit; page++) {
    const answer = (await deployment.get('/runs', { limit: '100', before })) as { readonly runs: readonly Run[] }
    found.push(...answer.runs.filter(isWanted))
    before = answer.runs.at(-1)?.id
    if (answer.runs.length < 100) break
  }
  return found.slice(0, limit)
}

function filterOf(flags: LogsFlags): (run: Run) => boolean {
  const [word = '', name = ''] = (flags.for ?? '').split('/')
  const kind = flags.for === undefined ? undefined : kindOfWord(word)
  if (flags.for !== undefined && (kind === undefined || name === ''))
    throw usageError(`--for takes a kind and a name, as in ks/app; '${flags.for}' is none`)
  const isIt = (node: RunNode): boolean =>
    kind === undefined ||
    (node.kind === kind && node.name === name && (flags.namespace === undefined || node.namespace === flags.namespace))
  return (run) => {
    const nodes = run.records.flatMap((record) => record.nodes)
    if (flags.trigger !== undefined && run.trigger !== flags.trigger) return false
    if (flags.cluster !== undefined && !run.records.some((record) => record.cluster === flags.cluster)) return false
    if (kind !== undefined) return nodes.some(isIt)
    if (flags.failed === true) return run.state === 'failed' || run.state === 'partial'
    const isQuiet =
      run.trigger === 'scan' && run.state === 'succeeded' && nodes.every((node) => (node.changes ?? []).length === 0)
    return flags.all === true || flags.trigger !== undefined || !isQuiet
  }
}

function print(terminal: Terminal, flags: LogsFlags, runs: readonly Run[], isOne: boolean): void {
  printAnswer(terminal, flags.output, {
    data: isOne ? runs[0] : { items: runs },
    names: runs.map((run) => `run/${run.id}`),
    text: (style, _width, isWide) =>
      runs.length === 0 ? 'no runs\n' : runs.map((run) => runText(run, { style, isWide, now: Date.now() })).join('\n'),
  })
}
