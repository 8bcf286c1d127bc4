import { EngineError, toEngineError } from '../../base/index.ts'

/** An error of a rendering with placeholders, which says so. There is no secret in it. */
export function withoutSecrets(caught: unknown): EngineError {
  const error = toEngineError(caught)
  if (error.code === 'aborted' || error.disposition === 'retry') return error
  return new EngineError(`with placeholders for its secrets it does not render: ${error.message}`, {
    code: error.code,
    disposition: error.disposition,
    ...(error.reason === undefined ? {} : { reason: error.reason }),
    data: error.data,
    cause: error,
  })
}
