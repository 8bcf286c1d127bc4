import type { HelmChart, HelmRepository } from '../../../api/index.ts'
import {
  EngineError,
  isEngineError,
  mapLimit,
  parseRange,
  parseVersion,
  satisfies,
  sha256Hex,
} from '../../../base/index.ts'
import { followLinks, retryPending } from '../../../files/index.ts'
import {
  goJson,
  loadChart,
  loadChartArchive,
  type Chart,
  type ChartDependency,
  type ChartFile,
  type GoJson,
} from '../../../helm/index.ts'
import { chartTag, downloadChart, fetchOciChart, selectVersion, type SourceArtifact } from '../../../sources/index.ts'
import { parseYaml, printYaml } from '../../../yaml/index.ts'
import { admitSource } from '../admit-source.ts'
import { chartVersions, helmRequest, isOciHelmRepository } from '../helm-repository.ts'
import type { SourceContext } from '../index.ts'
import { ociDeps } from '../oci-deps.ts'
import { buildError, textOf } from './build.ts'
import { chartRegistryOptions, ociChartVersion } from './from-repository.ts'
import { joinInside, normalizeRepositoryUrl, readDependencyRepository } from './repository-url.ts'

/** A dependency that has to be brought in: of Chart.yaml, or of Chart.lock where there is one, which says less. */
type Requirement = Pick<ChartDependency, 'name' | 'version' | 'repository'> & { readonly alias?: string }

/** Where the chart is that needs dependencies. */
export interface DependencyRequest {
  readonly object: HelmChart
  readonly source: SourceArtifact
  /** Path of the chart's directory in the source. */
  readonly path: string
  readonly chart: Chart
}

/** Dependencies fetched at the same time, and bounds of what a chart in Git may ask for. */
const concurrency = 4
const maxDependencies = 100
const maxTotalBytes = 64 << 20

/**
 * Brings in the dependencies of a chart in a directory that are not in its `charts/` (source-controller 1.9, DependencyManager.Build): those of Chart.lock where there is one, else of Chart.yaml; from the same source
 * (`file://` or no repository; never from outside of it), from Helm repositories over HTTP, or from registries. A HelmRepository of the namespace with the same URL gives the credentials, else nobody does.
 * Nothing is done where `charts/` holds as many charts as are asked for. Dependencies of dependencies are not looked at, as in Helm.
 *
 * Unlike source-controller, which refuses them, `@name` and `alias:name` stand for the HelmRepository of that name in the namespace.
 *
 * Returns the files to add, below `charts/<alias or name>/`, and how many charts they are.
 *
 * @throws EngineError reason `DependencyBuildError`; the first failure ends the others.
 */
export async function resolveDependencies(
  ctx: SourceContext,
  request: DependencyRequest,
): Promise<{ readonly files: readonly ChartFile[]; readonly count: number }> {
  const { chart } = request
  const missing = collectMissing(chart)
  if (missing.size > maxDependencies)
    throw dependencyError(`the chart asks for ${missing.size} dependencies, more than ${maxDependencies}`)
  const stop = new AbortController()
  const scope = { ...ctx, signal: AbortSignal.any([ctx.signal, stop.signal]) }
  const names = [...missing.values()].map(({ name }) => name)
  try {
    const found = await mapLimit([...missing], concurrency, async ([name, requirement]) => {
      const isLocal = readDependencyRepository(requirement.repository).kind === 'local'
      try {
        const loaded = isLocal
          ? await loadLocal(scope, request, requirement)
          : await loadRemote(scope, request.object, requirement, names)
        return placed(loaded, requirement)
      } catch (error) {
        const where = isLocal ? 'local' : 'remote'
        throw dependencyError(`failed to add ${where} dependency '${name}': ${textOf(error)}`, error)
      }
    })
    const files = found.flat()
    const size = files.reduce((sum, file) => sum + file.data.length, 0)
    if (size > maxTotalBytes)
      throw dependencyError(`the dependencies have ${size} bytes in all, more than ${maxTotalBytes}`)
    return { files, count: missing.size }
  } finally {
    stop.abort()
  }
}

