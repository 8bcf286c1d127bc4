/** Runs work one after the other, in the order in which it came. What fails does not keep the next from running. */
export interface Serial {
  run<T>(work: () => Promise<T>): Promise<T>
}

/** Makes one; nothing is waiting in it. */
export function createSerial(): Serial {
  let tail: Promise<unknown> = Promise.resolve()
  return {
    run: (work) => {
      const result = tail.then(work, work)
      tail = result.catch(() => undefined)
      return result
    },
  }
}
