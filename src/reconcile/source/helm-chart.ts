import { getCondition, type HelmChart } from '../../api/index.ts'
import { EngineError, toEngineError } from '../../base/index.ts'
import { MemoryTree } from '../../files/index.ts'
import { artifactFileDigest, type SourceArtifact } from '../../sources/index.ts'
import { idOfKey } from '../world.ts'
import { buildTreeChart, findTreeChart, type TreeChart } from './chart/from-tree.ts'
import { summaryOf, wantedValuesFiles, type BuiltChart, type ChartPlan } from './chart/build.ts'
import { planRemoteChart } from './chart/from-repository.ts'
import type { SourceContext } from './index.ts'
import { artifactPath } from './object-status.ts'
import { refreshSource, type SourceLook } from './refresh-source.ts'
import { keepStored, readStored } from './stored-artifact.ts'

/**
 * One look at a HelmChart: which version of the chart is wanted now, and, where that is a new one or the object has changed, the chart itself (source-controller 1.9, helmchart_controller).
 * With the strategy `ChartVersion` new content under the same version is not picked up, as in Flux.
 */
export async function refreshHelmChart(ctx: SourceContext, object: HelmChart): Promise<SourceArtifact | undefined> {
  return refreshSource(ctx, object, 'ChartPullError', (current) => lookAtHelmChart(ctx, current))
}

/** What such a look finds; nothing is written to the object. Effects: the chart in the store. @throws EngineError with the reason of what is wrong. */
export async function lookAtHelmChart(ctx: SourceContext, object: HelmChart): Promise<SourceLook> {
  const plan = await planChart(ctx, object)
  const { status } = object
  const known = status?.artifact
  const isSame = known?.revision === plan.version && status?.observedChartName === plan.name && isBuilt(object)
  const stored = isSame ? await readStored(ctx, known) : undefined
  const wanted = wantedValuesFiles(object)
  const built: BuiltChart =
    stored === undefined
      ? await plan.build()
      : {
          name: plan.name,
          version: plan.version,
          bytes: stored,
          isPackaged: readyReason(object) === 'ChartPackageSucceeded',
          valuesFiles: status?.observedValuesFiles ?? [],
        }
  const file = `${built.name}-${built.version}.tgz`
  if (stored === undefined) await keepStored(ctx, artifactPath(object, file), built.bytes)
  const reason = built.isPackaged ? 'ChartPackageSucceeded' : 'ChartPullSucceeded'
  const message = summaryOf(built)
  return {
    artifact: await chartArtifact(
      built.version,
      built.bytes,
      isSame && stored !== undefined ? known?.digest : undefined,
    ),
    file,
    reason,
    message,
    event: { reason, message },
    ...(plan.isVerified === true ? { verified: `verified signature of version ${built.version}` } : {}),
    observed: {
      observedChartName: built.name,
      observedSourceArtifactRevision: plan.sourceRevision,
      observedValuesFiles: wanted.length === 0 ? undefined : built.valuesFiles,
    },
  }
}

/** The chart recorded in the status, from the store; looked for at its source again where it is gone from there. */
export async function currentHelmChart(ctx: SourceContext, object: HelmChart): Promise<SourceArtifact | undefined> {
  const { status } = object
  const isCurrent = status?.artifact !== undefined && status.observedGeneration === object.metadata.generation
  // This generation was looked at and could not be built or verified: what was built for an older one is something else.
  if (isCurrent && !isBuilt(object)) return undefined
  const stored = isCurrent ? await readStored(ctx, status.artifact) : undefined
  return stored === undefined
    ? refreshHelmChart(ctx, object)
    : chartArtifact(status?.artifact?.revision ?? '', stored, status?.artifact?.digest)
}

/** True where the recorded artifact is what this generation of the object asks for: failures leave the condition as it was. */
function isBuilt({ status, metadata }: HelmChart): boolean {
  return getCondition(status?.conditions, 'ArtifactInStorage')?.observedGeneration === metadata.generation
}

async function planChart(ctx: SourceContext, object: HelmChart): Promise<ChartPlan> {
  const { sourceRef } = object.spec
  const key = { kind: sourceRef.kind, namespace: object.metadata.namespace ?? '', name: sourceRef.name }
  if (ctx.world.get(idOfKey(key)) === undefined) {
    throw new EngineError(
      `failed to get source: ${sourceRef.kind} '${key.namespace}/${key.name}' not found; create it, or correct spec.sourceRef`,
      { code: 'chart-source-missing', reason: 'SourceUnavailable', disposition: 'wait' },
    )
  }
  const repository = ctx.world.get(idOfKey(key))
  if (repository?.kind === 'HelmRepository') return planRemoteChart(ctx, object, repository)
  const source = await ctx.sources.artifact(key).catch((error: unknown) => {
    const cause = toEngineError(error)
    if (cause.code !== 'artifact-missing') throw cause
    throw new EngineError(`no artifact available for ${sourceRef.kind} source '${sourceRef.name}': ${cause.message}`, {
      code: cause.code,
      reason: 'NoSourceArtifact',
      disposition: 'wait',
      cause,
    })
  })
  const found = await findTreeChart(object, source, ctx.signal)
  return {
    name: found.name,
    version: found.version,
    sourceRevision: source.revision,
    build: () => sharedBuild(ctx, object, source, found),
  }
}

/** Many HelmCharts ask for the same chart of one source: it is packaged once in a run. */
function sharedBuild(
  ctx: SourceContext,
  object: HelmChart,
  source: SourceArtifact,
  found: TreeChart,
): Promise<BuiltChart> {
  const { ignoreMissingValuesFiles } = object.spec
  const what = [
    object.metadata.namespace,
    source.digest,
    found.path,
    found.version,
    wantedValuesFiles(object),
    ignoreMissingValuesFiles === true,
  ]
  const id = `build ${JSON.stringify(what)}`
  const build = (ctx.shared.get(id) as Promise<BuiltChart> | undefined) ?? buildTreeChart(ctx, object, source, found)
  ctx.shared.set(id, build)
  return build
}

async function chartArtifact(revision: string, bytes: Uint8Array, digest: string | undefined): Promise<SourceArtifact> {
  return {
    revision,
    digest: digest ?? (await artifactFileDigest(bytes)),
    size: bytes.length,
    archive: bytes,
    files: new MemoryTree({}),
    prefetch: () => Promise.resolve(),
  }
}

function readyReason(object: HelmChart): string | undefined {
  return object.status?.conditions?.find((condition) => condition.type === 'Ready')?.reason
}
