import { helmError } from '../errors.ts'
import { readArchive } from './archive.ts'
import { assembleChart } from './assemble.ts'
import type { Chart } from './chart.ts'
import { chartLimits, type ChartLimits } from './limits.ts'

/**
 * Loads a packaged chart (`.tgz`).
 *
 * @throws EngineError `chart-archive-invalid` for bytes that are no chart archive or name files outside the chart, `chart-too-large` for one
 * beyond the limits (nothing beyond them is decompressed), `chart-invalid` for what is inside.
 */
export async function loadChartArchive(
  bytes: Uint8Array,
  options: { readonly limits?: Partial<ChartLimits> } = {},
): Promise<Chart> {
  const limits = chartLimits(options.limits)
  const files = readArchive(bytes, limits)
  if (!files.some((file) => file.name === 'Chart.yaml')) {
    throw helmError('chart-archive-invalid', 'unable to detect chart version, no Chart.yaml found')
  }
  return await Promise.resolve(assembleChart(files, { limits, depth: 0 }))
}
