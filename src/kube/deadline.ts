import { EngineError } from '../base/index.ts'

/** A signal that aborts at a deadline or with its parent. `release` must be called: it frees the timer and the listener. */
export interface Deadline {
  readonly signal: AbortSignal
  /** True when the time is over (and not the parent aborted). */
  isOver(): boolean
  release(): void
}

/** A deadline `ms` from now, inside `parent`. */
export function startDeadline(ms: number, parent: AbortSignal | undefined): Deadline {
  const controller = new AbortController()
  let over = false
  const abort = (): void => controller.abort(parent?.reason)
  const timer = setTimeout(() => {
    over = true
    controller.abort()
  }, ms)
  if (parent?.aborted === true) abort()
  else parent?.addEventListener('abort', abort, { once: true })
  return {
    signal: controller.signal,
    isOver: () => over,
    release: () => {
      clearTimeout(timer)
      parent?.removeEventListener('abort', abort)
    },
  }
}

/** The error of work that its caller stopped. It says nothing about the cluster; the work is taken up again by the next run. */
export function abortedError(signal: AbortSignal | undefined): EngineError {
  const reason: unknown = signal?.reason
  return new EngineError('stopped before it was finished; the next run goes on from here', {
    code: 'aborted',
    disposition: 'retry',
    cause: reason,
  })
}

/** @throws EngineError `aborted` when the caller has stopped the work. */
export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted === true) throw abortedError(signal)
}
