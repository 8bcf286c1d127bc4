import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Command } from 'commander'
import { EngineError } from '../base/index.ts'
import { toBytes } from '../template/index.ts'
import { checkReleaseName, refuseRemote, releaseName, writeFiles } from './helm-release.ts'
import { addIgnoredFlags, addTemplateFlags, templateOptions, type HelmFlags } from './helm-flags.ts'
import { lintCommand } from './helm-lint.ts'
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
import { verifyChartFile, verifyCommand } from './helm-verify.ts'

/** `helm template|show|lint|verify`: charts, rendered and checked without a cluster, with the output of Helm v4.3.1. */
export function helmCommand(): Command {
  return new Command('helm')
    .description('charts')
    .addCommand(templateCommand())
    .addCommand(showCommand())
    .addCommand(lintCommand())
    .addCommand(verifyCommand())
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
  if (flags.verify === true) await verifyChartFile(path, flags.keyring)
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

function usage(message: string): EngineError {
  return new EngineError(message, { code: 'usage' })
}
