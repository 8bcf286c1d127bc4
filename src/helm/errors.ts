import { EngineError, type Json } from '../base/index.ts'

/** What kind of thing went wrong; stable identifiers for machines. */
export type HelmErrorCode =
  | 'chart-invalid'
  | 'chart-archive-invalid'
  | 'chart-too-large'
  | 'chart-missing-dependencies'
  | 'chart-not-installable'
  | 'kube-version-incompatible'
  | 'values-invalid'
  | 'values-schema'
  | 'values-schema-remote'
  | 'set-syntax'
  | 'yaml-invalid'
  | 'helm-template'
  | 'manifest-invalid'
  | 'release-invalid'

/** An error of the Helm engine. The text is Helm's own where Helm has one. */
export function helmError(
  code: HelmErrorCode,
  message: string,
  options: { readonly data?: { [key: string]: Json }; readonly cause?: unknown } = {},
): EngineError {
  return new EngineError(message, {
    code,
    data: options.data ?? {},
    ...(options.cause === undefined ? {} : { cause: options.cause }),
  })
}
