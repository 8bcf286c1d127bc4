/** Bounds of one bucket. */
export interface BucketLimits {
  /** Most objects that a listing may name, ignored ones included. */
  readonly maxListed: number
  /** Most objects that become files. */
  readonly maxObjects: number
  readonly maxObjectBytes: number
  /** Bytes of all files together. */
  readonly maxTotalBytes: number
  /** One page of a listing. */
  readonly maxPageBytes: number
  /** Most directories above a file. */
  readonly maxDepth: number
  /** Downloads at the same time. */
  readonly concurrency: number
}

/** Limits that fit into an isolate of 128 MB. */
export const defaultBucketLimits: BucketLimits = Object.freeze({
  maxListed: 100_000,
  maxObjects: 20_000,
  maxObjectBytes: 32 << 20,
  maxTotalBytes: 64 << 20,
  maxPageBytes: 8 << 20,
  maxDepth: 64,
  concurrency: 20,
})
