import { isEngineError, sluiceVersion, type EngineError } from '../../base/index.ts'
import { hasEffect, planMarkdown, planSarif, verdictOf } from '../../plan/index.ts'
import { createJsonLogger } from '../../platforms/node/index.ts'
import { exitCodes, usageError } from '../exit-codes.ts'
import { withCluster } from '../target/cluster.ts'
import { withEngine, type SettingFlags } from '../target/engine.ts'
import { durationFlag, namespaceOf, type TargetFlags } from '../target/flags.ts'
import { formatOf, printAnswer, type OutputFormat } from '../terminal/output.ts'
import { createProgress, type Progress } from '../terminal/progress.ts'
import type { Terminal } from '../terminal/terminal.ts'
import { findEntries, type ClusterEntry } from '../working-copy/entries.ts'
import { withWorkingCopy } from '../working-copy/git-http.ts'
import {
  followedRepository,
  planEntries,
  planOnLiveCluster,
  severitiesAt,
  type Comparison,
  type LocalPlan,
} from '../working-copy/local-plan.ts'
import { openWorkingCopy, type LocalCommit, type WorkingCopy } from '../working-copy/working-copy.ts'
import { planChangeText } from './plan-change-text.ts'

/** Formats besides those of every verb. */
export type PlanFormat = OutputFormat | 'markdown' | 'sarif'

/** Flags of `plan --base`. */
export interface ChangeFlags extends SettingFlags, Omit<TargetFlags, 'output'> {
  readonly base?: string
  readonly head?: string
  readonly worktree?: boolean
  readonly path?: readonly string[]
  readonly source?: string
  readonly offline?: boolean
  readonly exitCode?: boolean
  readonly output?: PlanFormat
}

/** Milliseconds that what was begun in time may take longer. */
const graceMs = 5_000
/** The largest comment that a forge takes. */
const maxMarkdownBytes = 60_000

/**
 * `plan --base REF`: what the commits of a working copy, and what is not committed, would change, before anybody has pushed them. Without a cluster from Git alone; with one by reads and dry-runs.
 *
 * Effects: output, the exit code. @throws EngineError `usage`, `git-program`; those of the cluster.
 */
export async function runPlanChange(flags: ChangeFlags, terminal: Terminal): Promise<void> {
  checkChangeFlags(flags)
  const progress = createProgress(terminal)
  const timeoutMs = durationFlag('--timeout', flags.timeout ?? '5m')
  const signal = AbortSignal.timeout(timeoutMs + graceMs)
  const copy = await openWorkingCopy(process.cwd(), signal)
  try {
    const { comparison, head } = await compared(copy, flags, progress.begin)
    const plan = isLive(flags)
      ? await planLive(comparison, flags, { terminal, progress })
      : await planGit(comparison, flags, { terminal, progress, signal })
    progress.done(isLive(flags) ? 'nothing was written' : 'planned from Git alone')
    printChange(terminal, flags, plan, head)
    const { document } = plan
    const isWrong = ['failed', 'incomplete'].includes(verdictOf(document))
    if (isWrong || (flags.exitCode === true && document.applications.some(hasEffect)))
      process.exitCode = exitCodes.negative
  } finally {
    await copy.close()
  }
}

/** Exported for tests. @throws EngineError `usage` for flags that do not go together. */
export function checkChangeFlags(flags: ChangeFlags): void {
  const isGiven = (value: unknown): boolean => value !== undefined
  if (flags.base === undefined) {
    const lonely = Object.entries({
      '--head': flags.head,
      '--worktree': flags.worktree,
      '--path': flags.path,
      '--source': flags.source,
      '--offline': flags.offline,
    }).find(([, value]) => isGiven(value))
    if (lonely !== undefined) throw usageError(`${lonely[0]} goes with --base, which names what to compare with`)
    if (flags.output === 'markdown' || flags.output === 'sarif')
      throw usageError(`-o ${flags.output} prints a plan of commits; name what to compare with by --base`)
    return
  }
  const refuse = (one: string, other: string, why: string): never => {
    throw usageError(`${one} and ${other} do not go together: ${why}`)
  }
  if (isGiven(flags.head) && isGiven(flags.worktree))
    refuse('--head', '--worktree', 'one names a commit, the other the files as they are')
  for (const [name, value] of Object.entries({ '--url': flags.url, '--cluster': flags.cluster }))
    if (isGiven(value)) refuse('--base', name, 'commits that are not pushed are not where the deployment is')
  const cluster = isGiven(flags.kubeconfig) ? '--kubeconfig' : '--context'
  if (isLive(flags)) {
    if (isGiven(flags.path)) refuse('--path', cluster, 'with a cluster it is the cluster that says what it begins with')
    if (isGiven(flags.offline)) refuse('--offline', cluster, 'a cluster is reached over the network')
  } else if (isGiven(flags.source))
    throw usageError('--source names a GitRepository of a cluster; name the cluster with --kubeconfig or --context')
}

/** The flags without the formats that only a plan of commits has. */
export function withUsualOutput(flags: ChangeFlags): TargetFlags & SettingFlags & Pick<ChangeFlags, 'exitCode'> {
  const { output, ...others } = flags
  return output === undefined || output === 'markdown' || output === 'sarif' ? others : { ...others, output }
}

