import type { StatusState } from './forge/commit-status.ts'

/** How far a run has come on one cluster. Anything but `waiting` and `running` is final. */
export type Progress = 'waiting' | 'running' | 'succeeded' | 'failed'

/** One cluster of a run. */
export interface ClusterProgress {
  readonly cluster: string
  readonly progress: Progress
  /** Objects of ours that the run worked on, and those of them that failed. */
  readonly total: number
  readonly failed: number
  /** What went wrong as a whole: a code, no message. */
  readonly error?: string
  /** Nothing in the cluster follows what was pushed. */
  readonly concernsNothing?: boolean
  /** A newer push took its place before it began: nothing of it was applied, and nothing failed. */
  readonly isLeft?: boolean
  /** A newer run did the work of this one. */
  readonly isSuperseded?: boolean
}

/** What a status says. Made from progress alone, so that the same progress always gives the same status. */
export interface RolledUp {
  readonly state: StatusState
  readonly description: string
}

/** Longest description that every forge takes. */
const maxDescription = 140

/** The status of one cluster. */
export function clusterStatus(one: ClusterProgress): RolledUp {
  if (one.isLeft === true) return { state: 'success', description: 'left to a newer push' }
  const newer = one.isSuperseded === true ? ' by a newer run' : ''
  switch (one.progress) {
    case 'waiting':
      return { state: 'pending', description: 'waiting for the cluster' }
    case 'running':
      return { state: 'pending', description: 'being applied' }
    case 'succeeded':
      return { state: 'success', description: one.total === 0 ? 'up to date' : `${one.total} applied${newer}` }
    case 'failed': {
      const what =
        one.total === 0
          ? `failed${one.error === undefined ? '' : `: ${one.error}`}`
          : `${one.failed} of ${one.total} failed`
      return { state: 'failure', description: bounded(what + newer) }
    }
  }
}

/** The status over all clusters of a run, whatever the order in which they came to an end: it fails as soon as one cluster has failed, and succeeds when all have succeeded. */
export function rollUp(clusters: readonly ClusterProgress[]): RolledUp {
  const named = clusters.toSorted((a, b) => (a.cluster < b.cluster ? -1 : 1))
  const failed = named.filter((one) => one.progress === 'failed')
  const open = named.filter((one) => one.progress === 'waiting' || one.progress === 'running')
  const of = `of ${named.length} ${named.length === 1 ? 'cluster' : 'clusters'}`
  if (failed.length > 0) {
    const rest = open.length === 0 ? '' : `, ${open.length} not done yet`
    return {
      state: 'failure',
      description: bounded(`${failed.length} ${of} failed (${failed.map((one) => one.cluster).join(', ')})${rest}`),
    }
  }
  if (open.length > 0) return { state: 'pending', description: `${named.length - open.length} ${of} done` }
  return { state: 'success', description: `${named.length} ${of} up to date` }
}

function bounded(text: string): string {
  return text.length > maxDescription ? `${text.slice(0, maxDescription - 1)}…` : text
}
