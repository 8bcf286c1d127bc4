import { EngineError } from '../base/index.ts'
import { isPendingFiles } from './pending-files.ts'

/** Rounds after which a run that always asks for more is given up: far more than directories are deep. */
const maxRounds = 1000

/**
 * Runs a synchronous function over a tree whose content may not be at hand: each time it throws PendingFiles the content is loaded and it runs again from the start.
 * Other errors pass through. Prefer to prefetch, so that this runs once.
 */
export async function retryPending<T>(run: () => T, signal?: AbortSignal): Promise<T> {
  for (let round = 0; round < maxRounds; round++) {
    try {
      return run()
    } catch (error) {
      if (!isPendingFiles(error)) throw error
      await error.load(signal)
    }
  }
  throw new EngineError(`files of a source were asked for ${maxRounds} times without an end`, {
    code: 'pending-files-loop',
    disposition: 'bug',
  })
}
