import { EngineError, mapLimit } from '../../base/index.ts'
import { followLinks, isPendingFiles, PendingFilesError, rememberEntries, subtree } from '../../files/index.ts'
import type { FileTree, PendingFiles } from '../../ports/index.ts'
import { helmError } from '../errors.ts'
import { assembleChart, type LoadedFile } from './assemble.ts'
import type { Chart } from './chart.ts'
import { parseHelmIgnore } from './ignore.ts'
import { chartLimits, type ChartLimits } from './limits.ts'
import { withoutBom } from './text.ts'

/** How a chart is loaded. */
export interface LoadChartOptions {
  readonly limits?: Partial<ChartLimits>
  /** Charts of any apiVersion are read as those of v2, as Helm's linter does. */
  readonly anyApiVersion?: boolean
}

/**
 * Loads the chart in the directory `path` of a tree, with its sub-charts in `charts/` (directories, and archives that are not compressed beyond the
 * limits). `.helmignore` applies; links are followed inside the tree.
 *
 * @throws EngineError `chart-invalid`, `chart-too-large`, `chart-archive-invalid`; PendingFiles, with every file that is missing at once,
 * where content is not at hand.
 */
export function loadChart(files: FileTree, path: string, options: LoadChartOptions = {}): Chart {
  const limits = chartLimits(options.limits)
  const tree = subtree(followLinks(rememberEntries(files)), path)
  if (tree.stat('Chart.yaml') === undefined) {
    throw helmError('chart-invalid', `unable to detect chart at ${path === '' ? '.' : path}: no Chart.yaml there`)
  }
  const isIgnored = parseHelmIgnore(readIgnoreFile(tree))
  const found = collect(tree, isIgnored, limits)
  return assembleChart(readAll(tree, found, limits), {
    limits,
    depth: 0,
    ...(options.anyApiVersion === true ? { anyApiVersion: true } : {}),
  })
}

function readIgnoreFile(tree: FileTree): string {
  if (tree.stat('.helmignore')?.kind !== 'file') return ''
  return new TextDecoder().decode(withoutBom(tree.read('.helmignore')))
}

function collect(
  tree: FileTree,
  isIgnored: (path: string, isDirectory: boolean) => boolean,
  limits: ChartLimits,
): string[] {
  const found: string[] = []
  let entries = 0
  const walk = (directory: string, depth: number): void => {
    if (depth > limits.maxDepth)
      throw helmError('chart-too-large', `chart has directories more than ${limits.maxDepth} deep`)
    for (const entry of tree.list(directory)) {
      if (++entries > limits.maxFiles * 4)
        throw helmError('chart-too-large', `chart has more than ${limits.maxFiles * 4} entries`)
      const path = directory === '' ? entry.name : `${directory}/${entry.name}`
      const isDirectory = entry.kind === 'directory'
      if (isIgnored(path, isDirectory)) continue
      if (isDirectory) walk(path, depth + 1)
      else if (entry.kind === 'file') found.push(path)
      else if (entry.kind === 'symlink') {
        throw helmError('chart-invalid', `error evaluating symlink ${path}: it leads nowhere, or out of the source`)
      } else throw helmError('chart-invalid', `cannot load irregular file ${path}: it is a submodule`)
      if (found.length > limits.maxFiles)
        throw helmError('chart-too-large', `chart has more than ${limits.maxFiles} files`)
    }
  }
  walk('', 0)
  return found
}

/** Reads every file, and asks for all that are not at hand in one request. */
function readAll(tree: FileTree, paths: readonly string[], limits: ChartLimits): LoadedFile[] {
  const loaded: LoadedFile[] = []
  const pending: PendingFiles[] = []
  let left = limits.maxBytes
  for (const name of paths) {
    try {
      const data = tree.read(name)
      left -= data.length
      if (left < 0)
        throw helmError('chart-too-large', `chart exceeds maximum decompressed size of ${limits.maxBytes} bytes`)
      loaded.push({ name, data: withoutBom(data) })
    } catch (error) {
      if (!isPendingFiles(error)) throw inFile(error, name)
      pending.push(error)
    }
  }
  const [first] = pending
  if (first === undefined) return loaded
  if (pending.length === 1) throw first
  throw new PendingFilesError(
    pending.flatMap((request) => request.paths),
    async (signal) => {
      await mapLimit(pending, 8, (request) => request.load(signal))
    },
  )
}

function inFile(error: unknown, name: string): unknown {
  if (!(error instanceof EngineError) || error.code === 'chart-too-large') return error
  return new EngineError(`error reading ${name}: ${error.message}`, {
    code: error.code,
    data: error.data,
    cause: error,
  })
}
