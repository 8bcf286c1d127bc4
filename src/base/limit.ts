/** The outcome of one item of {@link runBounded}; undefined in its place when it was never started. */
export type Settled<R> = { readonly value: R } | { readonly error: unknown }

/**
 * Runs `work` over `items` with at most `concurrency` at the same time, in order of starting. Every outcome is returned, in the order of
 * the items; nothing is thrown. When `shouldStop` says so about an error, items that have not started are left out.
 */
export async function runBounded<T, R>(
  items: readonly T[],
  concurrency: number,
  work: (item: T, index: number) => Promise<R>,
  shouldStop?: (error: unknown) => boolean,
): Promise<(Settled<R> | undefined)[]> {
  const results = Array.from<Settled<R> | undefined>({ length: items.length })
  let next = 0
  let isStopped = false
  const worker = async (): Promise<void> => {
    while (next < items.length && !isStopped) {
      const index = next++
      try {
        results[index] = { value: await work(items[index] as T, index) }
      } catch (error) {
        results[index] = { error }
        if (shouldStop?.(error) === true) isStopped = true
      }
    }
  }
  await Promise.all(Array.from({ length: Math.max(1, Math.min(concurrency, items.length)) }, worker))
  return results
}

/**
 * Calls `work` for each item, at most `limit` at a time, and returns the results in the order of the items. The first rejection
 * rejects the whole; items not started by then are not started at all.
 */
export async function mapLimit<T, R>(
  items: readonly T[],
  limit: number,
  work: (item: T, index: number) => Promise<R>,
): Promise<R[]> {
  const results: R[] = []
  let next = 0
  let failed = false
  const worker = async (): Promise<void> => {
    while (next < items.length && !failed) {
      const index = next++
      try {
        results[index] = await work(items[index] as T, index)
      } catch (error) {
        failed = true
        throw error
      }
    }
  }
  await Promise.all(Array.from({ length: Math.min(Math.max(1, limit), items.length) }, worker))
  return results
}
