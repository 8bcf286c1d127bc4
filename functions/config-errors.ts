import { DiagnosticsError } from '../src/base/index.ts'

/** Whether an error says that the configuration of the deployment is wrong. */
export function isConfigError(caught: unknown): caught is DiagnosticsError {
  return caught instanceof DiagnosticsError && caught.code === 'config-invalid'
}

/**
 * The variables that are wrong, each once, in the order in which they were found. Names alone, for those who may ask without a token: what is
 * wrong with each, and the names of clusters, stand in the log.
 */
export function wrongVariables(error: DiagnosticsError): readonly string[] {
  return [...new Set(error.diagnostics.map(({ field = '' }) => field.split('.')[0] ?? ''))].filter(
    (name) => name !== '',
  )
}
