import type { BlobStore } from '../../ports/index.ts'

/** A BlobStore that forgets the least recently used values over `maxBytes` (default 64 MiB), and everything when the process ends. */
export function createMemoryBlobStore(options: { readonly maxBytes?: number } = {}): BlobStore {
  const maxBytes = options.maxBytes ?? 64 << 20
  const values = new Map<string, Uint8Array>()
  let bytes = 0
  const remove = (key: string): void => {
    const value = values.get(key)
    if (value === undefined) return
    values.delete(key)
    bytes -= value.length
  }
  return {
    async get(key): Promise<Uint8Array | undefined> {
      const value = values.get(key)
      if (value === undefined) return undefined
      values.delete(key)
      values.set(key, value)
      return value.slice()
    },
    async put(key, value): Promise<void> {
      remove(key)
      if (value.length > maxBytes) return
      values.set(key, value.slice())
      bytes += value.length
      for (const oldest of values.keys()) {
        if (bytes <= maxBytes) break
        remove(oldest)
      }
    },
    async delete(key): Promise<void> {
      remove(key)
    },
  }
}
