import type { BuildContext } from '../build-context.ts'
import type { Loader } from '../loader.ts'
import { problem } from '../problems.ts'
import { readObjects } from '../read-objects.ts'
import type { Resource } from '../resource.ts'
import type { HelmChartEntry, HelmGlobals } from '../types.ts'
import { chartRequest } from './helm-charts.ts'

/** The objects of a chart; undefined (and a request in the context) where it must be fetched first. */
export function runChart(
  chart: HelmChartEntry,
  globals: HelmGlobals,
  namespace: string,
  loader: Loader,
  context: BuildContext,
): readonly Resource[] | undefined {
  if (context.inflateHelm === undefined) {
    throw problem(
      'kustomize-helm-disabled',
      `helmCharts are not enabled for this build (chart ${chart.name ?? ''}); deploy the chart with a HelmRelease, or enable charts`,
      { field: 'helmCharts' },
    )
  }
  const request = chartRequest(chart, globals, namespace, loader)
  const text = context.inflateHelm(request)
  if (text === undefined) {
    context.requests.push({ kind: 'chart', chart: request })
    return undefined
  }
  const objects = readObjects(text, `chart ${request.name}`, context.schema)
  for (const object of objects) object.helmGenerated = true
  return objects
}
