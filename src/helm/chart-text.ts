import { parseYaml, printYaml } from '../yaml/index.ts'
import { crdsOf, instantiate, type Chart, type ChartFile } from './chart/chart.ts'
import { goJson } from './release/go-json.ts'
import { metadataJson } from './release/json.ts'
import { storedChart } from './release/stored-chart.ts'

/** The metadata of a chart as `helm show chart` prints it (Helm v4 pkg/action/show.go): what Helm read of Chart.yaml, keys in order, empty fields left out. */
export function chartYaml(chart: Chart): string {
  const { metadata } = storedChart(instantiate(chart))
  const json = metadata === null ? 'null' : goJson(metadataJson(metadata))
  return printYaml(parseYaml(json, { dialect: 'sigs' }), { dialect: 'sigs' })
}

/** The files in `crds/` of a chart and of all charts below it, whether values turn them on or not (Helm v4 Chart.CRDObjects). */
export function allCrdFiles(chart: Chart): ChartFile[] {
  return crdsOf(instantiate(chart)).map((crd) => crd.file)
}
