import type { HelmRepository } from '../../api/index.ts'
import { fieldManagers, finalizer } from '../../api/index.ts'
import { EngineError, printUrl, sha256Hex } from '../../base/index.ts'
import { MemoryTree } from '../../files/index.ts'
import { removeFinalizer } from '../../kube/index.ts'
import {
  fetchHelmIndex,
  helmCredentials,
  parseEntries,
  type ChartVersion,
  type HelmDeps,
  type HelmIndex,
  type HelmRepositoryOptions,
  type SourceArtifact,
} from '../../sources/index.ts'
import type { SourceContext } from './index.ts'
import { deadlineOf, refreshSource, type SourceLook } from './refresh-source.ts'
import { readSecret } from './secret.ts'

/** True for a repository in a registry: it is only a place to look charts up, and has no index, artifact or status. */
export function isOciHelmRepository(object: HelmRepository): boolean {
  return object.spec.type === 'oci' || object.spec.url.startsWith('oci://')
}

/**
 * One look at a HelmRepository: downloads the index where it has changed (source-controller 1.9, helmrepository_controller). Of the index only the entries of charts that something in the cluster wants
 * are kept, in the blob store; the whole is never held.
 */
export async function refreshHelmRepository(
  ctx: SourceContext,
  object: HelmRepository,
): Promise<SourceArtifact | undefined> {
  if (isOciHelmRepository(object)) {
    if (object.metadata.deletionTimestamp !== undefined)
      await removeFinalizer(ctx.client, object, finalizer, fieldManagers.sourceStatus, { signal: ctx.signal })
    return undefined
  }
  return refreshSource(ctx, object, 'IndexationFailed', async (current): Promise<SourceLook> => {
    const { revision, size } = await loadIndex(ctx, current, wantedCharts(ctx, current))
    return {
      artifact: indexArtifact(revision, size),
      hasFile: false,
      file: `index-${revision.slice('sha256:'.length)}.yaml`,
      reason: 'Succeeded',
      message: `stored artifact: revision '${revision}'`,
      event: {
        reason: 'NewArtifact',
        message: `stored fetched index of size ${humanSize(size)} from '${printUrl(current.spec.url)}'`,
      },
    }
  })
}

/** A repository's artifact is its index, of which nobody but a HelmChart can make use. */
export function currentHelmRepository(_: SourceContext, object: HelmRepository): Promise<SourceArtifact | undefined> {
  const artifact = object.status?.artifact
  return Promise.resolve(artifact === undefined ? undefined : indexArtifact(artifact.revision, artifact.size ?? 0))
}

/**
 * The versions of a chart in the index of a repository, and the revision of the index. Callers that want several charts name all of them in `together`, so that one download serves them.
 *
 * @throws EngineError reason `InvalidChartReference` where the index does not have the chart; those of fetchHelmIndex.
 */
export async function chartVersions(
  ctx: SourceContext,
  object: HelmRepository,
  chart: string,
  together: readonly string[] = [],
): Promise<{ readonly versions: readonly ChartVersion[]; readonly revision: string }> {
  const recorded = object.status?.artifact?.revision
  let revision = recorded ?? ''
  let text = recorded === undefined ? undefined : await readEntries(ctx, recorded, chart)
  if (text === undefined) {
    const index = await loadIndex(ctx, object, [...new Set([...wantedCharts(ctx, object), chart, ...together])].sort())
    revision = index.revision
    text = index.entries.get(chart) ?? (await readEntries(ctx, revision, chart)) ?? ''
  }
  const versions = text === '' ? [] : parseEntries(chart, text)
  if (versions.length > 0) return { versions, revision }
  throw new EngineError(
    text === '' ? `no chart name found: '${chart}' is not in the index` : `no chart version found for '${chart}'`,
    { code: 'chart-missing', reason: 'InvalidChartReference' },
  )
}

/** What is needed to talk to a repository. @throws EngineError reason `AuthenticationFailed`. */
export async function helmRequest(
  ctx: SourceContext,
  object: HelmRepository,
): Promise<{ readonly deps: HelmDeps; readonly options: HelmRepositoryOptions }> {
  const { spec, metadata } = object
  const namespace = metadata.namespace ?? ''
  const secret = await readSecret(ctx, namespace, spec.secretRef, 'secretRef')
  const certSecret = await readSecret(ctx, namespace, spec.certSecretRef, 'certSecretRef')
  const { http, clock, limits, settings } = ctx.deps
  return {
    deps: { http, clock, egress: settings.egress, limits: limits.helm },
    options: {
      url: spec.url,
      credentials: helmCredentials({ secret, certSecret }),
      passCredentials: spec.passCredentials === true,
      signal: deadlineOf(ctx, spec.timeout),
    },
  }
}

