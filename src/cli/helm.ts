import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { Command } from 'commander'
import { EngineError, isEngineError } from '../base/index.ts'
import { parseYamlText, splitManifests, type Chart } from '../helm/index.ts'
import { quote, toBytes } from '../template/index.ts'
import { checkReleaseName, refuseRemote, releaseName, writeFiles } from './helm-release.ts'
import { addIgnoredFlags, addTemplateFlags, addValueFlags, templateOptions, type HelmFlags } from './helm-flags.ts'
import { showCommand } from './helm-show.ts'
import { renderSnippets } from './helm-snippets.ts'
import {
  crdFiles,
  loadChartFrom,
  renderTemplate,
  templateFiles,
  templateJsonLines,
  templateText,
  type TemplateOptions,
} from './helm-template.ts'
import { readValues } from './helm-values.ts'

/** `helm template|show|lint`: charts, rendered and checked without a cluster, with the output of Helm v4.3.1. */
export function helmCommand(): Command {
  return new Command('helm')
    .description('charts')
    .addCommand(templateCommand())
    .addCommand(showCommand())
    .addCommand(lintCommand())
}

function templateCommand(): Command {
  return addIgnoredFlags(addTemplateFlags(new Command('template')))
    .description('render a chart')
    .argument('[name]', 'name of the release; left out: release-name')
    .argument('[chart]', 'directory or archive of the chart')
    .option(
      '--snippets <file>',
      'render short templates, JSON lines {name, template, values?}, and print JSON lines {name, output | error}',
    )
    .option('--chart <directory>', 'the chart in which snippets stand')
    .action(async (name: string | undefined, chart: string | undefined, flags: HelmFlags) => {
      if (flags.snippets !== undefined) return await printSnippets(flags.snippets, flags.chart)
      const path = chart ?? name
      if (path === undefined) throw usage('"helm template" requires a chart: sluice helm template NAME CHART')
      refuseRemote(flags)
      const options = templateOptions(releaseName(chart === undefined ? undefined : name, flags), flags)
      await printTemplate(path, options, flags)
    })
}

async function printTemplate(path: string, options: TemplateOptions, flags: HelmFlags): Promise<void> {
  const { format, outputDir } = flags
  const chart = await loadChartFrom(path)
  checkReleaseName(options.release)
  const result = renderTemplate(chart, options)
  for (const warning of result.warnings) process.stderr.write(`${warning}\n`)
  if (outputDir !== undefined) {
    const directory = flags.releaseName === true ? join(outputDir, options.release) : outputDir
    writeFiles(outputDir, crdFiles(result, options))
    return writeFiles(directory, templateFiles(result, options))
  }
  // Bytes that are no UTF-8 are printed as they are.
  const text = format === 'jsonl' ? templateJsonLines(result, options) : templateText(result, options)
  process.stdout.write(toBytes(text))
}

async function printSnippets(file: string, chart: string | undefined): Promise<void> {
  if (chart === undefined) throw usage('--snippets needs --chart, the directory of the chart in which they stand')
  process.stdout.write(renderSnippets(await loadChartFrom(chart), readFileSync(file, 'utf8')))
}

function lintCommand(): Command {
  return addValueFlags(new Command('lint'))
    .description('check that a chart loads, that its values fit and that it renders')
    .argument('<charts...>', 'directories or archives of charts')
    .action(async (paths: string[], flags: HelmFlags) => {
      let failed = 0
      for (const path of paths) {
        if (!(await lint(path, flags))) failed++
        process.stdout.write('\n')
      }
      const summary = `${paths.length} chart(s) linted, ${failed} chart(s) failed`
      if (failed > 0) throw new EngineError(summary, { code: 'lint-failed' })
      process.stdout.write(`${summary}\n`)
    })
}

/** Prints what is wrong with a chart, and says whether nothing of it is an error. The rules that Helm has, but for deprecated kinds and names of objects. */
async function lint(path: string, flags: HelmFlags): Promise<boolean> {
  process.stdout.write(`==> Linting ${path}\n`)
  const chart = await loadChartFrom(path)
  const lines: string[] = []
  const say = (severity: 'INFO' | 'WARNING' | 'ERROR', where: string, message: string): void =>
    void lines.push(`[${severity}] ${where}: ${message}`)
  if (chart.metadata.icon === '') say('INFO', 'Chart.yaml', 'icon is recommended')
  if (chart.values === undefined) say('INFO', 'values.yaml', 'file does not exist')
  if (chart.templates.length === 0) say('WARNING', 'templates/', 'directory does not exist')
  try {
    const values = readValues({ ...flags, files: flags.values })
    const result = renderTemplate(chart, { ...LINT_OPTIONS, values })
    for (const file of chart.templates)
      lintRendered(file.name, result.files.get(`${chart.metadata.name}/${file.name}`), say)
  } catch (error) {
    if (!isEngineError(error) || error.disposition === 'bug') throw error
    say('ERROR', 'templates/', error.message)
  }
  lintDependencies(chart, resolve(path), say)
  for (const line of lines) process.stdout.write(`${line}\n`)
  return !lines.some((line) => line.startsWith('[ERROR]'))
}

type Say = (severity: 'INFO' | 'WARNING' | 'ERROR', where: string, message: string) => void

function lintRendered(name: string, text: string | undefined, say: Say): void {
  const extension = /\.[^./]*$/.exec(name)?.[0] ?? ''
  if (!['.yaml', '.yml', '.tpl', '.txt'].includes(extension))
    say('ERROR', name, `file extension '${extension}' not valid. Valid extensions are .yaml, .yml, .tpl, or .txt`)
  if (text === undefined || text.trim() === '' || !/\.ya?ml$/i.test(name)) return
  const first = text.split('\n').find((line) => line.trim() !== '') ?? ''
  if (/^[ \t]/.test(first))
    say('WARNING', name, `document starts with an illegal indent: ${quote(first)}, which may cause parsing problems`)
  for (const document of splitManifests(text)) {
    try {
      parseYamlText(document)
    } catch (error) {
      if (!isEngineError(error)) throw error
      return say('ERROR', name, `unable to parse YAML: ${error.message}`)
    }
  }
}

function lintDependencies(chart: Chart, directory: string, say: Say): void {
  const present = chart.dependencies.map((child) => child.metadata.name)
  const wanted = (chart.metadata.dependencies ?? []).map((one) => one.name)
  const undeclared = present.filter((name) => !wanted.includes(name))
  if (undeclared.length > 0)
    say('ERROR', directory, `chart metadata is missing these dependencies: ${undeclared.join(',')}`)
  const missing = wanted.filter((name) => !present.includes(name))
  if (missing.length > 0)
    say('WARNING', directory, `chart directory is missing these dependencies: ${missing.join(',')}`)
}

const LINT_OPTIONS: Omit<TemplateOptions, 'values'> = Object.freeze({
  release: 'test-release',
  namespace: 'default',
  apiVersions: [],
  includeCrds: false,
  noHooks: false,
  skipTests: false,
  isUpgrade: false,
  skipSchemaValidation: false,
  showOnly: [],
  lint: true,
})

function usage(message: string): EngineError {
  return new EngineError(message, { code: 'usage' })
}
