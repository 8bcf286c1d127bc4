import type { HelmChart, HelmRepository } from '../../../api/index.ts'
import { EngineError, isEngineError, tryParseVersion } from '../../../base/index.ts'
import {
  chartTag,
  downloadChart,
  fetchOciChart,
  parseOciUrl,
  printRepository,
  RegistryClient,
  registryLogin,
  secretText,
  selectVersion,
  tlsOfSecret,
  type NotationResult,
  type OciDeps,
  type RegistryLogin,
  type RegistryOptions,
} from '../../../sources/index.ts'
import { chartVersions, helmRequest, isOciHelmRepository } from '../helm-repository.ts'
import { idOf, keyOf } from '../../world.ts'
import { cloudLoginAt } from '../cloud.ts'
import type { SourceContext } from '../index.ts'
import { ociDeps } from '../oci-deps.ts'
import { deadlineOf } from '../refresh-source.ts'
import { readSecret } from '../secret.ts'
import { createVerifier, verifyArtifact } from '../verification.ts'
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
  if (isOciHelmRepository(repository)) return planOciChart(ctx, object, repository)
  if (object.spec.verify !== undefined)
    throw buildError(
      'ChartVerificationError',
      'chart verification error: not implemented for charts that are not in a registry; an unverified chart must not be used',
    )
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

/** The same for a chart in a registry, whose versions are its tags; a version that is given in full is not looked up before it is pulled (source-controller 1.9, OCIChartRepository). */
async function planOciChart(ctx: SourceContext, object: HelmChart, repository: HelmRepository): Promise<ChartPlan> {
  const { chart, version: range = '*' } = object.spec
  const deps = ociDeps(ctx)
  const options = await chartRegistryOptions(ctx, repository, chart)
  const version = await ociChartVersion(deps, options, chart, range)
  const metadata = wantedValuesFiles(object).length === 0 ? '' : String(object.metadata.generation ?? 0)
  const head = { name: chart.slice(chart.lastIndexOf('/') + 1), version: versionWith(version, metadata) }
  const verified = object.spec.verify === undefined ? undefined : await verifyOciChart(ctx, object, options, version)
  return {
    ...head,
    sourceRevision: undefined,
    isVerified: verified?.result === 'verified',
    build: async () => {
      // What was verified is what is pulled, wherever the tag points by now.
      const found = await fetchOciChart(deps, options, verified?.digest ?? chartTag(version)).catch(
        (error: unknown) => {
          if (!isEngineError(error) || error.reason !== 'OCIArtifactPullFailed') throw error
          throw buildError('ChartPullError', `chart pull error: ${error.message}`, error)
        },
      )
      return packRemoteChart(object, head, found.bytes)
    },
  }
}

/** Verifies a chart at every look, as source-controller does (1.9, buildFromHelmRepository and VerifyChart). @throws EngineError reason `VerificationError`, `ChartVerificationError`. */
async function verifyOciChart(
  ctx: SourceContext,
  object: HelmChart,
  options: RegistryOptions,
  version: string,
): Promise<{ readonly result: NotationResult; readonly digest: string }> {
  const verification = object.spec.verify ?? { provider: 'cosign' }
  const verifier = await createVerifier(ctx, object.metadata.namespace ?? '', verification)
  const digest = await new RegistryClient(ociDeps(ctx), options).digestOf(chartTag(version))
  const result = await verifyArtifact(ctx, verifier, options, digest).catch((error: unknown) => {
    if (!isEngineError(error) || error.reason !== 'VerificationError') throw error
    throw buildError(
      'ChartVerificationError',
      `chart verification error: failed to verify ${printRepository(options.name)}:${chartTag(version)}: ${error.message}`,
      error,
    )
  })
  return { result, digest }
}

/** The version of a chart in a registry that `range` asks for; one that is given in full is not looked up. @throws EngineError reason `InvalidChartReference`. */
export async function ociChartVersion(
  deps: OciDeps,
  options: RegistryOptions,
  chart: string,
  range: string,
): Promise<string> {
  if (range.split('.').length >= 3 && tryParseVersion(range) !== undefined) return range
  const tags = await new RegistryClient(deps, options).tags()
  const versions = tags.map((tag) => ({ version: tag.replaceAll('_', '+') }))
  return selectVersion(chart, versions, range).version
}

/** Where a chart of a HelmRepository is in its registry, and how to log in there. @throws EngineError reason `AuthenticationFailed`. */
export async function chartRegistryOptions(
  ctx: SourceContext,
  repository: HelmRepository,
  chart: string,
): Promise<RegistryOptions> {
  const { spec, metadata } = repository
  const namespace = metadata.namespace ?? ''
  const name = parseOciUrl(spec.url, `/${chart}`)
  const secret = await readSecret(ctx, namespace, spec.secretRef, 'secretRef')
  const certSecret = await readSecret(ctx, namespace, spec.certSecretRef, 'certSecretRef')
  const tls = tlsOfSecret(certSecret)
  const signal = deadlineOf(ctx, spec.timeout)
  const { provider = 'generic' } = spec
  const username = secretText(secret, 'username')
  let login: RegistryLogin | undefined
  if (username !== '') login = { kind: 'basic', username, password: secretText(secret, 'password') }
  else if (secret !== undefined) login = registryLogin([secret], name)
  else if (provider !== 'generic')
    login = await cloudLoginAt(ctx, provider, name, { namespace, insecure: spec.insecure, signal })
  return {
    name,
    login,
    insecure: spec.insecure === true,
    signal,
    credentials: tls === undefined ? {} : { tls },
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
