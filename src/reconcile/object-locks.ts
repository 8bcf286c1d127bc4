import { abortedError, throwIfAborted } from '../kube/index.ts'

/** A lock that is held. */
export interface HeldLock {
  readonly release: () => void
  /** Aborts when somebody waits for it. */
  readonly contended: AbortSignal
}

/**
 * Serialises what the jobs of one cluster do to one object, and tells a job which objects others have worked on since it looked: what it knows of those is out of
 * date. In memory only: the jobs of a cluster run in one process.
 */
export interface ObjectLocks {
  /** The locks as one job sees them, which has not looked at anything before this moment. */
  forJob(): JobLocks
}

/** See {@link ObjectLocks}. */
export interface JobLocks {
  /** Takes the lock of an object, after those who asked before. Rejects with an EngineError `aborted` when the signal aborts meanwhile. */
  acquire(id: string, signal: AbortSignal): Promise<HeldLock>
  /** The lock where it is free, else undefined. */
  tryAcquire(id: string): HeldLock | undefined
  /** Whether another job has held the lock since this one has looked at the object. */
  isTouched(id: string): boolean
  /** Says that the job has looked at the object, with its lock held or after the one who touched it. */
  noteSeen(id: string): void
}

interface Lock {
  contended: AbortController
  readonly waiting: (() => void)[]
}

/** Who gave a lock back, and when. */
interface Touch {
  readonly by: object
  readonly at: number
}

/** Locks that nobody holds. */
export function createObjectLocks(): ObjectLocks {
  const locks = new Map<string, Lock>()
  /** The last touches by two different jobs: whoever asks, one of them is by somebody else, where there is any. */
  const touches = new Map<string, readonly Touch[]>()
  let time = 0
  const hold = (id: string, lock: Lock, by: object): HeldLock => {
    let isHeld = true
    return {
      contended: lock.contended.signal,
      release: () => {
        if (!isHeld) return
        isHeld = false
        time += 1
        const others = (touches.get(id) ?? []).filter((touch) => touch.by !== by)
        touches.set(id, [{ by, at: time }, ...others.slice(0, 1)])
        const next = lock.waiting.shift()
        if (next === undefined) locks.delete(id)
        else next()
      },
    }
  }
  return {
    forJob: () => {
      const job = {}
      const start = time
      const seen = new Map<string, number>()
      const tryAcquire = (id: string): HeldLock | undefined => {
        if (locks.has(id)) return undefined
        const lock: Lock = { contended: new AbortController(), waiting: [] }
        locks.set(id, lock)
        return hold(id, lock, job)
      }
      return {
        tryAcquire,
        acquire: async (id, signal) => {
          throwIfAborted(signal)
          const lock = locks.get(id)
          if (lock === undefined) return tryAcquire(id) as HeldLock
          lock.contended.abort()
          await waitForTurn(lock, signal)
          lock.contended = new AbortController()
          if (lock.waiting.length > 0) lock.contended.abort()
          return hold(id, lock, job)
        },
        isTouched: (id) => {
          const since = seen.get(id) ?? start
          return (touches.get(id) ?? []).some((touch) => touch.by !== job && touch.at > since)
        },
        noteSeen: (id) => void seen.set(id, time),
      }
    },
  }
}

function waitForTurn(lock: Lock, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const turn = (): void => {
      signal.removeEventListener('abort', leave)
      resolve()
    }
    const leave = (): void => {
      lock.waiting.splice(lock.waiting.indexOf(turn), 1)
      reject(abortedError(signal))
    }
    lock.waiting.push(turn)
    signal.addEventListener('abort', leave, { once: true })
  })
}
