import { getCondition, type OciRepository } from '../../api/index.ts'
import { EngineError } from '../../base/index.ts'
import { MemoryTree } from '../../files/index.ts'
import type { FileTree } from '../../ports/index.ts'
import {
  artifactFileDigest,
  extractTarGz,
  fetchOci,
  packTree,
  parseOciUrl,
  printRepository,
  proxyOfSecret,
  registryLogin,
  resolveOci,
  tlsOfSecret,
  type RegistryOptions,
  type SecretData,
  type SourceArtifact,
} from '../../sources/index.ts'
import { digestOf, pinOf } from '../safety/pin.ts'
import { readServiceAccount } from '../service-account.ts'
import { cloudLoginAt } from './cloud.ts'
import type { SourceContext } from './index.ts'
import { artifactPath } from './object-status.ts'
import { ociDeps } from './oci-deps.ts'
import { deadlineOf, refreshSource, type SourceLook } from './refresh-source.ts'
import { readSecret } from './secret.ts'
import { keepStored, readStored } from './stored-artifact.ts'
import { createVerifier, isVerified, verificationFailed, verifyArtifact } from './verification.ts'

const reason = 'OCIArtifactPullFailed'

/**
 * One look at an OCIRepository: resolves the reference, verifies the signature where the revision or the object is new or it failed before, and, where the revision or what decides about the
 * content is new, pulls the layer (source-controller 1.9, ocirepository_controller).
 */
export async function refreshOciRepository(
  ctx: SourceContext,
  object: OciRepository,
): Promise<SourceArtifact | undefined> {
  return refreshSource(ctx, object, reason, (current) => lookAtOciRepository(ctx, current))
}

/** What such a look finds; nothing is written to the object. Effects: the artifact in the store. @throws EngineError with the reason of what is wrong. */
export async function lookAtOciRepository(ctx: SourceContext, object: OciRepository): Promise<SourceLook> {
  const { spec, status } = object
  const deps = ociDeps(ctx)
  const options = { ...(await registryOptions(ctx, object)), ...fetchOptions(object) }
  const { revision, digest } = await resolveOci(deps, {
    ...options,
    ...referenceOf(object),
  })
  const verified = await verifyRevision(ctx, object, options, { revision, digest })
  const isSame = status?.artifact?.revision === revision && isSameContent(object)
  const stored = isSame ? await readStored(ctx, status.artifact) : undefined
  const isCopy = spec.layerSelector?.operation === 'copy'
  const file = `${digest.slice('sha256:'.length)}.${isCopy ? 'tgz' : 'tar.gz'}`
  let artifact: SourceArtifact
  if (stored === undefined) {
    const content = await fetchOci(deps, options, digest)
    const bytes = content.bytes ?? packTree(content.files ?? new MemoryTree({}))
    await keepStored(ctx, artifactPath(object, file), bytes)
    artifact = await ociArtifact(ctx, { revision, bytes, isCopy, metadata: content.metadata, files: content.files })
  } else
    artifact = await ociArtifact(ctx, { revision, bytes: stored, isCopy, metadata: status?.artifact?.metadata ?? {} })
  return {
    artifact,
    file,
    reason: 'Succeeded',
    message: `stored artifact for digest '${revision}'`,
    event: { reason: 'NewArtifact', message: newArtifactMessage(object, artifact) },
    observed: { observedIgnore: spec.ignore, observedLayerSelector: spec.layerSelector },
    ...(verified === undefined ? {} : { verified }),
  }
}

/** The reference of the spec, or the digest that it is pinned to. @throws EngineError `pin-invalid`. */
function referenceOf(object: OciRepository): { readonly ref?: NonNullable<OciRepository['spec']['ref']> } {
  const pin = pinOf(object)
  if (pin === undefined) return object.spec.ref === undefined ? {} : { ref: object.spec.ref }
  const digest = digestOf(pin.to)
  if (digest !== undefined) return { ref: { digest } }
  throw new EngineError(`it is pinned to '${pin.to.slice(0, 80)}', which is no digest (sha256:…)`, {
    code: 'pin-invalid',
    reason: 'PinRefused',
    disposition: 'stall',
  })
}

/** The artifact recorded in the status, from the store; pulled again by its digest where it is gone from there. */
export async function currentOciRepository(
  ctx: SourceContext,
  object: OciRepository,
): Promise<SourceArtifact | undefined> {
  const { status } = object
  if (status?.artifact === undefined) return undefined
  const { revision, metadata = {} } = status.artifact
  const isCopy = status.observedLayerSelector?.operation === 'copy'
  const stored = await readStored(ctx, status.artifact)
  if (stored !== undefined) return ociArtifact(ctx, { revision, bytes: stored, isCopy, metadata })
  return refreshOciRepository(ctx, object)
}

