/** Bounds of one chart, sub-charts included. */
export interface ChartLimits {
  /** Bytes of all files together, after decompression. */
  readonly maxBytes: number
  /** Bytes of one archive before decompression. */
  readonly maxArchiveBytes: number
  readonly maxFiles: number
  /** Directories inside directories, and archives inside archives. */
  readonly maxDepth: number
}

/**
 * Helm allows 100 MiB; an isolate has 128 MB for everything, and the largest public charts are below 10 MiB. Flux refuses archives above 10 MiB.
 */
const DEFAULT_LIMITS: ChartLimits = Object.freeze({
  maxBytes: 48 << 20,
  maxArchiveBytes: 10 << 20,
  maxFiles: 10_000,
  maxDepth: 32,
})

/** The limits that apply where only some were given. */
export function chartLimits(wanted: Partial<ChartLimits> | undefined): ChartLimits {
  return wanted === undefined ? DEFAULT_LIMITS : { ...DEFAULT_LIMITS, ...wanted }
}
