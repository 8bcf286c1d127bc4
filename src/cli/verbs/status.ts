import { Command } from 'commander'
import { EngineError, isEngineError } from '../../base/index.ts'
import { exitCodes, usageError } from '../exit-codes.ts'
import { withCluster } from '../target/cluster.ts'
import { openDeployment, type Deployment } from '../target/deployment.ts'
import { addTargetFlags, namespaceOf, type TargetFlags } from '../target/flags.ts'
import { sourceCliKinds } from '../target/kinds.ts'
import { printAnswer } from '../terminal/output.ts'
import { createProgress } from '../terminal/progress.ts'
import type { Style } from '../terminal/style.ts'
import { createTerminal, plainText } from '../terminal/terminal.ts'
import { clusterSuspension } from './cluster-suspension.ts'
import type { Run } from './follow.ts'
import { objectRow, shortRevision, type ObjectRow } from './object-row.ts'
import { listKind } from './read-objects.ts'
import { paintState } from './run-text.ts'

interface StatusFlags extends TargetFlags {
  readonly wait?: boolean
}

/** How far a commit is with one object. */
export interface CommitObject {
  readonly cluster: string
  readonly kind: string
  readonly namespace: string
  readonly name: string
  readonly state: 'healthy' | 'applying' | 'failed' | 'superseded'
  readonly message: string
}

/** How far a commit is. `unknown`: nobody has heard of it. */
export interface CommitStatus {
  readonly commit: string
  readonly state: 'healthy' | 'applying' | 'failed' | 'superseded' | 'unknown'
  readonly objects: readonly CommitObject[]
}

const pauseMs = 2_000

/** `status SHA`: how far a commit is in the clusters; with `--wait` until it has arrived or failed. */
export function statusCommand(): Command {
  const command = new Command('status')
    .description(
      'how far a commit is: 0 when all of it is applied and healthy, 1 when something failed, 3 while it is on its way',
    )
    .argument('<commit>', 'its name, or at least seven letters of it')
    .option('--wait', 'wait until it has arrived everywhere, or failed')
    .action(async (commit: string, flags: StatusFlags) => runStatus(commit, flags))
  return addTargetFlags(command, { cluster: true, deployment: true, output: true })
}

async function runStatus(given: string, flags: StatusFlags): Promise<void> {
  const terminal = createTerminal(process, process.env)
  const progress = createProgress(terminal)
  const commit = given.toLowerCase()
  if (!/^[0-9a-f]{7,64}$/.test(commit))
    throw usageError(`'${given}' is no name of a commit; give at least seven letters of it`)
  const deployment = openDeployment(flags, terminal)
  const watch = async (read: () => Promise<CommitStatus>, timeoutMs: number): Promise<CommitStatus> => {
    const end = Date.now() + timeoutMs
    for (;;) {
      const status = await read()
      const isOpen = status.state === 'applying' || status.state === 'unknown'
      if (!isOpen || flags.wait !== true || Date.now() + pauseMs > end) return status
      const missing = status.objects
        .filter((object) => object.state === 'applying')
        .map((object) => `${object.kind}/${object.name}`)
      progress.wait(
        status.state === 'unknown'
          ? `waiting for anybody to hear of ${commit.slice(0, 8)}`
          : `waiting for ${missing.join(', ')}`,
      )
      await new Promise((resolve) => setTimeout(resolve, pauseMs))
    }
  }
  const status =
    deployment === undefined
      ? await withCluster(flags, terminal, async ({ client, timeoutMs, signal }) => {
          const suspension = await clusterSuspension(client, namespaceOf(flags, process.env), signal)
          if (suspension !== undefined) progress.warn(`the cluster is ${suspension}`)
          return watch(async () => fromRows(commit, await readRows(client)), timeoutMs)
        })
      : await watch(() => fromDeployment(deployment, commit), deployment.timeoutMs)
  const text = `commit ${commit.slice(0, 12)}: ${status.state}`
  if (status.state === 'failed') progress.fail(text)
  else if (exitOf(status.state) === exitCodes.timeout) progress.warn(text)
  else progress.done(text)
  printAnswer(terminal, flags.output, {
    data: status,
    names: status.objects.map((object) => `${object.kind.toLowerCase()}/${object.name}`),
    text: (style) => statusText(status, style),
  })
  process.exitCode = exitOf(status.state)
}

