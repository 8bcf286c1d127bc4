import { getCondition, type Condition, type LocalObjectReference, type OciVerification } from '../../api/index.ts'
import { EngineError, isEngineError } from '../../base/index.ts'
import {
  createCosignVerifier,
  createNotationVerifier,
  RegistryClient,
  verifyError,
  type ArtifactVerifier,
  type NotationResult,
  type RegistryOptions,
  type SecretData,
} from '../../sources/index.ts'
import type { SourceContext } from './index.ts'
import { ociDeps } from './oci-deps.ts'
import { readSecret } from './secret.ts'

/** `spec.verify` of an OCIRepository, or of a HelmChart, which names no trusted root. */
export type SourceVerification = OciVerification & { readonly trustedRootSecretRef?: LocalObjectReference }

const trustPolicyKey = 'trustpolicy.json'
const trustedRootKey = 'trusted_root.json'

/** Errors that say that there is no good signature, as opposed to one of the registry. */
const unsigned: ReadonlySet<string> = new Set(['cosign-unsigned', 'cosign-no-match'])

/**
 * Makes the verifier that `spec.verify` asks for, with the keys, certificates, policy and trusted root of its Secrets (source-controller 1.9, verifySignature and makeVerifiers).
 *
 * @throws EngineError reason `VerificationError` for a Secret that is missing or cannot be used.
 */
export async function createVerifier(
  ctx: SourceContext,
  namespace: string,
  verification: SourceVerification,
): Promise<ArtifactVerifier> {
  try {
    if (verification.provider === 'notation') return await notationVerifier(ctx, namespace, verification)
    return await cosignVerifier(ctx, namespace, verification)
  } catch (error) {
    throw verificationFailed(verification, error)
  }
}

/**
 * Verifies a manifest. Answers with `ignored` where notation's policy lets it pass without a trusted signature.
 *
 * @throws EngineError reason `VerificationError` where there is no good signature; those of the registry under their own reason.
 */
export async function verifyArtifact(
  ctx: SourceContext,
  verifier: ArtifactVerifier,
  options: RegistryOptions,
  digest: string,
): Promise<NotationResult> {
  return verifier(new RegistryClient(ociDeps(ctx), options), { repository: repositoryOf(options), digest })
}

/** True where SourceVerified says already that the recorded artifact was verified as this generation asks for it. */
export function isVerified(conditions: readonly Condition[] | undefined, generation: number | undefined): boolean {
  const verified = getCondition(conditions, 'SourceVerified')
  return verified?.status === 'True' && verified.observedGeneration === generation
}

/** An error of a verification as source-controller words it, under the reason `VerificationError`; errors of the registry and of logins keep theirs. */
export function verificationFailed(
  verification: SourceVerification,
  error: unknown,
  artifact?: { readonly options: RegistryOptions; readonly digest: string },
): unknown {
  if (!isEngineError(error) || error.reason !== 'VerificationError') return error
  const { provider, secretRef } = verification
  const isKeyless = provider === 'cosign' && secretRef === undefined
  const why =
    artifact !== undefined && !isKeyless && unsigned.has(error.code)
      ? `no matching signatures were found for '${repositoryOf(artifact.options)}@${artifact.digest}': ${error.message}`
      : error.message
  return new EngineError(
    `failed to verify the signature using provider '${provider}${isKeyless ? ' keyless' : ''}': ${why}`,
    { code: error.code, reason: 'VerificationError', disposition: 'retry', cause: error },
  )
}

/** `<registry>/<repository>` as go-containerregistry prints it. */
function repositoryOf({ name }: RegistryOptions): string {
  return `${name.registry === 'docker.io' ? 'index.docker.io' : name.registry}/${name.repository}`
}

