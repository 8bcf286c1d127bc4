import { EngineError } from '../base/index.ts'
import { loadChart, mergeTables, toTable } from '../helm/index.ts'
import type { InflateHelm } from '../kustomize/index.ts'
import type { GoMap } from '../template/index.ts'
import { renderTemplate, templateText, type TemplateOptions } from './helm-template.ts'

/**
 * Renders `helmCharts` whose chart is in the source, with the Helm engine, as kustomize does by way of `helm template`. Throws EngineError
 * `kustomize-helm-chart` for a chart that would have to be pulled, and for a release without a name, which Helm would make up.
 */
export const inflateChart: InflateHelm = (request) => {
  const { name, chartPath, repo, version } = request
  if (chartPath === undefined) {
    throw refused(
      `chart ${name} is not in the source, and nothing is pulled from ${repo}; run \`helm pull ${name} --untar\`` +
        `${version === '' ? '' : ` --version ${version}`} into the charts' home`,
    )
  }
  if (request.nameTemplate !== '') throw refused(`nameTemplate of chart ${name} is not supported; set releaseName`)
  if (request.releaseName === '') throw refused(`chart ${name} needs a releaseName`)
  const values = request.values.reduce<GoMap>((below, over) => mergeTables(below, toTable(over)), new Map())
  const options: TemplateOptions = {
    release: request.releaseName,
    namespace: request.namespace || 'default',
    values,
    ...(request.kubeVersion === '' ? {} : { kubeVersion: request.kubeVersion }),
    apiVersions: request.apiVersions,
    includeCrds: request.includeCRDs,
    noHooks: request.skipHooks,
    skipTests: request.skipTests,
    isUpgrade: false,
    skipSchemaValidation: false,
    showOnly: [],
  }
  return templateText(renderTemplate(loadChart(request.files, chartPath), options), options)
}

function refused(message: string): EngineError {
  return new EngineError(message, { code: 'kustomize-helm-chart' })
}
