import { joinPath } from '../../base/index.ts'
import type { FileTree } from '../../ports/index.ts'
import { copyValue, isMap, type KubeMap, type KubeValue } from '../../resources/index.ts'
import { parseDocuments } from '../../yaml/index.ts'
import type { Loader } from '../loader.ts'
import { at, problem, problems } from '../problems.ts'
import type { HelmChartEntry, HelmGlobals } from '../types.ts'

/** A chart that a kustomization wants rendered. */
export interface HelmChartRequest {
  readonly name: string
  readonly version: string
  /** URL of the chart repository, or `oci://…`; '' for a chart in the source. */
  readonly repo: string
  /** Directory of the chart in `files`, where it is in the source. */
  readonly chartPath: string | undefined
  readonly files: FileTree
  readonly releaseName: string
  readonly nameTemplate: string
  readonly namespace: string
  /** Values over the chart's own, later ones winning. */
  readonly values: readonly KubeMap[]
  /** True when the chart's own values must win over `values` (valuesMerge: merge). */
  readonly chartValuesWin: boolean
  readonly includeCRDs: boolean
  readonly skipHooks: boolean
  readonly skipTests: boolean
  readonly apiVersions: readonly string[]
  readonly kubeVersion: string
}

/** Renders a chart to YAML; undefined when the chart must be fetched first. */
export type InflateHelm = (request: HelmChartRequest) => string | undefined

/** The request for one entry of `helmCharts` (api/internal/builtins HelmChartInflationGenerator). */
export function chartRequest(
  chart: HelmChartEntry,
  globals: HelmGlobals,
  namespace: string,
  loader: Loader,
): HelmChartRequest {
  if (!chart.name) throw problem('kustomize-helm-chart', 'chart name cannot be empty', { field: 'helmCharts' })
  const valuesMerge = chart.valuesMerge || 'override'
  if (!['merge', 'override', 'replace'].includes(valuesMerge)) {
    throw problem('kustomize-helm-chart', 'valuesMerge must be one of [merge override replace]', {
      field: 'helmCharts',
    })
  }
  const home = joinPath(loader.root, globals.chartHome || 'charts')
  const directory = joinPath(
    home,
    chart.version && chart.repo ? `${chart.name}-${chart.version}/${chart.name}` : chart.name,
  )
  const isLocal = loader.files.stat(directory)?.kind === 'directory'
  if (!isLocal && !chart.repo) {
    throw problem('kustomize-helm-chart', `no repo specified for pull, no chart found at '${directory}'`, {
      field: 'helmCharts',
    })
  }
  const read = (path: string): KubeMap => at({ field: 'helmCharts' }, () => readValues(loader.loadText(path), path))
  const file = chart.valuesFile ? read(chart.valuesFile) : undefined
  const inline = chart.valuesInline ? copyValue(chart.valuesInline) : undefined
  const values: KubeMap[] = []
  if (inline === undefined) values.push(file ?? {})
  else if (valuesMerge === 'replace') values.push(inline)
  else if (valuesMerge === 'override') values.push(file ?? {}, inline)
  else values.push(inline, file ?? {})
  for (const path of chart.additionalValuesFiles ?? []) values.push(read(path))
  return {
    name: chart.name,
    version: chart.version ?? '',
    repo: chart.repo ?? '',
    chartPath: isLocal ? directory : undefined,
    files: loader.files,
    releaseName: chart.releaseName ?? '',
    nameTemplate: chart.nameTemplate ?? '',
    namespace: chart.namespace || namespace,
    values,
    chartValuesWin: inline !== undefined && valuesMerge === 'merge' && file === undefined,
    includeCRDs: chart.includeCRDs === true,
    skipHooks: chart.skipHooks === true,
    skipTests: chart.skipTests === true,
    apiVersions: chart.apiVersions ?? [],
    kubeVersion: chart.kubeVersion ?? '',
  }
}

function readValues(text: string, file: string): KubeMap {
  const { documents, diagnostics } = parseDocuments(text, { dialect: 'sigs', file })
  const errors = diagnostics.filter((one) => one.severity === 'error')
  if (errors.length > 0) throw problems(errors)
  const value = (documents[0]?.value ?? null) as KubeValue
  if (value === null) return {}
  if (!isMap(value)) throw problem('kustomize-helm-chart', 'a values file must be a mapping', { file })
  return value
}
