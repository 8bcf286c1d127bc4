/** How bad a finding is: INFO is advice, WARNING breaks with a convention, ERROR will not work. */
export type LintSeverity = 'INFO' | 'WARNING' | 'ERROR'

/** One finding of `helm lint`, which prints it as `[severity] path: text` (Helm v4 pkg/chart/v2/lint/support). */
export interface LintMessage {
  readonly severity: LintSeverity
  /** The file or directory of the chart that it is about. */
  readonly path: string
  readonly text: string
}

/** Advice about a file. */
export function info(path: string, text: string): LintMessage {
  return { severity: 'INFO', path, text }
}

/** Something unusual in a file. */
export function warning(path: string, text: string): LintMessage {
  return { severity: 'WARNING', path, text }
}

/** Something in a file that will not work. */
export function error(path: string, text: string): LintMessage {
  return { severity: 'ERROR', path, text }
}