/** A cluster is asked only where it is named: `$KUBECONFIG` is set for other things, too. */
function isLive({ kubeconfig, context }: ChangeFlags): boolean {
  return kubeconfig !== undefined || context !== undefined
}

async function compared(
  copy: WorkingCopy,
  flags: ChangeFlags,
  say: (text: string) => void,
): Promise<{ readonly comparison: Comparison; readonly head: LocalCommit }> {
  const named = await copy.commit(flags.base ?? '')
  const isSnapshot = flags.head === undefined && (flags.worktree === true || copy.root !== undefined)
  const head = isSnapshot ? await copy.snapshot() : await copy.commit(flags.head ?? 'HEAD')
  const base = await copy.mergeBase(named.id, head.id)
  if (base === undefined)
    throw usageError(
      `${named.name} and ${head.name} have no commit in common here; in a shallow clone, fetch more of its history (git fetch --unshallow)`,
    )
  const from = base === named.id ? '' : `, from where it left ${named.name}`
  const short = (id: string): string => id.slice(0, 8)
  const to = head.isWorkingTree ? 'the working tree, with what is not committed' : `${head.name} (${short(head.id)})`
  say(`comparing ${base === named.id ? `${named.name} ` : ''}(${short(base)}) with ${to}${from}`)
  return { comparison: { copy, base, head: head.id, severities: await severitiesAt(copy, named.id) }, head }
}

interface Surroundings {
  readonly terminal: Terminal
  readonly progress: Progress
}

async function planGit(
  comparison: Comparison,
  flags: ChangeFlags,
  { terminal, progress, signal }: Surroundings & { readonly signal: AbortSignal },
): Promise<LocalPlan> {
  const entries = await findEntries(comparison.copy, comparison, flags.path ?? [])
  for (const entry of entries) warnOfBranch(entry, flags.base ?? '', progress.warn)
  return planEntries(comparison, entries, {
    flags,
    isOffline: flags.offline === true,
    logger: createJsonLogger({ level: 'error', write: terminal.err }),
    signal,
    onCluster: (name) => progress.wait(`rendering both commits for ${name}`),
  })
}

/** A branch that is not followed is still compared with, since it may be merged on. But whoever thinks that it is followed should know. */
function warnOfBranch({ name, branch }: ClusterEntry, base: string, warn: (text: string) => void): void {
  const isNamed = branch === undefined || base === branch || base.endsWith(`/${branch}`)
  const isCommit = /^[0-9a-f]{7,40}$/.test(base) || base.startsWith('HEAD') || /[~^@]/.test(base)
  if (!isNamed && !isCommit) warn(`${name} follows the branch ${branch}, not ${base}`)
}

async function planLive(
  comparison: Comparison,
  flags: ChangeFlags,
  { terminal, progress }: Surroundings,
): Promise<LocalPlan> {
  return withCluster(withUsualOutput(flags), terminal, (cluster) =>
    withEngine(
      cluster,
      flags,
      async (deps) => {
        const plan = async (namespaces: readonly string[]): Promise<LocalPlan> => {
          const given = { ...deps, settings: { ...deps.settings, namespaces } }
          const { signal } = cluster
          const asked = { source: flags.source, base: flags.base ?? '', signal }
          const repository = await followedRepository(given, comparison.copy, asked)
          progress.wait('rendering both commits, and asking the API server for a dry-run of every object')
          return planOnLiveCluster(comparison, given, { repository, signal })
        }
        try {
          return await plan(deps.settings.namespaces)
        } catch (error) {
          if (!isForbidden(error)) throw error
          // Who may not list all namespaces sees those of one alone.
          return plan([namespaceOf(flags, process.env)])
        }
      },
      (usual) => withWorkingCopy(usual, comparison.copy),
    ),
  )
}

function isForbidden(error: unknown): error is EngineError {
  return isEngineError(error) && error.code === 'kube-forbidden'
}

function printChange(terminal: Terminal, flags: ChangeFlags, plan: LocalPlan, head: LocalCommit): void {
  const { document } = plan
  const { output } = flags
  if (output === 'sarif') return terminal.out(`${planSarif(document, { version: sluiceVersion })}\n`)
  if (output === 'markdown') {
    const text = planMarkdown(document, { id: 'local', maxBytes: maxMarkdownBytes })
    // Without the line by which a comment is found again.
    return terminal.out(text.slice(text.indexOf('\n') + 1))
  }
  printAnswer(terminal, output, {
    data: document,
    names: document.applications.filter(hasEffect).map(({ kind, namespace, name }) => `${kind}/${namespace}/${name}`),
    text: (style, width) =>
      planChangeText(plan, { isLive: isLive(flags), isWorkingTree: head.isWorkingTree }, style, width),
  })
  // Machines get the plan alone; what it cannot know is for people.
  if (formatOf(output, terminal) !== 'table' && formatOf(output, terminal) !== 'wide' && !isLive(flags))
    createProgress(terminal).warn('from Git alone: drift, refusals of the API server, and Secrets are not known')
}
