import { Command } from 'commander'
import { allCrdFiles, chartYaml, type Chart } from '../helm/index.ts'
import { fromBytes, toBytes } from '../template/index.ts'
import { loadChartFrom } from './helm-template.ts'

const SHOWN: { readonly [what: string]: (chart: Chart) => string } = {
  chart: (chart) => `${chartYaml(chart)}\n`,
  values: showValues,
  readme: (chart) => readme(chart) ?? '',
  crds: showCrds,
  all: showAll,
}

/** `helm show chart|values|readme|crds|all` (Helm v4 pkg/action/show.go). */
export function showCommand(): Command {
  const command = new Command('show').description('print a part of a chart')
  for (const [what, print] of Object.entries(SHOWN)) {
    command.addCommand(
      new Command(what)
        .argument('<chart>', 'directory or archive of the chart')
        .action(async (path: string) => void process.stdout.write(toBytes(print(await loadChartFrom(path))))),
    )
  }
  return command
}

function showAll(chart: Chart): string {
  const text = readme(chart)
  const values = chart.values === undefined ? '' : `---\n${showValues(chart)}`
  return `${chartYaml(chart)}\n${values}${text === undefined ? '' : `---\n${text}`}${showCrds(chart)}`
}

function showValues(chart: Chart): string {
  const file = chart.raw.find((one) => one.name === 'values.yaml')
  return file === undefined ? '' : `${fromBytes(file.data)}\n`
}

const readmeNames: readonly string[] = ['readme.md', 'readme.txt', 'readme']

function readme(chart: Chart): string | undefined {
  const file = chart.files.find((one) => readmeNames.includes(one.name.toLowerCase()))
  return file === undefined ? undefined : `${fromBytes(file.data)}\n`
}

function showCrds(chart: Chart): string {
  return allCrdFiles(chart)
    .map((file) => fromBytes(file.data))
    .map((text) => `${text.startsWith('---') ? '' : '---\n'}${text}\n`)
    .join('')
}
