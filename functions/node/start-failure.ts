import { DiagnosticsError, formatDiagnostic, isEngineError, toEngineError } from '../../src/base/index.ts'
import { isConfigError } from '../config-errors.ts'

/** What `sysexits.h` calls EX_CONFIG and systemd shows as CONFIG: starting again helps only after somebody has corrected something. */
export const exitCodeConfig = 78

/**
 * Says why a deployment on Node did not start, for the person who reads its log, and the exit code: 78 where starting again would not help
 * (the configuration is wrong, the state is of a newer version), 1 else.
 */
export function describeStartFailure(caught: unknown): { readonly text: string; readonly exitCode: number } {
  if (isConfigError(caught)) {
    const lines = caught.diagnostics.map((one) => `  ${formatDiagnostic(one)}\n`)
    return {
      text: `Sluice does not start: the configuration is wrong (sluice config check looks at it again)\n${lines.join('')}`,
      exitCode: exitCodeConfig,
    }
  }
  const error = toEngineError(caught)
  const isOurs = isEngineError(caught) || caught instanceof DiagnosticsError
  const isPort = caught instanceof Error && 'code' in caught && caught.code === 'EADDRINUSE'
  const detail =
    isOurs || isPort ? error.message : caught instanceof Error ? (caught.stack ?? caught.message) : String(caught)
  return { text: `Sluice does not start: ${detail}\n`, exitCode: error.code === 'state-newer' ? exitCodeConfig : 1 }
}