function exitOf(state: CommitStatus['state']): number {
  switch (state) {
    case 'healthy':
    case 'superseded':
      return exitCodes.ok
    case 'failed':
      return exitCodes.negative
    case 'applying':
    case 'unknown':
      return exitCodes.timeout
  }
}

/** A status for people. Exported for tests. */
export function statusText(status: CommitStatus, style: Style): string {
  const signs = {
    healthy: style.green('✔'),
    applying: style.yellow('◎'),
    failed: style.red('✗'),
    superseded: style.dim('-'),
  }
  const lines = status.objects.map(
    ({ cluster, kind, namespace, name, state, message }) =>
      `  ${signs[state]} ${cluster === '' ? '' : `${cluster}: `}${kind}/${namespace}/${name}  ${shortRevision(plainText(message)).split('\n')[0] ?? ''}\n`,
  )
  const head = `${style.bold(status.commit)}  ${paintState(style, status.state)}\n`
  return (
    head +
    (lines.length === 0
      ? `  ${status.state === 'unknown' ? 'no source is at it, and no run has heard of it' : 'no object is made from it'}\n`
      : lines.join(''))
  )
}

/** Puts the states of objects together: one that failed decides, then one that is on its way. Exported for tests. */
export function overall(objects: readonly Pick<CommitObject, 'state'>[]): CommitStatus['state'] {
  const states = new Set(objects.map((object) => object.state))
  if (states.size === 0) return 'unknown'
  if (states.has('failed')) return 'failed'
  if (states.has('applying')) return 'applying'
  return states.has('healthy') ? 'healthy' : 'superseded'
}

async function readRows(client: Parameters<typeof listKind>[0]): Promise<readonly ObjectRow[]> {
  const lists = await Promise.all(
    [...sourceCliKinds, 'Kustomization' as const].map((kind) => listKind(client, kind, {})),
  )
  return lists.flat().map(objectRow)
}

/** From the objects of one cluster: sources that have the commit, and the Kustomizations that are made from them. Exported for tests. */
export function fromRows(commit: string, rows: readonly ObjectRow[]): CommitStatus {
  const hasIt = (row: ObjectRow): boolean => new RegExp(`(^|[:@/])${commit}`).test(row.revision)
  const sources = rows.filter((row) => row.kind !== 'Kustomization' && hasIt(row))
  const ids = new Set(sources.map((row) => `${row.kind}/${row.namespace}/${row.name}`))
  const isMadeFrom = (row: ObjectRow): boolean => {
    const [kind = '', first = '', second] = row.source.split('/')
    return ids.has(second === undefined ? `${kind}/${row.namespace}/${first}` : `${kind}/${first}/${second}`)
  }
  const concerned = rows.filter(
    (row) => row.kind === 'Kustomization' && !row.suspended && (hasIt(row) || isMadeFrom(row)),
  )
  const objects = concerned.map((row): CommitObject => {
    const state =
      row.ready === 'True' && hasIt(row)
        ? 'healthy'
        : row.ready === 'False' && row.reason !== 'DependencyNotReady' && row.reason !== ''
          ? 'failed'
          : 'applying'
    // The cluster alone does not tell whether a commit concerns an object that is well at an older one; the run's record does.
    const isElsewhere = state === 'applying' && row.ready === 'True'
    const message =
      row.held !== undefined
        ? row.held
        : isElsewhere
          ? `${row.message}: not worked on yet, or not concerned, which a deployment's URL tells`
          : row.message
    return { cluster: '', kind: row.kind, namespace: row.namespace, name: row.name, state, message }
  })
  // A source that nothing is made from has arrived when it is fetched.
  const state = objects.length === 0 && sources.length > 0 ? 'healthy' : overall(objects)
  return { commit, state, objects }
}