interface IndexHead {
  readonly revision: string
  readonly size: number
  readonly chartCount: number
  readonly etag?: string
}

/** Downloads the index unless the server says that it is the one whose wanted entries are at hand. Charts of one run share a download. */
async function loadIndex(ctx: SourceContext, object: HelmRepository, wanted: readonly string[]): Promise<HelmIndex> {
  const { namespace, name: own, generation } = object.metadata
  const name = `index ${namespace}/${own} ${generation} ${object.spec.url} ${wanted.join(' ')}`
  const running = ctx.shared.get(name) as Promise<HelmIndex> | undefined
  if (running !== undefined) return running
  const loading = downloadIndex(ctx, object, wanted)
  ctx.shared.set(name, loading)
  return loading
}

async function downloadIndex(
  ctx: SourceContext,
  object: HelmRepository,
  wanted: readonly string[],
): Promise<HelmIndex> {
  const { deps, options } = await helmRequest(ctx, object)
  const known = await readHead(ctx, object)
  const etag = (await hasEntries(ctx, known, wanted)) ? known?.etag : undefined
  const index = await fetchHelmIndex(deps, { ...options, wanted, ...(etag === undefined ? {} : { etag }) })
  if (index === undefined) {
    if (known === undefined) throw new TypeError('unchanged since nothing')
    return { ...known, entries: new Map() }
  }
  const { blobs } = ctx.deps
  const encoder = new TextEncoder()
  await Promise.all(
    wanted.map((chart) => blobs.put(entriesKey(index.revision, chart), encoder.encode(index.entries.get(chart) ?? ''))),
  )
  const { entries: _, ...head } = index
  await blobs.put(headKey(object), encoder.encode(JSON.stringify(head satisfies IndexHead)))
  return index
}

async function hasEntries(
  ctx: SourceContext,
  known: IndexHead | undefined,
  charts: readonly string[],
): Promise<boolean> {
  if (known === undefined) return false
  const texts = await Promise.all(charts.map((chart) => readEntries(ctx, known.revision, chart)))
  return texts.every((text) => text !== undefined)
}

/** Charts of a repository that HelmCharts and HelmReleases name. */
function wantedCharts(ctx: SourceContext, object: HelmRepository): readonly string[] {
  const { name, namespace } = object.metadata
  const charts = new Set<string>()
  for (const chart of ctx.world.ofKind('HelmChart')) {
    const { sourceRef } = chart.spec
    if (sourceRef.kind === 'HelmRepository' && sourceRef.name === name && chart.metadata.namespace === namespace)
      charts.add(chart.spec.chart)
  }
  for (const release of ctx.world.ofKind('HelmRelease')) {
    const template = release.spec.chart?.spec
    const reference = template?.sourceRef
    const isHere = (reference?.namespace ?? release.metadata.namespace) === namespace && reference?.name === name
    if (template?.chart !== undefined && reference?.kind === 'HelmRepository' && isHere) charts.add(template.chart)
  }
  return [...charts].sort()
}

async function readEntries(ctx: SourceContext, revision: string, chart: string): Promise<string | undefined> {
  const bytes = await ctx.deps.blobs.get(entriesKey(revision, chart))
  return bytes === undefined ? undefined : new TextDecoder().decode(bytes)
}

async function readHead(ctx: SourceContext, object: HelmRepository): Promise<IndexHead | undefined> {
  const bytes = await ctx.deps.blobs.get(headKey(object))
  try {
    return bytes === undefined ? undefined : (JSON.parse(new TextDecoder().decode(bytes)) as IndexHead)
  } catch {
    return undefined // A damaged note counts as lost.
  }
}

/** Entries are named by the index's content, so that they never belong to another one. */
function entriesKey(revision: string, chart: string): string {
  return `helm-index/${revision.slice('sha256:'.length)}/${encodeURIComponent(chart)}`
}

/** A note belongs to the object as it is: another URL or Secret may show another index. */
function headKey(object: HelmRepository): string {
  const { namespace, name, uid, generation } = object.metadata
  return `helm-index/head/${sha256Hex(JSON.stringify([namespace, name, uid, generation, object.spec.url]))}`
}

function indexArtifact(revision: string, size: number): SourceArtifact {
  return { revision, digest: revision, size, files: new MemoryTree({}), prefetch: () => Promise.resolve() }
}

/** A size as docker/go-units prints it: four significant digits, powers of a thousand. */
export function humanSize(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB']
  let size = bytes
  let unit = 0
  while (size >= 1000 && unit < units.length - 1) {
    size /= 1000
    unit++
  }
  return `${Number(size.toPrecision(4))}${units[unit]}`
}
