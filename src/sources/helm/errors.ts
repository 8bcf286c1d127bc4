import { EngineError, type Disposition } from '../../base/index.ts'

/** A failure of a Helm repository with the reason under which source-controller reports it. */
export function helmRepositoryError(
  code: string,
  message: string,
  options: { readonly reason?: string; readonly disposition?: Disposition; readonly cause?: unknown } = {},
): EngineError {
  const { reason = 'IndexationFailed', disposition = 'stall', cause } = options
  return new EngineError(message, { code, reason, disposition, ...(cause === undefined ? {} : { cause }) })
}
