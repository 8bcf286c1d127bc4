import type { Chart } from '../chart/chart.ts'
import { error, warning, type LintMessage } from './message.ts'

/**
 * Where `dependencies` of a chart and its `charts/` differ (Helm v4 pkg/chart/v2/lint/rules Dependencies). Names that are there twice are not looked
 * for: such a chart does not load. `directory` is what the findings are about.
 */
export function lintDependencies(chart: Chart, directory: string): LintMessage[] {
  const present = chart.dependencies.map((child) => child.metadata.name)
  const wanted = (chart.metadata.dependencies ?? []).map((one) => one.name)
  const undeclared = present.filter((name) => !wanted.includes(name))
  const missing = wanted.filter((name) => !present.includes(name))
  return [
    ...(undeclared.length === 0
      ? []
      : [error(directory, `chart metadata is missing these dependencies: ${undeclared.join(',')}`)]),
    ...(missing.length === 0
      ? []
      : [warning(directory, `chart directory is missing these dependencies: ${missing.join(',')}`)]),
  ]
}
