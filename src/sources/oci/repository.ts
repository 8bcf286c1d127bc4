import {
  compareVersions,
  isEngineError,
  parseRange,
  satisfies,
  tryParseVersion,
  type SemVer,
} from '../../base/index.ts'
import { RE2JS } from 're2js'
import { filterTree, walkFiles } from '../../files/index.ts'
import type { FileTree } from '../../ports/index.ts'
import { extractTarGz } from '../archive/read-tar-gz.ts'
import { ignoreFileName, ignoreFilter } from '../ignore/ignore-filter.ts'
import {
  RegistryClient,
  readAnnotations,
  readDescriptor,
  type OciDeps,
  type OciDescriptor,
  type OciManifest,
  type RegistryOptions,
} from './client.ts'
import { layerFailed, ociError } from './errors.ts'
import { isOciDigest } from './reference.ts'

/** Media type of a layer that is a packaged Helm chart. */
export const chartLayerType = 'application/vnd.cncf.helm.chart.content.v1.tar+gzip'

/** Media type of a layer that is the provenance of one. */
export const provenanceLayerType = 'application/vnd.cncf.helm.chart.provenance.v1.prov'

/** `spec.ref` of an OCIRepository. Precedence: digest, semver, tag, then `latest`. */
export interface OciReference {
  readonly digest?: string
  readonly semver?: string
  readonly semverFilter?: string
  readonly tag?: string
}

/** What a reference stands for now. */
export interface ResolvedOci {
  /** `<tag>@sha256:<digest>`, or the digest alone where it was given. */
  readonly revision: string
  readonly digest: string
}

/** Which layer becomes the artifact, and how. */
export interface LayerSelector {
  readonly mediaType?: string
  readonly operation?: 'extract' | 'copy'
}

/** The content of an artifact: the files of an extracted layer, or a layer as it is. */
export interface OciContent {
  readonly metadata: { readonly [key: string]: string }
  readonly layer: OciDescriptor
  readonly files?: FileTree
  readonly bytes?: Uint8Array
}

/**
 * What `reference` points at in the registry, with as few requests as possible: none for a digest, one for a tag.
 *
 * @throws EngineError reason `OCIArtifactPullFailed`, `ReadOperationFailed`, `AuthenticationFailed`, `URLInvalid`.
 */
export async function resolveOci(
  deps: OciDeps,
  options: RegistryOptions & { readonly ref?: OciReference; readonly layerSelector?: LayerSelector },
): Promise<ResolvedOci> {
  const { ref = {} } = options
  const client = new RegistryClient(deps, options)
  if (ref.digest !== undefined && ref.digest !== '') {
    if (!isOciDigest(ref.digest))
      throw ociError('oci-reference-invalid', 'spec.ref.digest must be sha256: with 64 hex digits', {
        reason: 'URLInvalid',
      })
    return { revision: ref.digest, digest: ref.digest }
  }
  const isChart = options.layerSelector?.mediaType === chartLayerType
  const tag =
    ref.semver === undefined || ref.semver === ''
      ? isChart
        ? chartTag(ref.tag ?? '')
        : (ref.tag ?? '')
      : highestTag(await client.tags(), ref.semver, ref.semverFilter, isChart)
  const wanted = tag === '' ? 'latest' : tag
  if (!/^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$/.test(wanted))
    throw ociError('oci-reference-invalid', 'spec.ref.tag is no tag', { reason: 'URLInvalid' })
  const digest = await client.digestOf(wanted)
  return { revision: `${wanted}@${digest}`, digest }
}

/**
 * Fetches the layer that `layerSelector` picks: the first, or the first of its media type; extracted with ignore rules applied, or as it is. Of an index the manifest for linux/amd64 is taken
 * (go-containerregistry's default).
 *
 * @throws EngineError reason `OCIArtifactPullFailed`, `OCIArtifactLayerOperationFailed`, `AuthenticationFailed`.
 */
export async function fetchOci(
  deps: OciDeps,
  options: RegistryOptions & { readonly layerSelector?: LayerSelector; readonly ignore?: string },
  digest: string,
): Promise<OciContent> {
  const client = new RegistryClient(deps, options)
  const manifest = await imageOf(client, await client.manifest(digest))
  const layer = selectLayer(manifest, options.layerSelector?.mediaType)
  const bytes = await client.blob(layer, deps.limits.maxLayerBytes)
  const metadata = readAnnotations(manifest.body)
  if (options.layerSelector?.operation === 'copy') return { metadata, layer, bytes }
  const files = await extractTarGz(bytes, deps.limits, layerFailed)
  return { metadata, layer, files: applyIgnoreRules(files, options.ignore) }
}

