import { compareVersions, EngineError, isEngineError, printVersion, tryParseVersion } from '../../base/index.ts'
import { retryPending } from '../../files/index.ts'
import { loadChart, loadChartArchive, type Chart } from '../../helm/index.ts'
import type { SourceArtifact } from '../../sources/index.ts'
import type { CoordinatorCaches } from '../caches.ts'
import type { ObjectKey } from '../job.ts'
import { idOfKey } from '../world.ts'
import type { SourceChart } from './index.ts'

/** Charts kept in memory between runs; most clusters have fewer releases than runs between changes of their charts. */
const maxCharts = 32

/**
 * The chart in an artifact: a packaged chart, or a tree with one directory that holds one.
 *
 * @throws EngineError with reason `ArtifactFailed` where it is none.
 */
export async function loadArtifactChart(
  key: ObjectKey,
  artifact: SourceArtifact,
  caches: Pick<CoordinatorCaches, 'charts'>,
): Promise<SourceChart> {
  const { digest, revision } = artifact
  const chart = caches.charts.get(digest) ?? (await parseChart(key, artifact))
  caches.charts.delete(digest)
  caches.charts.set(digest, chart)
  for (const oldest of caches.charts.keys()) {
    if (caches.charts.size <= maxCharts) break
    caches.charts.delete(oldest)
  }
  const { version } = chart.metadata
  // What others make may be versioned by anything; only what has a digest can be told apart by it.
  const hasDigest = key.kind === 'OCIRepository' || (key.kind === 'ExternalArtifact' && revision.includes(':'))
  if (!hasDigest) return { chart, version, revision, digest }
  return { chart, revision, digest, ...withDigest(key, version, revision) }
}

/**
 * The version of a chart with the first twelve digits of its artifact's digest as build metadata, and that digest. A tag that is a version must be the chart's (without its
 * build metadata); any other tag stays a part of the digest (helm-controller 1.6, mutateChartWithSourceRevision).
 *
 * @throws EngineError with reason `ChartMutateError`.
 */
function withDigest(
  key: ObjectKey,
  version: string,
  revision: string,
): { readonly version: string; readonly ociDigest: string } {
  const failed = (message: string): EngineError =>
    new EngineError(message, { code: 'chart-version-mismatch', reason: 'ChartMutateError' })
  const parsed = tryParseVersion(version)
  if (parsed === undefined) throw failed(`invalid chart version ${version}`)
  const [tag = '', digest, ...more] = revision.split('@')
  const tagged = tryParseVersion(digest === undefined ? tag : tag.replaceAll('_', '+'))
  const isVersion = tagged !== undefined
  if (isVersion && (digest === undefined || more.length > 0 || compareVersions(tagged, parsed) !== 0))
    throw failed(
      `artifact revision ${tag} of ${idOfKey(key)} does not match chart version ${version}; tag the chart with its version, or refer to it by digest`,
    )
  const ociDigest = isVersion ? (digest ?? '') : revision
  const [, hex = '', ...rest] = ociDigest.split(':')
  if (rest.length > 0 || hex.length < 12) throw failed(`invalid artifact revision ${ociDigest}`)
  return { version: printVersion({ ...parsed, metadata: hex.slice(0, 12) }), ociDigest }
}

async function parseChart(key: ObjectKey, artifact: SourceArtifact): Promise<Chart> {
  try {
    if (artifact.archive !== undefined) return await loadChartArchive(artifact.archive)
    return await retryPending(() => loadChart(artifact.files, chartDirectory(key, artifact)))
  } catch (error) {
    if (!isEngineError(error)) throw error
    throw new EngineError(`the artifact of ${idOfKey(key)} is no chart: ${error.message}`, {
      code: error.code,
      reason: 'ArtifactFailed',
      disposition: error.disposition,
      cause: error,
    })
  }
}

/** A packaged chart holds its files in one directory of any name. */
function chartDirectory(key: ObjectKey, artifact: SourceArtifact): string {
  const found = artifact.files
    .list('')
    .find((entry) => entry.kind === 'directory' && artifact.files.stat(`${entry.name}/Chart.yaml`) !== undefined)
  if (found !== undefined) return found.name
  throw new EngineError(`there is no chart in the artifact of ${idOfKey(key)}`, { code: 'chart-missing' })
}
