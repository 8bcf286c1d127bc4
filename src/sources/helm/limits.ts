/** Bounds of a Helm repository. */
export interface HelmSourceLimits {
  /** Largest index (`--helm-index-max-size`). */
  readonly maxIndexBytes: number
  /** Largest packaged chart (`--helm-chart-max-size`). */
  readonly maxChartBytes: number
  /** Largest part of an index that is held in memory: the entries of the charts that are wanted. */
  readonly maxEntriesBytes: number
  /** Largest index that is parsed as a whole because its form does not let it be read in a stream. */
  readonly maxWholeIndexBytes: number
}

/** Flux's limits, with bounds on what is held in memory. */
export const defaultHelmLimits: HelmSourceLimits = Object.freeze({
  maxIndexBytes: 50 << 20,
  maxChartBytes: 10 << 20,
  maxEntriesBytes: 16 << 20,
  maxWholeIndexBytes: 4 << 20,
})
