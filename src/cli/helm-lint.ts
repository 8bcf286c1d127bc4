import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { Command } from 'commander'
import { compareByteOrder, EngineError, isEngineError } from '../base/index.ts'
import { chartArchiveTree, lintChart, parseKubeVersion, type LintMessage, type LintOptions } from '../helm/index.ts'
import type { FileTree } from '../ports/index.ts'
import { DiskTree } from './disk-tree.ts'
import { addLintFlags, type HelmFlags } from './helm-flags.ts'
import { renderEnvironment } from './helm-template.ts'
import { readValues } from './helm-values.ts'

type Options = Omit<LintOptions, 'directory'>

/** `helm lint`: mistakes in charts, printed as Helm v4.3.1 does (pkg/cmd/lint.go, pkg/action/lint.go). */
export function lintCommand(): Command {
  return addLintFlags(new Command('lint'))
    .description('look for mistakes in charts')
    .argument('<charts...>', 'directories or archives of charts')
    .action((paths: readonly string[], flags: HelmFlags) => lintAll(paths, flags))
}

function lintAll(given: readonly string[], flags: HelmFlags): void {
  const { kubeVersion } = flags
  const options: Options = {
    ...(kubeVersion === undefined || kubeVersion === '' ? {} : { kubeVersion: parseKubeVersion(kubeVersion) }),
    values: readValues({ ...flags, files: flags.values }),
    namespace: flags.namespace,
    skipSchemaValidation: flags.skipSchemaValidation === true,
    environment: renderEnvironment(),
  }
  const paths = flags.withSubcharts === true ? [...given, ...given.flatMap(subcharts)] : given
  let failed = 0
  let isLoud = flags.quiet !== true
  for (const path of paths) {
    const messages = lintPath(path, options)
    const hasFailed = typeof messages === 'string' || messages.some((one) => isFailure(one, flags))
    if (hasFailed) failed++
    const isClean = typeof messages !== 'string' && messages.every(({ severity }) => severity === 'INFO')
    if (!isClean) isLoud = true
    if (flags.quiet === true && isClean) continue
    process.stdout.write(`==> Linting ${path}\n${linesOf(messages, flags).join('')}\n`)
  }
  const summary = `${paths.length} chart(s) linted, ${failed} chart(s) failed`
  if (failed > 0) throw new EngineError(summary, { code: 'lint-failed' })
  if (isLoud) process.stdout.write(`${summary}\n`)
}

function isFailure({ severity }: LintMessage, flags: HelmFlags): boolean {
  return severity === 'ERROR' || (flags.strict === true && severity === 'WARNING')
}

function linesOf(messages: readonly LintMessage[] | string, flags: HelmFlags): string[] {
  if (typeof messages === 'string') return [`Error ${messages}\n`]
  const shown = flags.quiet === true ? messages.filter(({ severity }) => severity !== 'INFO') : messages
  return shown.map(({ severity, path, text }) => `[${severity}] ${path}: ${text}\n`)
}

/** The findings for one chart, or why there is none to look at. */
function lintPath(path: string, options: Options): LintMessage[] | string {
  let files: FileTree
  try {
    files = isArchive(path) ? chartArchiveTree(readFileSync(path)) : new DiskTree(path)
  } catch (error) {
    if (isEngineError(error) && error.disposition !== 'bug') return `unable to extract tarball: ${error.message}`
    if ((error as { code?: unknown }).code !== 'ENOENT') throw error
    return `unable to open tarball: open ${path}: no such file or directory`
  }
  if (files.stat('Chart.yaml') === undefined)
    return `unable to check Chart.yaml file in chart: stat ${join(path, 'Chart.yaml')}: no such file or directory`
  return lintChart(files, { ...options, directory: resolve(path) })
}

function isArchive(path: string): boolean {
  return path.endsWith('.tgz') || path.endsWith('.tar.gz')
}

/** Everything below the `charts/` of a chart that is a chart, packaged or not, in the order of a walk by names. */
function subcharts(path: string): string[] {
  const found: string[] = []
  const walk = (directory: string): void => {
    const names = readdirSync(directory).sort(compareByteOrder)
    for (const name of names) {
      const at = join(directory, name)
      if (name === 'Chart.yaml') found.push(directory)
      else if (isArchive(at)) found.push(at)
      if (statSync(at, { throwIfNoEntry: false })?.isDirectory() === true) walk(at)
    }
  }
  const root = join(path, 'charts')
  if (statSync(root, { throwIfNoEntry: false })?.isDirectory() === true) walk(root)
  return found
}
