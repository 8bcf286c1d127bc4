import type { Clock } from '../../ports/index.ts'

/** The runtime's clock. It stands still between two inputs or outputs, as all clocks of Workers do. */
export const workerClock: Clock = {
  now: () => Date.now(),
  sleep: (ms, signal) =>
    new Promise((resolve, reject) => {
      const wakeUp = (): void => {
        clearTimeout(timer)
        reject(signal?.reason instanceof Error ? signal.reason : new DOMException('aborted', 'AbortError'))
      }
      const timer = setTimeout(() => {
        signal?.removeEventListener('abort', wakeUp)
        resolve()
      }, ms)
      signal?.addEventListener('abort', wakeUp, { once: true })
      if (signal?.aborted === true) wakeUp()
    }),
}
