import { DiagnosticsError, type Diagnostic, type Disposition, type EngineError } from '../base/index.ts'
import type { ObjectFailure } from './apply-types.ts'
import { formatKey } from './object-key.ts'

/** The more urgent of two dispositions: a defect of ours, then what a repeat may cure, then waiting, then what only a change cures. */
const urgency: readonly Disposition[] = ['bug', 'retry', 'wait', 'stall']

/** True for an error that ends the run and says nothing about what it was working on: the cluster is away, or the caller has stopped. */
export function endsRun({ code }: Pick<EngineError, 'code'>): boolean {
  return code === 'cluster-unreachable' || code === 'aborted'
}

/**
 * One error for all failures of an apply or a prune, one line each, for conditions and events; undefined where there are none. Its
 * disposition is that of the most hopeful failure: as long as one of them may go away by itself, a repeat makes sense. Where one of them ends the run, that one's
 * code is the code of all: what was not looked at must not be told as failed.
 */
export function combineFailures(failures: readonly ObjectFailure[]): DiagnosticsError | undefined {
  const [first] = failures
  if (!first) return undefined
  const diagnostics = failures.map((failure): Diagnostic => {
    const { file, line } = failure.origin ?? {}
    return {
      code: failure.error.code,
      message: failure.error.message,
      severity: 'error',
      ...(file === undefined ? {} : { file }),
      ...(line === undefined ? {} : { line }),
    }
  })
  const dispositions = new Set(failures.map((failure) => failure.error.disposition))
  const end = failures.find(({ error }) => endsRun(error))
  const retryAfterMs = Math.max(0, ...failures.map((failure) => failure.error.retryAfterMs ?? 0))
  return new DiagnosticsError(diagnostics, {
    code: end?.error.code ?? (failures.length === 1 ? first.error.code : 'objects-failed'),
    disposition: urgency.find((disposition) => dispositions.has(disposition)) ?? 'stall',
    reason: first.error.reason ?? 'ReconciliationFailed',
    data: { objects: failures.map((failure) => formatKey(failure.key)) },
    ...(retryAfterMs === 0 ? {} : { retryAfterMs }),
    cause: first.error,
  })
}
