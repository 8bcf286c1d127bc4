/** Runs work one after the other, in the order in which it came. What fails does not keep the next from running. */
export interface Serial {
  run<T>(work: () => Promise<T>): Promise<T>
  /** The same for work of which one run answers all who asked before it began. */
  join(work: () => Promise<void>): Promise<void>
}

/** Makes one; nothing is waiting in it. */
export function createSerial(): Serial {
  let tail: Promise<unknown> = Promise.resolve()
  let joined: Promise<void> | undefined
  const run = <T>(work: () => Promise<T>): Promise<T> => {
    const result = tail.then(work, work)
    tail = result.catch(() => undefined)
    return result
  }
  return {
    run,
    join: (work) => {
      joined ??= run(() => {
        joined = undefined
        return work()
      })
      return joined
    },
  }
}
