import type { HelmChart, HelmRepository } from '../../../api/index.ts'
import { EngineError } from '../../../base/index.ts'
import { downloadChart, selectVersion } from '../../../sources/index.ts'
import { chartVersions, helmRequest, isOciHelmRepository } from '../helm-repository.ts'
import { idOf, keyOf } from '../../world.ts'
import type { SourceContext } from '../index.ts'
import {
  buildError,
  loadPackaged,
  packChart,
  versionWith,
  wantedValuesFiles,
  type BuiltChart,
  type ChartHead,
  type ChartPlan,
} from './build.ts'
import { mergeChartValuesFiles } from './values-files.ts'

/** Lower-case names with `-`, joined by `/`, `.` or `/.` (source-controller 1.9, RemoteReference.Validate). */
const chartName = /^[-a-z0-9]+(?:(?:\/\.?|\.)[-a-z0-9]+)*(?:\/\.?|\.)?$/

/**
 * Says which version of a chart in a HelmRepository is wanted now. With values files the generation becomes build metadata, so that consumers notice (source-controller 1.9,
 * buildFromHelmRepository).
 *
 * @throws EngineError reason `InvalidChartReference`, `ChartPullError`, `AuthenticationFailed`, `NoSourceArtifact`.
 */
export async function planRemoteChart(
  ctx: SourceContext,
  object: HelmChart,
  repository: HelmRepository,
): Promise<ChartPlan> {
  const { chart, version: range = '*' } = object.spec
  if (!chartName.test(chart)) {
    throw buildError(
      'InvalidChartReference',
      `invalid chart reference: invalid chart name '${chart}': a valid name must be lower case letters and numbers and MAY be separated with dashes (-), slashes (/) or periods (.)`,
    )
  }
  if (isOciHelmRepository(repository))
    throw buildError('UnsupportedSourceKind', 'charts of a registry are not supported yet')
  const { versions, revision } = await chartVersions(ctx, await fetched(ctx, repository), chart)
  const entry = selectVersion(chart, versions, range)
  const metadata = wantedValuesFiles(object).length === 0 ? '' : String(object.metadata.generation ?? 0)
  const head = { name: entry.name, version: versionWith(entry.version, metadata) }
  return {
    ...head,
    sourceRevision: revision,
    build: async () => {
      const { deps, options } = await helmRequest(ctx, repository)
      return packRemoteChart(object, head, await downloadChart(deps, options, entry))
    },
  }
}

/** The repository with its index; one that has just been made is looked at first. @throws EngineError reason `NoSourceArtifact`. */
async function fetched(ctx: SourceContext, repository: HelmRepository): Promise<HelmRepository> {
  if (repository.status?.artifact !== undefined) return repository
  await ctx.sources.refresh(keyOf(repository))
  const now = ctx.world.get(idOf(repository))
  if (now?.kind === 'HelmRepository' && now.status?.artifact !== undefined) return now
  const ready = now?.kind === 'HelmRepository' ? now.status?.conditions?.find((one) => one.type === 'Ready') : undefined
  throw new EngineError(
    `no artifact available for HelmRepository source '${repository.metadata.name}'${ready === undefined ? '' : `: ${ready.message}`}`,
    { code: 'artifact-missing', reason: 'NoSourceArtifact', disposition: 'wait' },
  )
}

/**
 * A downloaded chart as it goes into the artifact: as it came, unless values files are merged into it.
 *
 * @throws EngineError reason `ChartPullError`, `ChartPackageError`, `ValuesFilesError`.
 */
export async function packRemoteChart(object: HelmChart, head: ChartHead, bytes: Uint8Array): Promise<BuiltChart> {
  const { name, version } = head
  const wanted = wantedValuesFiles(object)
  const chart = await loadPackaged(bytes, wanted.length === 0 ? 'ChartPullError' : 'ChartPackageError')
  if (wanted.length === 0) return { name, version, bytes, isPackaged: false, valuesFiles: [] }
  const merged = mergeChartValuesFiles(chart, wanted, object.spec.ignoreMissingValuesFiles === true)
  return { name, version, bytes: packChart(chart, version, merged.yaml), isPackaged: true, valuesFiles: merged.files }
}