/** Login, certificates and proxy of an OCIRepository. @throws EngineError reason `AuthenticationFailed`, `URLInvalid`. */
async function registryOptions(ctx: SourceContext, object: OciRepository): Promise<RegistryOptions> {
  const { spec, metadata } = object
  const namespace = metadata.namespace ?? ''
  const name = parseOciUrl(spec.url)
  const secret = await readSecret(ctx, namespace, spec.secretRef, 'secretRef')
  const pullSecrets = await readPullSecrets(ctx, namespace, spec.serviceAccountName)
  const secrets = [...(secret === undefined ? [] : [secret]), ...pullSecrets]
  const tls = tlsOfSecret(await readSecret(ctx, namespace, spec.certSecretRef, 'certSecretRef'))
  const proxy = proxyOfSecret(await readSecret(ctx, namespace, spec.proxySecretRef, 'proxySecretRef'))
  const signal = deadlineOf(ctx, spec.timeout)
  const { provider = 'generic' } = spec
  const isCloud = secrets.length === 0 && provider !== 'generic'
  const login = isCloud
    ? await cloudLoginAt(ctx, provider, name, {
        namespace,
        serviceAccountName: spec.serviceAccountName,
        insecure: spec.insecure,
        proxy,
        signal,
      })
    : secrets.length === 0
      ? undefined
      : registryLogin(secrets, name)
  return {
    name,
    login,
    insecure: spec.insecure === true,
    signal,
    credentials: { ...(tls === undefined ? {} : { tls }), ...(proxy === undefined ? {} : { proxy }) },
  }
}

/** The pull secrets of a service account. */
async function readPullSecrets(
  ctx: SourceContext,
  namespace: string,
  serviceAccount: string | undefined,
): Promise<readonly SecretData[]> {
  if (serviceAccount === undefined || serviceAccount === '') return []
  const account = await readServiceAccount(ctx, { namespace, name: serviceAccount }, { reason: 'AuthenticationFailed' })
  const found = await Promise.all(
    account.imagePullSecrets.map((one) => readSecret(ctx, namespace, one, 'serviceAccountName')),
  )
  return found.filter((secret) => secret !== undefined)
}

function fetchOptions(object: OciRepository) {
  const { layerSelector, ignore } = object.spec
  return { ...(layerSelector === undefined ? {} : { layerSelector }), ...(ignore === undefined ? {} : { ignore }) }
}

/** Message of SourceVerified; undefined where nothing is verified, or notation's policy let the artifact pass without that. */
async function verifyRevision(
  ctx: SourceContext,
  object: OciRepository,
  options: RegistryOptions,
  found: { readonly revision: string; readonly digest: string },
): Promise<string | undefined> {
  const { spec, status, metadata } = object
  const { revision, digest } = found
  if (spec.verify === undefined) return undefined
  const isKnown = status?.artifact?.revision === revision && isVerified(status.conditions, metadata.generation)
  if (isKnown) return getCondition(status.conditions, 'SourceVerified')?.message
  const verifier = await createVerifier(ctx, metadata.namespace ?? '', spec.verify)
  const result = await verifyArtifact(ctx, verifier, options, digest).catch((error: unknown) => {
    throw verificationFailed(spec.verify ?? { provider: 'cosign' }, error, { options, digest })
  })
  return result === 'verified' ? `verified signature of revision ${revision}` : undefined
}

/** True where what decides about the content is as it was when the recorded artifact was made (source-controller 1.9, ociContentConfigChanged). */
function isSameContent({ spec, status }: OciRepository): boolean {
  const isEqual = (a: unknown, b: unknown): boolean => JSON.stringify(a ?? null) === JSON.stringify(b ?? null)
  const layerOf = (selector: typeof spec.layerSelector): unknown =>
    selector === undefined ? undefined : [selector.mediaType, selector.operation]
  return (
    isEqual(spec.ignore, status?.observedIgnore) &&
    isEqual(layerOf(spec.layerSelector), layerOf(status?.observedLayerSelector))
  )
}

function newArtifactMessage(object: OciRepository, artifact: SourceArtifact): string {
  const source = artifact.metadata?.['org.opencontainers.image.source']
  const revision = artifact.metadata?.['org.opencontainers.image.revision']
  const origin =
    source === undefined || revision === undefined ? '' : `, origin source '${source}', origin revision '${revision}'`
  return `stored artifact with revision '${artifact.revision}' from '${printRepository(parseOciUrl(object.spec.url))}'${origin}`
}

async function ociArtifact(
  ctx: SourceContext,
  found: {
    readonly revision: string
    readonly bytes: Uint8Array
    readonly isCopy: boolean
    readonly metadata: { readonly [key: string]: string }
    readonly files?: FileTree | undefined
  },
): Promise<SourceArtifact> {
  const { revision, bytes, isCopy, metadata } = found
  const limits = ctx.deps.limits.oci
  return {
    revision,
    digest: await artifactFileDigest(bytes),
    size: bytes.length,
    metadata,
    ...(isCopy ? { archive: bytes } : {}),
    // A copied layer that is no archive is of use to nobody but those who download it.
    files: found.files ?? (await extractTarGz(bytes, limits, reason).catch(() => new MemoryTree({}))),
    prefetch: () => Promise.resolve(),
  }
}
