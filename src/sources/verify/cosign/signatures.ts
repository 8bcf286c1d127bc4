import {
  findManifest,
  listReferrers,
  readDescriptor,
  type OciDescriptor,
  type OciManifest,
  type RegistryClient,
} from '../../oci/index.ts'
import { problemOf, SignatureProblem } from '../errors.ts'
import { verifyLimits } from '../limits.ts'
import { fromBase64 } from '../pem.ts'

/** A signature as cosign 1 and 2 store it: a payload with the rest in annotations. */
export interface SimpleSignature {
  readonly kind: 'simple'
  readonly payload: Uint8Array
  readonly signature: Uint8Array
  /** The signer's certificate in PEM form, for signatures without a key of their own. */
  readonly certificate: string | undefined
  /** JSON of the entry in the transparency log. */
  readonly rekorBundle: string | undefined
}

/** A signature as cosign 3 stores it: a Sigstore bundle, as JSON. */
export interface BundleSignature {
  readonly kind: 'bundle'
  readonly json: unknown
}

export type CosignSignature = SimpleSignature | BundleSignature

const bundleType = 'application/vnd.dev.sigstore.bundle'
const simpleType = 'application/vnd.dev.cosign.simplesigning.v1+json'

/**
 * The signatures beside a manifest, one after the other: bundles that refer to it, then the layers of the tag `sha256-<hex>.sig`. At most {@link verifyLimits.maxSignatures} of them; one that cannot be
 * read comes as the reason why.
 *
 * @throws EngineError for a registry that cannot be asked.
 */
export async function* listCosignSignatures(
  client: RegistryClient,
  digest: string,
): AsyncGenerator<CosignSignature | SignatureProblem> {
  let count = 0
  for (const referrer of await listReferrers(client, digest)) {
    if (!mayBeBundle(referrer.artifactType)) continue
    if (count++ === verifyLimits.maxSignatures) return yield tooMany()
    const found = await readBundle(client, referrer.digest)
    // An entry that did not say what it is, and is something else.
    if (found === undefined) continue
    yield found
  }
  const manifest = await findManifest(client, `${digest.replace(':', '-')}.sig`)
  const layers = Array.isArray(manifest?.body['layers']) ? manifest.body['layers'] : []
  for (const layer of layers as readonly unknown[]) {
    if (count++ === verifyLimits.maxSignatures) return yield tooMany()
    yield await readSimple(client, layer)
  }
}

/** Where a registry lacks the API for referrers, cosign (go-containerregistry) writes the type of the empty configuration into the index instead of the bundle's. */
function mayBeBundle(artifactType: string | undefined): boolean {
  return (
    artifactType === undefined ||
    artifactType === 'application/vnd.oci.empty.v1+json' ||
    artifactType.startsWith(bundleType)
  )
}

async function readBundle(
  client: RegistryClient,
  digest: string,
): Promise<BundleSignature | SignatureProblem | undefined> {
  const manifest = await findManifest(client, digest)
  const layer = manifest === undefined ? undefined : bundleLayer(manifest)
  if (layer === undefined) return undefined
  if (layer.size > verifyLimits.maxBundleBytes)
    return new SignatureProblem(`a bundle has more than ${verifyLimits.maxBundleBytes} bytes`)
  const bytes = await client.blob(layer, verifyLimits.maxBundleBytes)
  try {
    return { kind: 'bundle', json: JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes)) }
  } catch (error) {
    return new SignatureProblem(`a bundle is not JSON: ${problemOf(error)}`)
  }
}

function bundleLayer(manifest: OciManifest): OciDescriptor | undefined {
  const { layers } = manifest.body
  const [first] = Array.isArray(layers) && layers.length === 1 ? (layers as readonly unknown[]) : []
  const { mediaType } = (first ?? {}) as { readonly mediaType?: unknown }
  return typeof mediaType === 'string' && mediaType.startsWith(bundleType) ? readDescriptor(first) : undefined
}

async function readSimple(client: RegistryClient, value: unknown): Promise<SimpleSignature | SignatureProblem> {
  let layer: OciDescriptor
  try {
    layer = readDescriptor(value)
  } catch (error) {
    return new SignatureProblem(problemOf(error))
  }
  const { annotations } = layer
  const signature = fromBase64(annotations['dev.cosignproject.cosign/signature'] ?? '')
  if (layer.mediaType !== simpleType)
    return new SignatureProblem(`a layer of type '${layer.mediaType.slice(0, 100)}' is no signature`)
  if (signature === undefined || signature.length === 0)
    return new SignatureProblem('a layer has no signature in its annotations')
  if (layer.size > verifyLimits.maxPayloadBytes)
    return new SignatureProblem(`the payload of a signature has more than ${verifyLimits.maxPayloadBytes} bytes`)
  return {
    kind: 'simple',
    payload: await client.blob(layer, verifyLimits.maxPayloadBytes),
    signature,
    certificate: annotations['dev.sigstore.cosign/certificate'],
    rekorBundle: annotations['dev.sigstore.cosign/bundle'],
  }
}

function tooMany(): SignatureProblem {
  return new SignatureProblem(`only the first ${verifyLimits.maxSignatures} signatures were looked at`)
}
