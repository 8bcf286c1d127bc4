import { maxConditionMessageLength } from '../../api/index.ts'

/** What an operation of ours does to a release. */
export type Operation = 'install' | 'upgrade' | 'rollback' | 'uninstall' | 'uninstall-remediation' | 'test'

/**
 * The progress of an operation of ours, kept on the release's Secret, so that the next step goes on where one was cut off: also between the release's last
 * write and that of the status. It is an annotation: Helm does not copy it to another revision, and loses it when it writes the release,
 * so a release that somebody else has taken over is never mistaken for ours.
 */
export interface OperationMark {
  readonly operation: Operation
  /** `namespace/name` of the HelmRelease: a mark that another one left says nothing about ours. */
  readonly owner: string
  /** Fencing token of the lock under which it was written: grows with each step that takes the operation over. */
  readonly fence: number
  /** Milliseconds since 1970 of its start: its timeout counts from there. */
  readonly startedAt: number
  /** `event/index` of hooks that have run in it, and of the one that is running. */
  readonly done: readonly string[]
  readonly running?: string
  /** Inventory ids of objects that were not there before it: what `cleanupOnFail` may delete. */
  readonly fresh?: readonly string[]
  /** Set with the last write of the release. What is left to be done is to say in the status how it ended. */
  readonly finished?: { readonly at: number; readonly problem?: string }
}

/** Characters of a problem that are kept: as many as a condition's message may have. */
const maxProblem = maxConditionMessageLength

const key = 'sluice.dev/operation'

const operations: ReadonlySet<string> = new Set([
  'install',
  'upgrade',
  'rollback',
  'uninstall',
  'uninstall-remediation',
  'test',
] satisfies readonly Operation[])

/** The annotation for a mark. */
export function annotationOfMark(mark: OperationMark): { readonly [key: string]: string } {
  return { [key]: JSON.stringify(mark) }
}

/** The mark in a Secret's annotations. One that cannot be read is none: the release is then treated as somebody else's. */
export function markOf(annotations: { readonly [key: string]: string } | undefined): OperationMark | undefined {
  const text = annotations?.[key]
  if (text === undefined) return undefined
  try {
    const value = JSON.parse(text) as Partial<OperationMark>
    if (!operations.has(value.operation ?? '') || !Array.isArray(value.done)) return undefined
    const { finished } = value
    return {
      operation: value.operation as Operation,
      owner: String(value.owner),
      fence: Number(value.fence),
      startedAt: Number(value.startedAt),
      done: value.done.map(String),
      ...(typeof value.running === 'string' ? { running: value.running } : {}),
      ...(Array.isArray(value.fresh) ? { fresh: value.fresh.map(String) } : {}),
      ...(typeof finished !== 'object'
        ? {}
        : {
            finished: {
              at: Number(finished.at),
              ...(typeof finished.problem === 'string' ? { problem: finished.problem } : {}),
            },
          }),
    }
  } catch {
    return undefined
  }
}

/** A mark of an operation that has ended at `at` (milliseconds since 1970), with what was wrong where something was. */
export function finish(mark: OperationMark, at: number, problem: string | undefined): OperationMark {
  const { running: _, fresh: _fresh, ...kept } = mark
  return { ...kept, finished: { at, ...(problem === undefined ? {} : { problem: problem.slice(0, maxProblem) }) } }
}
