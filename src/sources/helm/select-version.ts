import {
  compareVersions,
  isEngineError,
  parseRange,
  satisfies,
  tryParseVersion,
  type SemVer,
  type SemVerRange,
} from '../../base/index.ts'
import { helmRepositoryError } from './errors.ts'

/**
 * The version of a chart that `range` asks for, by source-controller's rules (1.9, ChartRepository.getChartVersion): one that is spelled the same; else the highest that lies in the range, only versions of three parts
 * counting; of those that differ in build metadata alone the newest. An empty range and `*` mean the latest release.
 *
 * @throws EngineError reason `InvalidChartReference` for a range that cannot be read or that nothing satisfies.
 */
export function selectVersion<T extends { readonly version: string; readonly created?: number | undefined }>(
  chart: string,
  versions: readonly T[],
  range: string,
): T {
  const exact = range === '' ? undefined : versions.find((one) => one.version === range)
  if (exact !== undefined) return exact
  const wanted = readRange(chart, range === '' ? '*' : range)
  let best: { readonly entry: T; readonly version: SemVer } | undefined
  for (const entry of versions) {
    const version = entry.version.split('.').length < 3 ? undefined : tryParseVersion(entry.version)
    if (version === undefined || !satisfies(version, wanted)) continue
    const order = best === undefined ? 1 : compareVersions(version, best.version)
    const isNewer = order === 0 && (entry.created ?? 0) > (best?.entry.created ?? 0)
    if (order > 0 || isNewer) best = { entry, version }
  }
  if (best !== undefined) return best.entry
  throw helmRepositoryError('chart-version-missing', `no '${chart}' chart with version matching '${range}' found`, {
    reason: 'InvalidChartReference',
  })
}

function readRange(chart: string, range: string): SemVerRange {
  try {
    return parseRange(range)
  } catch (error) {
    if (!isEngineError(error)) throw error
    throw helmRepositoryError('chart-version-invalid', `the version '${range}' of chart '${chart}': ${error.message}`, {
      reason: 'InvalidChartReference',
      cause: error,
    })
  }
}
