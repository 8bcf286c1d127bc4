import type { EngineErrorOptions } from '../../base/index.ts'
import { EngineError } from '../../base/index.ts'

/** The condition reason under which Flux reports a failed clone or fetch. */
export const gitOperationFailed = 'GitOperationFailed'

/** The other side sent something that is not Git, or is damaged. Trying again may help: a proxy cut it off, a server restarted. */
export function gitDataError(message: string, cause?: unknown): EngineError {
  return new EngineError(`Git data refused: ${message}`, {
    code: 'git-bad-data',
    disposition: 'retry',
    reason: gitOperationFailed,
    cause,
  })
}

/** A limit of the deployment was reached. */
export function gitTooLarge(message: string): EngineError {
  return gitError(message, { code: 'git-too-large' })
}

/** A feature that is not supported, named in the message. */
export function gitUnsupported(feature: string, advice: string): EngineError {
  return gitError(`${feature} is not supported yet: ${advice}`, { code: 'git-unsupported', data: { feature } })
}

/** Any other failure of a Git source, with Flux's reason. */
export function gitError(message: string, options: EngineErrorOptions): EngineError {
  return new EngineError(message, { reason: gitOperationFailed, ...options })
}

/** A thin pack builds on an object that is no longer at hand: fetch again without naming what is. */
export function gitMissingBase(): EngineError {
  return gitError('Git data refused: the base of a delta is neither in the pack nor at hand', {
    code: 'git-missing-base',
    disposition: 'retry',
  })
}
