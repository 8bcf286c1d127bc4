import { isEngineError, joinPath } from '../../../base/index.ts'
import { followLinks } from '../../../files/index.ts'
import { mergeValues, type Chart, type Values } from '../../../helm/index.ts'
import type { FileTree } from '../../../ports/index.ts'
import { parseYaml, printYaml } from '../../../yaml/index.ts'
import { buildError, textOf } from './build.ts'

/** Merged values as a values.yaml, and the files that went into it. */
export interface MergedValues {
  readonly yaml: string
  readonly files: readonly string[]
}

/**
 * Merges values files of a source, in their order, paths being relative to the root of the source (source-controller 1.9, mergeFileValues). A missing file is left out with
 * `ignoreMissing`. PendingFiles pass through.
 *
 * @throws EngineError reason `ValuesFilesError`.
 */
export function mergeSourceValues(source: FileTree, paths: readonly string[], ignoreMissing: boolean): MergedValues {
  const tree = followLinks(source)
  return mergeFiles(paths, ignoreMissing, (path) => (tree.stat(path)?.kind === 'file' ? tree.read(path) : undefined))
}

/**
 * Merges values files of a packaged chart: `values.yaml` is its own, other paths are files inside it (source-controller 1.9, mergeChartValues).
 *
 * @throws EngineError reason `ValuesFilesError`.
 */
export function mergeChartValuesFiles(chart: Chart, paths: readonly string[], ignoreMissing: boolean): MergedValues {
  return mergeFiles(paths, ignoreMissing, (path) => chart.raw.find((file) => file.name === path)?.data)
}

function mergeFiles(
  paths: readonly string[],
  ignoreMissing: boolean,
  read: (path: string) => Uint8Array | undefined,
): MergedValues {
  let merged: Values = {}
  const files: string[] = []
  for (const path of paths) {
    const data = read(cleanPath(path))
    if (data === undefined) {
      if (ignoreMissing) continue
      throw buildError('ValuesFilesError', `values files merge error: no values file found at path '${path}'`)
    }
    merged = mergeValues(merged, parseValues(path, data))
    files.push(path)
  }
  return { yaml: printYaml(merged, { dialect: 'sigs' }), files }
}

function parseValues(path: string, data: Uint8Array): Values {
  let value: unknown
  try {
    value = parseYaml(new TextDecoder().decode(data), { dialect: 'sigs' })
  } catch (error) {
    throw buildError(
      'ValuesFilesError',
      `values files merge error: unmarshaling values from '${path}' failed: ${textOf(error)}`,
      error,
    )
  }
  if (value === null || value === undefined) return {}
  if (typeof value !== 'object' || Array.isArray(value))
    throw buildError('ValuesFilesError', `values files merge error: '${path}' does not hold a table of values`)
  return value as Values
}

function cleanPath(path: string): string {
  try {
    return joinPath('', path.replace(/^\/+/, ''))
  } catch (error) {
    if (!isEngineError(error)) throw error
    throw buildError('ValuesFilesError', `values files merge error: ${error.message}`, error)
  }
}
