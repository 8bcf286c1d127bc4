import { EngineError, type Disposition } from '../../base/index.ts'

/** Reason of whatever goes wrong in a bucket. */
export const bucketFailed = 'BucketOperationFailed'

/** A failure of a bucket with the reason under which source-controller reports it. No message carries a key or a signed URL. */
export function bucketError(
  code: string,
  message: string,
  options: { readonly reason?: string; readonly disposition?: Disposition; readonly cause?: unknown } = {},
): EngineError {
  const { reason = bucketFailed, disposition = 'stall', cause } = options
  return new EngineError(message, { code, reason, disposition, ...(cause === undefined ? {} : { cause }) })
}

/** A name as messages show it. */
export function shown(name: string): string {
  return JSON.stringify(name.length > 200 ? `${name.slice(0, 200)}…` : name)
}
