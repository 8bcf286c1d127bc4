import type { HelmRelease } from '../../api/index.ts'
import { EngineError, toEngineError } from '../../base/index.ts'
import type { Chart, TemplateCache } from '../../helm/index.ts'
import type { RunContext } from '../context.ts'
import { artifactKeyOf } from '../world.ts'
import type { Attempt } from './attempt.ts'
import { refuseOtherNamespace, syncHelmChart } from './helm-chart.ts'

/** The chart of a HelmRelease, ready to be rendered. */
export interface ResolvedChart {
  readonly chart: Chart
  /** Version with its build metadata, as it goes into the release. */
  readonly version: string
  /** Revision of the artifact that the chart was read from. */
  readonly sourceRevision: string
  /** `sha256:<hex>` of that artifact. */
  readonly digest: string
  /** Digest of the OCI artifact that it came from. */
  readonly ociDigest?: string
  /** Parsed templates, shared by all releases of the chart. */
  readonly templates?: TemplateCache
}

/**
 * The chart of a HelmRelease. For `spec.chart` a HelmChart object `<namespace>-<name>` in the source's namespace stands for it (helm-controller 1.6,
 * reconcileChartTemplate): it is brought up to date here and built by the sources of the run. `spec.chartRef` names an object that is there.
 *
 * @throws EngineError with reason `SourceNotReady`, `ArtifactFailed`, `ChartMutateError` or `AccessDenied`.
 */
export async function resolveChart(ctx: RunContext, attempt: Attempt): Promise<ResolvedChart> {
  const { object } = attempt
  await syncHelmChart(ctx, attempt)
  const key = artifactKeyOf(object)
  if (key === undefined) throw noChart(object)
  refuseOtherNamespace(ctx, object, `${key.kind}/${key.namespace}/${key.name}`, key.namespace)
  const found = await ctx.sources.chart(key).catch((error: unknown) => {
    const cause = toEngineError(error)
    if (cause.code !== 'artifact-missing') throw cause
    throw new EngineError(cause.message, { code: cause.code, reason: 'SourceNotReady', disposition: 'wait', cause })
  })
  return {
    chart: found.chart,
    version: found.version,
    sourceRevision: found.revision,
    digest: found.digest,
    ...(found.ociDigest === undefined ? {} : { ociDigest: found.ociDigest }),
    templates: ctx.deps.caches.helm.templates,
  }
}

function noChart(object: HelmRelease): EngineError {
  const message =
    object.spec.chart?.kind === 'OCIRepository'
      ? 'spec.chart of kind OCIRepository is not supported yet; create the OCIRepository and name it in spec.chartRef'
      : 'spec.chart is missing; name a chart and its source, or an object in spec.chartRef'
  return new EngineError(message, { code: 'chart-missing', reason: 'SourceNotReady' })
}