async function cosignVerifier(
  ctx: SourceContext,
  namespace: string,
  verification: SourceVerification,
): Promise<ArtifactVerifier> {
  const { secretRef, matchOIDCIdentity: identities = [] } = verification
  if (secretRef === undefined)
    return createCosignVerifier({
      kind: 'keyless',
      identities,
      trustedRoot: await readTrustedRoot(ctx, namespace, verification),
    })
  const secret = await readTrust(ctx, namespace, secretRef, 'verify.secretRef')
  const keys = valuesOf(secret, ['.pub']).map((bytes) => new TextDecoder().decode(bytes))
  if (keys.length === 0)
    throw verifyError('cosign-no-keys', `no public keys found in secret '${namespace}/${secretRef.name}'`)
  return createCosignVerifier({ kind: 'keys', keys })
}

async function notationVerifier(
  ctx: SourceContext,
  namespace: string,
  { secretRef }: SourceVerification,
): Promise<ArtifactVerifier> {
  if (secretRef === undefined)
    throw verifyError('notation-no-secret', 'verification secret cannot be empty: set spec.verify.secretRef')
  const secret = await readTrust(ctx, namespace, secretRef, 'verify.secretRef')
  const named = `secret '${namespace}/${secretRef.name}'`
  const trustPolicy = secret[trustPolicyKey]
  if (trustPolicy === undefined) throw verifyError('notation-no-policy', `'${trustPolicyKey}' not found in ${named}`)
  const certificates = valuesOf(secret, ['.crt', '.pem'])
  if (certificates.length === 0) throw verifyError('notation-no-certificates', `no certificates found in ${named}`)
  return createNotationVerifier({
    trustPolicy: textOf(trustPolicy),
    certificates,
    now: ctx.deps.clock.now(),
  })
}

/** The trusted root of the object, or else of the deployment. Nothing is fetched from the public Sigstore: whoever runs this decides whom it trusts. */
async function readTrustedRoot(
  ctx: SourceContext,
  namespace: string,
  verification: SourceVerification,
): Promise<string> {
  const reference = verification.trustedRootSecretRef
  const { sigstoreTrustedRootSecret: setting } = ctx.deps.settings
  if (reference === undefined && setting === '')
    throw verifyError(
      'trusted-root-missing',
      "keyless verification needs a trusted root: put a trusted_root.json into a Secret and name it in spec.verify.trustedRootSecretRef (OCIRepository), or in the deployment's setting sigstoreTrustedRootSecret (namespace/name)",
    )
  const [ownNamespace = '', ownName = ''] = setting.split('/')
  const at = reference === undefined ? { namespace: ownNamespace, name: ownName } : { namespace, name: reference.name }
  const named = `secret '${at.namespace}/${at.name}'`
  const secret = await readTrust(ctx, at.namespace, at, 'verify.trustedRootSecretRef').catch((error: unknown) => {
    if (!isEngineError(error)) throw error
    throw verifyError(error.code, `failed to read trusted root from ${named}: ${error.message}`, error)
  })
  const value = secret[trustedRootKey]
  if (value !== undefined) return textOf(value)
  throw verifyError(
    'trusted-root-missing',
    `failed to read trusted root from ${named}: '${trustedRootKey}' not found in ${named}`,
  )
}

async function readTrust(
  ctx: SourceContext,
  namespace: string,
  reference: { readonly name: string },
  field: string,
): Promise<SecretData> {
  try {
    return (await readSecret(ctx, namespace, reference, field)) ?? {}
  } catch (error) {
    if (!isEngineError(error) || error.code !== 'secret-missing') throw error
    throw verifyError(error.code, error.message, error)
  }
}

/** Values of the keys with these ends, in the order of their names. */
function valuesOf(secret: SecretData, ends: readonly string[]): readonly Uint8Array[] {
  const names = Object.keys(secret).filter((name) => ends.some((end) => name.endsWith(end)))
  return names.toSorted().map((name) => bytesOf(secret[name] ?? ''))
}

function textOf(value: string | Uint8Array): string {
  return typeof value === 'string' ? value : new TextDecoder().decode(value)
}

function bytesOf(value: string | Uint8Array): Uint8Array {
  return typeof value === 'string' ? new TextEncoder().encode(value) : value
}
