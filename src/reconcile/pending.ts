import { EngineError } from '../base/index.ts'
import type { PendingFiles } from '../ports/index.ts'

/** Rounds after which a render that keeps asking for files is given up: each round brings at least one of them. */
const maxRounds = 1000

/**
 * Runs a pure render over a tree that may be partly fetched: whenever it asks for files, they are fetched and it runs again.
 *
 * @throws what the render throws, what fetching throws, and EngineError `files-never-settle` (a bug) when it never ends.
 */
export async function renderWithFiles<T>(render: () => T, signal: AbortSignal): Promise<T> {
  for (let round = 0; round < maxRounds; round++) {
    try {
      return render()
    } catch (error) {
      if (!isPendingFiles(error)) throw error
      await error.load(signal)
    }
  }
  throw new EngineError('a render asked for files again and again', { code: 'files-never-settle', disposition: 'bug' })
}

function isPendingFiles(error: unknown): error is PendingFiles {
  return error instanceof Error && error.name === 'PendingFiles'
}
