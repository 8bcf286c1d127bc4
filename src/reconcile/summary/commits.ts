import type { Json } from '../../base/index.ts'
import type { StateStore } from '../../ports/index.ts'
import type { Job, NodeRecord } from '../job.ts'
import { idOfKey } from '../world.ts'
import { commitsIn, pushedCommit } from './revision.ts'
import { clip } from './summarize-object.ts'
import type { CommitNode, CommitNote } from './types.ts'

/** Notes of commits are kept for two weeks, as long as the records of runs. */
const ttlSeconds = 14 * 24 * 3600
const maxNodes = 1_000
const maxMessageLength = 300

/** What a note says besides its nodes. */
export type NoteHead = Omit<CommitNote, 'nodes' | 'omitted'>

/** A node of a run with the commits that concern it. */
export interface ConcernedNode {
  readonly record: NodeRecord
  /** Those of the object's state, which count where the record's own revision names none. */
  readonly commits: readonly string[]
}

/**
 * Notes which commits a run concerned: those of its nodes' revisions and the pushed one, which also gets the nodes that tell no commit (a source that
 * could not be fetched). One put per commit, and where the same run is continued one get.
 */
export async function saveCommitNotes(
  state: StateStore,
  job: Job,
  head: NoteHead,
  nodes: readonly ConcernedNode[],
): Promise<void> {
  const pushed = pushedCommit(job.push?.after)
  const byCommit = new Map<string, CommitNode[]>(pushed === undefined ? [] : [[pushed, []]])
  for (const { record, commits } of nodes) {
    const own = commitsIn(record.revision)
    const known = own.length > 0 ? own : commits
    for (const commit of known.length > 0 || pushed === undefined ? known : [pushed])
      byCommit.set(commit, [...(byCommit.get(commit) ?? []), commitNode(record)])
  }
  await Promise.all([...byCommit].map(([commit, found]) => saveNote(state, commit, head, found)))
}

async function saveNote(
  state: StateStore,
  commit: string,
  head: NoteHead,
  nodes: readonly CommitNode[],
): Promise<void> {
  const key = `commits/${commit}/${head.cluster}/${head.run}`
  const earlier = (await state.get(key)) as unknown as CommitNote | undefined
  const note = mergeNotes(earlier, { ...head, nodes })
  const kept = note.nodes.slice(0, maxNodes)
  const bounded: CommitNote = {
    ...note,
    nodes: kept,
    ...(kept.length === note.nodes.length ? {} : { omitted: note.nodes.length - kept.length }),
  }
  await state.put(key, JSON.parse(JSON.stringify(bounded)) as Json, { ttlSeconds })
}

/** What a continued run adds to its note: the first time at which each stage was reached stays. */
function mergeNotes(earlier: CommitNote | undefined, later: CommitNote): CommitNote {
  if (earlier === undefined || !Array.isArray(earlier.nodes)) return later
  const nodes = new Map(earlier.nodes.map((node) => [idOfKey(node), node]))
  for (const node of later.nodes) {
    const known = nodes.get(idOfKey(node))
    nodes.set(idOfKey(node), known === undefined ? node : mergeNodes(known, node))
  }
  const fetchedAt = earlier.fetchedAt ?? later.fetchedAt
  const startedAt = earlier.startedAt ?? later.startedAt
  return {
    ...later,
    ...(startedAt === undefined ? {} : { startedAt }),
    ...(fetchedAt === undefined ? {} : { fetchedAt }),
    nodes: [...nodes.values()],
  }
}

function mergeNodes(known: CommitNode, node: CommitNode): CommitNode {
  const renderedAt = known.renderedAt ?? node.renderedAt
  const appliedAt = known.appliedAt ?? node.appliedAt
  return {
    ...node,
    changes: Math.max(known.changes, node.changes),
    startedAt: Math.min(known.startedAt, node.startedAt),
    ...(renderedAt === undefined ? {} : { renderedAt }),
    ...(appliedAt === undefined ? {} : { appliedAt }),
  }
}

function commitNode(record: NodeRecord): CommitNode {
  const { kind, namespace, name, state, revision, reason, message, changes, timings } = record
  return {
    kind,
    namespace,
    name,
    state,
    ...(revision === undefined ? {} : { revision }),
    ...(reason === undefined ? {} : { reason }),
    ...(message === undefined ? {} : { message: clip(message, maxMessageLength) }),
    changes: changes.length,
    ...timings,
  }
}
