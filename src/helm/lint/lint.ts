import { isEngineError } from '../../base/index.ts'
import { followLinks, MemoryTree, rememberEntries } from '../../files/index.ts'
import type { FileTree } from '../../ports/index.ts'
import { readArchive } from '../chart/archive.ts'
import type { Chart } from '../chart/chart.ts'
import { chartLimits } from '../chart/limits.ts'
import { loadChart } from '../chart/load.ts'
import { lintChartFile } from './chart-file.ts'
import { lintCrds } from './crds.ts'
import { lintDependencies } from './dependencies.ts'
import { error, type LintMessage } from './message.ts'
import { lintTemplateDirectory, lintTemplates, type TemplateLintOptions } from './templates.ts'
import { lintValuesFile } from './values-file.ts'

/** How a chart is looked at. */
export interface LintOptions extends TemplateLintOptions {
  /** Where the chart lies, as findings about the chart as a whole name it. */
  readonly directory: string
}

/**
 * Looks for mistakes in the chart at the root of a tree, as `helm lint` does (Helm v4.3.1 pkg/chart/v2/lint RunAll): Chart.yaml, values.yaml,
 * templates and what they render, dependencies, CRDs. The tree must have a Chart.yaml. The findings come in Helm's order.
 *
 * @throws PendingFiles where content is not at hand. What is wrong with the chart is a finding, not an error.
 */
export function lintChart(files: FileTree, options: LintOptions): LintMessage[] {
  const tree = followLinks(rememberEntries(files))
  const loaded = tryLoad(files)
  const messages = [
    ...lintChartFile(tree, options.directory),
    ...lintValuesFile(tree, options.values, options.skipSchemaValidation),
  ]
  const directory = lintTemplateDirectory(tree)
  if (directory !== undefined) messages.push(directory)
  else if (typeof loaded === 'string') messages.push(error('templates/', loaded))
  else messages.push(...lintTemplates(loaded, options))
  if (typeof loaded === 'string') messages.push(error('', `unable to load chart\n\t${loaded}`))
  else messages.push(...lintDependencies(loaded, options.directory))
  return [...messages, ...lintCrds(tree, () => (typeof loaded === 'string' ? error('crds/', loaded) : loaded))]
}

/** The files of a packaged chart, to look at them with {@link lintChart}. @throws EngineError `chart-archive-invalid`, `chart-too-large`. */
export function chartArchiveTree(bytes: Uint8Array): FileTree {
  return new MemoryTree(readArchive(bytes, chartLimits(undefined)).map(({ name, data }) => [name, data] as const))
}

function tryLoad(files: FileTree): Chart | string {
  try {
    return loadChart(files, '', { anyApiVersion: true })
  } catch (cause) {
    if (!isEngineError(cause) || cause.disposition === 'bug') throw cause
    return cause.message
  }
}
