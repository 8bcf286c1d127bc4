import type { HelmChart } from '../../../api/index.ts'
import { EngineError, isEngineError, joinPath, parseVersion, printVersion } from '../../../base/index.ts'
import { loadChart, loadChartArchive, type Chart, type ChartFile } from '../../../helm/index.ts'
import { packTarGz } from '../../../sources/index.ts'
import { parseYaml, printYaml } from '../../../yaml/index.ts'

/** A chart as it goes into an artifact. */
export interface BuiltChart {
  readonly name: string
  readonly version: string
  readonly bytes: Uint8Array
  /** False where the bytes are those that were downloaded. */
  readonly isPackaged: boolean
  /** Values files that were merged into values.yaml. */
  readonly valuesFiles: readonly string[]
}

/** What one chart is called and which version it has. */
export interface ChartHead {
  readonly name: string
  readonly version: string
}

/** A chart that is known by name and version, and is built when it is needed. */
export interface ChartPlan extends ChartHead {
  /** Revision of the source it comes from; undefined for a registry, which has none. */
  readonly sourceRevision: string | undefined
  /** A signature was asked for, and is good. */
  readonly isVerified?: boolean
  build(): Promise<BuiltChart>
}

/** An error of a build with the reason under which source-controller reports it. */
export function buildError(reason: string, message: string, cause?: unknown): EngineError {
  const disposition = isEngineError(cause) ? cause.disposition : 'stall'
  return new EngineError(message, {
    code: 'chart-build-failed',
    reason,
    disposition,
    ...(cause === undefined ? {} : { cause }),
  })
}

/** `spec.valuesFiles`, except where it is values.yaml alone, which changes nothing (source-controller 1.9, BuildOptions.GetValuesFiles). */
export function wantedValuesFiles(object: HelmChart): readonly string[] {
  const files = object.spec.valuesFiles ?? []
  return files.length === 1 && joinPath('', files[0] ?? '') === 'values.yaml' ? [] : files
}

/** The version with `metadata` as its build metadata; unchanged where there is none. @throws EngineError reason `MetadataPatchError`. */
export function versionWith(version: string, metadata: string): string {
  if (metadata === '') return version
  try {
    return printVersion(parseVersion(printVersion({ ...parseVersion(version), metadata })))
  } catch (error) {
    throw buildError('MetadataPatchError', `failed to set SemVer metadata on chart version: ${textOf(error)}`, error)
  }
}

/** Name and version of the chart that a Chart.yaml describes. @throws EngineError reason `InvalidChartReference`. */
export function readChartHead(data: Uint8Array): ChartHead {
  const value = parseYaml(new TextDecoder().decode(data), { dialect: 'sigs' }) as {
    readonly name?: unknown
    readonly version?: unknown
  } | null
  const { name, version } = value ?? {}
  if (typeof name !== 'string' || name === '')
    throw buildError('InvalidChartReference', 'validation: chart.metadata.name is required')
  if ((typeof version !== 'string' && typeof version !== 'number') || version === '')
    throw buildError('InvalidChartReference', 'validation: chart.metadata.version is required')
  return { name, version: String(version) }
}

/**
 * Packs the files of a chart under `version`, with `values` (YAML) in place of its values.yaml where given. Files of a sub-chart stay where they are.
 */
export function packChart(
  chart: Chart,
  version: string,
  values: string | undefined,
  added: readonly ChartFile[] = [],
): Uint8Array {
  const { name } = chart.metadata
  const encoder = new TextEncoder()
  const files = new Map(chart.raw.map((file) => [file.name, file.data]))
  for (const file of added) files.set(file.name, file.data)
  if (chart.metadata.version !== version) {
    const text = new TextDecoder().decode(files.get('Chart.yaml'))
    const head = parseYaml(text, { dialect: 'sigs' }) as { [field: string]: unknown }
    files.set('Chart.yaml', encoder.encode(printYaml({ ...head, version }, { dialect: 'sigs' })))
  }
  if (values !== undefined) files.set('values.yaml', encoder.encode(values))
  const paths = [...files.keys()].sort()
  return packTarGz(
    paths.map((path) => ({ path: `${name}/${path}`, data: files.get(path) ?? new Uint8Array() })),
    { directories: false },
  )
}

/** Loads a packaged chart. @throws EngineError with `reason`. */
export async function loadPackaged(bytes: Uint8Array, reason: string): Promise<Chart> {
  try {
    return await loadChartArchive(bytes)
  } catch (error) {
    throw buildError(reason, `failed to load chart: ${textOf(error)}`, error)
  }
}

/** Loads a chart of a directory. PendingFiles pass through. @throws EngineError reason `ChartPackageError`. */
export function loadDirectory(files: Parameters<typeof loadChart>[0], path: string): Chart {
  try {
    return loadChart(files, path)
  } catch (error) {
    if (!isEngineError(error)) throw error
    throw buildError('ChartPackageError', `failed to load chart: ${error.message}`, error)
  }
}

/** What happened, in source-controller's words (1.9, Build.Summary). */
export function summaryOf(built: Omit<BuiltChart, 'bytes'>): string {
  const merged = built.valuesFiles.length === 0 ? '' : ` and merged values files [${built.valuesFiles.join(' ')}]`
  return `${built.isPackaged ? 'packaged' : 'pulled'} '${built.name}' chart with version '${built.version}'${merged}`
}

/** The message of anything caught. */
export function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
