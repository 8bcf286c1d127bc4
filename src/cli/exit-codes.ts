import { EngineError, isEngineError } from '../base/index.ts'

/** What the program answers to whoever called it. Each has one meaning in every verb that works on clusters. */
export const exitCodes = {
  /** Done; ready; no difference; nothing found that is wrong. */
  ok: 0,
  /** The answer is no: it failed, is not ready, differs, was not found, or the doctor found something. */
  negative: 1,
  /** It could not be done: wrong usage, or something in the way that has nothing to do with the answer. */
  error: 2,
  /** The time was up. What was asked for goes on. */
  timeout: 3,
  /** The cluster or the deployment cannot be reached, or does not accept the credentials. */
  unreachable: 4,
} as const

/** One of {@link exitCodes}. */
export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes]

/** The table of exit codes, as every help has it. */
export const exitCodesHelp = `
Exit codes:
  0  done; ready; no difference
  1  the answer is no: it failed, is not ready, differs, was not found
  2  it could not be done: wrong usage, or refused
  3  the time was up; what was asked for goes on
  4  the cluster or the deployment cannot be reached, or does not accept the credentials
`

const unreachable: ReadonlySet<string> = new Set([
  'cluster-unreachable',
  'kubeconfig-unusable',
  'kube-unauthorized',
  'kube-timeout',
  'deployment-unreachable',
  'deployment-unauthorized',
])

const timeouts: ReadonlySet<string> = new Set([
  'wait-timeout',
  'aborted',
  'deployment-not-ready',
  'bootstrap-no-delivery',
  'bootstrap-no-token',
])
const negatives: ReadonlySet<string> = new Set(['not-found', 'no-objects', 'reconciliation-failed', 'suspended'])

/** The exit code of an error: total over everything that can be thrown. */
export function exitCodeOf(error: unknown): ExitCode {
  if (!isEngineError(error)) return error instanceof DOMException && error.name === 'TimeoutError' ? 3 : exitCodes.error
  if (unreachable.has(error.code)) return exitCodes.unreachable
  if (timeouts.has(error.code)) return exitCodes.timeout
  return negatives.has(error.code) ? exitCodes.negative : exitCodes.error
}

/** An error of the command line itself. */
export function usageError(message: string): EngineError {
  return new EngineError(message, { code: 'usage' })
}