/**
 * True where Chart.lock was made for other dependencies than those of Chart.yaml now (Helm v4, resolver.HashReq). Helm then refuses to build; source-controller, and so this, takes the lock.
 */
export function isLockOutdated({ lock, metadata }: Chart): boolean {
  if (lock === undefined || lock.digest === '') return false
  const listOf = (dependencies: readonly ChartDependency[]): GoJson => dependencies.map(goStruct)
  return lock.digest !== `sha256:${sha256Hex(goJson([listOf(metadata.dependencies ?? []), listOf(lock.dependencies)]))}`
}

/** A dependency as Go prints the struct: fields in their order, empty ones left out. */
function goStruct(dependency: ChartDependency): GoJson {
  const { name, version, repository, condition, tags, enabled, importValues, alias } = dependency
  return {
    name,
    ...(version === '' ? {} : { version }),
    repository,
    ...(condition === '' ? {} : { condition }),
    ...(tags === undefined || tags.length === 0 ? {} : { tags }),
    ...(enabled ? { enabled } : {}),
    ...(importValues === undefined || importValues.length === 0 ? {} : { 'import-values': importValues as GoJson }),
    ...(alias === '' ? {} : { alias }),
  }
}

/** Requirements by alias or name that no chart in `charts/` fulfils. Where the numbers are equal nothing is missing (source-controller 1.9, collectMissing). */
function collectMissing(chart: Chart): ReadonlyMap<string, Requirement> {
  const wanted: readonly Requirement[] = chart.lock?.dependencies ?? chart.metadata.dependencies ?? []
  const missing = new Map<string, Requirement>()
  if (wanted.length === chart.dependencies.length) return missing
  const present = new Set(chart.dependencies.map((one) => one.metadata.name))
  for (const requirement of wanted) {
    const name = nameOf(requirement)
    if (!present.has(name)) missing.set(name, requirement)
  }
  return missing
}

function nameOf({ name, alias }: Requirement): string {
  return alias === undefined || alias === '' ? name : alias
}

async function loadLocal(ctx: SourceContext, request: DependencyRequest, requirement: Requirement): Promise<Chart> {
  const { source, path } = request
  const reference = readDependencyRepository(requirement.repository)
  const below = reference.kind === 'local' ? reference.path : undefined
  const at = joinInside(path, below ?? `charts/${requirement.name}`)
  const named = `'/${at}' (reference '${requirement.repository}')`
  const files = followLinks(source.files)
  const kind = await retryPending(() => files.stat(at)?.kind, ctx.signal)
  if (kind !== 'directory' && kind !== 'file') throw failed(`no chart found at ${named}`)
  const range = attempt(
    () => parseRange(requirement.version),
    (why) => `invalid version/constraint format '${requirement.version}': ${why}`,
  )
  if (kind === 'directory') await source.prefetch([at], ctx.signal)
  const loaded = await (
    kind === 'directory'
      ? retryPending(() => loadChart(source.files, at), ctx.signal)
      : retryPending(() => files.read(at), ctx.signal).then((bytes) => loadChartArchive(bytes))
  ).catch((error: unknown) => {
    throw failed(`failed to load chart from ${named}: ${textOf(error)}`, error)
  })
  if (!satisfies(parseVersion(loaded.metadata.version), range))
    throw failed(`can't get a valid version for constraint '${requirement.version}'`)
  return loaded
}

async function loadRemote(
  ctx: SourceContext,
  object: HelmChart,
  requirement: Requirement,
  names: readonly string[],
): Promise<Chart> {
  const repository = findRepository(ctx, object.metadata.namespace ?? '', requirement.repository)
  admitSource(ctx, repository)
  ctx.admitRepository?.(repository)
  const { version, download } = isOciHelmRepository(repository)
    ? await planOci(ctx, repository, requirement)
    : await planHttp(ctx, repository, requirement, names)
  const bytes = await download().catch((error: unknown) => {
    throw failed(`chart download of version '${version}' failed: ${textOf(error)}`, error)
  })
  return loadChartArchive(bytes).catch((error: unknown) => {
    throw failed(`failed to load downloaded archive of version '${version}': ${textOf(error)}`, error)
  })
}

