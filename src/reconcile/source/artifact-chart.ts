import { EngineError, isEngineError, parseVersion, printVersion } from '../../base/index.ts'
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
  if (key.kind !== 'OCIRepository') return { chart, version, revision, digest }
  const ociDigest = revision.slice(revision.lastIndexOf('@') + 1)
  return { chart, version: withDigest(key, version, revision, ociDigest), revision, digest, ociDigest }
}

/** The version with the first twelve digits of the digest as build metadata; the tag must name the same version (helm-controller 1.6, mutateChartWithSourceRevision). */
function withDigest(key: ObjectKey, version: string, revision: string, digest: string): string {
  const parsed = parseVersion(version)
  const at = revision.lastIndexOf('@')
  if (at >= 0) {
    const tag = revision.slice(0, at).replaceAll('_', '+')
    const plain = (text: string): string => text.split('+')[0] ?? ''
    if (plain(tag).replace(/^v/, '') !== plain(printVersion(parsed))) {
      throw new EngineError(
        `artifact revision ${revision.slice(0, at)} of ${idOfKey(key)} does not match chart version ${version}; tag the chart with its version, or refer to it by digest`,
        { code: 'chart-version-mismatch', reason: 'ChartMutateError' },
      )
    }
  }
  const hex = digest.slice(digest.indexOf(':') + 1).slice(0, 12)
  return printVersion({ ...parsed, metadata: hex })
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