interface ApiCommit {
  readonly commit: string
  readonly clusters: readonly {
    readonly cluster: string
    readonly progress: string
    readonly objects: readonly {
      readonly kind: string
      readonly namespace: string
      readonly name: string
      readonly outcome?: string
      readonly state: string
      readonly isCurrent: boolean
      readonly message?: string
    }[]
    readonly missing: readonly string[]
    readonly error?: { readonly message: string }
  }[]
}

/** From what a deployment knows; one without the API of commits is asked for its runs. */
async function fromDeployment(deployment: Deployment, commit: string): Promise<CommitStatus> {
  try {
    return fromApi((await deployment.get(`/api/commits/${commit}`)) as ApiCommit)
  } catch (error) {
    if (!isEngineError(error)) throw error
    if (error.code === 'not-found') return { commit, state: 'unknown', objects: [] }
    if (error.code !== 'deployment-refused' || !/has no \/api/.test(error.message)) throw error
  }
  const { runs } = (await deployment.get('/runs', { limit: '200' })) as { readonly runs: readonly Run[] }
  return fromRuns(commit, runs)
}

function fromApi(answer: ApiCommit): CommitStatus {
  const objects = answer.clusters.flatMap((cluster) =>
    cluster.objects.map((object): CommitObject => {
      const isMissing = cluster.missing.includes(`${object.kind}/${object.namespace}/${object.name}`)
      const isFailed = object.outcome === 'failed' || object.state === 'failed' || object.state === 'blocked'
      const state = isMissing ? (isFailed ? 'failed' : 'applying') : object.isCurrent ? 'healthy' : 'superseded'
      const { kind, namespace, name } = object
      return { cluster: cluster.cluster, kind, namespace, name, state, message: object.message ?? object.state }
    }),
  )
  const progresses = answer.clusters.map((cluster) => cluster.progress)
  const away = answer.clusters.find((cluster) => cluster.progress === 'unreachable')
  if (away !== undefined && away.objects.length === 0) {
    const message = `${away.cluster}: ${away.error?.message ?? 'cannot be reached'}`
    throw new EngineError(message, { code: 'cluster-unreachable', disposition: 'retry' })
  }
  const state = progresses.includes('queued')
    ? 'applying'
    : progresses.every((one) => one === 'unconcerned')
      ? 'healthy'
      : overall(objects)
  return { commit: answer.commit, state, objects }
}

/** From runs: the newest one that has the commit on each node. Exported for tests. */
export function fromRuns(commit: string, runs: readonly Run[]): CommitStatus {
  const objects = new Map<string, CommitObject>()
  let isPushed = false
  let isOpen = false
  for (const run of runs) {
    const isIts = run.push?.after?.startsWith(commit) === true
    isPushed ||= isIts
    if (isIts && (run.state === 'queued' || run.state === 'running')) isOpen = true
    for (const record of run.records) {
      for (const node of record.nodes) {
        const hasIt = new RegExp(`(^|[:@/])${commit}`).test(node.revision ?? '')
        const id = `${record.cluster}/${node.kind}/${node.namespace}/${node.name}`
        if (!(hasIt || isIts) || objects.has(id)) continue
        const state =
          node.state === 'ready' || node.state === 'skipped'
            ? 'healthy'
            : node.state === 'failed'
              ? 'failed'
              : 'applying'
        const { kind, namespace, name, message = '' } = node
        objects.set(id, { cluster: record.cluster, kind, namespace, name, state, message })
      }
    }
  }
  const list = [...objects.values()]
  if (list.length === 0) return { commit, state: isOpen ? 'applying' : isPushed ? 'healthy' : 'unknown', objects: [] }
  return { commit, state: isOpen && overall(list) === 'healthy' ? 'applying' : overall(list), objects: list }
}