interface RemotePlan {
  readonly version: string
  readonly download: () => Promise<Uint8Array>
}

async function planHttp(
  ctx: SourceContext,
  repository: HelmRepository,
  requirement: Requirement,
  names: readonly string[],
): Promise<RemotePlan> {
  const { name, version } = requirement
  const entry = await chartVersions(ctx, repository, name, names)
    .then(({ versions }) => selectVersion(name, versions, version))
    .catch((error: unknown) => {
      throw notFound(requirement, error)
    })
  const { deps, options } = await helmRequest(ctx, repository)
  return { version: entry.version, download: () => downloadChart(deps, options, entry) }
}

async function planOci(ctx: SourceContext, repository: HelmRepository, requirement: Requirement): Promise<RemotePlan> {
  const deps = ociDeps(ctx)
  const options = await chartRegistryOptions(ctx, repository, requirement.name)
  const version = await ociChartVersion(deps, options, requirement.name, requirement.version).catch(
    (error: unknown) => {
      throw notFound(requirement, error)
    },
  )
  return { version, download: async () => (await fetchOciChart(deps, options, chartTag(version))).bytes }
}

/** The HelmRepository that a dependency names, or one without credentials that stands for its URL. */
function findRepository(ctx: SourceContext, namespace: string, repository: string): HelmRepository {
  const reference = readDependencyRepository(repository)
  const here = ctx.world
    .ofKind('HelmRepository')
    .filter((one) => one.metadata.namespace === namespace)
    .toSorted((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1))
  if (reference.kind === 'alias') {
    const named = here.find((one) => one.metadata.name === reference.name)
    if (named !== undefined) return named
    throw failed(
      `aliased repository dependency is not supported: ${normalizeRepositoryUrl(repository)}: there is no HelmRepository '${namespace}/${reference.name}' that it could stand for`,
    )
  }
  if (reference.kind !== 'url') throw failed(`invalid dependency repository URL: ${normalizeRepositoryUrl(repository)}`)
  const found = here.find((one) => normalizeRepositoryUrl(one.spec.url) === reference.url)
  if (found !== undefined) return found
  return {
    apiVersion: 'source.toolkit.fluxcd.io/v1',
    kind: 'HelmRepository',
    metadata: { name: '', namespace },
    spec: { url: reference.url },
  } satisfies HelmRepository
}

/** The files of a chart in its place, under the name that the dependency has in the parent. */
function placed(chart: Chart, requirement: Requirement): readonly ChartFile[] {
  const { alias } = requirement
  const name = alias === undefined || alias === '' ? chart.metadata.name : alias
  if (!/^[^/\\\0]+$/.test(name) || name === '.' || name === '..')
    throw failed(`the dependency has the name ${JSON.stringify(name)}, which is no name of a directory`)
  return chart.raw.map((file) => ({
    ...file,
    name: `charts/${name}/${file.name}`,
    data: file.name === 'Chart.yaml' && name !== chart.metadata.name ? renamed(file.data, name) : file.data,
  }))
}

function renamed(data: Uint8Array, name: string): Uint8Array {
  const head = parseYaml(new TextDecoder().decode(data), { dialect: 'sigs' }) as { [field: string]: unknown }
  return new TextEncoder().encode(printYaml({ ...head, name }, { dialect: 'sigs' }))
}

function notFound({ name, version, repository }: Requirement, error: unknown): Error {
  return failed(`failed to get chart '${name}' version '${version}' from '${repository}': ${textOf(error)}`, error)
}

function attempt<T>(work: () => T, message: (why: string) => string): T {
  try {
    return work()
  } catch (error) {
    throw failed(message(textOf(error)), error)
  }
}

/** A failure of one dependency; its reason is given where it is wrapped. */
function failed(message: string, cause?: unknown): EngineError {
  return new EngineError(message, {
    code: 'chart-dependency',
    disposition: isEngineError(cause) ? cause.disposition : 'stall',
    ...(cause === undefined ? {} : { cause }),
  })
}

function dependencyError(message: string, cause?: unknown): EngineError {
  return buildError('DependencyBuildError', `dependency build error: ${message}`, cause)
}
