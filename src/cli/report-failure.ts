import { DiagnosticsError, formatDiagnostic, isEngineError } from '../base/index.ts'
import { exitCodeOf, type ExitCode } from './exit-codes.ts'

/** Prints an error to stderr, every finding on its own line, and returns the exit code. Defects of ours come with their stack. */
export function reportFailure(error: unknown): ExitCode {
  // What is being waited for stands on a line of its own.
  if (process.stderr.isTTY) process.stderr.write('\r\u001b[2K')
  if (error instanceof DiagnosticsError) {
    for (const diagnostic of error.diagnostics) process.stderr.write(`Error: ${formatDiagnostic(diagnostic)}\n`)
  } else if (isEngineError(error) && error.code === 'aborted')
    process.stderr.write('Error: the time was up; --timeout gives more\n')
  else if (isEngineError(error) && error.disposition !== 'bug') process.stderr.write(`Error: ${error.message}\n`)
  else process.stderr.write(`Error: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`)
  return exitCodeOf(error)
}
