/** One measured figure of a bench. `ms` is a median unless the name says otherwise; `mb` is peak resident memory; what does not apply is left out. */
export interface BenchRow {
  readonly name: string
  readonly ms?: number
  readonly requests?: number
  readonly mb?: number
  readonly bytes?: number
  /** What it was compared with, in the same run. */
  readonly beside?: string
}

/** A bench: prints what it does as it goes, returns its rows. */
export type Bench = (log: (line: string) => void) => Promise<readonly BenchRow[]>

/** The value below which a share `p` (0 to 1) of the samples lies; NaN for no samples. */
export function percentile(samples: readonly number[], p: number): number {
  const sorted = samples.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(p * sorted.length))] ?? Number.NaN
}

/** Rounded to a tenth: the noise of such machines is larger than that. */
export function round(value: number): number {
  return Math.round(value * 10) / 10
}
