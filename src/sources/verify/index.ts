/**
 * Signatures of artifacts in registries: cosign (keys, and keyless against a given trusted root) and notation, and provenance files of packaged charts. Asks nobody but the registry: no log, certificate
 * authority or key server. Matches source-controller 1.9 (internal/oci), cosign 3.0, notation-go 1.3 and Helm v4 (pkg/provenance). Libraries are loaded with the first signature.
 * @module
 */
import type { RegistryClient } from '../oci/index.ts'
import type { CosignCheck, CosignTrust } from './cosign/verify.ts'
import type { NotationResult } from './notation/verify.ts'

export type { CosignTrust } from './cosign/verify.ts'
export type { IdentityMatch } from './cosign/identity.ts'
export type { NotationResult } from './notation/verify.ts'

/** Verifies a manifest of a repository, by its digest. */
export type ArtifactVerifier = (
  client: RegistryClient,
  artifact: { readonly repository: string; readonly digest: string },
) => Promise<NotationResult>

/**
 * A verifier for signatures of cosign.
 *
 * @throws EngineError reason `VerificationError` for a key, trusted root or regular expression that cannot be used. The verifier throws `cosign-unsigned`, `cosign-no-match`, and those of the registry.
 */
export async function createCosignVerifier(trust: CosignTrust): Promise<ArtifactVerifier> {
  const { createCosignCheck, verifyCosign } = await import('./cosign/verify.ts')
  const check: CosignCheck = await createCosignCheck(trust)
  return async (client, { digest }) => {
    await verifyCosign(client, digest, check)
    return 'verified'
  }
}

/**
 * A verifier for signatures of notation: `trustpolicy.json`, and the contents of the certificate files. `now` is in milliseconds since 1970.
 *
 * @throws EngineError reason `VerificationError` for a trust policy that cannot be used. The verifier throws `notation-unsigned`, `notation-no-match`, `notation-policy-invalid` where no statement fits, and those of the registry.
 */
export async function createNotationVerifier(options: {
  readonly trustPolicy: string
  readonly certificates: readonly Uint8Array[]
  readonly now: number
}): Promise<ArtifactVerifier> {
  const [{ parseTrustPolicy }, { verifyNotation }] = await Promise.all([
    import('./notation/trust-policy.ts'),
    import('./notation/verify.ts'),
  ])
  const { trustPolicy, certificates, now } = options
  const policies = parseTrustPolicy(trustPolicy)
  return (client, { repository, digest }) => verifyNotation(client, repository, digest, { policies, certificates, now })
}

export { verifyProvenance, type SignedChart, type VerifiedProvenance } from './provenance.ts'
export { verifyError } from './errors.ts'
