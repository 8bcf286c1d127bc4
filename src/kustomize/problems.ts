import { type Diagnostic, DiagnosticsError, type EngineErrorOptions, isEngineError } from '../base/index.ts'

/** Where a finding belongs. */
export type Place = Partial<Pick<Diagnostic, 'file' | 'line' | 'column' | 'field' | 'object'>>

const OPTIONS: EngineErrorOptions = { code: 'kustomize-build-failed', reason: 'BuildFailed' }

/** An error with one finding. */
export function problem(code: string, message: string, place: Place = {}): DiagnosticsError {
  return new DiagnosticsError([{ code, message, severity: 'error', ...place }], OPTIONS)
}

/** An error with several findings. */
export function problems(diagnostics: readonly Diagnostic[]): DiagnosticsError {
  return new DiagnosticsError(diagnostics, OPTIONS)
}

/** The findings in an error, each with what `place` knows and it does not. Throws anything that is no EngineError again. */
export function findingsOf(error: unknown, place: Place = {}): readonly Diagnostic[] {
  if (error instanceof DiagnosticsError) return error.diagnostics.map((finding) => completed(finding, place))
  if (isEngineError(error)) return [{ code: error.code, message: error.message, severity: 'error', ...place }]
  throw error
}

/** A line belongs to its file: where the finding names another one, the line of `place` says nothing about it. */
function completed(finding: Diagnostic, place: Place): Diagnostic {
  if (finding.file === undefined || finding.file === place.file) return { ...place, ...finding }
  const { line: _line, column: _column, ...rest } = place
  return { ...rest, ...finding }
}

/** Runs `work`; its findings gain what `place` knows. Anything that is no EngineError (a request for files) passes through untouched. */
export function at<T>(place: Place, work: () => T): T {
  try {
    return work()
  } catch (error) {
    throw problems(findingsOf(error, place))
  }
}

/** Runs `work` for every item and throws all findings together at the end, so that one run reports everything. */
export function forEachCollecting<T>(items: Iterable<T>, work: (item: T) => void): void {
  const found: Diagnostic[] = []
  for (const item of items) {
    try {
      work(item)
    } catch (error) {
      found.push(...findingsOf(error))
    }
  }
  if (found.length > 0) throw problems(found)
}
