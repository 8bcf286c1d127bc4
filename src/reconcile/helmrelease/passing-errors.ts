import { EngineError, isEngineError } from '../../base/index.ts'

/** Codes that concern the run as a whole: the cluster is away, the run ends, or another run has taken over. Whatever is done for many objects stops at once. */
const ofTheRun: ReadonlySet<string> = new Set([
  'cluster-unreachable',
  'remote-cluster-unreachable',
  'aborted',
  'lease-lost',
])

/**
 * Codes of one request that say nothing about what was asked for. Where it was one object of many, they are a failure of that object; but a release is not
 * failed for them: an operation on it that has begun stays as it is, to be gone on with.
 */
const ofOneRequest: ReadonlySet<string> = new Set([
  'kube-conflict',
  'kube-timeout',
  'kube-unavailable',
  'kube-too-many-requests',
  'kube-unauthorized',
])

/** True for an error after which nothing else needs to be tried in this run. */
export function concernsRun(error: unknown): boolean {
  return isEngineError(error) && ofTheRun.has(error.code)
}

/** True for an error that leaves an operation on a release undecided. */
export function leavesUndecided(error: unknown): boolean {
  return concernsRun(error) || passes(error)
}

/** True for an error of one request that says nothing about what was asked for: it may be gone the next time. */
export function passes(error: unknown): error is EngineError {
  return isEngineError(error) && ofOneRequest.has(error.code)
}

/** What went wrong with one object of many. */
export interface ObjectFailure {
  /** Names the object. */
  readonly text: string
  readonly error: unknown
}

/**
 * The failure of work on many objects, with the texts of all. Its code is `code`; where every one passes, it is that of the first, which leaves the operation
 * undecided: nothing is wrong with the objects.
 */
export function failureOfObjects(code: string, failures: readonly ObjectFailure[], separator: string): EngineError {
  const [first] = failures
  const isPassing = failures.every(({ error }) => passes(error))
  const text = failures.map((failure) => failure.text).join(separator)
  return new EngineError(text, {
    code: isPassing && passes(first?.error) ? first.error.code : code,
    disposition: 'retry',
  })
}
