import { EngineError, type Disposition } from '../../base/index.ts'

/** A failure of a registry with the reason under which source-controller reports it. */
export function ociError(
  code: string,
  message: string,
  options: { readonly reason?: string; readonly disposition?: Disposition; readonly cause?: unknown } = {},
): EngineError {
  const { reason = pullFailed, disposition = 'stall', cause } = options
  return new EngineError(message, { code, reason, disposition, ...(cause === undefined ? {} : { cause }) })
}

/** Reason of a failed pull. */
export const pullFailed = 'OCIArtifactPullFailed'

/** Reason of a layer that cannot be used. */
export const layerFailed = 'OCIArtifactLayerOperationFailed'
