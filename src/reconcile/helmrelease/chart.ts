import {
  apiVersions,
  fieldManagers,
  labels,
  type HelmChart,
  type HelmChartTemplate,
  type HelmRelease,
} from '../../api/index.ts'
import { EngineError, sha256Hex, toEngineError } from '../../base/index.ts'
import { loadChart, type Chart } from '../../helm/index.ts'
import { patchStatus } from '../../kube/index.ts'
import type { Artifact, FileTree } from '../../ports/index.ts'
import { retryPending } from '../../files/index.ts'
import type { RunContext } from '../context.ts'
import { chartStatus } from './chart-status.ts'
import { sourceKeyOf } from '../world.ts'

/** The chart of a HelmRelease, ready to be rendered. */
export interface ResolvedChart {
  readonly chart: Chart
  /** Version with its build metadata, as it goes into the release. */
  readonly version: string
  /** Revision of the source that the chart was read from. */
  readonly sourceRevision: string
}

/**
 * The chart of `spec.chart`, from a directory of a Git source. As source-controller does, a HelmChart object `<namespace>-<name>` in the source's namespace stands for it
 * (helm-controller 1.6, reconcileChartTemplate), so that `flux get sources chart` and `flux trace` show where a release comes from.
 *
 * @throws EngineError with reason `SourceNotReady` or `ArtifactFailed`.
 */
export async function resolveChart(ctx: RunContext, object: HelmRelease): Promise<ResolvedChart> {
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
  const chart = await retryPending(() => loadChartAt(artifact.files, path), ctx.signal)
  const version = versionOf(chart, object, artifact)
  await publishHelmChart(ctx, object, template, { artifact, path, version })
  return { chart, version, sourceRevision: artifact.revision }
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

async function publishHelmChart(
  ctx: RunContext,
  object: HelmRelease,
  template: HelmChartTemplate,
  found: { readonly artifact: Artifact; readonly path: string; readonly version: string },
): Promise<void> {
  const { artifact, path, version } = found
  const namespace = template.spec.sourceRef.namespace ?? object.metadata.namespace ?? ''
  const name = `${object.metadata.namespace ?? ''}-${object.metadata.name}`
  const known = ctx.world.get(`HelmChart/${namespace}/${name}`) as HelmChart | undefined
  const digest = `sha256:${sha256Hex(`${artifact.files.stat(path)?.id ?? artifact.revision}\n${version}`)}`
  let current = known
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
      chart: template.spec.chart,
      version: template.spec.version ?? '*',
      sourceRef: { kind: template.spec.sourceRef.kind, name: template.spec.sourceRef.name },
      interval: template.spec.interval ?? object.spec.interval,
      ...(template.spec.reconcileStrategy === undefined ? {} : { reconcileStrategy: template.spec.reconcileStrategy }),
    },
  }
  if (known === undefined || !isSameSpec(known, wanted)) {
    const key = { apiVersion: wanted.apiVersion, kind: wanted.kind, namespace, name }
    current = await ctx.client.patch<HelmChart>(
      key,
      { type: 'apply', body: wanted, force: true },
      { fieldManager: fieldManagers.helm, signal: ctx.signal },
    )
  }
  if (current === undefined) return
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

function isSameSpec(known: HelmChart, wanted: HelmChart): boolean {
  return Object.entries(wanted.spec).every(
    ([key, value]) => JSON.stringify(known.spec[key as keyof HelmChart['spec']]) === JSON.stringify(value),
  )
}
