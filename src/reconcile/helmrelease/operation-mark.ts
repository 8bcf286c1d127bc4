/** What an operation of ours does to a release. */
export type Operation = 'install' | 'upgrade' | 'rollback' | 'uninstall' | 'uninstall-remediation' | 'test'

/**
 * The progress of an operation of ours, kept on the release's Secret while it runs, so that the next step goes on where one was cut off. It is an
 * annotation: Helm does not copy it to another revision, and loses it when it writes the release, so a release that somebody else
 * has taken over is never mistaken for ours.
 */
export interface OperationMark {
  readonly operation: Operation
  /** Fencing token of the lock under which it was written: grows with each step that takes the operation over. */
  readonly fence: number
  /** Milliseconds since 1970 of its start: its timeout counts from there. */
  readonly startedAt: number
  /** `event/index` of hooks that have run in it, and of the one that is running. */
  readonly done: readonly string[]
  readonly running?: string
  /** Inventory ids of objects that were not there before it: what `cleanupOnFail` may delete. */
  readonly fresh?: readonly string[]
}

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
    return {
      operation: value.operation as Operation,
      fence: Number(value.fence),
      startedAt: Number(value.startedAt),
      done: value.done.map(String),
      ...(typeof value.running === 'string' ? { running: value.running } : {}),
      ...(Array.isArray(value.fresh) ? { fresh: value.fresh.map(String) } : {}),
    }
  } catch {
    return undefined
  }
}
