import { joinPath } from '../../base/index.ts'
import type { FileTree } from '../../ports/index.ts'
import { copyValue, getKey, isMap, type KubeMap, type KubeValue, setKey } from '../../resources/index.ts'
import { parseDocuments, type YamlDialect } from '../../yaml/index.ts'
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
  /** True when the chart's own values, which are not at hand, must win over `values` (valuesMerge: merge). */
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
  const inline = chart.valuesInline && copyValue(chart.valuesInline)
  const hasInline = inline !== undefined && Object.keys(inline).length > 0
  const read = (path: string, dialect: YamlDialect): KubeMap =>
    at({ field: 'helmCharts' }, () => readValues(loader.loadText(path), path, dialect))
  // Helm reads the file itself, unless kustomize merges it: then a key such as `y` stays text.
  const dialect = hasInline ? 'kyaml' : 'sigs'
  let file: KubeMap | undefined
  if (chart.valuesFile) file = read(chart.valuesFile, dialect)
  else if (isLocal) file = ownValues(loader.files, directory, dialect)
  const values: KubeMap[] = []
  if (!hasInline) values.push(file ?? {})
  else if (valuesMerge === 'replace') values.push(inline)
  else if (valuesMerge === 'override') values.push(mergeValues(file ?? {}, inline))
  else values.push(mergeValues(inline, file ?? {}))
  for (const path of chart.additionalValuesFiles ?? []) values.push(read(path, 'sigs'))
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
    chartValuesWin: hasInline && valuesMerge === 'merge' && file === undefined,
    includeCRDs: chart.includeCRDs === true,
    skipHooks: chart.skipHooks === true,
    skipTests: chart.skipTests === true,
    apiVersions: chart.apiVersions ?? [],
    kubeVersion: chart.kubeVersion ?? '',
  }
}

/** The values of a chart in the source, which take part where no other file does. */
function ownValues(files: FileTree, directory: string, dialect: YamlDialect): KubeMap | undefined {
  const path = joinPath(directory, 'values.yaml')
  if (files.stat(path)?.kind !== 'file') return undefined
  return readValues(new TextDecoder().decode(files.read(path)), path, dialect)
}

/** `over` on `base`: mappings merge, null removes, anything else replaces (kyaml merge2, without a schema). */
function mergeValues(base: KubeMap, over: KubeMap): KubeMap {
  const result: KubeMap = { ...base }
  for (const key of Object.keys(over)) {
    const value = over[key] ?? null
    const below = getKey(result, key)
    if (value === null) delete result[key]
    else setKey(result, key, isMap(value) ? mergeValues(isMap(below) ? below : {}, value) : value)
  }
  return result
}

function readValues(text: string, file: string, dialect: YamlDialect): KubeMap {
  const { documents, diagnostics } = parseDocuments(text, { dialect, file })
  const errors = diagnostics.filter((one) => one.severity === 'error')
  if (errors.length > 0) throw problems(errors)
  const value = (documents[0]?.value ?? null) as KubeValue
  if (value === null) return {}
  if (!isMap(value)) throw problem('kustomize-helm-chart', 'a values file must be a mapping', { file })
  return value
}
