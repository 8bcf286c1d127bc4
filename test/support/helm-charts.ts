import { MemoryTree } from '../../src/files/index.ts'
import { loadChart, renderChart, type Chart, type RenderRequest, type RenderResult } from '../../src/helm/index.ts'

/** A chart from texts by path; Chart.yaml is made up where it is not given. */
export function chartOf(files: { readonly [path: string]: string }): Chart {
  return loadChart(new MemoryTree({ 'Chart.yaml': 'apiVersion: v2\nname: parent\nversion: 1.0.0\n', ...files }), '')
}

/** Renders a chart as release `rel` in namespace `ns`, at a fixed time and with fixed randomness. */
export function renderOf(chart: Chart, options: Partial<RenderRequest> = {}): RenderResult {
  return renderChart({
    chart,
    release: { name: 'rel', namespace: 'ns', revision: 1, isInstall: true, isUpgrade: false },
    values: {},
    environment: { now: () => Date.UTC(2024, 0, 2, 3, 4, 5), randomBytes: (count) => new Uint8Array(count).fill(7) },
    ...options,
  })
}

/** What a template gives in a chart of its own. */
export function rendered(
  template: string,
  values: { [key: string]: unknown } = {},
  files: { readonly [path: string]: string } = {},
): string {
  const result = renderOf(chartOf({ 'templates/t.yaml': template, ...files }), { values, skipSorting: true })
  return result.files.get('parent/templates/t.yaml') ?? ''
}