/** A packaged chart in a registry by its tag or digest, with its provenance where it has one. @throws as {@link fetchOci}. */
export async function fetchOciChart(
  deps: OciDeps,
  options: RegistryOptions,
  reference: string,
): Promise<{ readonly bytes: Uint8Array; readonly provenance?: string; readonly digest: string }> {
  const client = new RegistryClient(deps, options)
  const manifest = await imageOf(client, await client.manifest(reference))
  const layers = layersOf(manifest)
  const layer = layers.find((one) => one.mediaType === chartLayerType)
  if (layer === undefined)
    throw ociError(
      'oci-no-chart',
      `'${reference}' in the registry is no Helm chart: it has no layer of type ${chartLayerType}`,
    )
  const bytes = await client.blob(layer, deps.limits.maxLayerBytes)
  const proof = layers.find((one) => one.mediaType === provenanceLayerType)
  const provenance =
    proof === undefined ? {} : { provenance: new TextDecoder().decode(await client.blob(proof, 1 << 20)) }
  return { bytes, digest: manifest.digest, ...provenance }
}

/** Tags of chart versions have `_` in place of `+`, which a tag cannot have. */
export function chartTag(version: string): string {
  return version.replaceAll('+', '_')
}

/** Ignore rules of `.sourceignore` files in a tree and of `spec.ignore`, as for every source. */
export function applyIgnoreRules(files: FileTree, spec: string | undefined): FileTree {
  const rules = [...walkFiles(files, '')]
    .filter(([path]) => path === ignoreFileName || path.endsWith(`/${ignoreFileName}`))
    .map(([path]) => ({
      directory: path.slice(0, Math.max(0, path.lastIndexOf('/'))),
      text: new TextDecoder().decode(files.read(path)),
    }))
    .sort((a, b) => a.directory.length - b.directory.length)
  return filterTree(files, ignoreFilter(files, spec === undefined ? { files: rules } : { files: rules, spec }))
}

function highestTag(tags: readonly string[], range: string, filter: string | undefined, isChart: boolean): string {
  let wanted: ReturnType<typeof parseRange>
  let isListed: (tag: string) => boolean = () => true
  try {
    wanted = parseRange(range)
    if (filter !== undefined && filter !== '') {
      const expression = RE2JS.compile(filter)
      isListed = (tag) => expression.matcher(tag).find()
    }
  } catch (error) {
    const message = error instanceof Error ? error.message : 'it cannot be read'
    const field = isEngineError(error) ? 'semver' : 'semverFilter'
    throw ociError('oci-reference-invalid', `spec.ref.${field}: ${message}`, {
      reason: 'ReadOperationFailed',
      cause: error,
    })
  }
  let best: { readonly tag: string; readonly version: SemVer } | undefined
  for (const tag of tags) {
    const text = isChart ? tag.replaceAll('_', '+') : tag
    const version = text.split('.').length < 3 || !isListed(tag) ? undefined : tryParseVersion(text)
    if (version === undefined || !satisfies(version, wanted)) continue
    if (best === undefined || compareVersions(version, best.version) > 0) best = { tag, version }
  }
  if (best !== undefined) return best.tag
  throw ociError('oci-no-version', `no match found for semver: ${range}`, { reason: 'ReadOperationFailed' })
}

async function imageOf(client: RegistryClient, manifest: OciManifest): Promise<OciManifest> {
  const { manifests } = manifest.body
  if (!Array.isArray(manifests)) return manifest
  const entry = (manifests as readonly unknown[]).find((one) => {
    const platform = (one as { readonly platform?: { readonly os?: unknown; readonly architecture?: unknown } } | null)
      ?.platform
    return platform?.os === 'linux' && platform.architecture === 'amd64'
  })
  if (entry === undefined)
    throw ociError('oci-no-platform', 'the index of the artifact has no manifest for linux/amd64')
  return client.manifest(readDescriptor(entry).digest)
}

function layersOf(manifest: OciManifest): readonly OciDescriptor[] {
  const { layers } = manifest.body
  return Array.isArray(layers) ? layers.map(readDescriptor) : []
}

function selectLayer(manifest: OciManifest, mediaType: string | undefined): OciDescriptor {
  const layers = layersOf(manifest)
  const found =
    mediaType === undefined || mediaType === '' ? layers[0] : layers.find((one) => one.mediaType === mediaType)
  if (found !== undefined) return found
  throw ociError(
    'oci-no-layer',
    layers.length === 0
      ? 'the artifact has no layers'
      : `the artifact has no layer of media type '${mediaType}'; it has ${layers
          .map((one) => one.mediaType)
          .join(', ')
          .slice(0, 500)}`,
    { reason: layerFailed },
  )
}
