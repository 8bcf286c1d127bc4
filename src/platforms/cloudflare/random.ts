import type { Random } from '../../ports/index.ts'

/** The runtime's cryptographic randomness. */
export const workerRandom: Random = {
  bytes: (length) => crypto.getRandomValues(new Uint8Array(length)),
}
