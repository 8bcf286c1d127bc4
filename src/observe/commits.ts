import { EngineError } from '../base/index.ts'
import type { Run, RunRequest, RunStore } from '../coordinator/index.ts'
import { pushedCommit, type CommitNote } from '../reconcile/index.ts'
import type { ObserveDeps } from './clusters.ts'
import { traceCluster, type CommitCluster } from './commit-cluster.ts'
import { forgeCommitUrl } from './forge-link.ts'
import { readClusters } from './objects.ts'

/** The way of a commit through all clusters. */
export interface CommitTrace {
  /** The full name of the commit. */
  readonly commit: string
  /** What the forge said of it, where a push is known. */
  readonly push?: {
    readonly provider: string
    readonly ref: string
    readonly actor?: string
    readonly receivedAt: number
    /** The commit's page at the forge. */
    readonly url?: string
  }
  readonly clusters: readonly CommitCluster[]
  /** Runs that a push of this commit started, or that did something about it, newest first. */
  readonly runs: readonly Run[]
}

const maxNotes = 500
const maxRuns = 50
/** Requests that are looked through for pushes of the commit that no cluster has noted yet. */
const maxRequests = 400

/**
 * Everything that is known of a commit (or of an artifact's digest), by its full name or a part of at least seven characters. Throws EngineError `not-found` where nothing
 * is known of it, and `request-invalid` where the part belongs to several.
 */
export async function traceCommit(deps: ObserveDeps & { readonly runs: RunStore }, name: string): Promise<CommitTrace> {
  const wanted = name.toLowerCase()
  const [entries, requests, clusters] = await Promise.all([
    deps.state.list(`commits/${wanted}`, { limit: maxNotes }),
    findRequests(deps, wanted),
    readClusters(deps),
  ])
  const known = new Set([
    ...entries.map(({ key }) => key.split('/')[1] ?? ''),
    ...requests.flatMap((request) => pushedCommit(request.push?.after) ?? []),
    ...clusters.flatMap(({ objects }) =>
      objects.flatMap(({ summary }) => summary.commits.filter((commit) => commit.startsWith(wanted))),
    ),
  ])
  const [commit, ...others] = [...known]
  if (commit === undefined)
    throw new EngineError(`nothing is known of the commit ${wanted}; what is older than two weeks is forgotten`, {
      code: 'not-found',
    })
  if (others.length > 0)
    throw new EngineError(`${wanted} is the beginning of several commits: ${[...known].slice(0, 5).join(', ')}`, {
      code: 'request-invalid',
    })
  const notes = entries.map((entry) => entry.value as unknown as CommitNote).filter(isNote)
  const runs = await findRuns(deps, notes, requests)
  const pushes = [...runs, ...requests].filter((run) => pushedCommit(run.push?.after) === commit)
  const first = pushes.toSorted((a, b) => a.receivedAt - b.receivedAt)[0]
  const url = forgeCommitUrl(first?.push, commit)
  return {
    commit,
    ...(first?.push === undefined
      ? {}
      : {
          push: {
            provider: first.push.provider,
            ref: first.push.ref,
            ...(first.push.actor === undefined ? {} : { actor: first.push.actor }),
            receivedAt: first.receivedAt,
            ...(url === undefined ? {} : { url }),
          },
        }),
    clusters: clusters.map((cluster) =>
      traceCluster(commit, cluster, {
        notes: notes.filter((note) => note.cluster === cluster.health.cluster),
        runs: runs.filter((run) => run.clusters.includes(cluster.health.cluster)),
      }),
    ),
    runs,
  }
}

async function findRequests(deps: ObserveDeps, wanted: string): Promise<readonly RunRequest[]> {
  const entries = await deps.state.list('requests/', { limit: maxRequests, reverse: true })
  return entries
    .map((entry) => entry.value as unknown as RunRequest)
    .filter((request) => pushedCommit(request.push?.after)?.startsWith(wanted) === true)
}

async function findRuns(
  deps: { readonly runs: RunStore },
  notes: readonly CommitNote[],
  requests: readonly RunRequest[],
): Promise<readonly Run[]> {
  const ids = [...new Set([...requests.map((request) => request.id), ...notes.map((note) => note.run)])]
  const newest = ids.toSorted().toReversed().slice(0, maxRuns)
  const runs = await Promise.all(newest.map((id) => deps.runs.get(id)))
  return runs.filter((run) => run !== undefined)
}

function isNote(note: CommitNote): boolean {
  return typeof note === 'object' && note !== null && Array.isArray(note.nodes)
}
