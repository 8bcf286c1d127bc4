import { isEngineError } from '../../base/index.ts'
import { readAnnotations, type OciIndexPage, type OciManifest, type RegistryClient } from './client.ts'
import { ociError } from './errors.ts'
import { isOciDigest } from './reference.ts'

/** A manifest that says it belongs to another one: a signature, an attestation. */
export interface OciReferrer {
  readonly digest: string
  /** Undefined where the index does not say. */
  readonly artifactType: string | undefined
  readonly annotations: { readonly [key: string]: string }
}

const indexType = 'application/vnd.oci.image.index.v1+json'

/** Most entries of one list that are looked through; whoever may push decides how many there are. */
const maxReferrers = 10_000
const maxPages = 50

/**
 * What refers to a manifest (distribution 1.1, "Listing Referrers"): by the registry's API, or, where it has none, by the index under the tag `sha256-<hex>`. `artifactType` is passed on as
 * a filter, which registries may ignore: callers look at the type of each entry.
 *
 * @throws EngineError reason `OCIArtifactPullFailed`, `AuthenticationFailed`.
 */
export async function listReferrers(
  client: RegistryClient,
  digest: string,
  artifactType?: string,
): Promise<readonly OciReferrer[]> {
  return (await listByApi(client, digest, artifactType)) ?? listByTag(client, digest)
}

/** The manifest under a tag or digest; undefined where there is none. */
export async function findManifest(client: RegistryClient, reference: string): Promise<OciManifest | undefined> {
  return client.manifest(reference).catch((error: unknown) => {
    if (isEngineError(error) && error.code === 'source-not-found') return undefined
    throw error
  })
}

async function listByApi(
  client: RegistryClient,
  digest: string,
  artifactType: string | undefined,
): Promise<readonly OciReferrer[] | undefined> {
  const found: OciReferrer[] = []
  const filter = artifactType === undefined ? '' : `?artifactType=${encodeURIComponent(artifactType)}`
  let path: string | undefined = `referrers/${digest}${filter}`
  for (let page = 0; path !== undefined && page < maxPages; page++) {
    const answer: OciIndexPage | undefined = await client.index(path, indexType).catch((error: unknown) => {
      if (isEngineError(error) && isWithoutApi(error.code, error.data['status'])) return undefined
      throw error
    })
    // Registries from before answer with an error, or with something that is no index.
    if (answer === undefined || answer.mediaType !== indexType) return page === 0 ? undefined : found
    found.push(...readReferrers(answer.body))
    if (found.length > maxReferrers) throw tooMany(digest)
    path = answer.next === undefined ? undefined : `referrers/${digest}${answer.next}`
  }
  return found
}

async function listByTag(client: RegistryClient, digest: string): Promise<readonly OciReferrer[]> {
  const index = await findManifest(client, digest.replace(':', '-'))
  const found = index === undefined ? [] : readReferrers(index.body)
  if (found.length > maxReferrers) throw tooMany(digest)
  return found
}

/** As go-containerregistry: 404, and 400 or 406 of those that take the path for something else. */
function isWithoutApi(code: string, status: unknown): boolean {
  return code === 'source-not-found' || (code === 'source-refused' && [400, 405, 406].includes(Number(status)))
}

function readReferrers(body: { readonly [field: string]: unknown }): readonly OciReferrer[] {
  const { manifests } = body
  if (!Array.isArray(manifests)) return []
  return (manifests as readonly unknown[]).flatMap((entry) => {
    if (typeof entry !== 'object' || entry === null) return []
    const fields = entry as { readonly [field: string]: unknown }
    const { digest, artifactType } = fields
    if (!isOciDigest(digest)) return []
    const type = typeof artifactType === 'string' && artifactType !== '' ? artifactType : undefined
    return [{ digest, artifactType: type, annotations: readAnnotations(fields) }]
  })
}

function tooMany(digest: string): Error {
  return ociError('oci-too-many-referrers', `more than ${maxReferrers} manifests refer to ${digest}`)
}
