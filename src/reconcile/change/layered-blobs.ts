import type { BlobStore } from '../../ports/index.ts'

/** A store over another one that keeps to itself what is written: a chart of somebody's pull request is no artifact that others may download. */
export function layeredBlobs(below: BlobStore): BlobStore {
  const own = new Map<string, Uint8Array | undefined>()
  return {
    get: (key) => (own.has(key) ? Promise.resolve(own.get(key)) : below.get(key)),
    put: (key, value) => Promise.resolve(void own.set(key, value)),
    delete: (key) => Promise.resolve(void own.set(key, undefined)),
  }
}
