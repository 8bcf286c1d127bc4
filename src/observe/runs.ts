import { printUrl } from '../base/index.ts'
import type { Run, RunStore, StoredRecord } from '../coordinator/index.ts'
import type { NodeRecord } from '../reconcile/index.ts'

/** Which runs are wanted. */
export interface RunFilter {
  readonly trigger?: Run['trigger'] | undefined
  readonly state?: Run['state'] | undefined
  readonly cluster?: string | undefined
  /** Also scans that found nothing to do. */
  readonly quiet?: boolean | undefined
}

/** Requests that are looked through for one page: most of them are scans that found nothing. */
const maxLookedThrough = 240
const pageSize = 40

/** A page of runs, newest first. `before` names the run where the next page goes on: it may be there although the page is not full. */
export async function listRuns(
  runs: RunStore,
  filter: RunFilter,
  options: { readonly limit: number; readonly before?: string | undefined },
): Promise<{ readonly runs: readonly Run[]; readonly before?: string }> {
  const found: Run[] = []
  let before = options.before
  for (let looked = 0; looked < maxLookedThrough; looked += pageSize) {
    const page = await runs.list({ limit: pageSize, ...(before === undefined ? {} : { before }) })
    for (const run of page) {
      if (found.length === options.limit) return { runs: found, ...(before === undefined ? {} : { before }) }
      before = run.id
      if (matches(run, filter)) found.push(run)
    }
    if (page.length < pageSize) return { runs: found }
  }
  return { runs: found, ...(before === undefined ? {} : { before }) }
}

function matches(run: Run, filter: RunFilter): boolean {
  return (
    (filter.trigger === undefined || run.trigger === filter.trigger) &&
    (filter.state === undefined || run.state === filter.state) &&
    (filter.cluster === undefined || run.clusters.includes(filter.cluster)) &&
    (filter.quiet === true || !isQuiet(run))
  )
}

/** A scan that found everything as it should be. */
export function isQuiet(run: Run): boolean {
  return (
    run.trigger === 'scan' &&
    run.records.every((record) => record.error === undefined && record.nodes.every((node) => isQuietNode(node)))
  )
}

function isQuietNode(node: NodeRecord): boolean {
  return node.changes.length === 0 && (node.state === 'ready' || node.state === 'skipped')
}

/** Numbers of a run's record on one cluster. */
export interface RecordCounts {
  readonly objects: number
  readonly ready: number
  readonly notReady: number
  readonly changes: number
  readonly drifted: number
}

/** Counts objects and changes of a record. */
export function countRecord(record: StoredRecord): RecordCounts {
  const { nodes } = record
  const ready = nodes.filter((node) => node.state === 'ready' || node.state === 'skipped').length
  return {
    objects: nodes.length,
    ready,
    notReady: nodes.length - ready,
    changes: nodes.reduce((sum, node) => sum + changesOf(node), 0),
    drifted: nodes.reduce((sum, node) => sum + node.changes.filter(isDrift).length, 0),
  }
}

/** Objects that a node changed, also where the record had no room for the list of them. */
export function changesOf(node: NodeRecord & { readonly changesOmitted?: number }): number {
  return node.changes.length + (node.changesOmitted ?? 0)
}

function isDrift(change: NodeRecord['changes'][number]): boolean {
  return change.drift !== undefined && change.drift.length > 0
}

/** The repository of a push as its forge calls it, without credentials. */
export function repositoryOf(run: Pick<Run, 'push'>): string | undefined {
  const url = run.push?.urls.find((one) => URL.canParse(one))
  return url === undefined ? undefined : printUrl(url)
}
