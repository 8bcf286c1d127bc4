import type { GoMap } from '../../template/index.ts'
import type { ChartLock, ChartMetadata } from './metadata.ts'

/** One file of a chart, by its path inside the chart. The bytes must not be changed. */
export interface ChartFile {
  readonly name: string
  readonly data: Uint8Array
}

/** A loaded chart. Immutable: a render works on its own {@link ChartInstance}s. */
export interface Chart {
  readonly metadata: ChartMetadata
  readonly lock: ChartLock | undefined
  readonly templates: readonly ChartFile[]
  /** Default values; undefined where there is no values.yaml. */
  readonly values: GoMap | undefined
  /** values.schema.json as it stands in the chart. */
  readonly schema: Uint8Array | undefined
  /** Everything else, CRDs among them. */
  readonly files: readonly ChartFile[]
  /** All files as they were read, for `helm show`. */
  readonly raw: readonly ChartFile[]
  /** Charts found in `charts/`, by directory or archive name. */
  readonly dependencies: readonly Chart[]
  /** What Helm would warn about while it loads. */
  readonly warnings: readonly string[]
}

/** A chart at its place in the tree of one render: enabled, renamed by its alias, with its own values. */
export interface ChartInstance {
  readonly chart: Chart
  metadata: ChartMetadata
  values: GoMap
  dependencies: ChartInstance[]
  parent: ChartInstance | undefined
}

/** Instances for a chart and everything below it. Values are shared with the chart until they are copied for merging. */
export function instantiate(chart: Chart, parent?: ChartInstance): ChartInstance {
  const instance: ChartInstance = {
    chart,
    metadata: copyMetadata(chart.metadata),
    values: chart.values ?? new Map(),
    dependencies: [],
    parent,
  }
  instance.dependencies = chart.dependencies.map((dependency) => instantiate(dependency, instance))
  return instance
}

/** Metadata whose dependencies can be renamed and enabled without touching the original. */
export function copyMetadata(metadata: ChartMetadata): ChartMetadata {
  const { dependencies } = metadata
  return dependencies === undefined
    ? { ...metadata }
    : { ...metadata, dependencies: dependencies.map((d) => ({ ...d })) }
}

/** Puts charts below an instance, which becomes their parent. */
export function adopt(parent: ChartInstance, children: readonly ChartInstance[]): void {
  for (const child of children) child.parent = parent
  parent.dependencies = [...children]
}

/** `root/charts/sub`: the prefix of a chart's template names. */
export function fullPath(instance: ChartInstance): string {
  const { parent } = instance
  return parent === undefined ? instance.metadata.name : `${fullPath(parent)}/charts/${instance.metadata.name}`
}

/** A file of `crds/`, with the name it has in `# Source:`. */
export interface ChartCrd {
  readonly source: string
  readonly file: ChartFile
}

/** The files in `crds/` of a chart and of the charts below it, parents first (Helm v4 Chart.CRDObjects). */
export function crdsOf(instance: ChartInstance): ChartCrd[] {
  const prefix = fullPath(instance)
  const own = instance.chart.files
    .filter((file) => file.name.startsWith('crds/') && /\.(?:ya?ml|json)$/i.test(file.name))
    .map((file) => ({ source: `${prefix}/${file.name}`, file }))
  return [...own, ...instance.dependencies.flatMap(crdsOf)]
}
