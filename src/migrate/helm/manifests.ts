import { apiVersions, type HelmRelease, type HelmRepository, type OciRepository } from '../../api/index.ts'
import { EngineError } from '../../base/index.ts'
import type { KubeMap } from '../../resources/index.ts'
import { chartLayerType } from '../../sources/index.ts'
import type { Values } from '../../helm/index.ts'
import type { ValuesReference } from './values.ts'
import type { FoundRelease } from './releases.ts'

/** Where the chart of a release comes from: an existing source, or one that is made. */
export type ChartOrigin =
  | { readonly repository: string; readonly isArtifact?: boolean | undefined }
  | {
      readonly source: { readonly kind: string; readonly namespace: string; readonly name: string }
      readonly chartPath?: string | undefined
    }

/** What is to be committed for a release. */
export interface ReleaseManifests {
  /** Undefined where an existing source is named. */
  readonly source: HelmRepository | OciRepository | undefined
  readonly release: HelmRelease
}

/**
 * A HelmRelease that asks for what a release is now: chart, version, the user's values, name, namespaces. It lies in the namespace of the release, so that nothing crosses namespaces.
 * Pure.
 *
 * @throws EngineError `release-invalid` where the release does not say which chart it is of; `usage` for a repository that is no URL.
 */
export function releaseManifests(
  { release, storageNamespace }: FoundRelease,
  origin: ChartOrigin,
  given: { readonly values: Values; readonly valuesFrom?: readonly ValuesReference[] } = {
    values: release.config ?? {},
  },
): ReleaseManifests {
  const chart = release.chart?.metadata?.name ?? ''
  const version = release.chart?.metadata?.version ?? ''
  if (chart === '' || version === '') {
    throw new EngineError(`release '${release.name}' does not say which chart it is of`, { code: 'release-invalid' })
  }
  const { namespace, name } = release
  const metadata = { name, namespace: storageNamespace }
  const source =
    'repository' in origin
      ? sourceFor(origin.repository, origin.isArtifact === true, { chart, version, namespace: storageNamespace })
      : undefined
  const spec: HelmRelease['spec'] = {
    interval: '10m',
    ...chartOf(origin, source, { chart, version, own: storageNamespace }),
    releaseName: name,
    ...(namespace === storageNamespace ? {} : { targetNamespace: namespace, storageNamespace }),
    ...(given.valuesFrom === undefined || given.valuesFrom.length === 0 ? {} : { valuesFrom: given.valuesFrom }),
    ...(Object.keys(given.values).length === 0 ? {} : { values: given.values as unknown as KubeMap }),
  } as HelmRelease['spec']
  return { source, release: { apiVersion: apiVersions.HelmRelease, kind: 'HelmRelease', metadata, spec } }
}

function chartOf(
  origin: ChartOrigin,
  source: HelmRepository | OciRepository | undefined,
  { chart, version, own }: { readonly chart: string; readonly version: string; readonly own: string },
): Partial<HelmRelease['spec']> {
  if (source?.kind === 'OCIRepository') return { chartRef: { kind: 'OCIRepository', name: source.metadata.name } }
  const named =
    'source' in origin ? origin.source : { kind: 'HelmRepository', name: source?.metadata.name ?? '', namespace: own }
  const reference = {
    kind: named.kind,
    name: named.name,
    ...(named.namespace === own ? {} : { namespace: named.namespace }),
  }
  const path = 'source' in origin ? (origin.chartPath ?? chart) : chart
  // The version of a chart in Git or a bucket is that of its file.
  const wanted = named.kind === 'HelmRepository' ? { version } : {}
  return { chart: { spec: { chart: path, ...wanted, sourceRef: reference } } } as Partial<HelmRelease['spec']>
}

/**
 * An OCIRepository gives its charts a version with the digest in it, which no release of the command line has: its first run is an upgrade. A HelmRepository of type oci gives them
 * the version that they have.
 */
function sourceFor(
  url: string,
  isArtifact: boolean,
  { chart, version, namespace }: { readonly chart: string; readonly version: string; readonly namespace: string },
): HelmRepository | OciRepository {
  if (!URL.canParse(url) || !/^(?:https?|oci):$/.test(new URL(url).protocol) || new URL(url).username !== '') {
    throw new EngineError('--repo must be the URL of a chart repository (https://… or oci://…), without credentials', {
      code: 'usage',
    })
  }
  const isOci = url.startsWith('oci://')
  if (isOci && isArtifact) {
    const base = url.replace(/\/+$/, '')
    return {
      apiVersion: apiVersions.OCIRepository,
      kind: 'OCIRepository',
      metadata: { name: chart, namespace },
      spec: {
        interval: '10m',
        url: base.endsWith(`/${chart}`) ? base : `${base}/${chart}`,
        // A tag has no "+".
        ref: { tag: version.replace('+', '_') },
        layerSelector: { mediaType: chartLayerType, operation: 'copy' },
      },
    } as OciRepository
  }
  return {
    apiVersion: apiVersions.HelmRepository,
    kind: 'HelmRepository',
    metadata: { name: chart, namespace },
    spec: { interval: '1h', url, ...(isOci ? { type: 'oci' } : {}) },
  } as HelmRepository
}
