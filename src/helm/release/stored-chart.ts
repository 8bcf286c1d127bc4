import type { ChartFile, ChartInstance } from '../chart/chart.ts'
import type { ChartDependency, ChartMetadata } from '../chart/metadata.ts'
import { toValues } from '../values/values.ts'
import type { GoMap, Value } from '../../template/index.ts'
import type { StoredChart, StoredDependency, StoredFile, StoredMetadata } from './release.ts'
import { toBase64 } from '../../base/index.ts'

/**
 * A chart as a release stores it, after its dependencies were processed. Files are encoded only when the result is read: most renders never store it.
 */
export function storedChart(chart: ChartInstance): StoredChart {
  const { lock, templates, files, schema } = chart.chart
  const { metadata, values } = chart
  return {
    get metadata() {
      return storedMetadata(metadata)
    },
    get lock() {
      if (lock === undefined) return null
      return { generated: lock.generated, digest: lock.digest, dependencies: lock.dependencies.map(storedDependency) }
    },
    get templates() {
      return storedFiles(templates)
    },
    get values() {
      return chart.chart.values === undefined && values.size === 0 ? null : toValues(values)
    },
    get schema() {
      return schema === undefined ? null : toBase64(schema)
    },
    get files() {
      return storedFiles(files)
    },
    origin: { templates, files },
  }
}

function storedMetadata(metadata: ChartMetadata): StoredMetadata {
  const { dependencies, annotations, ...rest } = metadata
  return {
    ...rest,
    ...(annotations === undefined ? {} : { annotations: Object.fromEntries(annotations) }),
    ...(dependencies === undefined ? {} : { dependencies: dependencies.map(storedDependency) }),
  }
}

function storedDependency(dependency: ChartDependency): StoredDependency {
  const { importValues, ...rest } = dependency
  return importValues === undefined ? rest : { ...rest, 'import-values': importValues.map(plainImport) }
}

function plainImport(entry: Value): unknown {
  return entry instanceof Map ? toValues(entry as GoMap) : entry
}

function storedFiles(files: readonly ChartFile[]): StoredFile[] | null {
  return files.length === 0 ? null : files.map((file) => ({ name: file.name, data: toBase64(file.data) }))
}
