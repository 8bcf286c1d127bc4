import { fieldManagers, type HelmChart, type HelmRelease } from '../../api/index.ts'
import { EngineError, sha256Hex, toEngineError } from '../../base/index.ts'
import { loadChart, type Chart, type TemplateCache } from '../../helm/index.ts'
import { patchStatus } from '../../kube/index.ts'
import type { Artifact, FileTree } from '../../ports/index.ts'
import { retryPending } from '../../files/index.ts'
import type { RunContext } from '../context.ts'
import { sourceKeyOf } from '../world.ts'
import type { Attempt } from './attempt.ts'
import { chartStatus } from './chart-status.ts'
import { syncHelmChart } from './helm-chart.ts'

/** The chart of a HelmRelease, ready to be rendered. */
export interface ResolvedChart {
  readonly chart: Chart
  /** Version with its build metadata, as it goes into the release. */
  readonly version: string
  /** Revision of the source that the chart was read from. */
  readonly sourceRevision: string
  /** Digest of the OCI artifact that it came from. */
  readonly ociDigest?: string
  /** Parsed templates, shared by all releases of the chart. */
  readonly templates?: TemplateCache
}

/**
 * The chart of `spec.chart`, from a directory of a Git source. As source-controller does, a HelmChart object `<namespace>-<name>` in the source's namespace stands for it
 * (helm-controller 1.6, reconcileChartTemplate), so that `flux get sources chart` and `flux trace` show where a release comes from.
 *
 * @throws EngineError with reason `SourceNotReady` or `ArtifactFailed`.
 */
export async function resolveChart(ctx: RunContext, attempt: Attempt): Promise<ResolvedChart> {
  const { object } = attempt
  const helmChart = await syncHelmChart(ctx, attempt)
  const template = object.spec.chart
  const source = sourceKeyOf(object)
  if (template === undefined || source === undefined || template.kind === 'OCIRepository') {
    throw new EngineError('spec.chart is missing; name a chart and its source', {
      code: 'chart-missing',
      reason: 'SourceNotReady',
    })
  }
  if (source.kind !== 'GitRepository') {
    throw new EngineError(
      `charts from a ${source.kind} are not supported yet; use a chart in a GitRepository, or leave this HelmRelease to Flux's own controllers`,
      {
        code: 'chart-source-unsupported',
        reason: 'SourceNotReady',
      },
    )
  }
  const artifact = await ctx.sources.artifact(source).catch((error: unknown) => {
    const cause = toEngineError(error)
    if (cause.code !== 'artifact-missing') throw cause
    throw new EngineError(cause.message, { code: cause.code, reason: 'SourceNotReady', disposition: 'wait', cause })
  })
  const path = cleanChartPath(template.spec.chart)
  const chart = await loadOnce(ctx, artifact, path)
  const version = versionOf(chart, object, artifact)
  if (helmChart !== undefined) await publishStatus(ctx, helmChart, { artifact, path, version })
  return { chart, version, sourceRevision: artifact.revision, templates: ctx.deps.caches.helm.templates }
}

/** A directory that is known by its content is loaded once for all releases that use it. */
async function loadOnce(ctx: RunContext, artifact: Artifact, path: string): Promise<Chart> {
  const { charts } = ctx.deps.caches.helm
  const id = artifact.files.stat(path)?.id
  const known = id === undefined ? undefined : charts.get(id)
  if (known !== undefined) return known
  const chart = await retryPending(() => loadChartAt(artifact.files, path), ctx.signal)
  if (id !== undefined) charts.set(id, chart)
  return chart
}

function loadChartAt(files: FileTree, path: string): Chart {
  if (files.stat(path)?.kind !== 'directory') {
    throw new EngineError(
      `no chart found: there is no directory '${path}' in the source; check spec.chart.spec.chart`,
      {
        code: 'chart-path-not-found',
        reason: 'SourceNotReady',
      },
    )
  }
  return loadChart(files, path)
}

function cleanChartPath(path: string): string {
  return path
    .split('/')
    .filter((part) => part !== '' && part !== '.')
    .join('/')
}

/** With `reconcileStrategy: Revision` the commit's first twelve digits become the version's build metadata. */
function versionOf(chart: Chart, object: HelmRelease, artifact: Artifact): string {
  const version = chart.metadata.version
  if (object.spec.chart?.spec.reconcileStrategy !== 'Revision') return version
  const commit = artifact.revision.slice(artifact.revision.lastIndexOf(':') + 1)
  return `${version.split('+')[0] ?? version}+${commit.slice(0, 12)}`
}

async function publishStatus(
  ctx: RunContext,
  current: HelmChart,
  found: { readonly artifact: Artifact; readonly path: string; readonly version: string },
): Promise<void> {
  const { artifact, path, version } = found
  const digest = `sha256:${sha256Hex(`${artifact.files.stat(path)?.id ?? artifact.revision}\n${version}`)}`
  if (current.status?.artifact?.digest === digest && current.status.observedGeneration === current.metadata.generation)
    return
  const status = chartStatus(current, {
    digest,
    version,
    sourceRevision: artifact.revision,
    publicUrl: ctx.deps.settings.publicUrl,
    now: ctx.deps.clock.now(),
  })
  ctx.world.update(await patchStatus(ctx.client, current, status, fieldManagers.sourceStatus, { signal: ctx.signal }))
}
