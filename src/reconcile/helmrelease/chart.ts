import {
  apiVersions,
  fieldManagers,
  labels,
  type HelmChart,
  type HelmChartTemplate,
  type HelmRelease,
} from '../../api/index.ts'
import { EngineError, toEngineError } from '../../base/index.ts'
import type { Chart } from '../../helm/index.ts'
import type { RunContext } from '../context.ts'
import type { ObjectKey } from '../job.ts'
import { artifactKeyOf, idOfKey } from '../world.ts'

/** The chart of a HelmRelease, ready to be rendered. */
export interface ResolvedChart {
  readonly chart: Chart
  /** Version with its build metadata, as it goes into the release. */
  readonly version: string
  /** Revision of the artifact that the chart was read from. */
  readonly sourceRevision: string
}

/**
 * The chart of `spec.chart`. As helm-controller does (1.6, reconcileChartTemplate), a HelmChart object `<namespace>-<name>` in the source's namespace stands for it: it is written here
 * where it is missing or different, and built by the sources of the run.
 *
 * @throws EngineError with reason `SourceNotReady` or `ArtifactFailed`.
 */
export async function resolveChart(ctx: RunContext, object: HelmRelease): Promise<ResolvedChart> {
  const template = object.spec.chart
  const key = artifactKeyOf(object)
  if (template === undefined || key === undefined || template.kind === 'OCIRepository') {
    throw new EngineError('spec.chart is missing; name a chart and its source', {
      code: 'chart-missing',
      reason: 'SourceNotReady',
    })
  }
  await publishHelmChart(ctx, object, template, key)
  const found = await ctx.sources.chart(key).catch((error: unknown) => {
    const cause = toEngineError(error)
    if (cause.code !== 'artifact-missing') throw cause
    throw new EngineError(cause.message, { code: cause.code, reason: 'SourceNotReady', disposition: 'wait', cause })
  })
  return { chart: found.chart, version: found.version, sourceRevision: found.revision }
}

/** Writes the HelmChart of a release where it is missing or says something else. */
async function publishHelmChart(
  ctx: RunContext,
  object: HelmRelease,
  template: HelmChartTemplate,
  target: ObjectKey,
): Promise<void> {
  const { name, namespace } = target
  const { spec } = template
  const known = ctx.world.get(idOfKey(target)) as HelmChart | undefined
  const wanted: HelmChart = {
    apiVersion: apiVersions.HelmChart,
    kind: 'HelmChart',
    metadata: {
      name,
      namespace,
      labels: {
        ...template.metadata?.labels,
        [labels.helmName]: object.metadata.name,
        [labels.helmNamespace]: object.metadata.namespace ?? '',
      },
      ...(template.metadata?.annotations === undefined ? {} : { annotations: template.metadata.annotations }),
    },
    spec: {
      chart: spec.chart,
      version: spec.version ?? '*',
      sourceRef: { kind: spec.sourceRef.kind, name: spec.sourceRef.name },
      interval: spec.interval ?? object.spec.interval,
      ...(spec.reconcileStrategy === undefined ? {} : { reconcileStrategy: spec.reconcileStrategy }),
      ...(spec.valuesFiles === undefined ? {} : { valuesFiles: spec.valuesFiles }),
      ...(spec.ignoreMissingValuesFiles === undefined
        ? {}
        : { ignoreMissingValuesFiles: spec.ignoreMissingValuesFiles }),
      ...(spec.verify === undefined ? {} : { verify: spec.verify }),
    },
  }
  if (known !== undefined && isSameSpec(known, wanted)) return
  const key = { apiVersion: wanted.apiVersion, kind: wanted.kind, namespace, name }
  ctx.world.update(
    await ctx.client.patch<HelmChart>(
      key,
      { type: 'apply', body: wanted, force: true },
      { fieldManager: fieldManagers.helm, signal: ctx.signal },
    ),
  )
}

function isSameSpec(known: HelmChart, wanted: HelmChart): boolean {
  const optional = ['reconcileStrategy', 'valuesFiles', 'ignoreMissingValuesFiles', 'verify'] as const
  return (
    Object.entries(wanted.spec).every(([key, value]) => isSubset(value, known.spec[key as keyof HelmChart['spec']])) &&
    optional.every((field) => wanted.spec[field] !== undefined || isDefault(known.spec[field]))
  )
}

/** Defaults that the server adds to an object do not count. */
function isSubset(wanted: unknown, known: unknown): boolean {
  if (typeof wanted !== 'object' || wanted === null || Array.isArray(wanted))
    return JSON.stringify(wanted) === JSON.stringify(known)
  if (typeof known !== 'object' || known === null) return false
  return Object.entries(wanted).every(([key, value]) => isSubset(value, (known as { [key: string]: unknown })[key]))
}

function isDefault(value: unknown): boolean {
  return value === undefined || value === 'ChartVersion' || value === false
}
