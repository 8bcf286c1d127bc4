import type { HelmChart } from '../../../api/index.ts'
import { isEngineError, joinPath } from '../../../base/index.ts'
import { followLinks, retryPending } from '../../../files/index.ts'
import type { FileTree } from '../../../ports/index.ts'
import type { SourceArtifact } from '../../../sources/index.ts'
import type { SourceContext } from '../index.ts'
import {
  buildError,
  loadDirectory,
  loadPackaged,
  packChart,
  readChartHead,
  versionWith,
  wantedValuesFiles,
  type BuiltChart,
  type ChartHead,
} from './build.ts'
import { isLockOutdated, resolveDependencies } from './dependencies.ts'
import { mergeSourceValues, type MergedValues } from './values-files.ts'

/** A chart in a source that is a tree of files, with the version that it gets. */
export interface TreeChart extends ChartHead {
  readonly path: string
  readonly isDirectory: boolean
}

/**
 * Finds the chart of a HelmChart in the files of its source and says which version it gets: that of Chart.yaml, with the first twelve digits of the source's revision (strategy
 * `Revision`) and the generation (with values files) as build metadata (source-controller 1.9, buildFromTarballArtifact).
 *
 * @throws EngineError reason `InvalidChartReference` or `MetadataPatchError`.
 */
export async function findTreeChart(
  object: HelmChart,
  source: SourceArtifact,
  signal: AbortSignal,
): Promise<TreeChart> {
  const path = chartPath(object.spec.chart)
  const files = followLinks(source.files)
  const kind = await retryPending(() => files.stat(path)?.kind, signal)
  const at = `'${object.spec.chart}'`
  if (kind !== 'directory' && kind !== 'file')
    throw buildError('InvalidChartReference', `invalid chart reference: there is no chart at ${at} in the source`)
  const head = await (kind === 'directory'
    ? retryPending(() => headOfDirectory(files, path, at), signal)
    : headOfArchive(await retryPending(() => files.read(path), signal), at))
  return {
    name: head.name,
    version: versionWith(head.version, metadataOf(object, source)),
    path,
    isDirectory: kind === 'directory',
  }
}

/**
 * Packages a chart that {@link findTreeChart} found. A packaged chart that nothing changes is taken as it is.
 *
 * @throws EngineError reason `ValuesFilesError`, `ChartPackageError`, `DependencyBuildError`.
 */
export async function buildTreeChart(
  ctx: SourceContext,
  object: HelmChart,
  source: SourceArtifact,
  found: TreeChart,
): Promise<BuiltChart> {
  const { name, version, path } = found
  const valuesFiles = wantedValuesFiles(object)
  const files = followLinks(source.files)
  const merged: MergedValues | undefined =
    valuesFiles.length === 0
      ? undefined
      : await retryPending(
          () => mergeSourceValues(source.files, valuesFiles, object.spec.ignoreMissingValuesFiles === true),
          ctx.signal,
        )
  if (!found.isDirectory) {
    const bytes = await retryPending(() => files.read(path), ctx.signal)
    const chart = await loadPackaged(bytes, 'ChartPackageError')
    if (merged === undefined && version === chart.metadata.version)
      return { name, version, bytes, isPackaged: false, valuesFiles: [] }
    return {
      name,
      version,
      bytes: packChart(chart, version, merged?.yaml),
      isPackaged: true,
      valuesFiles: merged?.files ?? [],
    }
  }
  await source.prefetch([path], ctx.signal)
  const chart = await retryPending(() => loadDirectory(source.files, path), ctx.signal)
  const dependencies = await resolveDependencies(ctx, { object, source, path, chart })
  const tell = (reason: string, message: string): void =>
    ctx.events.emit({ object, severity: 'info', reason, message, controller: 'source-controller' })
  if (isLockOutdated(chart))
    tell(
      'ChartLockOutdated',
      'Chart.lock is out of sync with the dependencies of Chart.yaml and was used all the same; run helm dependency update',
    )
  if (dependencies.count > 0) tell('ResolvedDependencies', `resolved ${dependencies.count} chart dependencies`)
  return {
    name,
    version,
    bytes: packChart(chart, version, merged?.yaml, dependencies.files),
    isPackaged: true,
    valuesFiles: merged?.files ?? [],
  }
}

function chartPath(path: string): string {
  try {
    return joinPath('', path.replace(/^\/+/, ''))
  } catch (error) {
    if (!isEngineError(error)) throw error
    throw buildError('InvalidChartReference', `invalid chart reference: ${error.message}`, error)
  }
}

function headOfDirectory(files: FileTree, path: string, at: string): ChartHead {
  const file = path === '' ? 'Chart.yaml' : `${path}/Chart.yaml`
  if (files.stat(file)?.kind !== 'file')
    throw buildError('InvalidChartReference', `invalid chart reference: there is no Chart.yaml at ${at} in the source`)
  return parseHead(files.read(file), at)
}

async function headOfArchive(bytes: Uint8Array, at: string): Promise<ChartHead> {
  const chart = await loadPackaged(bytes, 'InvalidChartReference')
  return parseHead(chart.raw.find((file) => file.name === 'Chart.yaml')?.data ?? new Uint8Array(), at)
}

function parseHead(data: Uint8Array, at: string): ChartHead {
  try {
    return readChartHead(data)
  } catch (error) {
    if (!isEngineError(error)) throw error
    throw buildError('InvalidChartReference', `invalid chart reference: Chart.yaml at ${at}: ${error.message}`, error)
  }
}

function metadataOf(object: HelmChart, source: SourceArtifact): string {
  const { revision } = source
  const parts: string[] = []
  if (object.spec.reconcileStrategy === 'Revision')
    parts.push(revision.slice(revision.lastIndexOf(':') + 1).slice(0, 12))
  if (wantedValuesFiles(object).length > 0) parts.push(String(object.metadata.generation ?? 0))
  return parts.join('.')
}
