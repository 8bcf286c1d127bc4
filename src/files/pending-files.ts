import type { PendingFiles } from '../ports/index.ts'

/** A request for content that a tree does not have at hand: await `load()`, then render again. */
export class PendingFilesError extends Error implements PendingFiles {
  override readonly name = 'PendingFiles'
  readonly paths: readonly string[]
  readonly load: (signal?: AbortSignal) => Promise<void>

  constructor(paths: readonly string[], load: (signal?: AbortSignal) => Promise<void>) {
    super(
      `content not fetched yet: ${paths.slice(0, 3).join(', ')}${paths.length > 3 ? ` and ${paths.length - 3} more` : ''}`,
    )
    this.paths = paths
    this.load = load
  }
}

/** True for a PendingFiles request, also one made by another copy of this module. */
export function isPendingFiles(value: unknown): value is PendingFiles {
  return (
    value instanceof Error && value.name === 'PendingFiles' && typeof (value as PendingFilesError).load === 'function'
  )
}
