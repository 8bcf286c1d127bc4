import { DiagnosticsError, toEngineError, type Diagnostic, type EngineError } from '../../base/index.ts'

/** One error for all failures; it can be retried where one of them can. */
export function combineFailures(failures: readonly EngineError[]): EngineError {
  const [first] = failures
  if (first === undefined) return toEngineError(undefined)
  if (failures.length === 1) return first
  const diagnostics = failures.map(({ code, message }): Diagnostic => ({ code, message, severity: 'error' }))
  const isHopeful = failures.some((failure) => failure.disposition === 'retry')
  return new DiagnosticsError(diagnostics, {
    code: first.code,
    reason: first.reason ?? 'BuildFailed',
    disposition: isHopeful ? 'retry' : first.disposition,
  })
}
